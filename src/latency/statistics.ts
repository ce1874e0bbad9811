import { seededRandom } from "../linalg/index.js";

/** What a series of timings says, in their own unit. */
export interface Spread {
  readonly count: number;
  readonly median: number;
  /** First and third quartile. */
  readonly quartiles: readonly [number, number];
  /** 95 % interval of the median from order statistics: it assumes independent values, not any distribution. */
  readonly interval: readonly [number, number];
  readonly least: number;
  /** Values more than three interquartile ranges above the third quartile. */
  readonly outliers: number;
}

/** Summary of at least one value. */
export function spreadOf(values: ArrayLike<number>): Spread {
  const sorted = Float64Array.from(values).sort();
  const count = sorted.length;
  const quartiles = [quantile(sorted, 0.25), quantile(sorted, 0.75)] as const;
  const fence = quartiles[1] + 3 * (quartiles[1] - quartiles[0]);
  return {
    count,
    median: quantile(sorted, 0.5),
    quartiles,
    interval: medianInterval(sorted),
    least: sorted[0] ?? NaN,
    outliers: sorted.reduce((sum, value) => sum + (value > fence ? 1 : 0), 0),
  };
}

export function median(values: ArrayLike<number>): number {
  return quantile(Float64Array.from(values).sort(), 0.5);
}

/** Linear interpolation between the order statistics of sorted values. */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low === undefined || high === undefined ? NaN : low + (high - low) * (at - Math.floor(at));
}

/** Order statistics j and n + 1 − j that hold the median with 95 %, j = n/2 − 0.98 √n by the binomial's normal approximation. */
function medianInterval(sorted: Float64Array): readonly [number, number] {
  const count = sorted.length;
  const rank = Math.max(1, Math.floor(count / 2 - 0.98 * Math.sqrt(count)));
  return [sorted[rank - 1] ?? NaN, sorted[count - rank] ?? NaN];
}

/** The 97.5 % points of Student's distribution with 1, 2, … degrees of freedom. */
const student = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

/** 95 % interval of the mean of two to ten independent values. */
export function meanInterval(values: readonly number[]): readonly [number, number] {
  const count = values.length;
  const factor = student[count - 2];
  if (factor === undefined) throw new RangeError(`meanInterval: of 2 to 10 values, not of ${count}`);
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  const half = factor * Math.sqrt(variance / count);
  return [mean - half, mean + half];
}

/** Spread of the ratios of two series that were measured in turn, value by value. */
export function ratioSpread(values: readonly number[], base: readonly number[]): Spread {
  return spreadOf(pairs(values, base).map(([value, against]) => value / against));
}

/** An estimate with its 95 % interval. */
export interface Interval {
  readonly value: number;
  readonly interval: readonly [number, number];
}

const resamples = 200;

/**
 * Lower quartile of a series; of another's too, when there is one, as the ratio of both. What disturbs a run only ever
 * makes it longer, so quartiles from below stay where medians move on a busy machine. The interval is a bootstrap over
 * the rounds, which both series share.
 */
export function quietLevel(values: readonly number[], base: readonly number[] | null = null): Interval {
  const level = (rounds: ArrayLike<number>): number => {
    const pick = (from: readonly number[]): number =>
      quantile(Float64Array.from(rounds, (round) => from[round]!).sort(), 0.25);
    return base ? pick(values) / pick(base) : pick(values);
  };
  const rounds = Int32Array.from(values, (_, round) => round);
  return { value: level(rounds), interval: bootstrap(rounds, level) };
}

/** 95 % interval of a figure of a sample, from samples drawn anew out of it. */
function bootstrap(
  sample: ArrayLike<number>,
  figure: (drawn: ArrayLike<number>) => number,
): readonly [number, number] {
  const random = seededRandom(sample.length);
  const draw = (): number => sample[random.integer(sample.length)]!;
  const drawn = Float64Array.from({ length: resamples }, () =>
    figure(Float64Array.from({ length: sample.length }, draw)),
  ).sort();
  return [quantile(drawn, 0.025), quantile(drawn, 0.975)];
}

/** Of the runs of a kernel the slowest, disturbed ones don't count: means are over this share of them. */
const countedShare = 0.75;

/** Mean of the quicker runs: profilers count whole microseconds, which means average out and medians don't. */
export function quickMean(values: ArrayLike<number>): number {
  const counted = Math.max(1, Math.ceil(countedShare * values.length));
  const sorted = Float64Array.from(values).sort().subarray(0, counted);
  return sorted.reduce((sum, value) => sum + value, 0) / counted;
}

/** {@link quickMean} with its interval. */
export function quickLevel(values: ArrayLike<number>): Interval {
  return { value: quickMean(values), interval: bootstrap(values, quickMean) };
}

/** Spread of the differences of two series that were measured in turn, value by value. */
export function differenceSpread(values: readonly number[], base: readonly number[]): Spread {
  return spreadOf(pairs(values, base).map(([value, against]) => value - against));
}

function pairs(values: readonly number[], base: readonly number[]): (readonly [number, number])[] {
  return values.slice(0, base.length).map((value, i) => [value, base[i]!] as const);
}
