import { describe, expect, it } from "vitest";
import exactGrouping from "../../passes/exact-grouping.js";
import { Tensor } from "../../src/ir/index.js";
import { seededRandom } from "../../src/linalg/index.js";
import { blockDiagonal } from "./block-diagonal.js";
import { f64, groupOf, model, opsOf, reasonOf, runPasses, weights, type Outcome } from "./rewrite-harness.js";

describe("what counts as connected", () => {
  const alone = (w: Tensor, group = 1): Outcome =>
    runPasses(
      model((b) => {
        const x = b.input("x", f64("N", w.dims[1]! * group, 5, 5));
        b.output(b.op("Conv", [x, b.initializer("w", w)], { group }, { name: "hidden" }));
      }),
      [exactGrouping],
    );

  it("groups that are full already", () => {
    expect(reasonOf(alone(weights(1, [6, 2, 3, 3]), 2), "hidden")).toBe("its channels are all connected");
  });

  it("a weight at any tap", () => {
    const values = new Float64Array(4 * 4 * 9);
    for (let o = 0; o < 4; o++) {
      for (let i = 0; i < 4; i++) values[(o * 4 + i) * 9 + (o >> 1 === i >> 1 ? 0 : 4)] = 1 + o + i;
    }
    expect(reasonOf(alone(Tensor.floats("float64", [4, 4, 3, 3], values)), "hidden")).toBe(
      "its channels are all connected",
    );
  });

  it("blocks that fit no equal groups, of which six are shown", () => {
    const out = alone(
      blockDiagonal(
        3,
        [
          [3, 3],
          [3, 3],
          [2, 2],
        ],
        [3, 3],
      ),
    );
    expect(out.applied).toBe(0);
    expect(reasonOf(out, "hidden")).toMatch(
      /^its 3 blocks \((3→3|2→2)(, (3→3|2→2)){2}\) do not make up equal groups$/,
    );
    const eight = alone(
      blockDiagonal(3, [[5, 1], ...Array.from({ length: 7 }, () => [1, 1] as const)], [1, 1]),
    );
    expect(reasonOf(eight, "hidden")).toMatch(
      /^its 8 blocks \(([15]→1, ){6}…\) do not make up equal groups$/,
    );
  });

  it("keeps the input's order where it can, and puts the outputs right behind", () => {
    const values = new Float64Array(16);
    for (const [o, i] of [
      [2, 0],
      [2, 1],
      [3, 0],
      [3, 1],
      [0, 2],
      [0, 3],
      [1, 2],
      [1, 3],
    ] as const)
      values[o * 4 + i] = 1 + o + i;
    expect(opsOf(alone(Tensor.floats("float64", [4, 4, 1, 1], values)).after)).toEqual(["Conv", "Gather"]);
  });

  it("random blocks are grouped only where equal groups hold all of them", () => {
    const random = seededRandom(17);
    let [grouped, declined] = [0, 0];
    for (let round = 0; round < 80; round++) {
      const blocks = Array.from(
        { length: 3 + random.integer(5) },
        () => [1 + random.integer(4), 1 + random.integer(3)] as const,
      );
      // The harness compares the answers; a group that lost a channel would have none.
      const out = alone(blockDiagonal(round, blocks, [1, 1]));
      if (out.applied > 0) grouped++;
      else declined++;
      const inputs = blocks.reduce((sum, [i]) => sum + i, 0);
      const outputs = blocks.reduce((sum, [, o]) => sum + o, 0);
      if (out.applied > 0) {
        const groups = groupOf(out);
        expect([inputs % groups, outputs % groups]).toEqual([0, 0]);
        expect(Math.max(...blocks.map(([i]) => i))).toBeLessThanOrEqual(inputs / groups);
      }
    }
    expect(Math.min(grouped, declined)).toBeGreaterThan(5);
  });
});
