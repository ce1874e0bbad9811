import { describe, expect, it } from "vitest";
import dropIdentities from "../../passes/drop-identities.js";
import { Tensor, type GraphBuilder, type Value } from "../../src/ir/index.js";
import { f64, model, opsOf, reasonOf, runPasses, weights } from "./rewrite-harness.js";

type Make = (b: GraphBuilder, x: Value) => Value;

const between = (make: Make) =>
  runPasses(
    model((b) => {
      const x = b.op("Relu", [b.input("x", f64("N", 3, 4, 4))]);
      b.output(b.op("Neg", [make(b, x)]));
    }),
    [dropIdentities],
  );
const ints = (b: GraphBuilder, name: string, values: number[]): Value =>
  b.initializer(name, Tensor.i64([values.length], values));

describe("fires", () => {
  it.each<[string, Make]>([
    ["Identity", (b, x) => b.op("Identity", [x])],
    ["Dropout", (b, x) => b.op("Dropout", [x])],
    [
      "Dropout with training_mode false",
      (b, x) =>
        b.op("Dropout", [
          x,
          b.initializer("r", Tensor.floats("float32", [], [0.5])),
          b.initializer("t", Tensor.of("bool", [], Uint8Array.of(0))),
        ]),
    ],
    ["Cast to the same type", (b, x) => b.op("Cast", [x], { to: 11 })],
    ["identity Transpose", (b, x) => b.op("Transpose", [x], { perm: [0, 1, 2, 3] })],
    ["Reshape to the same shape", (b, x) => b.op("Reshape", [x, ints(b, "s", [0, 3, 4, 4])])],
    ["Pad by nothing", (b, x) => b.op("Pad", [x, ints(b, "p", [0, 0, 0, 0, 0, 0, 0, 0])])],
    [
      "Slice over everything",
      (b, x) => b.op("Slice", [x, ints(b, "f", [0]), ints(b, "t", [99]), ints(b, "a", [2])]),
    ],
    ["Concat of one", (b, x) => b.op("Concat", [x], { axis: 1 })],
    ["Sum of one", (b, x) => b.op("Sum", [x])],
    ["+ 0", (b, x) => b.op("Add", [b.initializer("z", Tensor.floats("float64", [], [0])), x])],
    [
      "− 0 per channel",
      (b, x) => b.op("Sub", [x, b.initializer("z", Tensor.floats("float64", [3, 1, 1], [0, 0, 0]))]),
    ],
    ["· 1", (b, x) => b.op("Mul", [x, b.initializer("z", Tensor.floats("float64", [1], [1]))])],
    ["/ 1", (b, x) => b.op("Div", [x, b.initializer("z", Tensor.floats("float64", [], [1]))])],
    ["Expand to the same shape", (b, x) => b.op("Expand", [x, ints(b, "e", [1, 3, 1, 1])])],
  ])("%s", (_, make) => {
    expect(opsOf(between(make).after)).toEqual(["Relu", "Neg"]);
  });

  it("in front of an output, whose name the producer takes over", () => {
    const out = runPasses(
      model((b) =>
        b.output(b.op("Identity", [b.op("Relu", [b.input("x", f64("N", 2))])], {}, { outputs: ["y"] })),
      ),
      [dropIdentities],
    );
    expect(opsOf(out.after)).toEqual(["Relu"]);
    expect(out.after.graph.outputs[0]!.name).toBe("y");
  });
});

