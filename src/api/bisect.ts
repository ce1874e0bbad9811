import type { DataSet } from "../calib/index.js";
import type { Model } from "../ir/index.js";
import type { Bisection, LayerError } from "../report/index.js";
import { errorProfile } from "./error-profile.js";
import type { RunControl } from "./options.js";

export interface BisectOptions extends RunControl {
  /** Relative L2 error that a value may have. */
  readonly limit: number;
  /** Samples to compare on; 4 by default. */
  readonly samples?: number;
}

/** A few roundings of float32 weights: below it a node's own error says nothing about where a fault is. */
const roundings = 2.5e-7;

/**
 * Where two models part: the second is replayed layer by layer on the first one's values, and the first layer that adds
 * an error over the limit is named; where none does but the errors add up to more, the one that adds most until then.
 */
export async function bisect(a: Model, b: Model, data: DataSet, options: BisectOptions): Promise<Bisection> {
  const { layers } = await errorProfile(a, b, data, options);
  return bisectionOf(layers, options.limit);
}

/** The same of a profile that is there already. */
export function bisectionOf(layers: LayerError[], limit: number): Bisection {
  const own = layers.map((layer) => layer.localError ?? Infinity);
  let at = own.findIndex((error) => error > Math.max(limit, roundings));
  if (at < 0) {
    const crossing = layers.findIndex(({ relativeError }) => (relativeError ?? Infinity) > limit);
    if (crossing >= 0) at = largestAt(own.slice(0, crossing + 1));
  }
  return { limit, first: layers[at] ?? null, before: layers[at - 1] ?? null, layers };
}

function largestAt(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value > values[best]! ? i : best), 0);
}
