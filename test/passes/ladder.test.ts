import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { costRatios, invertedBottleneck, ladder, relativeCost } from "../../src/forms/index.js";
import { layerOf } from "./family-harness.js";

const sizesOf = (channels: number, block?: number): number[] => {
  const layer = layerOf(channels, channels);
  return ladder(layer, 9 * channels, (width) => invertedBottleneck(layer.spec, width), block).map(
    ({ size }) => size["width"]!,
  );
};

describe("the ladder of sizes", () => {
  it("moves sizes to whole blocks that are near, and leaves the others", () => {
    expect(sizesOf(32)).toEqual([7, 11, 15, 20, 25, 31, 39, 47, 58, 69, 83, 99, 117]);
    expect(sizesOf(32, 16)).toEqual([7, 11, 16, 20, 25, 32, 39, 48, 64, 80, 96, 112]);
  });

  it("stays below the layer's cost, grows, and never leaves the range", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 200 }), fc.constantFrom(1, 4, 8, 16), (channels, block) => {
        const layer = layerOf(channels, channels);
        const sizes = sizesOf(channels, block);
        for (const [i, size] of sizes.entries()) {
          expect(size).toBeGreaterThan(sizes[i - 1] ?? 0);
          expect(size).toBeLessThanOrEqual(9 * channels);
          expect(relativeCost(invertedBottleneck(layer.spec, size), layer)).toBeLessThan(1);
        }
        expect(sizes.length).toBeLessThanOrEqual(costRatios.length);
      }),
    );
  });
});
