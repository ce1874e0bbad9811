import { describe, expect, it } from "vitest";
import family from "../../passes/pointwise-depthwise.js";
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
  Array.from({ length: count }, (_, m) => `pointwise-depthwise terms=${m + 1}`);

describe("pointwise-depthwise", () => {
  it("proposes as many terms as are cheaper, at most eight", () => {
    // 9·I·O against M·(O·I + 9·O): M < 9·8/17.
    expect(sizesOf(family, layerOf(8, 12))).toEqual(terms(4));
    expect(sizesOf(family, layerOf(64, 64, { kernel: [5, 5] }))).toEqual(terms(8));
    expect(sizesOf(family, layerOf(8, 12, { kernel: [2] }))).toEqual(terms(1));
  });

  it("costs M·O·I per input position and M·O·T per output position", () => {
    const layer = oddLayer(8, 12);
    const plan = planNamed(family, layer, "pointwise-depthwise terms=1");
    expect(macsOf(plan, layer)).toBe(12 * 8 * 42 + 12 * 6 * 20);
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
