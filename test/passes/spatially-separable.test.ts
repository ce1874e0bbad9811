import { describe, expect, it } from "vitest";
import family from "../../passes/spatially-separable.js";
import {
  expectDeclinesOneTap,
  expectExact,
  layerOf,
  macsOf,
  nearestBelow,
  oddLayer,
  planNamed,
  plantedErrors,
  reason,
  sizesOf,
} from "./family-harness.js";

const fewAxes = "the kernel extends along fewer than two axes";

describe("spatially-separable", () => {
  it.each([
    [8, 12],
    [12, 3],
  ])("proposes the ranks nearest below the ratios with either axis first: %i → %i", (i, o) => {
    const layer = layerOf(i, o, { kernel: [3, 5] });
    const along = (axis: number, first: number, second: number): string[] =>
      nearestBelow(layer, 100, (r) => (r * i * first + o * r * second) * 64).map(
        (r) => `spatially-separable rank=${r} axis=${axis}`,
      );
    expect(sizesOf(family, layer)).toEqual([...along(0, 3, 5), ...along(1, 5, 3)]);
  });

  it("cuts one axis off in 3-D, and names the axes that have taps", () => {
    const layer = layerOf(4, 6, { kernel: [3, 1, 2] });
    const names = sizesOf(family, layer);
    expect(new Set(names.map((name) => name.replace(/rank=\d+ /, "")))).toEqual(
      new Set(["spatially-separable axis=0", "spatially-separable axis=2"]),
    );
  });

  it("costs r·I·k where the first stage has been, and O·r·k' per output position", () => {
    // 7×6 through stride 2 along the first axis: 4×6, then 4×5.
    const layer = oddLayer(8, 12);
    const plan = planNamed(family, layer, "spatially-separable rank=6 axis=0");
    expect(macsOf(plan, layer)).toBe(6 * 8 * 3 * 24 + 12 * 6 * 2 * 20);
  });

  it("declines kernels along one axis", () => {
    expectDeclinesOneTap(family, fewAxes);
    for (const kernel of [[3], [3, 1], [1, 3]]) {
      expect(reason(family, layerOf(8, 12, { kernel }))).toBe(fewAxes);
      expect(family.full(layerOf(8, 12, { kernel }))).toBeNull();
    }
    expect(family.full(layerOf(8, 12, { kernel: [1, 1] }))).toBeNull();
    expect(family.full(layerOf(8, 12, { kernel: [] }))).toBeNull();
    expect(reason(family, layerOf(2, 2, { kernel: [2, 2] }))).toBeUndefined();
  });

  it.each([
    [3, 7, 9],
    [7, 3, 6],
  ])("is the layer itself at full rank: %i → %i", async (i, o, rank) => {
    const form = await expectExact(family, oddLayer(i, o));
    expect(form.size).toEqual({ rank, axis: 0 });
  });

  it("is the layer itself at full rank in 3-D", async () => {
    const layer = layerOf(2, 3, {
      kernel: [1, 2, 2],
      strides: [2, 1, 2],
      pads: [0, 1, 1, 1, 0, 1],
      input: [3, 4, 4],
    });
    const form = await expectExact(family, layer);
    expect(form.size).toEqual({ rank: 4, axis: 1 });
  });

  it("finds a planted form", async () => {
    const layer = layerOf(8, 12);
    for (const name of ["rank=6 axis=0", "rank=5 axis=1"]) {
      const plan = planNamed(family, layer, `spatially-separable ${name}`);
      for (const error of await plantedErrors(plan, layer)) expect(error).toBeLessThan(1e-6);
    }
  });
});
