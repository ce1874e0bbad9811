import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { supportedFrontier } from "../../src/search/frontier.js";
import { chooseWithin, type Choice } from "../../src/search/knapsack.js";

const layers = fc.array(
  fc.array(fc.record({ cost: fc.nat(60), loss: fc.nat(60) }), { minLength: 1, maxLength: 6 }),
  { minLength: 1, maxLength: 6 },
);

const lossAt = (all: readonly (readonly Choice[])[], budget: number): number =>
  chooseWithin(all, budget)!.reduce((sum, pick, l) => sum + all[l]![pick]!.loss, 0);

describe("the supported frontier", () => {
  it("is the knapsack's exact optimum at every one of its points, from the cheapest network to the best", () => {
    fc.assert(
      fc.property(layers, (all) => {
        const points = supportedFrontier(all);
        for (const { cost, loss } of points) expect(loss).toBeCloseTo(lossAt(all, cost), 9);
        const cheapest = all.map((own) => Math.min(...own.map(({ cost }) => cost)));
        expect(points[0]!.cost).toBe(cheapest.reduce((sum, cost) => sum + cost, 0));
        const best = all.map((own) => Math.min(...own.map(({ loss }) => loss)));
        expect(points.at(-1)!.loss).toBeCloseTo(
          best.reduce((sum, loss) => sum + loss, 0),
          9,
        );
      }),
      { numRuns: 300 },
    );
  });

  it("is convex: every further unit of cost buys less", () => {
    fc.assert(
      fc.property(layers, (all) => {
        const points = supportedFrontier(all);
        const slopes = points
          .slice(1)
          .map(({ cost, loss }, i) => (loss - points[i]!.loss) / (cost - points[i]!.cost));
        slopes.forEach((slope, i) => {
          expect(slope).toBeLessThan(0);
          if (i > 0) expect(slope).toBeGreaterThanOrEqual(slopes[i - 1]! - 1e-9);
        });
      }),
      { numRuns: 300 },
    );
  });
});
