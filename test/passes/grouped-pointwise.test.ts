import { describe, expect, it } from "vitest";
import family from "../../passes/grouped-pointwise.js";
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

describe("grouped-pointwise", () => {
  it.each([
    [8, 12],
    [12, 8],
    [9, 18],
    // One divisor, and one width that it divides.
    [9, 10],
  ])("proposes groups of the input channels by widths between: %i → %i", (i, o) => {
    const layer = layerOf(i, o);
    const macs = (g: number, w: number): number => (w * (i / g) * 9 + o * w) * 64;
    const expected: string[] = [];
    for (let g = 2; g < i; g++) {
      if (i % g !== 0) continue;
      for (const share of [1, 2, 3, 4]) {
        const width = Math.round((share / 2) * Math.max(i, o));
        if (width % g === 0 && macs(g, width) < layer.macs)
          expected.push(`grouped-pointwise groups=${g} width=${width}`);
      }
    }
    expect(expected.length).toBeGreaterThan(0);
    expect(sizesOf(family, layer)).toEqual(expected);
  });

  it("costs R·I/G·T + O·R per output position", () => {
    const layer = oddLayer(8, 12);
    const plan = planNamed(family, layer, "grouped-pointwise groups=2 width=12");
    expect(macsOf(plan, layer)).toBe((12 * (8 / 2) * 6 + 12 * 12) * 20);
  });

  it("declines one tap, and input channels that nothing divides", () => {
    expectDeclinesOneTap(family);
    const none = "the input channels have no divisor to group by";
    for (const [i, o] of [
      [3, 12],
      [1, 4],
      [2, 8],
    ] as const)
      expect(reason(family, layerOf(i, o))).toBe(none);
  });

  it("is the layer itself with one group", async () => {
    const form = await expectExact(family, oddLayer(5, 7));
    expect(form.size).toEqual({ groups: 1, width: 7 });
    await expectExact(family, oddLayer(7, 3));
  });

  it("finds a planted form", async () => {
    const layer = layerOf(8, 12);
    for (const name of sizesOf(family, layer))
      for (const error of await plantedErrors(planNamed(family, layer, name), layer))
        expect(error).toBeLessThan(1e-6);
  });
});
