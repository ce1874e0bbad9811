import { describe, expect, it } from "vitest";
import exactGrouping from "../../passes/exact-grouping.js";
import { Tensor, type GraphBuilder, type Value } from "../../src/ir/index.js";
import { blockDiagonal, type Blocks } from "./block-diagonal.js";
import {
  f64,
  groupOf,
  model,
  numbers,
  opsOf,
  reasonOf,
  runPasses,
  weights,
  type Outcome,
} from "./rewrite-harness.js";

/** Conv 1×1, Relu, the hidden one, something channelwise, Conv 1×1. */
function inside(blocks: Blocks, attrs = {}, between?: (b: GraphBuilder, y: Value) => Value): Outcome {
  return runPasses(
    model((b) => {
      const w = blockDiagonal(3, blocks, [3, 3]);
      const [outputs, inputs] = w.dims as [number, number];
      const x = b.op("Relu", [
        b.op(
          "Conv",
          [
            b.input("x", f64("N", 3, 8, 8)),
            b.initializer("w0", weights(1, [inputs, 3, 1, 1])),
            b.initializer("b0", weights(4, [inputs])),
          ],
          {},
          { name: "before" },
        ),
      ]);
      const y = b.op(
        "Conv",
        [x, b.initializer("w", w), b.initializer("bias", weights(5, [outputs]))],
        attrs,
        { name: "hidden" },
      );
      const z = between ? between(b, y) : b.op("Relu", [y]);
      b.output(b.op("Conv", [z, b.initializer("w2", weights(2, [4, outputs, 1, 1]))], {}, { name: "after" }));
    }),
    [exactGrouping],
  );
}

