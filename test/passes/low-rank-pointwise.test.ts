import { describe, expect, it } from "vitest";
import family from "../../passes/low-rank-pointwise.js";
import {
  expectDeclinesOneChannel,
  expectExact,
  layerOf,
  macsOf,
  nearestBelow,
  planNamed,
  plantedErrors,
  reason,
  sizesOf,
} from "./family-harness.js";

describe("low-rank-pointwise", () => {
  it.each([
    ["1×1", [1, 1], 64],
    ["Gemm", [], 1],
  ] as const)("proposes the ranks nearest below the ratios: %s", (_, kernel, positions) => {
    for (const [i, o] of [
      [16, 24],
      [24, 16],
    ] as const) {
      const layer = layerOf(i, o, { kernel });
      const ranks = nearestBelow(layer, 16, (r) => (r * i + o * r) * positions);
      expect(ranks.length).toBeGreaterThan(4);
      expect(sizesOf(family, layer)).toEqual(ranks.map((r) => `low-rank-pointwise rank=${r}`));
    }
  });

  it("strides in the first factor: r·I + O·r per output position", () => {
    const layer = layerOf(8, 12, { kernel: [1, 1], strides: [2, 2] });
    expect(macsOf(planNamed(family, layer, "low-rank-pointwise rank=3"), layer)).toBe((3 * 8 + 12 * 3) * 16);
  });

  it("declines what has taps, or one channel", () => {
    expect(reason(family, layerOf(8, 12))).toBe("the kernel has more than one tap");
    expect(reason(family, layerOf(8, 12, { kernel: [1, 3] }))).toBe("the kernel has more than one tap");
    expectDeclinesOneChannel(family, [1, 1]);
    expect(family.full(layerOf(8, 12))).toBeNull();
  });

  it.each([
    [5, 7, 5],
    [7, 3, 3],
  ])("is the layer itself at full rank: %i → %i", async (i, o, rank) => {
    const odd = { strides: [2, 1], pads: [1, 0, 2, 1], input: [7, 6] };
    const form = await expectExact(family, layerOf(i, o, { kernel: [1, 1], ...odd }));
    expect(form.size).toEqual({ rank });
    await expectExact(family, layerOf(i, o, { kernel: [] }));
  });

  it("finds a planted form", async () => {
    const layer = layerOf(8, 12, { kernel: [1, 1] });
    for (const error of await plantedErrors(planNamed(family, layer, "low-rank-pointwise rank=3"), layer))
      expect(error).toBeLessThan(1e-6);
  });
});