describe("keeps", () => {
  it.each<[string, Make]>([
    [
      "a Slice that reverses",
      (b, x) =>
        b.op("Slice", [x, ints(b, "f", [-1]), ints(b, "t", [-99]), ints(b, "a", [2]), ints(b, "s", [-1])]),
    ],
    ["0 − x", (b, x) => b.op("Sub", [b.initializer("z", Tensor.floats("float64", [], [0])), x])],
    ["1 / x", (b, x) => b.op("Div", [b.initializer("z", Tensor.floats("float64", [], [1])), x])],
    [
      "a zero that broadcasts",
      (b, x) => b.op("Add", [x, b.initializer("z", Tensor.zeros("float64", [2, 1, 1, 1, 1]))]),
    ],
    ["pads that sum to zero", (b, x) => b.op("Pad", [x, ints(b, "p", [0, 0, 1, 0, 0, 0, -1, 0])])],
    ["a Cast to another type", (b, x) => b.op("Cast", [x], { to: 1 })],
    ["a real Transpose", (b, x) => b.op("Transpose", [x], { perm: [0, 1, 3, 2] })],
    ["a Reshape that moves", (b, x) => b.op("Reshape", [x, ints(b, "s", [0, 3, 2, 8])])],
    [
      "a weight of ones and twos",
      (b, x) => b.op("Mul", [x, b.initializer("z", Tensor.floats("float64", [3, 1, 1], [1, 2, 1]))]),
    ],
  ])("%s", (_, make) => {
    expect(between(make).applied).toBe(0);
  });

  it("a Dropout in training mode, or whose mask is read", () => {
    const training = between((b, x) =>
      b.op("Dropout", [
        x,
        b.initializer("r", Tensor.floats("float64", [], [0])),
        b.initializer("t", Tensor.of("bool", [], Uint8Array.of(1))),
      ]),
    );
    expect(training.applied).toBe(0);
    const masked = runPasses(
      model((b) => {
        const node = b.node(
          "Dropout",
          [b.op("Relu", [b.input("x", f64("N", 2))])],
          {},
          { name: "drop", outputs: ["y", "mask"] },
        );
        b.output(node.outputs[0]!);
        b.output(node.outputs[1]!);
      }),
      [dropIdentities],
    );
    expect(reasonOf(masked, "drop")).toContain("second output");
  });

  it("an Identity between two names of the interface", () => {
    const out = runPasses(
      model((b) => b.output(b.op("Identity", [b.input("x", f64("N", 2))], {}, { name: "id" }))),
      [dropIdentities],
    );
    expect(reasonOf(out, "id")).toContain("interface");
    const twice = runPasses(
      model((b) => {
        const y = b.op("Relu", [b.input("x", f64("N", 2))]);
        b.output(y);
        b.output(b.op("Identity", [y], {}, { name: "id" }));
      }),
      [dropIdentities],
    );
    expect(twice.applied).toBe(0);
  });

  it("the weights of a layer under another name", () => {
    const out = runPasses(
      model((b) => {
        const w = b.op("Identity", [b.initializer("w", weights(1, [2, 2, 1, 1]))], {}, { name: "alias" });
        b.output(b.op("Conv", [b.input("x", f64("N", 2, 3, 3)), w]));
      }),
      [dropIdentities],
    );
    expect(opsOf(out.after)).toEqual(["Conv"]);
  });
});

