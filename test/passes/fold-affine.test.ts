import { describe, expect, it } from "vitest";
import foldAffine from "../../passes/fold-affine.js";
import { Tensor, type GraphBuilder, type Value } from "../../src/ir/index.js";
import { f64, model, opsOf, reasonOf, runPasses, weights } from "./rewrite-harness.js";

const conv = (b: GraphBuilder, x: Value | string, name: string, attrs = {}, dims = [4, 3, 3, 3]): Value =>
  b.op("Conv", [x, b.initializer(`${name}.w`, weights(3, dims))], attrs, { name });

describe("fires", () => {
  it.each([
    ["Mul", [4, 1, 1], false],
    ["Add", [1, 4, 1, 1], true],
    ["Sub", [], false],
    ["Sub", [4, 1, 1], true],
    ["Div", [4, 1, 1], false],
    ["Mul", [1], true],
  ] as const)("%s of %j behind a convolution, constant first: %s", (op, dims, first) => {
    const out = runPasses(
      model((b) => {
        const y = conv(b, b.input("x", f64("N", 3, 7, 7)), "conv", { pads: [1, 1, 0, 0], strides: [2, 1] });
        const c = b.initializer("c", weights(9, dims));
        b.output(b.op(op, first ? [c, y] : [y, c], {}, { name: "affine" }));
      }),
      [foldAffine],
    );
    expect(opsOf(out.after)).toEqual(["Conv"]);
  });

  it("Mul in front of a padded convolution, Add in front of an unpadded one", () => {
    for (const [op, pads] of [
      ["Mul", [1, 1, 1, 1]],
      ["Add", [0, 0, 0, 0]],
    ] as const) {
      const out = runPasses(
        model((b) => {
          const x = b.input("x", f64("N", 3, 7, 7));
          b.output(
            conv(
              b,
              b.op(op, [x, b.initializer("c", weights(9, [3, 1, 1]))], {}, { name: "affine" }),
              "conv",
              { pads },
            ),
          );
        }),
        [foldAffine],
      );
      expect(opsOf(out.after)).toEqual(["Conv"]);
    }
  });

  it("into all readers at once when several convolutions read it", () => {
    const out = runPasses(
      model((b) => {
        const y = b.op(
          "Mul",
          [b.input("x", f64("N", 3, 7, 7)), b.initializer("c", weights(9, [3, 1, 1]))],
          {},
          { name: "affine" },
        );
        b.output(conv(b, y, "a"));
        b.output(conv(b, y, "b", { strides: [2, 2] }));
      }),
      [foldAffine],
    );
    expect(opsOf(out.after)).toEqual(["Conv", "Conv"]);
  });

  it("MatMul and its Add become a Gemm; behind a batched MatMul only the scale folds", () => {
    const flat = runPasses(
      model((b) => {
        const y = b.op(
          "MatMul",
          [b.input("x", f64("N", 5)), b.initializer("w", weights(1, [5, 4]))],
          {},
          { name: "fc" },
        );
        b.output(b.op("Add", [y, b.initializer("c", weights(2, [4]))], {}, { name: "add" }));
      }),
      [foldAffine],
    );
    expect(opsOf(flat.after)).toEqual(["Gemm"]);
    const batched = runPasses(
      model((b) => {
        const y = b.op(
          "MatMul",
          [b.input("x", f64("N", 3, 5)), b.initializer("w", weights(1, [5, 4]))],
          {},
          { name: "fc" },
        );
        const scaled = b.op("Mul", [y, b.initializer("s", weights(3, [4]))], {}, { name: "mul" });
        b.output(b.op("Add", [scaled, b.initializer("c", weights(2, [4]))], {}, { name: "add" }));
      }),
      [foldAffine],
    );
    expect(opsOf(batched.after)).toEqual(["MatMul", "Add"]);
    expect(reasonOf(batched, "add")).toContain("can't take a bias");
  });

  it("aligns by axis before opset 7", () => {
    const out = runPasses(
      model(
        (b) => {
          const y = conv(b, b.input("x", f64("N", 3, 7, 7)), "conv");
          b.output(
            b.op("Add", [y, b.initializer("c", weights(2, [4]))], { broadcast: 1, axis: 1 }, { name: "add" }),
          );
        },
        { opset: 6, ir: 3 },
      ),
      [foldAffine],
    );
    expect(opsOf(out.after)).toEqual(["Conv"]);
  });
});

