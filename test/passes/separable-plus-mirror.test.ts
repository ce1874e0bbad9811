import { describe, expect, it } from "vitest";
import family from "../../passes/separable-plus-mirror.js";
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

describe("separable-plus-mirror", () => {
  it.each([
    [8, 12],
    [32, 32],
  ])("proposes up to three terms of each kind: %i → %i", (i, o) => {
    const expected: string[] = [];
    for (const m of [1, 2, 3]) {
      for (const n of [1, 2, 3]) {
        if (m * (9 * i + o * i) + n * (o * i + 9 * o) < 9 * o * i)
          expected.push(`depthwise-separable terms=${m} + pointwise-depthwise terms=${n}`);
      }
    }
    expect(sizesOf(family, layerOf(i, o))).toEqual(expected);
  });

  it("costs what its terms cost", () => {
    // 7×6 = 42 positions → 4×5 = 20.
    const layer = oddLayer(8, 12);
    const plan = planNamed(family, layer, "depthwise-separable terms=2 + pointwise-depthwise terms=1");
    expect(macsOf(plan, layer)).toBe(2 * (8 * 6 + 12 * 8) * 20 + 12 * 8 * 42 + 12 * 6 * 20);
  });

  it("declines what has one tap or one channel", () => {
    expectDeclinesOneTap(family);
    expectDeclinesOneChannel(family);
    expect(family.full(layerOf(8, 12, { kernel: [1, 1] }))).toBeNull();
  });

  it("is the layer itself with a term per tap", async () => {
    const form = await expectExact(family, oddLayer(5, 7));
    expect(form.terms).toEqual([
      { form: "depthwise-separable", size: { terms: 6 } },
      { form: "pointwise-depthwise", size: { terms: 1 } },
    ]);
  });

  it("finds a planted form by fitting", async () => {
    const layer = layerOf(8, 12);
    const plan = planNamed(family, layer, "depthwise-separable terms=1 + pointwise-depthwise terms=1");
    for (const error of await plantedErrors(plan, layer, { steps: 60 })) expect(error).toBeLessThan(1e-2);
  });
});
