import type { DataSet } from "../calib/index.js";
import { ConvoptError, type Model, type Tensor } from "../ir/index.js";
import { prepareInterpreter, relativeL2 } from "../measure/index.js";
import type { Verification } from "../report/index.js";
import { fixedBatchOf, openExecutor, ortAvailable, type Executor, type Feeds } from "../runtime/index.js";
import { inBatches } from "./batches.js";
import type { EngineOptions } from "./options.js";
import { withRoundedWeights } from "./rounded-weights.js";

export type NoiseFloor = Verification["noiseFloor"];

export interface NoiseOptions extends EngineOptions {
  /** MACs of one sample, to keep the interpreter's share of the time small; null when unknown. */
  readonly macs: number | null;
  /** Also measure what rounding every weight anew does, as folding constants would. */
  readonly rounding?: boolean;
  readonly onWarning?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** Samples that the runtime's two orders of arithmetic are compared on. */
const runtimeSamples = 16;
/** The interpreter is asked only where a run costs at most this many MACs. */
const interpreterMacs = 5e8;

export const noFloor: NoiseFloor = { value: null, sources: [], outputs: [] };

/** Relative L2 error by output; without those that have none. */
type Errors = ReadonlyMap<string, number>;

/**
 * How far a model is from itself when the same function is computed in another order: ONNX Runtime with all graph
 * optimizations against none, and against the reference interpreter (float64 accumulation); without ONNX Runtime,
 * the interpreter in float32 against float64. With `rounding` also the model with every weight off by up to one
 * float32 rounding. Relative L2, by output and of the worst one; an engine that refuses the model gives a warning and
 * no figure.
 */
export async function noiseFloor(model: Model, data: DataSet, options: NoiseOptions): Promise<NoiseFloor> {
  const measured: { readonly name: string; readonly errors: Errors; readonly images: number }[] = [];
  const few = firstImages(model, data, runtimeSamples);
  const one = firstImages(model, data, 1);
  const affordable = options.macs !== null && options.macs * one.length <= interpreterMacs;
  const attempt = async (
    name: string,
    images: readonly number[],
    measure: () => Promise<Errors>,
  ): Promise<void> => {
    try {
      options.signal?.throwIfAborted();
      measured.push({ name, errors: await measure(), images: images.length });
    } catch (error) {
      if (!(error instanceof ConvoptError)) throw error;
      options.onWarning?.(`the noise floor "${name}" could not be measured: ${error.message}`);
    }
  };
  if (options.engine !== "reference" && (await ortAvailable()) !== null) {
    const optimized = (): Promise<Executor> => open(model, "ort", "all", options);
    await attempt("ONNX Runtime, graph optimizations all vs none", few, async () =>
      distances(model, data, few, await both(optimized, () => open(model, "ort", "none", options))),
    );
    if (affordable) {
      await attempt("ONNX Runtime vs reference interpreter", one, async () =>
        distances(model, data, one, await both(optimized, () => open(model, "reference", "all", options))),
      );
    }
  } else if (affordable) {
    await attempt("reference interpreter, float32 vs float64", one, () =>
      distances(model, data, one, [interpreterOf(model, "float64"), interpreterOf(model, "float32")]),
    );
  }
  if (options.rounding && affordable) {
    const two = firstImages(model, data, 2);
    await attempt("every weight rounded anew", two, () => roundingErrors(model, data, two));
  }
  const names = [...new Set(measured.flatMap(({ errors }) => [...errors.keys()]))];
  return {
    value: measured.length > 0 ? Math.max(...measured.map(({ errors }) => worst(errors))) : null,
    sources: measured.map(({ name, errors, images }) => ({ name, relativeError: worst(errors), images })),
    outputs: names.map((name) => ({
      name,
      value: Math.max(...measured.map(({ errors }) => errors.get(name) ?? 0)),
    })),
  };
}

/**
 * The part of the floor that is the same on every machine: the error of the worst output when every weight is rounded
 * anew, in float64 on two samples. Null where that takes too long.
 */
export async function roundingFloor(
  model: Model,
  data: DataSet,
  macs: number | null,
): Promise<number | null> {
  const images = firstImages(model, data, 2);
  if (macs === null || macs * images.length > interpreterMacs) return null;
  return worst(await roundingErrors(model, data, images));
}

function roundingErrors(model: Model, data: DataSet, images: readonly number[]): Promise<Errors> {
  const rounded = interpreterOf(withRoundedWeights(model), "float64");
  return distances(model, data, images, [interpreterOf(model, "float64"), rounded]);
}

function worst(errors: Errors): number {
  return Math.max(0, ...errors.values());
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

async function both(
  openFirst: () => Promise<Executor>,
  openSecond: () => Promise<Executor>,
): Promise<readonly [Executor, Executor]> {
  const first = await openFirst();
  const second = await openSecond().catch(async (error: unknown) => {
    await first.dispose();
    throw error;
  });
  return [first, second];
}

function interpreterOf(model: Model, precision: "float32" | "float64"): Executor {
  const interpreter = prepareInterpreter(model, { precision });
  return {
    engine: "reference",
    notice: null,
    fixedBatch: fixedBatchOf(model),
    run: async (feeds: Feeds) => interpreter.run(feeds),
    dispose: async () => undefined,
  };
}

/** The relative L2 error of each output over the images: the root of the mean square over the batches. */
async function distances(
  model: Model,
  data: DataSet,
  images: readonly number[],
  pair: readonly [Executor, Executor],
): Promise<Errors> {
  const squares = new Map<string, number[]>();
  try {
    for (const feeds of inBatches(model, data, images)) {
      const reference = await pair[0].run(feeds);
      const other = await pair[1].run(feeds);
      for (const [name, tensor] of reference) {
        const error = errorOf(tensor, other.get(name));
        if (error !== null) squares.set(name, [...(squares.get(name) ?? []), error ** 2]);
      }
    }
  } finally {
    await Promise.all(pair.map((executor) => executor.dispose()));
  }
  return new Map(
    [...squares].map(([name, list]) => [name, Math.sqrt(list.reduce((sum, x) => sum + x, 0) / list.length)]),
  );
}

function errorOf(reference: Tensor, other: Tensor | undefined): number | null {
  if (!other || reference.dtype === "string" || reference.dims.join() !== other.dims.join()) return null;
  const error = relativeL2(other, reference);
  return Number.isFinite(error) ? error : null;
}

/** The first samples, and at least one batch where that is fixed: the last sample fills it up. */
function firstImages(model: Model, data: DataSet, wanted: number): number[] {
  const batch = fixedBatchOf(model) ?? 1;
  const count = Math.max(batch, Math.min(wanted, data.count));
  return Array.from({ length: count }, (_, i) => Math.min(i, data.count - 1));
}
