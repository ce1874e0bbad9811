import { describe, expect, it } from "vitest";
import family from "../../passes/bottleneck.js";
import { costRatios } from "../../src/forms/index.js";
import {
  expectDeclinesOneChannel,
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

describe("bottleneck", () => {
  it.each([
    [16, 24],
    [24, 10],
    [8, 12],
    [24, 2],
    [2, 24],
  ])("proposes the largest ranks of two skews below each ratio: %i → %i", (i, o) => {
    const layer = layerOf(i, o);
    const macs = (r1: number, r2: number): number => (r1 * i + r2 * r1 * 9 + o * r2) * 64;
    const expected = new Set<string>();
    for (const skew of [0.85, 1.2]) {
      for (const ratio of costRatios) {
        for (let share = 64; share > 0; share--) {
          const r1 = Math.min(i, Math.round((share / 64) * i * skew));
          const r2 = Math.min(o, Math.round(((share / 64) * o) / skew));
          if (r1 === 0 || r2 === 0 || macs(r1, r2) > ratio * layer.macs) continue;
          expected.add(`bottleneck r1=${r1} r2=${r2}`);
          break;
        }
      }
    }
    expect(expected.size).toBeGreaterThan(5);
    expect(sizesOf(family, layer)).toEqual([...expected]);
  });

  it("costs r1·I per input position and r2·r1·T + O·r2 per output position", () => {
    const layer = oddLayer(16, 24);
    const plan = planNamed(family, layer, "bottleneck r1=7 r2=15");
    expect(macsOf(plan, layer)).toBe(7 * 16 * 42 + (15 * 7 * 6 + 24 * 15) * 20);
  });

  it("declines what has one tap or one channel, or is too small for any rank", () => {
    expectDeclinesOneTap(family);
    expectDeclinesOneChannel(family);
    // 42 input positions, 1 output position: even one channel between costs more than the layer.
    const far = layerOf(2, 2, { kernel: [1, 2], strides: [7, 7], input: [7, 7], pads: [0, 0, 0, 0] });
    expect(reason(family, far)).toBe("no ranks save MACs");
    expect(family.full(layerOf(8, 12, { kernel: [1, 1] }))).toBeNull();
  });

  it("is the layer itself at full rank", async () => {
    await expectExact(family, oddLayer(5, 7));
    const form = await expectExact(family, oddLayer(7, 3));
    expect(form.size).toEqual({ r1: 7, r2: 3 });
  });

  it("finds a planted form", async () => {
    const layer = layerOf(8, 12);
    for (const error of await plantedErrors(planNamed(family, layer, "bottleneck r1=4 r2=4"), layer))
      expect(error).toBeLessThan(1e-6);
  });
});
