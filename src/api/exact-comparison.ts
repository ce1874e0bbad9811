import type { DataSet } from "../calib/index.js";
import { UnsupportedError, type Model } from "../ir/index.js";
import { addErrors, noErrors, prepareInterpreter, type ErrorSums } from "../measure/index.js";
import type { Verification } from "../report/index.js";
import { breathe, inBatches } from "./batches.js";
import { sampleIndices } from "./error-profile.js";
import { inFile } from "./load.js";
import type { NoiseFloor } from "./noise-floor.js";
import type { RunControl } from "./options.js";
import { rounding } from "./rounded-weights.js";

export interface ExactOptions extends RunControl {
  /** MACs of one sample; null when unknown. */
  readonly macs: number | null;
  readonly floor: NoiseFloor;
}

/** MACs that both models may take together, and samples that suffice. */
const affordableMacs = 6e9;
const mostSamples = 64;
/** A single sample may be this many times further off than all of them together. */
export const sampleMultiple = 1.5;
/** One sample of each is always affordable up to here. */
const mostMacs = 1e10;

/**
 * Outputs of both models in float64 without any rounding between nodes. Equal functions are then closer than the noise
 * floor, which float32 arithmetic makes, and a small fault is not hidden behind it: the limit of each output is its
 * floor, at least one rounding of a float32. The worst sample is looked at on its own, because a fault may show on few of
 * them. Null where the interpreter lacks an operator or would take too long.
 */
export async function compareExactly(
  a: Model,
  b: Model,
  data: DataSet,
  names: readonly string[],
  options: ExactOptions,
): Promise<Verification["exact"]> {
  const { macs, floor } = options;
  if (macs === null || macs > mostMacs || names.length === 0) return null;
  const samples = Math.max(1, Math.min(mostSamples, Math.floor(affordableMacs / Math.max(1, 2 * macs))));
  const images = sampleIndices(data, { samples });
  const sums = new Map<string, ErrorSums[] | null>(names.map((name) => [name, []]));
  try {
    const precision = "float64";
    const first = await inFile(a, () => prepareInterpreter(a, { precision, outputs: names }));
    const second = await inFile(b, () => prepareInterpreter(b, { precision, outputs: names }));
    for (const feeds of inBatches(a, data, images, 1)) {
      options.signal?.throwIfAborted();
      await breathe();
      const reference = await inFile(a, () => first.run(feeds));
      const others = await inFile(b, () => second.run(feeds));
      for (const name of names) {
        const [tensor, other, known] = [reference.get(name)!, others.get(name)!, sums.get(name)];
        if (!known || tensor.dtype === "string") continue;
        const same = tensor.dims.join() === other.dims.join();
        if (same) known.push(addErrors(noErrors, other, tensor));
        else sums.set(name, null);
      }
    }
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    options.onWarning?.(`the models were not compared in float64: ${error.message}`);
    return null;
  }
  return {
    images: images.length,
    outputs: names.map((name) => {
      const own = floor.outputs.find((output) => output.name === name)?.value ?? 0;
      return { name, ...errorsOf(sums.get(name) ?? null), limit: Math.max(rounding, own) };
    }),
  };
}

/** Over all samples, and of the worst one: against its own size or the usual one, so that an output near zero says little. */
function errorsOf(samples: readonly ErrorSums[] | null): {
  relativeError: number | null;
  worstSample: number | null;
} {
  if (!samples) return { relativeError: null, worstSample: null };
  const total = (of: (sums: ErrorSums) => number): number => samples.reduce((sum, one) => sum + of(one), 0);
  const ratio = (error: number, reference: number): number =>
    error === 0 ? 0 : Math.sqrt(error / reference);
  const reference = total(({ squaredReference }) => squaredReference);
  const usual = reference / samples.length;
  const error = ratio(
    total(({ squaredError }) => squaredError),
    reference,
  );
  const worst = Math.max(
    0,
    ...samples.map((one) => ratio(one.squaredError, Math.max(usual, one.squaredReference))),
  );
  return { relativeError: finite(error), worstSample: finite(worst) };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
