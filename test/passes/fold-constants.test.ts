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
