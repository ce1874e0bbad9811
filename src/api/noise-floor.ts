import type { DataSet } from "../calib/index.js";
import { ConvoptError, type Model, type Tensor } from "../ir/index.js";
import { prepareInterpreter, relativeL2 } from "../measure/index.js";
import type { Verification } from "../report/index.js";
import { fixedBatchOf, openExecutor, ortAvailable, type Executor, type Feeds } from "../runtime/index.js";
import type { EngineOptions } from "./options.js";

export type NoiseFloor = Verification["noiseFloor"];

export interface NoiseOptions extends EngineOptions {
  /** MACs of one sample, to keep the interpreter's share of the time small; null when unknown. */
  readonly macs: number | null;
  readonly onWarning?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** Samples that the runtime's two orders of arithmetic are compared on. */
const runtimeSamples = 16;
/** The interpreter is asked only where a sample costs at most this many MACs. */
const interpreterMacs = 5e8;

/**
 * How far a model is from itself when the same function is computed in another order: ONNX Runtime with all graph
 * optimizations against none, and against the reference interpreter (float64 accumulation); without ONNX Runtime,
 * the interpreter in float32 against float64. Relative L2 of the worst output; an engine that refuses the model
 * gives a warning and no figure.
 */
export async function noiseFloor(model: Model, data: DataSet, options: NoiseOptions): Promise<NoiseFloor> {
  const sources: NoiseFloor["sources"] = [];
  const few = firstImages(model, data, runtimeSamples);
  const one = firstImages(model, data, 1);
  const affordable = options.macs !== null && options.macs * one.length <= interpreterMacs;
  const attempt = async (name: string, images: number[], measure: () => Promise<number>): Promise<void> => {
    try {
      options.signal?.throwIfAborted();
      sources.push({ name, relativeError: await measure(), images: images.length });
    } catch (error) {
      if (!(error instanceof ConvoptError)) throw error;
      options.onWarning?.(`the noise floor "${name}" could not be measured: ${error.message}`);
    }
  };
  if (options.engine !== "reference" && (await ortAvailable()) !== null) {
    const optimized = (): Promise<Executor> => open(model, "ort", "all", options);
    await attempt("ONNX Runtime, graph optimizations all vs none", few, async () =>
      distance(data, few, optimized, () => open(model, "ort", "none", options)),
    );
    if (affordable) {
      await attempt("ONNX Runtime vs reference interpreter", one, async () =>
        distance(data, one, optimized, () => open(model, "reference", "all", options)),
      );
    }
  } else if (affordable) {
    await attempt("reference interpreter, float32 vs float64", one, async () => {
      const feeds = feedsOf(data, one);
      const rounded = prepareInterpreter(model, { precision: "float32" }).run(feeds);
      const exact = prepareInterpreter(model, { precision: "float64" }).run(feeds);
      return worst(exact, rounded);
    });
  }
  const value = sources.length > 0 ? Math.max(...sources.map((source) => source.relativeError)) : null;
  return { value, sources };
}

function open(
  model: Model,
  engine: "ort" | "reference",
  optimization: "all" | "none",
  options: NoiseOptions,
): Promise<Executor> {
  return openExecutor(model, {
    engine,
    optimization,
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    ...(options.signal ? { signal: options.signal } : {}),
  });
}

async function distance(
  data: DataSet,
  images: number[],
  openReference: () => Promise<Executor>,
  openOther: () => Promise<Executor>,
): Promise<number> {
  const feeds = feedsOf(data, images);
  const results: ReadonlyMap<string, Tensor>[] = [];
  for (const opener of [openReference, openOther]) {
    const executor = await opener();
    try {
      results.push(await executor.run(feeds));
    } finally {
      await executor.dispose();
    }
  }
  return worst(results[0]!, results[1]!);
}

function worst(reference: ReadonlyMap<string, Tensor>, other: ReadonlyMap<string, Tensor>): number {
  let largest = 0;
  for (const [name, tensor] of reference) {
    const twin = other.get(name);
    if (!twin || tensor.dtype === "string") continue;
    const error = relativeL2(twin, tensor);
    if (Number.isFinite(error)) largest = Math.max(largest, error);
  }
  return largest;
}

function feedsOf(data: DataSet, images: readonly number[]): Feeds {
  return new Map([...data.arrays].map(([name, array]) => [name, array.batch(images)]));
}

/** The first samples, as many as the model's batch wants. */
function firstImages(model: Model, data: DataSet, wanted: number): number[] {
  const count = fixedBatchOf(model) ?? Math.min(wanted, data.count);
  return Array.from({ length: count }, (_, i) => Math.min(i, data.count - 1));
}
