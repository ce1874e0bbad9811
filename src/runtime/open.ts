import { UnsupportedError, type Model } from "../ir/index.js";
import { prepareInterpreter, type Precision } from "../measure/index.js";
import { fixedBatchOf } from "./batches.js";
import type { Executor, ExecutorOptions } from "./executor.js";
import { loadOrt } from "./ort-module.js";
import { openOrt } from "./ort.js";

export interface OpenOptions extends ExecutorOptions {
  /** "auto" takes ONNX Runtime where it is installed and accepts the model, else the reference interpreter. */
  readonly engine: "auto" | "ort" | "reference";
  readonly signal?: AbortSignal | undefined;
  /** Of the reference interpreter. */
  readonly precision?: Precision;
  /** Let a child process load the model first: for models from users, which might crash native code. */
  readonly probe?: boolean;
}

/**
 * Loads a model into an engine. Throws an UnsupportedError `E_ENGINE_MISSING` when ONNX Runtime is asked for by name
 * and isn't installed, a ModelError or UnsupportedError when it refuses the model.
 */
export async function openExecutor(model: Model, o: OpenOptions): Promise<Executor> {
  o.signal?.throwIfAborted();
  if (o.engine === "reference") return referenceExecutor(model, o, null);
  const loaded = await loadOrt();
  if (!("ort" in loaded)) {
    if (o.engine === "auto")
      return referenceExecutor(model, o, `${loaded.reason}: the reference interpreter runs instead`);
    throw new UnsupportedError("E_ENGINE_MISSING", loaded.reason, {
      hint: "install it with npm install onnxruntime-node, or use the reference engine",
    });
  }
  if (o.engine === "ort") return openOrt(model, loaded, o);
  try {
    return await openOrt(model, loaded, o);
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    const notice = `the reference interpreter runs instead of ONNX Runtime (${error.what})`;
    const executor = referenceExecutor(model, o, notice);
    return { ...executor, run: (feeds) => executor.run(feeds).catch(refusedByBoth) };
  }
}

/** The interpreter's advice is the other engine, which has refused the model here. */
function refusedByBoth(error: unknown): never {
  if (!(error instanceof UnsupportedError)) throw error;
  const { code, what, where } = error;
  const hint = "ONNX Runtime does not run it either: inspect, diff and optimize without a budget need no run";
  throw new UnsupportedError(code, what, { where, hint, cause: error });
}

function referenceExecutor(model: Model, o: OpenOptions, notice: string | null): Executor {
  const interpreter = prepareInterpreter(model, {
    ...(o.outputs ? { outputs: o.outputs } : {}),
    ...(o.precision ? { precision: o.precision } : {}),
    signal: o.signal,
  });
  return {
    engine: "reference",
    notice,
    fixedBatch: fixedBatchOf(model),
    run: (feeds) => Promise.resolve().then(() => interpreter.run(feeds)),
    dispose: () => Promise.resolve(),
  };
}
