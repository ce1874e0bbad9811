import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differenceSpread, median, quietLevel, ratioSpread, spreadOf } from "../../src/latency/index.js";
import { seededRandom } from "../../src/linalg/index.js";

const times = fc.array(fc.double({ min: 0.01, max: 1e4, noNaN: true }), { minLength: 1, maxLength: 60 });

describe("spread", () => {
  it("of a few values by hand", () => {
    expect(spreadOf([5, 1, 3, 2, 4])).toEqual({
      ...{ count: 5, median: 3, quartiles: [2, 4], interval: [1, 5], least: 1, outliers: 0 },
    });
    expect(spreadOf([7])).toMatchObject({ median: 7, quartiles: [7, 7], interval: [7, 7], outliers: 0 });
    expect(median([1, 2])).toBe(1.5);
    // Quartiles 1 and 1.5: beyond 1.5 + 3 · 0.5 = 3 lies one value; on the fence lies none.
    expect(spreadOf([1, 1, 1, 1.5, 3.01]).outliers).toBe(1);
    expect(spreadOf([1, 1, 1, 1.5, 3]).outliers).toBe(0);
  });

  it("orders its figures, whatever the values", () => {
    fc.assert(
      fc.property(times, (values) => {
        const { least, quartiles, interval, median: middle } = spreadOf(values);
        const [low, high] = interval;
        expect(least).toBeLessThanOrEqual(quartiles[0]);
        expect(quartiles[0]).toBeLessThanOrEqual(middle);
        expect(middle).toBeLessThanOrEqual(quartiles[1]);
        expect(low).toBeLessThanOrEqual(middle);
        expect(high).toBeGreaterThanOrEqual(middle);
      }),
    );
  });

  it("holds the true median in about 95 of 100 samples", () => {
    const random = seededRandom(4);
    let held = 0;
    for (let trial = 0; trial < 1000; trial++) {
      const [low, high] = spreadOf(Array.from({ length: 31 }, () => random.normal())).interval;
      if (low <= 0 && high >= 0) held++;
    }
    expect(held).toBeGreaterThan(930);
    expect(held).toBeLessThan(990);
  });
});

describe("ratios and differences", () => {
  it("pair values of one round", () => {
    expect(ratioSpread([2, 6, 12], [1, 2, 3]).median).toBe(3);
    expect(differenceSpread([2, 6, 12], [1, 2, 3]).median).toBe(4);
    expect(ratioSpread([2, 4, 9], [1, 2]).count).toBe(2);
  });

  it("don't see a drift that falls on both", () => {
    const drift = Array.from({ length: 40 }, (_, round) => 1 + round / 4);
    expect(ratioSpread(drift.map((x) => 0.7 * x), drift).interval.map((end) => end.toFixed(9))).toEqual(["0.700000000", "0.700000000"]); // prettier-ignore
  });
});

describe("the quiet level", () => {
  it("stays where disturbances of one run in three move the median of ratios", () => {
    const random = seededRandom(8);
    const disturbed = (ms: number): number[] =>
      Array.from(
        { length: 30 },
        () => ms * (1 + 0.01 * random.uniform()) * (random.uniform() < 0.45 ? 3 : 1),
      );
    const { value, interval } = quietLevel(disturbed(0.8), disturbed(1));
    expect(Math.abs(value - 0.8)).toBeLessThan(0.02);
    expect(interval[0]).toBeLessThanOrEqual(value);
    expect(interval[1]).toBeGreaterThanOrEqual(value);
  });

  it("is the same for the same values", () => {
    fc.assert(
      fc.property(times, (values) => {
        expect(quietLevel(values, values).value).toBe(1);
        expect(quietLevel(values)).toEqual(quietLevel(values));
      }),
    );
  });
});
