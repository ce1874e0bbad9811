import { describe, expect, it } from "vitest";
import foldConstants from "../../passes/fold-constants.js";
import { attr, Tensor } from "../../src/ir/index.js";
import { f64, model, opsOf, reasonOf, runPasses, weights } from "./rewrite-harness.js";

describe("fires", () => {
  it("on arithmetic of constants, to a fixpoint", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 3));
        const sum = b.op("Add", [b.initializer("a", weights(1, [3])), b.initializer("c", weights(2, [3]))]);
        b.output(b.op("Mul", [x, b.op("Neg", [sum])]));
      }),
      [foldConstants],
    );
    expect(opsOf(out.after)).toEqual(["Mul"]);
    expect(out.after.graph.initializers).toHaveLength(1);
  });

  it("on the shape of a value whose shape is fixed", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64(2, 3, 4));
        const y = b.op("Relu", [x]);
        b.output(
          b.op("Reshape", [
            y,
            b.op("Gather", [b.op("Shape", [y]), b.initializer("i", Tensor.i64([3], [2, 0, 1]))]),
          ]),
        );
      }),
      [foldConstants],
    );
    expect(opsOf(out.after)).toEqual(["Relu", "Reshape"]);
  });

  it("on a transposed weight, which takes no more room than the original", () => {
    const out = runPasses(
      model((b) => {
        const w = b.op("Transpose", [b.initializer("w", weights(1, [3, 3, 2, 4]))], { perm: [3, 2, 0, 1] });
        b.output(b.op("Conv", [b.input("x", f64("N", 2, 5, 5)), w]));
      }),
      [foldConstants],
    );
    expect(opsOf(out.after)).toEqual(["Conv"]);
  });
});

describe("declines", () => {
  it("what would make the file larger: a ConstantOfShape, a weight that others read too", () => {
    const out = runPasses(
      model((b) => {
        const shape = b.initializer("shape", Tensor.i64([2], [50, 60]));
        const big = b.op(
          "ConstantOfShape",
          [shape],
          { value: Tensor.floats("float64", [1], [0.5]) },
          { name: "big" },
        );
        const w = b.initializer("w", weights(1, [50, 60]));
        const twice = b.op("Transpose", [w], { perm: [1, 0] }, { name: "twice" });
        const x = b.input("x", f64("N", 50));
        b.output(b.op("MatMul", [x, big]));
        b.output(b.op("MatMul", [b.op("MatMul", [x, w]), twice]));
      }),
      [foldConstants],
    );
    expect(reasonOf(out, "big")).toContain("grow the file");
    expect(reasonOf(out, "twice")).toContain("grow the file");
  });

  it("overridable initializers, random numbers, quantised weights and outputs", () => {
    const out = runPasses(
      model((b) => {
        const a = b.initializer("a", weights(1, [3]));
        b.input("a", f64(3));
        b.output(b.op("Add", [b.input("x", f64(3)), b.op("Neg", [a], {}, { name: "open" })]));
        b.output(b.op("Neg", [b.initializer("c", weights(2, [3]))], {}, { name: "out" }));
        const q = b.initializer("q", Tensor.of("int8", [3], Int8Array.of(1, 2, 3)));
        const s = b.initializer("s", Tensor.floats("float32", [], [0.5]));
        b.output(b.op("Relu", [b.op("DequantizeLinear", [q, s], {}, { name: "dq" })]));
      }),
      [foldConstants],
    );
    expect(opsOf(out.after)).toContain("DequantizeLinear");
    expect(reasonOf(out, "out")).toContain("output of the graph");
    expect(out.applied).toBe(0);
    const random = runPasses(
      model((b) =>
        b.output(
          b.op("Relu", [b.op("RandomNormal", [], { shape: [2], seed: attr.float(1) }, { name: "r" })]),
        ),
      ),
      [foldConstants],
    );
    expect(random.applied).toBe(0);
  });

  it("what nobody reads, which drop-dead-nodes takes away", () => {
    const out = runPasses(
      model((b) => {
        b.output(b.op("Relu", [b.input("x", f64(3))]));
        b.op("Neg", [b.initializer("c", weights(2, [3]))], {}, { name: "dead" });
      }),
      [foldConstants],
    );
    expect(out.entries).toEqual([]);
  });

  it("what only --shape would fix", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 3, "H"));
        b.output(b.op("Reshape", [b.op("Relu", [x]), b.op("Shape", [x], {}, { name: "shape" })]));
      }),
      [foldConstants],
      { shapes: new Map([["x", [1, 3, 8]]]) },
    );
    expect(opsOf(out.after)).toContain("Shape");
  });
});

