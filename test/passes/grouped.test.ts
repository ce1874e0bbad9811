import { describe, expect, it } from "vitest";
import family from "../../passes/grouped.js";
import {
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

describe("grouped", () => {
  it("proposes every common divisor but the depthwise one", () => {
    expect(sizesOf(family, layerOf(8, 12))).toEqual(["grouped groups=2", "grouped groups=4"]);
    expect(sizesOf(family, layerOf(12, 8))).toEqual(["grouped groups=2", "grouped groups=4"]);
    expect(sizesOf(family, layerOf(6, 6, { kernel: [1, 1] }))).toEqual([
      "grouped groups=2",
      "grouped groups=3",
    ]);
    expect(sizesOf(family, layerOf(4, 8))).toEqual(["grouped groups=2"]);
    expect(sizesOf(family, layerOf(8, 4))).toEqual(["grouped groups=2"]);
  });

  it("costs a G-th of the layer", () => {
    const layer = oddLayer(8, 12);
    expect(macsOf(planNamed(family, layer, "grouped groups=4"), layer)).toBe(layer.macs / 4);
  });

  it("declines channel counts without a common divisor", () => {
    expect(reason(family, layerOf(8, 9))).toBe(nothing);
    expect(reason(family, layerOf(1, 4))).toBe(nothing);
    expect(reason(family, layerOf(3, 3))).toBe(nothing);
    expect(reason(family, layerOf(2, 6))).toBe(nothing);
  });

  it("is the layer itself with one group", async () => {
    const form = await expectExact(family, oddLayer(5, 7));
    expect(form.size).toEqual({ groups: 1 });
  });

  it.each([2, 4])("finds %i groups behind permutations", async (groups) => {
    const layer = layerOf(8, 12);
    const plan = planNamed(family, layer, `grouped groups=${groups}`);
    for (const seed of [5, 6, 7])
      for (const error of await plantedErrors(plan, layer, { orders: true, seed }))
        expect(error).toBeLessThan(1e-6);
  });

  it("finds groups behind permutations among many channels", async () => {
    const layer = layerOf(32, 64, { kernel: [1, 1] });
    for (const groups of [2, 8]) {
      const plan = planNamed(family, layer, `grouped groups=${groups}`);
      const [error] = await plantedErrors(plan, layer, { orders: true });
      expect(error).toBeLessThan(1e-6);
    }
  });
});
