import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GraphBuilder, Model, Tensor } from "../../src/ir/index.js";
import { interpret } from "../../src/measure/index.js";

function relu(values: Float32Array): Float32Array {
  const builder = new GraphBuilder();
  const type = { dtype: "float32", shape: [values.length] } as const;
  builder.output(builder.op("Relu", [builder.input("x", type)], {}, { outputs: ["y"] }), type);
  builder.graph.opsets.set("", 17);
  const feeds = new Map([["x", Tensor.of("float32", [values.length], values)]]);
  return interpret(new Model(builder.graph), feeds).get("y")!.data as Float32Array;
}

describe("Relu of float32", () => {
  it("is max(0, x) for every kind of float32, NaN of either sign included", () => {
    const words = Uint32Array.of(
      ...[0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x7f7fffff, 0xff7fffff, 0x7f800000],
      ...[0xff800000, 0x7f800001, 0xff800001, 0x7fc00000, 0xffc00000, 0x7fffffff, 0xffffffff, 0x807fffff],
    );
    const values = new Float32Array(words.buffer);
    expect([...relu(values)]).toEqual([...values].map((x) => (Number.isNaN(x) ? NaN : Math.max(0, x))));
  });

  it("agrees with its definition on any bits, also of a part of a buffer", () => {
    fc.assert(
      fc.property(fc.uint32Array({ minLength: 2, maxLength: 40 }), (words) => {
        const values = new Float32Array(words.buffer, words.byteOffset + 4, words.length - 1);
        expect([...relu(values)]).toEqual([...values].map((x) => (x < 0 || Object.is(x, -0) ? 0 : x)));
      }),
    );
  });
});
