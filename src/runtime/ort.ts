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

/**
 * Loads a model into ONNX Runtime, behind our own checks. Throws a ModelError or UnsupportedError with the runtime's
 * message in one line, and the node where it names one.
 */
export async function openOrt(model: Model, { ort, version }: LoadedOrt, o: OpenOptions): Promise<Executor> {
  guardModel(model);
  const outputs = requestedOutputs(model.graph, o.outputs).map((output) => output.name);
  const { model: given, nameOf } = ortInterface(model, outputs);
  const source = await runtimeSource(given);
  let session: InferenceSession;
  try {
    if (o.probe) await probeInChild(source.model, 60_000);
    session = await createSession(ort.InferenceSession, source.model, sessionOptions(o));
  } catch (error) {
    throw ortError(error);
  } finally {
    await source.dispose();
  }
  return {
    engine: `onnxruntime ${version}`,
    notice: null,
    fixedBatch: fixedBatchOf(model),
    run: async (feeds) => {
      o.signal?.throwIfAborted();
      checkFeeds(model.graph, feeds);
      const tensors = [...feeds].map(([name, tensor]) => [
        nameOf(name),
        toOrtTensor(tensor, ort.Tensor, name),
      ]);
      if (outputs.length === 0) return new Map();
      try {
        const results = await session.run(Object.fromEntries(tensors), outputs.map(nameOf));
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

function sessionOptions(o: OpenOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: ["cpu"],
    graphOptimizationLevel: o.optimization === "none" ? "disabled" : "all",
    intraOpNumThreads: o.threads ?? 0,
    interOpNumThreads: 1,
    // Many sessions live side by side; an arena of its own in each would keep the largest batch of every one.
    enableCpuMemArena: false,
    enableMemPattern: false,
    // Errors come as exceptions; nothing is to be written to the terminal.
    logSeverityLevel: 4,
  };
}
