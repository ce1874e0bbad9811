import { describe, expect, test } from "vitest";
import { GraphBuilder, Model, Tensor, type Dim, type Value } from "../../src/ir/index.js";
import { inferFacts } from "../../src/measure/index.js";

/** Shape of what `build` makes of an input of this shape. */
function shapeOf(
  shape: readonly Dim[],
  build: (b: GraphBuilder, x: Value) => Value,
  opset = 17,
): readonly Dim[] | null {
  const builder = new GraphBuilder();
  builder.graph.opsets.set("", opset);
  const x = builder.input("x", { dtype: "float32", shape });
  builder.output(build(builder, x));
  return inferFacts(new Model(builder.graph)).of(builder.graph.outputs[0]!).shape;
}

let count = 0;
const ints = (b: GraphBuilder, ...values: number[]): Value =>
  b.initializer(`c${count++}`, Tensor.i64([values.length], values));
const int = (b: GraphBuilder, value: number): Value => b.initializer(`c${count++}`, Tensor.i64([], [value]));

describe("a symbolic batch survives", () => {
  test("Shape → Gather → Unsqueeze → Concat → Reshape, as exporters flatten", () => {
    const flattened = shapeOf(["N", 3, 4, 5], (b, x) => {
      const n = b.op("Unsqueeze", [b.op("Gather", [b.op("Shape", [x]), int(b, 0)]), ints(b, 0)]);
      return b.op("Reshape", [x, b.op("Concat", [n, ints(b, -1)], { axis: 0 })]);
    });
    expect(flattened).toEqual(["N", 60]);
  });

  test("Shape → Slice → Cast → Mul → Resize by sizes", () => {
    const resized = shapeOf(["N", 3, 4, 5], (b, x) => {
      const spatial = b.op("Slice", [b.op("Shape", [x]), ints(b, 2), ints(b, 4)]);
      const doubled = b.op("Mul", [b.op("Cast", [spatial], { to: 7 }), ints(b, 2, 2)]);
      const head = b.op("Slice", [b.op("Shape", [x]), ints(b, 0), ints(b, 2)]);
      return b.op("Resize", [x, null, null, b.op("Concat", [head, doubled], { axis: 0 })]);
    });
    expect(resized).toEqual(["N", 3, 8, 10]);
  });

  test("ConstantOfShape and Expand take it over", () => {
    expect(shapeOf(["N", 2], (b, x) => b.op("ConstantOfShape", [b.op("Shape", [x])]))).toEqual(["N", 2]);
    expect(
      shapeOf(["N", 1], (b, x) =>
        b.op("Expand", [b.initializer(`e${count++}`, Tensor.f32([1], [0])), b.op("Shape", [x])]),
      ),
    ).toEqual(["N", 1]);
  });

  test("Range from 0 by 1 up to it", () => {
    const length = shapeOf(["N", 2], (b, x) =>
      b.op("Range", [int(b, 0), b.op("Gather", [b.op("Shape", [x]), int(b, 0)]), int(b, 1)]),
    );
    expect(length).toEqual(["N"]);
  });

  test("Where(Equal(shape, -1), …) with all known becomes a value", () => {
    const expanded = shapeOf([2, 3], (b, x) => {
      const shape = b.op("Shape", [x]);
      const picked = b.op("Where", [b.op("Equal", [shape, ints(b, 3)]), ints(b, 1), shape]);
      return b.op("ConstantOfShape", [picked]);
    });
    expect(expanded).toEqual([2, 1]);
  });

  test("a product of unknown dimensions is unknown, one symbol among ones isn't", () => {
    expect(shapeOf(["N", 1, 1], (b, x) => b.op("Reshape", [x, ints(b, -1)]))).toEqual(["N"]);
    expect(shapeOf(["N", "M"], (b, x) => b.op("Reshape", [x, ints(b, -1)]))).toEqual([null]);
    expect(shapeOf(["N", 6], (b, x) => b.op("Reshape", [x, ints(b, 0, 2, -1)]))).toEqual(["N", 2, 3]);
  });
});

describe("what can't go together is refused", () => {
  test("with the node and the shapes in the message", () => {
    const refuse =
      (build: (b: GraphBuilder, x: Value) => Value): (() => unknown) =>
      () =>
        shapeOf([2, 3], build);
    expect(refuse((b, x) => b.op("Reshape", [x, ints(b, 4)]))).toThrow(
      /\[2, 3\] \(6 elements\) cannot be reshaped to \[4\]/,
    );
    expect(
      refuse((b, x) =>
        b.op("Concat", [x, b.initializer(`t${count++}`, Tensor.zeros("float32", [2, 4]))], { axis: 0 }),
      ),
    ).toThrow(/must agree but for axis 0/);
    expect(refuse((b, x) => b.op("Squeeze", [x, ints(b, 0)]))).toThrow(/only 1 can be squeezed/);
    expect(refuse((b, x) => b.op("Gather", [x, ints(b, 0)], { axis: 2 }))).toThrow(
      /axis 2 is outside \[-2, 1\]/,
    );
    expect(refuse((b, x) => b.op("Einsum", [x], { equation: "ijk->k" }))).toThrow(/rank 2/);
  });
});