describe("at the borders", () => {
  const scalar = (b: GraphBuilder, name: string, value: number): Value =>
    b.initializer(name, Tensor.floats("float64", [], [value]));

  it("CastLike asks the second input", () => {
    const like = (dtype: "float32" | "float64") =>
      between((b, x) => b.op("CastLike", [x, b.initializer("like", Tensor.zeros(dtype, [1]))]));
    expect(opsOf(like("float64").after)).toEqual(["Relu", "Neg"]);
    expect(like("float32").applied).toBe(0);
  });

  it("a Slice over everything may name its steps", () => {
    const slice = (end: number, step: number) =>
      between((b, x) =>
        b.op("Slice", [x, ints(b, "f", [0]), ints(b, "t", [end]), ints(b, "a", [2]), ints(b, "s", [step])]),
      );
    expect(opsOf(slice(99, 1).after)).toEqual(["Relu", "Neg"]);
    expect(slice(99, 2).applied).toBe(0);
    expect(slice(3, 1).applied).toBe(0);
  });

  it("before opset 7 a Dropout drops unless is_test is set", () => {
    const old = (is_test: number) =>
      runPasses(
        model(
          (b) => {
            const x = b.op("Relu", [b.input("x", f64("N", 3))]);
            b.output(b.op("Neg", [b.op("Dropout", [x], { is_test }, { name: "drop" })]));
          },
          { opset: 6, ir: 3 },
        ),
        [dropIdentities],
        { interpret: false },
      );
    expect(opsOf(old(1).after)).toEqual(["Relu", "Neg"]);
    expect(old(0).applied).toBe(0);
  });

  it("before opset 12 a Dropout never drops", () => {
    const out = runPasses(
      model(
        (b) => {
          const x = b.op("Relu", [b.input("x", f64("N", 3))]);
          b.output(b.op("Neg", [b.op("Dropout", [x])]));
        },
        { opset: 10, ir: 5 },
      ),
      [dropIdentities],
    );
    expect(opsOf(out.after)).toEqual(["Relu", "Neg"]);
  });

  it("pads are an attribute before opset 11", () => {
    const old = (pads: number[]) =>
      runPasses(
        model(
          (b) => {
            const x = b.op("Relu", [b.input("x", f64(2, 3))]);
            b.output(b.op("Neg", [b.op("Pad", [x], { pads })]));
          },
          { opset: 10, ir: 5 },
        ),
        [dropIdentities],
      );
    expect(opsOf(old([0, 0, 0, 0]).after)).toEqual(["Relu", "Neg"]);
    expect(old([0, 1, 0, 0]).applied).toBe(0);
  });

  it("an operand with nothing in it is no zero: x is broadcast to nothing", () => {
    const out = runPasses(
      model((b) => {
        const x = b.op("Relu", [b.input("x", f64(3, 1))]);
        const none = b.initializer("none", Tensor.zeros("float64", [3, 0]));
        b.output(b.op("Neg", [b.op("Add", [x, none])]));
      }),
      [dropIdentities],
    );
    expect(out.applied).toBe(0);
  });

  it("a constant of one element passes x on where the shape is open, one of two elements only where it fits", () => {
    const open = (constant: (b: GraphBuilder) => Value) =>
      runPasses(
        model((b) => {
          const x = b.op("Relu", [b.input("x", { dtype: "float64", shape: ["N", null] })]);
          b.output(b.op("Neg", [b.op("Add", [x, constant(b)])]));
        }),
        [dropIdentities],
      );
    expect(open((b) => scalar(b, "z", 0)).applied).toBe(1);
    expect(open((b) => b.initializer("z", Tensor.zeros("float64", [9]))).applied).toBe(0);
    expect(open((b) => b.initializer("z", Tensor.zeros("float64", [1, 1, 1]))).applied).toBe(0);
  });

  it("nothing is known of a shape without a rank", () => {
    const out = runPasses(
      model((b) => {
        const x = b.input("x", { dtype: "float64", shape: null });
        b.output(b.op("Neg", [b.op("Reshape", [x, ints(b, "s", [-1])])]));
        b.output(
          b.op("Neg", [
            b.op("Expand", [
              b.op("Relu", [b.input("y", f64("N"))]),
              b.input("to", { dtype: "int64", shape: null }),
            ]),
          ]),
        );
      }),
      [dropIdentities],
      { interpret: false },
    );
    expect(out.applied).toBe(0);
  });

  it.each([
    ["DOUBLE", 1],
    ["FLOAT", 0],
  ])("before opset 6 a Cast names its type: %s", (to, applied) => {
    const out = runPasses(
      model(
        (b) => {
          const x = b.op("Relu", [b.input("x", f64("N", 3))]);
          b.output(b.op("Neg", [b.op("Cast", [x], { to })]));
        },
        { opset: 5, ir: 3 },
      ),
      [dropIdentities],
      { interpret: false },
    );
    expect(out.applied).toBe(applied);
  });
});
