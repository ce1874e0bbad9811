import { describe, expect, it } from "vitest";
import type { KernelRow } from "../../src/latency/index.js";
import { profiledChange } from "../../src/latency/profiled-change.js";

/** A kernel that takes so many microseconds. */
const row = (layer: string | null, op: string, us: number, disturbed = 0): KernelRow => ({
  ...{ layer, op, kernel: `${layer ?? op}_nchwc`, nodes: layer === null ? [] : [layer], ms: us / 1e3 },
  runs: Array.from({ length: 24 }, (_, run) => (us + (run % 6 === 5 ? disturbed : 0)) / 1e3),
});

describe("what a layer's kernels take more", () => {
  const before = [row("a", "Conv", 40), row("b", "Conv", 40), row("c", "Conv", 40)];

  it("is the difference of the changed layer's own, whatever keeps its name", () => {
    const rows = [row("a", "Conv", 40), row("b.1x1_0", "Conv", 8), row("b", "Conv", 9), row("c", "Conv", 40)];
    const { ms, interval } = profiledChange(before, rows, "b");
    expect(1e3 * ms).toBeCloseTo(17 - 40, 10);
    expect(interval[0]).toBeLessThanOrEqual(ms);
    expect(interval[1]).toBeGreaterThanOrEqual(ms);
  });

  it("does not depend on how busy the machine was, nor on some disturbed runs", () => {
    const rows = [row("a", "Conv", 60, 500), row("b", "Conv", 30, 900), row("c", "Conv", 60)];
    expect(1e3 * profiledChange(before, rows, "b").ms).toBeCloseTo(20 - 40, 10);
  });

  it("counts layout conversions that come and go", () => {
    const rows = [
      row("a", "Conv", 40),
      row(null, "ReorderOutput", 3),
      row("b", "FusedConv", 20),
      row(null, "ReorderInput", 3),
      row("c", "Conv", 40),
    ];
    expect(1e3 * profiledChange(before, rows, "b").ms).toBeCloseTo(20 + 3 + 3 - 40, 10);
    expect(1e3 * profiledChange(rows, before, "b").ms).toBeCloseTo(40 - 20 - 3 - 3, 10);
  });
});
