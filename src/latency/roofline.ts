import type { Features } from "./features.js";

/*
 * An estimate, not a measurement: time is the sum over the features of what one unit of each takes. Constants are those
 * of a common desktop core or fitted to a profile's measurements.
 */

/** Milliseconds per unit of each feature. */
export type Constants = readonly number[];

/** One thread of a desktop CPU: 50, 40, 12 and 12 GMAC/s, 10 GB/s, 2 µs a node. */
const oneThread: Constants = [1 / 5e7, 1 / 4e7, 1 / 1.2e7, 1 / 1.2e7, 1 / 1e7, 2e-3];

/** Constants where nothing was measured; several threads share all work but the nodes' overhead. */
export function usualConstants(threads: number): Constants {
  const share = 0.8 * Math.max(1, threads) + 0.2;
  return oneThread.map((constant, i) => (i === oneThread.length - 1 ? constant : constant / share));
}

export function estimate(features: Features, constants: Constants): number {
  return features.reduce((sum, feature, i) => sum + feature * constants[i]!, 0);
}

/** What a measurement says of the constants: a difference of features and how many milliseconds it made. */
export interface Observation {
  readonly features: Features;
  readonly ms: number;
  /** Of the error; relative to others only. */
  readonly weight: number;
}

/** Fewer observations than this leave the constants as they are. */
const leastObservations = 12;
/** How strongly constants are drawn to the usual ones, as a share of the observations' weight. */
const pull = 1e-3;

/** Non-negative weighted least squares by coordinate descent, drawn to `start` where observations don't decide. */
export function fitConstants(observations: readonly Observation[], start: Constants): Constants {
  if (observations.length < leastObservations) return start;
  const count = start.length;
  // In units of the starting constants all unknowns are near 1.
  const normal = Array.from({ length: count }, () => new Float64Array(count));
  const right = new Float64Array(count);
  for (const { features, ms, weight } of observations) {
    const scaled = features.map((feature, i) => feature * start[i]!);
    for (let i = 0; i < count; i++) {
      right[i]! += weight * scaled[i]! * ms;
      for (let j = 0; j < count; j++) normal[i]![j]! += weight * scaled[i]! * scaled[j]!;
    }
  }
  const largest = Math.max(...normal.map((row, i) => row[i]!));
  for (let i = 0; i < count; i++) {
    const draw = pull * (normal[i]![i]! + 1e-3 * largest);
    normal[i]![i]! += draw;
    right[i]! += draw;
  }
  const unknown = new Float64Array(count).fill(1);
  for (let sweep = 0; sweep < 500; sweep++) {
    for (let i = 0; i < count; i++) {
      let rest = right[i]!;
      for (let j = 0; j < count; j++) if (j !== i) rest -= normal[i]![j]! * unknown[j]!;
      unknown[i] = normal[i]![i]! > 0 ? Math.max(0, rest / normal[i]![i]!) : 1;
    }
  }
  return start.map((constant, i) => constant * unknown[i]!);
}
