import { describe, expect, it } from "vitest";
import family from "../../passes/pointwise-grouped.js";
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

describe("pointwise-grouped", () => {
  it.each([
    [8, 12],
    [12, 8],
    [9, 18],
    // One divisor, and one width that it divides.
    [10, 9],
  ])("proposes groups of the output channels by widths between: %i → %i", (i, o) => {
    const layer = layerOf(i, o);
    const macs = (g: number, w: number): number => (w * i + o * (w / g) * 9) * 64;
    const expected: string[] = [];
    for (let g = 2; g < o; g++) {
      if (o % g !== 0) continue;
      for (const share of [1, 2, 3, 4]) {
        const width = Math.round((share / 2) * Math.max(i, o));
        if (width % g === 0 && macs(g, width) < layer.macs)
          expected.push(`pointwise-grouped groups=${g} width=${width}`);
      }
    }
    expect(expected.length).toBeGreaterThan(0);
    expect(sizesOf(family, layer)).toEqual(expected);
  });

  it("costs R·I per input position and O·R/G·T per output position", () => {
    const layer = oddLayer(8, 12);
    const plan = planNamed(family, layer, "pointwise-grouped groups=3 width=6");
    expect(macsOf(plan, layer)).toBe(6 * 8 * 42 + 12 * (6 / 3) * 6 * 20);
  });

  it("declines one tap, and output channels that nothing divides", () => {
    expectDeclinesOneTap(family);
    const none = "the output channels have no divisor to group by";
    for (const [i, o] of [
      [12, 3],
      [4, 1],
      [8, 2],
    ] as const)
      expect(reason(family, layerOf(i, o))).toBe(none);
  });

  it("is the layer itself with one group", async () => {
    const form = await expectExact(family, oddLayer(5, 7));
    expect(form.size).toEqual({ groups: 1, width: 5 });
    await expectExact(family, oddLayer(7, 3));
  });

  it("finds a planted form", async () => {
    const layer = layerOf(8, 12);
    for (const name of sizesOf(family, layer))
      for (const error of await plantedErrors(planNamed(family, layer, name), layer))
        expect(error).toBeLessThan(1e-6);
  });
});
