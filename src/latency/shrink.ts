import { median } from "./statistics.js";
import type { Timing } from "./source.js";

/** Fewer timings than this say nothing of how far off estimates are. */
const leastTimings = 8;
/** Half the width of a 95 % interval in standard deviations. */
const halfWidth = 1.96;
const halvings = 60;

/**
 * Timings drawn to what their estimates let expect, the more the wider they are. Whoever takes the quickest of many noisy
 * timings takes the luckiest, and is disappointed; the posterior means are free of that. The model is that of Fay and
 * Herriot (1979): timing = a + b · estimate + what estimates don't know (variance fitted by moments) + noise (variance
 * from the timing's own interval). Milliseconds in the order of the timings; infinite ones stay.
 */
export function shrunkTimings(timings: readonly Timing[], estimates: ArrayLike<number>): number[] {
  const known = timings.flatMap(({ ms, interval: [low, high] }, i) => {
    const deviation = (high - low) / (2 * halfWidth);
    return Number.isFinite(ms) && Number.isFinite(deviation)
      ? [{ i, y: ms, x: estimates[i]!, own: deviation ** 2 }]
      : [];
  });
  const usual = median(known.map(({ own }) => own));
  if (known.length < leastTimings || !(usual > 0)) return timings.map(({ ms }) => ms);
  // Intervals from a few rounds are rough themselves: each counts half, the usual one the other half.
  const points = known.map(({ own, ...point }) => ({ ...point, noise: (own + usual) / 2 }));
  const between = varianceBetween(points);
  const line = fitLine(points, between);
  const result = timings.map(({ ms }) => ms);
  for (const { i, x, y, noise } of points) {
    const expected = line(x);
    result[i] = Math.max(0, expected + (between / (between + noise)) * (y - expected));
  }
  return result;
}

interface Point {
  readonly x: number;
  readonly y: number;
  readonly noise: number;
}

/** The variance at which the weighted squared residuals come out as their degrees of freedom; 0 where noise explains all. */
function varianceBetween(points: readonly Point[]): number {
  const freedom = points.length - 2;
  const excess = (between: number): number => {
    const line = fitLine(points, between);
    return points.reduce((sum, { x, y, noise }) => sum + (y - line(x)) ** 2 / (between + noise), 0) - freedom;
  };
  if (excess(0) <= 0) return 0;
  let [low, high] = [0, Math.max(...points.map(({ noise }) => noise))];
  while (excess(high) > 0) [low, high] = [high, 4 * high];
  for (let i = 0; i < halvings; i++) {
    const middle = (low + high) / 2;
    if (excess(middle) > 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Weighted least-squares line; level where the estimates are all the same. */
function fitLine(points: readonly Point[], between: number): (x: number) => number {
  let [w, wx, wy, wxx, wxy] = [0, 0, 0, 0, 0];
  for (const { x, y, noise } of points) {
    const weight = 1 / (between + noise);
    w += weight;
    wx += weight * x;
    wy += weight * y;
    wxx += weight * x * x;
    wxy += weight * x * y;
  }
  const spread = wxx - (wx * wx) / w;
  const slope = spread > 1e-12 * wxx ? Math.max(0, (wxy - (wx * wy) / w) / spread) : 0;
  const level = (wy - slope * wx) / w;
  return (x) => level + slope * x;
}
