import { describe, expect, it } from "vitest";
import exactDepthwise from "../../passes/exact-depthwise.js";
import type { GraphBuilder, Value } from "../../src/ir/index.js";
import { blockDiagonal, type Blocks } from "./block-diagonal.js";
import { f64, model, opsOf, reasonOf, runPasses, weights, type Outcome } from "./rewrite-harness.js";

function between(blocks: Blocks, kernel: readonly number[] = [3, 3]): Outcome {
  return runPasses(
    model((b) => {
      const w = blockDiagonal(3, blocks, kernel);
      const [outputs, inputs] = w.dims as [number, number];
      const spatial = kernel.map(() => 7);
      const ones = kernel.map(() => 1);
      const x = b.op(
        "Conv",
        [b.input("x", f64("N", 3, ...spatial)), b.initializer("w0", weights(1, [inputs, 3, ...ones]))],
        {},
        { name: "before" },
      );
      const y = b.op(
        "Conv",
        [b.op("Relu", [x]), b.initializer("w", w), b.initializer("bias", weights(5, [outputs]))],
        {},
        { name: "hidden" },
      );
      b.output(
        b.op(
          "Conv",
          [b.op("Relu", [y]), b.initializer("w2", weights(2, [4, outputs, ...ones]))],
          {},
          { name: "after" },
        ),
      );
    }),
    [exactDepthwise],
  );
}

describe("fires", () => {
  it("on a permutation of channels, in 1-D, 2-D and 3-D", () => {
    for (const kernel of [[3], [3, 2], [2, 1, 2]]) {
      const out = between(
        [
          [1, 1],
          [1, 1],
          [1, 1],
          [1, 1],
          [1, 1],
        ],
        kernel,
      );
      expect(out.after.graph.node("hidden")!.attributes.get("group")).toMatchObject({ value: 5 });
      expect(opsOf(out.after)).not.toContain("Gather");
    }
  });

  it("with a channel multiplier", () => {
    const out = between([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
    expect(out.after.graph.node("hidden")!.input(1)!.initializer!.dims).toEqual([6, 1, 3, 3]);
  });
});

describe("declines", () => {
  it("outputs that read several inputs, unequal multipliers, and what is depthwise already", () => {
    expect(
      reasonOf(
        between([
          [2, 2],
          [2, 2],
        ]),
        "hidden",
      ),
    ).toContain("several input channels");
    expect(
      reasonOf(
        between([
          [1, 2],
          [1, 1],
          [1, 3],
        ]),
        "hidden",
      ),
    ).toContain("do not make up equal groups");
    const already = runPasses(
      model((b) =>
        b.output(
          b.op(
            "Conv",
            [b.input("x", f64("N", 4, 5, 5)), b.initializer("w", weights(1, [4, 1, 3, 3]))],
            { group: 4 },
            { name: "dw" },
          ),
        ),
      ),
      [exactDepthwise],
    );
    expect(reasonOf(already, "dw")).toContain("already");
  });
});

describe("what it has nothing to say of, or hands on", () => {
  const one = (group: number, dims: number[], make?: (b: GraphBuilder) => Value) =>
    runPasses(
      model((b) => {
        const x = b.input("x", f64("N", dims[1]! * group, 5, 5));
        b.output(
          b.op("Conv", [x, make ? make(b) : b.initializer("w", weights(1, dims))], { group }, { name: "dw" }),
        );
      }),
      [exactDepthwise],
    );

  it("one input channel", () => {
    expect(one(1, [3, 1, 3, 3]).entries).toEqual([]);
    expect(reasonOf(one(2, [4, 1, 3, 3]), "dw")).toBe("it is depthwise already");
  });

  it("weights that are not constant", () => {
    const out = one(1, [4, 4, 3, 3], (b) => b.op("Relu", [b.input("w", f64(4, 4, 3, 3))]));
    expect(reasonOf(out, "dw")).toBe("its weights are not constant");
  });
});
