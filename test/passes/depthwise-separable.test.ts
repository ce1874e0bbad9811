import { describe, expect, it } from "vitest";
import family from "../../passes/depthwise-separable.js";
import {
  expectDeclinesOneChannel,
  expectDeclinesOneTap,
  expectExact,
  layerOf,
  macsOf,
  oddLayer,
  planNamed,
  plantedErrors,
  sizesOf,
} from "./family-harness.js";

const terms = (count: number): string[] =>
  Array.from({ length: count }, (_, m) => `depthwise-separable terms=${m + 1}`);

describe("depthwise-separable", () => {
  it("proposes as many terms as are cheaper, at most eight", () => {
    // 9·I·O against M·(9·I + O·I): M < 9·12/21.
    expect(sizesOf(family, layerOf(8, 12))).toEqual(terms(5));
    // 25·64·64 against M·(25·64 + 64·64): M ≤ 17.
    expect(sizesOf(family, layerOf(64, 64, { kernel: [5, 5] }))).toEqual(terms(8));
    // Two taps of one axis: M = 2 would be the layer and more.
    expect(sizesOf(family, layerOf(8, 12, { kernel: [2] }))).toEqual(terms(1));
  });

  it("costs M·(I·T + O·I) per output position", () => {
    const layer = oddLayer(8, 12);
    const plan = planNamed(family, layer, "depthwise-separable terms=2");
    expect(macsOf(plan, layer)).toBe(2 * (8 * 6 + 12 * 8) * 20);
  });

  it("declines what has one tap or one channel", () => {
    expectDeclinesOneTap(family);
    expectDeclinesOneChannel(family);
    expect(family.full(layerOf(8, 12, { kernel: [1, 1] }))).toBeNull();
  });

  it("is the layer itself with a term per tap", async () => {
    const form = await expectExact(family, oddLayer(5, 7));
    expect(form.size).toEqual({ terms: 6 });
  });

  it("finds a planted form", async () => {
    const layer = layerOf(8, 12);
    for (const name of terms(3))
      for (const error of await plantedErrors(planNamed(family, layer, name), layer))
        expect(error).toBeLessThan(1e-6);
  });
});
