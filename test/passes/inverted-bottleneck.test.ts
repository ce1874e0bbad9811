import { describe, expect, it } from "vitest";
import family from "../../passes/inverted-bottleneck.js";
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

describe("inverted-bottleneck", () => {
  it.each([
    [8, 12],
    [12, 5],
    // Far more positions behind than in front: only the number of terms that make the layer bounds the width.
    [2, 40],
  ])("proposes the widths nearest below the ratios: %i → %i", (i, o) => {
    const layer = layerOf(i, o);
    const widths = nearestBelow(layer, 9 * i, (w) => (w * i + w * 9 + o * w) * 64);
    expect(sizesOf(family, layer)).toEqual(widths.map((w) => `inverted-bottleneck width=${w}`));
  });

  it("costs R·I per input position and R·T + O·R per output position", () => {
    const layer = oddLayer(8, 12);
    const plan = planNamed(family, layer, "inverted-bottleneck width=10");
    expect(macsOf(plan, layer)).toBe(10 * 8 * 42 + (10 * 6 + 12 * 10) * 20);
  });

  it("declines what has one tap or one channel", () => {
    expectDeclinesOneTap(family);
    expectDeclinesOneChannel(family);
    expect(family.full(layerOf(8, 12, { kernel: [1, 1] }))).toBeNull();
  });

  it("is the layer itself with a channel per input channel and tap", async () => {
    const form = await expectExact(family, oddLayer(5, 7));
    expect(form.size).toEqual({ width: 30 });
    await expectExact(family, oddLayer(7, 3));
  });

  it("finds a planted form: one term at once, a few by fitting", async () => {
    const layer = layerOf(8, 12);
    for (const error of await plantedErrors(planNamed(family, layer, "inverted-bottleneck width=1"), layer))
      expect(error).toBeLessThan(1e-6);
    const few = planNamed(family, layer, "inverted-bottleneck width=3");
    const [error] = await plantedErrors(few, layer, { steps: 60 });
    expect(error).toBeLessThan(1e-2);
  });
});
