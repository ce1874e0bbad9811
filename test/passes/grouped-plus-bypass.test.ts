import { describe, expect, it } from "vitest";
import family from "../../passes/grouped-plus-bypass.js";
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

const nothing = "the channel counts have no common divisor to group by";

describe("grouped-plus-bypass", () => {
  it.each([
    [8, 12],
    [12, 8],
    [32, 16],
    [4, 6],
  ])("proposes common divisors by ranks of the bypass: %i → %i", (i, o) => {
    const layer = layerOf(i, o);
    const expected: string[] = [];
    for (let g = 2; g < Math.min(i, o); g++) {
      if (i % g !== 0 || o % g !== 0) continue;
      for (const sixteenths of [1, 2, 4, 6, 8]) {
        const r = Math.round((sixteenths / 16) * o);
        const name = `reduce-out rank=${r} + grouped groups=${g}`;
        if (r === 0 || expected.includes(name)) continue;
        if ((9 * o * i) / g + r * i * 9 + o * r < 9 * o * i) expected.push(name);
      }
    }
    expect(expected.length).toBeGreaterThan(1);
    expect(sizesOf(family, layer)).toEqual(expected);
  });

  it("costs what its terms cost", () => {
    const layer = oddLayer(8, 12);
    const plan = planNamed(family, layer, "reduce-out rank=3 + grouped groups=4");
    expect(macsOf(plan, layer)).toBe(layer.macs / 4 + (3 * 8 * 6 + 12 * 3) * 20);
  });

  it("declines one tap, and channel counts without a common divisor", () => {
    expectDeclinesOneTap(family);
    for (const [i, o] of [
      [8, 9],
      [1, 4],
      [3, 3],
      [2, 6],
    ] as const)
      expect(reason(family, layerOf(i, o))).toBe(nothing);
    expect(family.full(layerOf(8, 12, { kernel: [1, 1] }))).toBeNull();
  });

  it("is the layer itself when the bypass has full rank", async () => {
    const form = await expectExact(family, oddLayer(5, 7));
    expect(form.terms).toEqual([
      { form: "reduce-out", size: { rank: 7 } },
      { form: "grouped", size: { groups: 1 } },
    ]);
  });

  it("finds a planted form by fitting", async () => {
    const layer = layerOf(8, 12);
    const plan = planNamed(family, layer, "reduce-out rank=1 + grouped groups=2");
    for (const error of await plantedErrors(plan, layer, { steps: 60 })) expect(error).toBeLessThan(1e-2);
  });
});