describe("declines", () => {
  const behind = (op: string, dims: number[], first = false) =>
    runPasses(
      model((b) => {
        const y = conv(b, b.input("x", f64("N", 3, 7, 7)), "conv");
        const c = b.initializer("c", weights(9, dims));
        b.output(b.op(op, first ? [c, y] : [y, c], {}, { name: "affine" }));
      }),
      [foldAffine],
    );

  it("a constant per position, a bigger shape, a constant divided by x", () => {
    expect(reasonOf(behind("Mul", [1, 1, 5, 5]), "affine")).toContain("one number per channel");
    expect(reasonOf(behind("Add", [2, 1, 4, 1, 1]), "affine")).toContain("one number per channel");
    expect(reasonOf(behind("Div", [4, 1, 1], true), "affine")).toContain("not affine");
    // [4] aligns with the last axis, not with the channels.
    expect(reasonOf(behind("Mul", [5]), "affine")).toContain("one number per channel");
  });

  it("division by zero", () => {
    const out = runPasses(
      model((b) => {
        const y = conv(b, b.input("x", f64("N", 3, 7, 7)), "conv");
        b.output(
          b.op("Div", [y, b.initializer("c", Tensor.floats("float64", [], [0]))], {}, { name: "affine" }),
        );
      }),
      [foldAffine],
      { interpret: false },
    );
    expect(reasonOf(out, "affine")).toContain("not finite");
  });

  it("a shift in front of a ConvTranspose, whose outputs see different numbers of taps", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 3, 4, 4));
        const y = b.op("Add", [x, b.initializer("c", weights(9, [3, 1, 1]))], {}, { name: "affine" });
        b.output(
          b.op(
            "ConvTranspose",
            [y, b.initializer("w", weights(1, [3, 2, 3, 3]))],
            { strides: [2, 2] },
            { name: "up" },
          ),
        );
      }),
      [foldAffine],
    );
    expect(reasonOf(out, "affine")).toContain("alike");
  });

  it("says nothing of constants per position that are not next to a layer", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 3, 4, 4));
        b.output(b.op("Relu", [b.op("Mul", [x, b.initializer("c", weights(9, [4, 4]))])]));
      }),
      [foldAffine],
    );
    expect(out.entries).toEqual([]);
  });

  it("says nothing of sums that are not next to a layer", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 3, 4, 4));
        b.output(
          b.op("Relu", [b.op("Add", [x, b.initializer("c", weights(9, [3, 1, 1]))], {}, { name: "affine" })]),
        );
      }),
      [foldAffine],
    );
    expect(out.entries).toEqual([]);
  });
});

describe("the constant's place", () => {
  it("is the channels of a MatMul, which are last, also in front of it", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", f64("N", 3, 5));
        const scaled = b.op("Mul", [x, b.initializer("s", weights(3, [5]))], {}, { name: "affine" });
        b.output(b.op("MatMul", [scaled, b.initializer("w", weights(1, [5, 4]))], {}, { name: "fc" }));
      }),
      [foldAffine],
    );
    expect(opsOf(out.after)).toEqual(["MatMul"]);
  });

  it("adds no axis, and a vector has no channels", () => {
    const behind = (x: Value, op: string, b: GraphBuilder, dims: number[]): void => {
      b.output(b.op(op, [x, b.initializer("c", weights(9, dims))], {}, { name: "affine" }));
    };
    const bigger = runPasses(
      model((b) => behind(conv(b, b.input("x", f64(2, 3, 7, 7)), "conv"), "Mul", b, [1, 1, 4, 1, 1])),
      [foldAffine],
    );
    expect(reasonOf(bigger, "affine")).toContain("one number per channel");
    const vector = runPasses(
      model((b) => {
        const y = b.op("MatMul", [b.input("x", f64(5)), b.initializer("w", weights(1, [5, 4]))]);
        behind(y, "Add", b, [4]);
      }),
      [foldAffine],
    );
    expect(reasonOf(vector, "affine")).toContain("one number per channel");
  });

  it("before opset 7 is in front only with the same rank", () => {
    const first = (dims: number[]) =>
      runPasses(
        model(
          (b) => {
            const y = conv(b, b.input("x", f64(1, 3, 3, 3)), "conv");
            b.output(b.op("Add", [b.initializer("c", weights(2, dims)), y], {}, { name: "affine" }));
          },
          { opset: 6, ir: 3 },
        ),
        [foldAffine],
      );
    expect(opsOf(first([1, 4, 1, 1]).after)).toEqual(["Conv"]);
  });

  it("declines a shift that is not finite", () => {
    const out = runPasses(
      model((b) => {
        const y = conv(b, b.input("x", f64("N", 3, 7, 7)), "conv");
        const c = b.initializer("c", Tensor.floats("float64", [], [Infinity]));
        b.output(b.op("Add", [y, c], {}, { name: "affine" }));
      }),
      [foldAffine],
      { interpret: false },
    );
    expect(reasonOf(out, "affine")).toContain("not finite");
  });
});
