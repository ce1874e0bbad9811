import { describe, expect, it } from "vitest";
import family from "../../passes/pointwise-depthwise-plus-spatial.js";
import {
  expectDeclinesOneTap,
  expectExact,
  layerOf,
  macsOf,
  oddLayer,
  planNamed,
  plantedErrors,
  reason,
  sizesOf,
} from "./family-harness.js";

const fewAxes = "the kernel extends along fewer than two axes";

describe("pointwise-depthwise-plus-spatial", () => {
  it.each([
    [8, 12, [3, 3]],
    [12, 8, [2, 3]],
    [1, 2, [3, 3]],
    [3, 4, [5, 5]],
    [16, 16, [3, 1, 3]],
  ])("proposes terms, ranks and the axis that comes first: %i → %i, %j", (i, o, kernel) => {
    const layer = layerOf(i, o, { kernel });
    const P = layer.inputShape.reduce((product, size) => product * size, 1);
    const Q = layer.outputShape.reduce((product, size) => product * size, 1);
    const T = kernel.reduce((product, size) => product * size, 1);
    const expected: string[] = [];
    for (const t of [1, 2, 3]) {
      for (const eighths of [1, 2, 4, 6]) {
        const r = Math.round((eighths / 8) * Math.max(i, o));
        for (const [axis, k] of kernel.entries()) {
          if (k === 1 || r === 0) continue;
          // Behind the first stage the other axes are as the input's.
          const cut = (P / layer.inputShape[axis]!) * layer.outputShape[axis]!;
          const macs = t * (o * i * P + o * T * Q) + r * i * k * cut + o * r * (T / k) * Q;
          const name = `pointwise-depthwise terms=${t} + spatially-separable rank=${r} axis=${axis}`;
          if (macs < layer.macs && !expected.includes(name)) expected.push(name);
        }
      }
    }
    expect(sizesOf(family, layer)).toEqual(expected);
  });

  it("costs what its terms cost", () => {
    // 7×6 → 4×5 positions, 4×6 between the two stages of the separable branch.
    const layer = oddLayer(8, 12);
    const plan = planNamed(family, layer, "pointwise-depthwise terms=1 + spatially-separable rank=2 axis=0");
    expect(macsOf(plan, layer)).toBe(12 * 8 * 42 + 12 * 6 * 20 + 2 * 8 * 3 * 24 + 12 * 2 * 2 * 20);
  });

  it("declines kernels along one axis", () => {
    expectDeclinesOneTap(family, fewAxes);
    for (const kernel of [[3], [3, 1], [1, 3], [1, 1]]) {
      expect(reason(family, layerOf(8, 12, { kernel }))).toBe(fewAxes);
      expect(family.full(layerOf(8, 12, { kernel }))).toBeNull();
    }
  });

  it("is the layer itself with a term per tap", async () => {
    const form = await expectExact(family, oddLayer(5, 7));
    expect(form.terms).toEqual([
      { form: "pointwise-depthwise", size: { terms: 6 } },
      { form: "spatially-separable", size: { rank: 1, axis: 0 } },
    ]);
    const flat = layerOf(2, 3, { kernel: [1, 2, 2], pads: [0, 1, 1, 1, 0, 1], input: [3, 4, 4] });
    expect((await expectExact(family, flat)).terms[1]!.size).toEqual({ rank: 1, axis: 1 });
  });

  it("finds a planted form by fitting", async () => {
    const layer = layerOf(8, 12);
    const plan = planNamed(family, layer, "pointwise-depthwise terms=1 + spatially-separable rank=2 axis=0");
    for (const error of await plantedErrors(plan, layer, { steps: 60 })) expect(error).toBeLessThan(1e-2);
  });
});
