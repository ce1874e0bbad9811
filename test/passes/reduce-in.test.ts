import { describe, expect, it } from "vitest";
import family from "../../passes/reduce-in.js";
import {
  expectDeclinesOneChannel,
  expectDeclinesOneTap,
  expectExact,
  layerOf,
  macsOf,
  nearestBelow,
  oddLayer,
  planNamed,
  plantedErrors,
  sizesOf,
} from "./family-harness.js";

describe("reduce-in", () => {
  it("proposes the ranks nearest below the ratios", () => {
    for (const [i, o] of [
      [8, 12],
      [12, 5],
    ] as const) {
      const layer = layerOf(i, o);
      const ranks = nearestBelow(layer, i, (r) => (r * i + o * r * 9) * 64);
      expect(sizesOf(family, layer)).toEqual(ranks.map((r) => `reduce-in rank=${r}`));
    }
  });

  it("costs r·I per input position and O·r·T per output position", () => {
    // 7×6 = 42 positions → 4×5 = 20.
    const layer = oddLayer(8, 12);
    expect(macsOf(planNamed(family, layer, "reduce-in rank=4"), layer)).toBe(4 * 8 * 42 + 12 * 4 * 6 * 20);
  });

  it("declines what has one tap or one channel", () => {
    expectDeclinesOneTap(family);
    expectDeclinesOneChannel(family);
    expect(family.full(layerOf(8, 12, { kernel: [1, 1] }))).toBeNull();
  });

  it("is the layer itself at full rank", async () => {
    await expectExact(family, oddLayer(5, 7));
    const form = await expectExact(family, oddLayer(7, 3));
    expect(form.size).toEqual({ rank: 7 });
  });

  it("finds a planted form", async () => {
    const layer = layerOf(8, 12);
    for (const error of await plantedErrors(planNamed(family, layer, "reduce-in rank=3"), layer))
      expect(error).toBeLessThan(1e-6);
  });
});