describe("what it says of the size", () => {
  /** The bytes by which folding a Neg of a shared constant would grow the file, as the decline gives them. */
  function growth(
    name: string,
    dims: number[],
    dtype: "float64" | "float32" | "float16" | "int64" = "float64",
  ): string {
    const out = runPasses(
      model((b) => {
        const size = dims.reduce((product, dim) => product * dim, 1);
        const c = b.initializer(
          "c",
          dtype === "int64" ? Tensor.i64(dims, new Array<number>(size).fill(1)) : weights(1, dims, dtype),
        );
        const x = b.input("x", { dtype, shape: dims });
        b.output(b.op("Add", [b.op("Neg", [c], {}, { name, outputs: ["y"] }), c]));
        b.output(b.op("Add", [x, c]));
      }),
      [foldConstants],
    );
    return reasonOf(out, name) ?? opsOf(out.after).join();
  }

  it("counts the new initializer against the node that goes", () => {
    // The initializer is called "neg/value": 12 + 9 + 3 per axis + data. The node: 2 + (3+2) + (3+2) + (1+2) + (1+2).
    expect(growth("neg", [10])).toBe(`folding would grow the file by about ${12 + 9 + 3 + 80 - 18} bytes`);
    expect(growth("neg", [2, 5], "float32")).toBe(
      `folding would grow the file by about ${12 + 9 + 6 + 40 - 18} bytes`,
    );
    expect(growth("neg", [10], "float16")).toBe(
      `folding would grow the file by about ${12 + 9 + 3 + 20 - 18} bytes`,
    );
    expect(growth("neg", [10], "int64")).toBe(
      `folding would grow the file by about ${12 + 9 + 3 + 80 - 18} bytes`,
    );
  });

  it("counts attributes and released initializers, and folds what comes out even", () => {
    // ConstantOfShape "k" of value 2.5 (float64): 2 + (1+2) + (15+2) + (5+2) + (1+2) + "value" 5 + 6 + 8 bytes, and the
    // initializer "shape" (8 bytes of one axis): 12 + 5 + 3 + 8. Together 51 + 28 = 79.
    const constantOfShape = (size: number) =>
      runPasses(
        model((b) => {
          const shape = b.initializer("shape", Tensor.i64([1], [size]));
          const value = Tensor.floats("float64", [1], [2.5]);
          const k = b.op("ConstantOfShape", [shape], { value }, { name: "k", outputs: ["y"] });
          b.output(b.op("Add", [b.input("x", f64(size)), k]));
        }),
        [foldConstants],
      );
    // "k/value": 12 + 7 + 3 + 8 per element.
    expect(reasonOf(constantOfShape(8), "k")).toBe(
      `folding would grow the file by about ${22 + 64 - 79} bytes`,
    );
    expect(constantOfShape(7).applied).toBe(1);
  });

  it("rounds half bytes up", () => {
    const out = runPasses(
      model(
        (b) => {
          const c = b.initializer("c", Tensor.of("int4", [31, 1], new Int8Array(31).fill(3)));
          b.output(
            b.op("Concat", [b.op("Transpose", [c], { perm: [1, 0] }, { name: "t", outputs: ["y"] })], {
              axis: 0,
            }),
          );
          b.output(b.op("Identity", [c]));
        },
        { opset: 21, ir: 10 },
      ),
      [foldConstants],
      { interpret: false },
    );
    // "t/value": 12 + 7 + 3 per axis + 16. The node: 2 + (1+2) + (9+2) + (1+2) + (1+2) + "perm" 4 + 6 + 2.
    expect(reasonOf(out, "t")).toBe(`folding would grow the file by about ${12 + 7 + 6 + 16 - 34} bytes`);
  });
});
