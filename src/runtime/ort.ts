import type { InferenceSession } from "onnxruntime-common";
import type { Model, Tensor } from "../ir/index.js";
import { checkFeeds, requestedOutputs } from "../measure/index.js";
import { fixedBatchOf } from "./batches.js";
import type { Executor } from "./executor.js";
import { guardModel } from "./guard.js";
import { runtimeSource } from "./message.js";
import type { OpenOptions } from "./open.js";
import { ortError } from "./ort-errors.js";
import { ortInterface } from "./ort-interface.js";
import type { LoadedOrt } from "./ort-module.js";
import { fromOrtTensor, toOrtTensor } from "./ort-tensor.js";
import { probeInChild } from "./probe.js";

/** What a session of ONNX Runtime needs beyond an executor's options. */
export interface SessionOptions extends Omit<OpenOptions, "engine"> {
  /** "lean" gives memory back after every run; "arena" is the runtime's own way, as its users run it. */
  readonly memory?: "lean" | "arena";
  /** Start of the path of the file that the runtime's profiler writes. */
  readonly profilePrefix?: string;
  /** The runtime's own session settings, by the parts of their names. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** A session with the names of what it returns, and what the runtime calls the inputs and outputs. */
export interface OrtSession {
  readonly session: InferenceSession;
  readonly outputs: readonly string[];
  nameOf(name: string): string;
}

/**
 * Loads a model into ONNX Runtime, behind our own checks. Throws a ModelError or UnsupportedError with the runtime's
 * message in one line, and the node where it names one.
 */
export async function loadSession(model: Model, { ort }: LoadedOrt, o: SessionOptions): Promise<OrtSession> {
  guardModel(model);
  const outputs = requestedOutputs(model.graph, o.outputs).map((output) => output.name);
  const { model: given, nameOf } = ortInterface(model, outputs);
  const source = await runtimeSource(given);
  try {
    if (o.probe) await probeInChild(source.model, 60_000);
    const session = await createSession(ort.InferenceSession, source.model, sessionOptions(o));
    return { session, outputs, nameOf };
  } catch (error) {
    throw ortError(error);
  } finally {
    await source.dispose();
  }
}

/** An executor on ONNX Runtime; errors as {@link loadSession}. */
export async function openOrt(model: Model, loaded: LoadedOrt, o: OpenOptions): Promise<Executor> {
  const { ort, version } = loaded;
  const { session, outputs, nameOf } = await loadSession(model, loaded, o);
  return {
    engine: `onnxruntime ${version}`,
    notice: null,
    fixedBatch: fixedBatchOf(model),
    run: async (feeds, into) => {
      o.signal?.throwIfAborted();
      checkFeeds(model.graph, feeds);
      const tensors = [...feeds].map(([name, tensor]) => [
        nameOf(name),
        toOrtTensor(tensor, ort.Tensor, name),
      ]);
      if (outputs.length === 0) return new Map();
      try {
        const fetches = outputs.map((name) => {
          const place = into?.get(name);
          return [nameOf(name), place ? toOrtTensor(place, ort.Tensor, name) : null];
        });
        const results = await session.run(Object.fromEntries(tensors), Object.fromEntries(fetches));
        const named = outputs.map((name): [string, Tensor] => [
          name,
          fromOrtTensor(results[nameOf(name)], name),
        ]);
        return new Map(named);
      } catch (error) {
        throw ortError(error);
      }
    },
    dispose: async () => {
      await session.release();
    },
  };
}

function createSession(
  sessions: LoadedOrt["ort"]["InferenceSession"],
  model: Uint8Array | string,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  return typeof model === "string" ? sessions.create(model, options) : sessions.create(model, options);
}

function sessionOptions(o: SessionOptions): InferenceSession.SessionOptions {
  const arena = o.memory === "arena";
  return {
    executionProviders: ["cpu"],
    graphOptimizationLevel: o.optimization === "none" ? "disabled" : "all",
    intraOpNumThreads: o.threads ?? 0,
    interOpNumThreads: 1,
    executionMode: "sequential",
    // Where many sessions live side by side, an arena of its own in each would keep the largest batch of every one.
    enableCpuMemArena: arena,
    enableMemPattern: arena,
    ...(o.profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: o.profilePrefix }),
    ...(o.settings ? { extra: o.settings } : {}),
    // Errors come as exceptions; nothing is to be written to the terminal.
    logSeverityLevel: 4,
  };
}
