import { describe, expect, it } from "vitest";
import mergeParallelBranches from "../../passes/merge-parallel-branches.js";
import { Tensor, type GraphBuilder, type Value } from "../../src/ir/index.js";
import { f64, model, numbers, opsOf, reasonOf, runPasses, weights } from "./rewrite-harness.js";

type Attrs = Readonly<Record<string, number | readonly number[] | string>>;

function conv(
  b: GraphBuilder,
  x: Value,
  name: string,
  dims: readonly number[],
  attrs: Attrs = {},
  bias = false,
): Value {
  const seed = name.charCodeAt(0);
  const inputs = [x, b.initializer(`${name}.w`, weights(seed, dims))];
  if (bias) inputs.push(b.initializer(`${name}.b`, weights(seed + 1, [dims[0]!])));
  return b.op("Conv", inputs, attrs, { name });
}

const summed = (make: (b: GraphBuilder, x: Value) => Value[], op = "Sum", type = f64("N", 4, 9, 8)) =>
  runPasses(
    model((b) => {
      const x = b.op("Relu", [b.input("x", type)]);
      b.output(b.op(op, make(b, x), {}, { name: "sum" }));
    }),
    [mergeParallelBranches],
  );

describe("sums", () => {
  it("of kernels at different offsets, with a stride", () => {
    const out = summed((b, x) => [
      conv(b, x, "a", [6, 4, 3, 3], { pads: [1, 1, 1, 1], strides: [2, 1] }, true),
      conv(b, x, "b", [6, 4, 1, 1], { strides: [2, 1] }),
      conv(b, x, "c", [6, 4, 3, 1], { pads: [1, 0, 1, 0], strides: [2, 1] }, true),
    ]);
    expect(opsOf(out.after)).toEqual(["Relu", "Conv"]);
  });

  it("of a dilated kernel and a small one on its grid", () => {
    const out = summed((b, x) => [
      conv(b, x, "a", [6, 4, 3, 3], { pads: [2, 2, 2, 2], dilations: [2, 2] }),
      conv(b, x, "b", [6, 4, 1, 1]),
    ]);
    expect(opsOf(out.after)).toEqual(["Relu", "Conv"]);
    expect(out.after.graph.nodes[1]!.input(1)!.initializer!.dims).toEqual([6, 4, 3, 3]);
  });

  it("of a RepVGG block: convolutions, a BatchNormalization and the input itself", () => {
    const out = summed((b, x) => {
      const stats = [3, 4, 5, 6].map((seed) =>
        b.initializer(
          `s${seed}`,
          Tensor.floats(
            "float64",
            [4],
            numbers(seed, 4).map((v) => v * v + 0.2),
          ),
        ),
      );
      return [
        conv(b, x, "a", [4, 4, 3, 3], { pads: [1, 1, 1, 1] }, true),
        conv(b, x, "b", [4, 4, 1, 1]),
        b.op("BatchNormalization", [x, ...stats]),
        x,
      ];
    });
    expect(opsOf(out.after)).toEqual(["Relu", "Conv"]);
  });

  it("of grouped branches, and one group for a dense one", () => {
    const grouped = summed((b, x) => [
      conv(b, x, "a", [8, 2, 3, 3], { group: 2, auto_pad: "SAME_UPPER" }),
      conv(b, x, "b", [8, 2, 1, 1], { group: 2 }),
    ]);
    expect(grouped.after.graph.nodes[1]!.attributes.get("group")).toMatchObject({ value: 2 });
    const depthwise = summed(
      (b, x) => [conv(b, x, "a", [4, 1, 3, 3], { group: 4, pads: [1, 1, 1, 1] }, true), x],
      "Add",
    );
    expect(opsOf(depthwise.after)).toEqual(["Relu", "Conv"]);
  });

  it("that are nested", () => {
    const out = summed((b, x) => [
      b.op("Add", [
        conv(b, x, "a", [6, 4, 3, 1], { pads: [1, 0, 1, 0] }),
        conv(b, x, "b", [6, 4, 1, 3], { pads: [0, 1, 0, 1] }),
      ]),
      conv(b, x, "c", [6, 4, 3, 3], { pads: [1, 1, 1, 1] }),
    ]);
    expect(opsOf(out.after)).toEqual(["Relu", "Conv"]);
  });

  it("of Gemms, and of a 1-D pair", () => {
    const gemm = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 5));
        const fc = (seed: number): Value =>
          b.op("Gemm", [
            x,
            b.initializer(`w${seed}`, weights(seed, [5, 3])),
            b.initializer(`b${seed}`, weights(seed + 9, [3])),
          ]);
        b.output(b.op("Add", [fc(1), fc(2)]));
      }),
      [mergeParallelBranches],
    );
    expect(opsOf(gemm.after)).toEqual(["Gemm"]);
    const one = summed(
      (b, x) => [conv(b, x, "a", [3, 4, 5], { pads: [2, 2] }), conv(b, x, "b", [3, 4, 3], { pads: [1, 1] })],
      "Add",
      f64("N", 4, 11),
    );
    expect(opsOf(one.after)).toEqual(["Relu", "Conv"]);
  });

  it("are declined when the common kernel is dearer, strides differ, or a branch is read elsewhere", () => {
    const cross = summed((b, x) => [
      conv(b, x, "a", [6, 4, 3, 1], { pads: [1, 0, 1, 0] }),
      conv(b, x, "b", [6, 4, 1, 3], { pads: [0, 1, 0, 1] }),
    ]);
    expect(reasonOf(cross, "sum")).toContain("raise MACs");
    const strided = summed(
      (b, x) => [
        conv(b, x, "a", [6, 4, 1, 1], { strides: [8, 7] }),
        conv(b, x, "b", [6, 4, 1, 1], { strides: [5, 7] }),
      ],
      "Sum",
      f64("N", 4, 9, 8),
    );
    expect(reasonOf(strided, "sum")).toContain("another stride");
    const shared = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 4, 5, 5));
        const y = conv(b, x, "a", [4, 4, 1, 1]);
        b.output(b.op("Add", [y, x], {}, { name: "sum" }));
        b.output(b.op("Relu", [y]));
      }),
      [mergeParallelBranches],
    );
    expect(reasonOf(shared, "sum")).toContain("read elsewhere");
  });

  it("that broadcast are left alone", () => {
    const out = summed((b, x) => [conv(b, x, "a", [6, 4, 9, 8]), conv(b, x, "b", [6, 4, 1, 1])], "Add");
    expect(out.applied).toBe(0);
  });

  it("of different inputs are none of its business", () => {
    const out = summed(
      (b, x) => [conv(b, x, "a", [4, 4, 1, 1]), conv(b, b.op("Neg", [x]), "b", [4, 4, 1, 1])],
      "Add",
    );
    expect(out.entries).toEqual([]);
  });
});

describe("Concats", () => {
  it("of one geometry are stacked, others stay", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 4, 9, 8));
        b.output(
          b.op(
            "Concat",
            [
              conv(b, x, "a", [3, 4, 1, 1], {}, true),
              conv(b, x, "b", [5, 4, 1, 1]),
              conv(b, x, "c", [2, 4, 3, 3], { pads: [1, 1, 1, 1] }),
            ],
            { axis: 1 },
            { name: "cat" },
          ),
        );
      }),
      [mergeParallelBranches],
    );
    expect(opsOf(out.after)).toEqual(["Conv", "Conv", "Concat"]);
    expect(reasonOf(out, "cat")).toContain("dearer");
  });

  it("along another axis or of different inputs are left alone", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 4, 9, 8));
        b.output(b.op("Concat", [conv(b, x, "a", [3, 4, 1, 1]), conv(b, x, "b", [3, 4, 1, 1])], { axis: 2 }));
      }),
      [mergeParallelBranches],
    );
    expect(out.entries).toEqual([]);
  });
});
