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

describe("at the borders", () => {
  it("weights whose sum leaves the range of float16", () => {
    const huge = (b: GraphBuilder, name: string, x: Value): Value =>
      b.op("Conv", [
        x,
        b.initializer(name, Tensor.floats("float16", [2, 4, 1, 1], new Float64Array(8).fill(4e4))),
      ]);
    const out = runPasses(
      model((b) => {
        const x = b.input("x", { dtype: "float16", shape: ["N", 4, 3, 3] });
        b.output(b.op("Add", [huge(b, "a", x), huge(b, "b", x)], {}, { name: "sum" }));
      }),
      [mergeParallelBranches],
      { interpret: false },
    );
    expect(reasonOf(out, "sum")).toContain("range of float16");
  });

  it.each([1, -3])("a Concat over channels may count its axis from the end: %i", (axis) => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 4, 9, 8));
        const branches = [conv(b, x, "a", [3, 4, 1, 1]), conv(b, x, "b", [5, 4, 1, 1], {}, true)];
        b.output(b.op("Concat", branches, { axis }));
      }),
      [mergeParallelBranches],
    );
    expect(opsOf(out.after)).toEqual(["Conv"]);
    expect(out.after.graph.nodes[0]!.input(1)!.initializer!.dims).toEqual([8, 4, 1, 1]);
  });

  it("a Concat of runs, values and a layer that is none keeps their order", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64(2, 4, 9, 8));
        const open = b.op("Conv", [x, b.input("w", f64(2, 4, 1, 1))], {}, { name: "open" });
        const up = b.op(
          "ConvTranspose",
          [x, b.initializer("u", weights(7, [4, 2, 1, 1]))],
          {},
          { name: "up" },
        );
        b.output(
          b.op(
            "Concat",
            [
              conv(b, x, "a", [3, 4, 1, 1], {}, true),
              open,
              conv(b, x, "b", [5, 4, 1, 1]),
              conv(b, x, "c", [2, 4, 1, 1], {}, true),
              up,
              b.op("Neg", [x]),
              conv(b, x, "d", [4, 2, 1, 1], { group: 2 }),
              conv(b, x, "e", [4, 2, 1, 1], { group: 2 }),
            ],
            { axis: 1 },
            { name: "cat" },
          ),
        );
      }),
      [mergeParallelBranches],
    );
    const { graph } = out.after;
    expect(graph.nodes.filter((node) => node.op === "Conv")).toHaveLength(5);
    expect(graph.nodes.at(-1)!.inputs).toHaveLength(7);
    expect(graph.nodes.at(-1)!.inputs.map((value) => value!.producer!.op)).toEqual([
      "Conv",
      "Conv",
      "Conv",
      "ConvTranspose",
      "Neg",
      "Conv",
      "Conv",
    ]);
  });

  it("a branch that is concatenated twice is not stacked with itself", () => {
    const out = runPasses(
      model((b) => {
        const y = conv(b, b.input("x", f64("N", 4, 9, 8)), "a", [3, 4, 1, 1]);
        b.output(b.op("Concat", [y, y], { axis: 1 }));
      }),
      [mergeParallelBranches],
    );
    expect(out.applied).toBe(0);
  });
});
