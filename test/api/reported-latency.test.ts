import { describe, expect, it } from "vitest";
import { measuredLatency } from "../../src/api/reported-latency.js";
import { SteadyBench } from "../../src/api/steady-bench.js";
import { meanInterval } from "../../src/latency/index.js";
import type { Benchmark, Report } from "../../src/report/index.js";
import { residualNetwork } from "../latency/networks.js";

const { model } = residualNetwork(1, 8, 8);

/** What is reported of measurements with these ratios, each ± 0.001, and how many were made. */
async function reported(
  keepLatency: number | undefined,
  ...ratios: number[]
): Promise<{ readonly figures: Report["latencyMs"]; readonly made: number }> {
  let made = 0;
  const steady = new SteadyBench(Infinity, () => {
    const median = ratios[made++]!;
    const one = (ratio: number) => ({
      ...{ runs: 50, ms: { median: ratio } },
      ratio: { median: ratio, interval: [ratio - 0.001, ratio + 0.001] },
    });
    return Promise.resolve({ models: [one(1), one(median)], threads: 2 } as unknown as Benchmark);
  });
  const budget = keepLatency === undefined ? {} : { keepLatency };
  return { figures: await measuredLatency(model, model, { budget }, steady), made };
}

describe("the latency that is reported", () => {
  it("is of one measurement where none was asked for", async () => {
    const { figures, made } = await reported(undefined, 0.7);
    expect(made).toBe(1);
    expect(figures).toMatchObject({
      ratio: 0.7,
      ratioInterval: [0.699, 0.701],
      before: 1,
      after: 0.7,
      runs: 50,
    });
  });

  it("is the median of three under a budget, with an interval that says how far apart they were", async () => {
    const { figures, made } = await reported(0.5, 0.47, 0.49, 0.48);
    expect(made).toBe(3);
    expect(figures).toMatchObject({ ratio: 0.48, after: 0.48, runs: 150 });
    const [low, high] = figures.ratioInterval!;
    expect([low, high]).toEqual(meanInterval([0.47, 0.48, 0.49]));
    expect(high - 0.48).toBeCloseTo((4.303 * 0.01) / Math.sqrt(3), 9);
    const alike = await reported(0.5, 0.48, 0.48, 0.48);
    expect(alike.figures.ratioInterval![0]).toBeCloseTo(0.479, 9);
    expect(alike.figures.ratioInterval![1]).toBeCloseTo(0.481, 9);
  });

  it("is the median of five where a miss may be chance, and missed for good where it can't", async () => {
    const near = await reported(0.5, 0.51, 0.51, 0.48, 0.49, 0.49);
    expect([near.figures.ratio, near.made, near.figures.runs]).toEqual([0.49, 5, 250]);
    const wide = await reported(0.5, 0.45, 0.53, 0.55, 0.54, 0.54);
    expect([wide.figures.ratio, wide.made]).toEqual([0.54, 5]);
    const far = await reported(0.5, 0.54, 0.541, 0.54);
    expect([far.figures.ratio, far.made]).toEqual([0.54, 3]);
  });
});

describe("the interval of a mean", () => {
  it("holds it in 95 of 100 cases", () => {
    let [state, held] = [1, 0];
    const normal = (): number => {
      let sum = -6;
      for (let i = 0; i < 12; i++) sum += (state = (state * 16807) % 2147483647) / 2147483647;
      return sum;
    };
    for (const count of [2, 3, 5, 10])
      for (let trial = 0; trial < 1000; trial++) {
        const [low, high] = meanInterval(Array.from({ length: count }, () => 7 + normal()));
        if (low <= 7 && 7 <= high) held++;
      }
    expect(Math.abs(held / 4000 - 0.95)).toBeLessThan(0.015);
    expect(() => meanInterval([1])).toThrow(RangeError);
    expect(() => meanInterval(Array.from({ length: 11 }, () => 1))).toThrow(RangeError);
  });
});