describe("fires", () => {
  it("with both orders absorbed by the neighbours", () => {
    const out = inside(
      [
        [4, 2],
        [4, 2],
        [4, 2],
        [4, 2],
      ],
      { strides: [2, 1], pads: [1, 0, 1, 1] },
    );
    expect(groupOf(out)).toBe(4);
    expect(opsOf(out.after)).toEqual(["Conv", "Relu", "Conv", "Relu", "Conv"]);
    expect(out.entries[0]!.reason).toContain("input order absorbed, output order absorbed");
  });

  it("through BatchNormalization, PRelu and pools", () => {
    const out = inside(
      [
        [2, 3],
        [2, 3],
      ],
      {},
      (b, y) => {
        const stats = [3, 4, 5, 6].map((seed) =>
          b.initializer(
            `s${seed}`,
            Tensor.floats(
              "float64",
              [6],
              numbers(seed, 6).map((v) => v * v + 0.2),
            ),
          ),
        );
        const z = b.op("PRelu", [
          b.op("BatchNormalization", [y, ...stats]),
          b.initializer("slope", weights(7, [6, 1, 1])),
        ]);
        return b.op("AveragePool", [z], { kernel_shape: [2, 2] });
      },
    );
    expect(groupOf(out)).toBe(2);
    expect(opsOf(out.after)).not.toContain("Gather");
  });

  it("with Gathers between an input and an output of the graph", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 6, 8, 8));
        b.output(
          b.op(
            "Conv",
            [
              x,
              b.initializer(
                "w",
                blockDiagonal(
                  3,
                  [
                    [3, 2],
                    [3, 2],
                  ],
                  [3, 3],
                ),
              ),
            ],
            { dilations: [2, 2] },
            { name: "hidden" },
          ),
        );
      }),
      [exactGrouping],
    );
    expect(opsOf(out.after)).toEqual(["Gather", "Conv", "Gather"]);
    expect(groupOf(out)).toBe(2);
  });

  it("with small blocks put together into equal groups, and unread channels", () => {
    expect(
      groupOf(
        inside([
          [4, 2],
          [1, 1],
          [3, 1],
          [2, 2],
          [2, 0],
        ]),
      ),
    ).toBe(3);
    expect(
      groupOf(
        inside([
          [3, 3],
          [1, 1],
          [1, 1],
          [3, 3],
        ]),
      ),
    ).toBe(2);
  });

  it("in more groups than it has, without weights in the wrong place", () => {
    const out = runPasses(
      model((b) => {
        const parts = [
          blockDiagonal(
            1,
            [
              [2, 1],
              [2, 1],
            ],
            [1, 1],
          ),
          blockDiagonal(
            2,
            [
              [2, 1],
              [2, 1],
            ],
            [1, 1],
          ),
        ];
        const w = Tensor.floats(
          "float64",
          [4, 4, 1, 1],
          parts.flatMap((part) => [...part.numbers]),
        );
        b.output(
          b.op(
            "Conv",
            [b.input("x", f64("N", 8, 4, 4)), b.initializer("w", w)],
            { group: 2 },
            { name: "hidden" },
          ),
        );
      }),
      [exactGrouping],
    );
    expect(groupOf(out)).toBe(4);
  });

  it("across a residual sum that shares its channels with another layer", () => {
    const out = inside(
      [
        [2, 3],
        [2, 3],
        [2, 3],
      ],
      { pads: [1, 1, 1, 1] },
      (b, y) =>
        b.op("Add", [
          y,
          b.op("Conv", ["x", b.initializer("side", weights(8, [9, 3, 1, 1]))], {}, { name: "side" }),
        ]),
    );
    expect(groupOf(out)).toBe(3);
    expect(opsOf(out.after)).not.toContain("Gather");
  });

  it("inside a loop of channels, which it gathers", () => {
    const out = runPasses(
      model((b) => {
        const x = b.op(
          "Conv",
          [b.input("x", f64("N", 3, 8, 8)), b.initializer("w0", weights(1, [6, 3, 1, 1]))],
          {},
          { name: "before" },
        );
        const y = b.op(
          "Conv",
          [
            x,
            b.initializer(
              "w",
              blockDiagonal(
                3,
                [
                  [3, 3],
                  [3, 3],
                ],
                [3, 3],
              ),
            ),
          ],
          { pads: [1, 1, 1, 1] },
          { name: "hidden" },
        );
        b.output(
          b.op(
            "Conv",
            [b.op("Add", [x, y]), b.initializer("w2", weights(2, [4, 6, 1, 1]))],
            {},
            { name: "after" },
          ),
        );
      }),
      [exactGrouping],
    );
    expect(groupOf(out)).toBe(2);
    expect(opsOf(out.after).filter((op) => op === "Gather")).toHaveLength(2);
  });

  it("on a ConvTranspose", () => {
    const out = runPasses(
      model((b) => {
        // C × O/group: the roles of the axes are swapped.
        const w = blockDiagonal(
          5,
          [
            [2, 3],
            [2, 3],
          ],
          [3, 3],
        );
        b.output(
          b.op(
            "ConvTranspose",
            [b.input("x", f64("N", 6, 4, 4)), b.initializer("w", w)],
            { strides: [2, 2], output_padding: [1, 0] },
            { name: "hidden" },
          ),
        );
      }),
      [exactGrouping],
    );
    expect(groupOf(out)).toBe(2);
  });
});

describe("declines", () => {
  it("blocks that don't make up equal groups", () => {
    expect(
      reasonOf(
        inside([
          [5, 3],
          [3, 5],
        ]),
        "hidden",
      ),
    ).toContain("5→3");
  });

  it("a dense weight, a depthwise one, and weights that can be overridden", () => {
    expect(reasonOf(inside([[4, 4]]), "hidden")).toContain("all connected");
    expect(
      reasonOf(
        inside([
          [1, 1],
          [1, 1],
          [1, 1],
        ]),
        "hidden",
      ),
    ).toContain("depthwise");
    const open = runPasses(
      model((b) => {
        const w = b.initializer(
          "w",
          blockDiagonal(
            3,
            [
              [3, 2],
              [3, 2],
            ],
            [3, 3],
          ),
        );
        b.input("w", f64(4, 6, 3, 3));
        b.output(b.op("Conv", [b.input("x", f64("N", 6, 8, 8)), w], {}, { name: "hidden" }));
      }),
      [exactGrouping],
    );
    expect(reasonOf(open, "hidden")).toContain("not constant");
  });
});
