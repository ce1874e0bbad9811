import { describe, expect, it } from "vitest";
import {
  ExitCode,
  GraphBuilder,
  InvariantError,
  ModelError,
  Tensor,
  UsageError,
  attributes,
  attr,
  assertNever,
  verify,
} from "../../src/ir/index.js";

const tensor = Tensor.f32([1], [1]);

describe("GraphBuilder", () => {
  it.each<[string, (b: GraphBuilder) => void, RegExp]>([
    ["an input twice", (b) => [b.input("x"), b.input("x")], /two inputs share a name \(tensor "x"\)/],
    [
      "an initializer twice",
      (b) => [b.initializer("w", tensor), b.initializer("w", tensor)],
      /two initializers/,
    ],
    [
      "a node output that is an input",
      (b) => [b.input("x"), b.node("Relu", ["x"], {}, { outputs: ["x"] })],
      /two values/,
    ],
    [
      "an output twice in a node",
      (b) => b.node("Split", [], {}, { outputs: ["a", "b", "a"] }),
      /two values share.*"a"/,
    ],
    [
      "an input that a node makes",
      (b) => [b.node("C", [], {}, { outputs: ["y"] }), b.input("y")],
      /two values.*node "y"/,
    ],
    [
      "an initializer that a node makes",
      (b) => [b.node("C", [], {}, { outputs: ["y"] }), b.initializer("y", tensor)],
      /two values/,
    ],
    [
      "a read of nothing",
      (b) => b.node("Relu", ["x"], {}, { name: "r" }),
      /no node produces.*node "r" \(Relu\), tensor "x"/,
    ],
    [
      "a node that reads its own output",
      (b) => b.node("Relu", ["y"], {}, { outputs: ["y"] }),
      /no node produces/,
    ],
    ["an output that nothing makes", (b) => b.output("y"), /no node produces/],
    ["an output without a name", (b) => b.output(""), /no name/],
  ])("refuses %s", (_, build, message) => {
    const b = new GraphBuilder();
    expect(() => build(b)).toThrow(ModelError);
    const again = new GraphBuilder();
    expect(() => build(again)).toThrow(message);
  });

  it("leaves no trace of a refused node", () => {
    const b = new GraphBuilder();
    const x = b.input("x");
    expect(() => b.node("Split", [x], {}, { outputs: ["a", "a"] })).toThrow();
    expect(() => b.node("Split", ["nope"], {}, { outputs: ["a"] })).toThrow();
    verify(b.graph);
    expect([x.uses, b.graph.value("a"), b.graph.nodeCount]).toEqual([[], undefined, 0]);
  });

  it("joins an initializer and an input of one name, in either order", () => {
    for (const inputFirst of [true, false]) {
      const b = new GraphBuilder();
      if (inputFirst) b.input("w", { dtype: "float32", shape: ["N"] });
      const w = b.initializer("w", tensor);
      if (!inputFirst) b.input("w", { dtype: "float32", shape: ["N"] });
      verify(b.graph);
      expect([w.isGraphInput, w.initializer, w.type?.shape]).toEqual([true, tensor, ["N"]]);
      expect(b.graph.requiredInputs).toEqual([]);
    }
  });

  it("leaves optional inputs and outputs out", () => {
    const b = new GraphBuilder();
    const node = b.node("LSTM", [b.input("x"), "", null], {}, { outputs: ["", "h"] });
    expect(node.inputs.map((value) => value?.name)).toEqual(["x", undefined, undefined]);
    expect(node.outputs.map((value) => value?.name)).toEqual([undefined, "h"]);
    expect(node.label).toBe("h");
    expect(() => node.output).toThrow(InvariantError);
    verify(b.graph);
  });

  it("gives unnamed outputs of a subgraph under construction fresh names", () => {
    const outer = new GraphBuilder();
    const x = outer.input("relu");
    const inner = new GraphBuilder("body", outer.graph);
    const names = [inner.op("Relu", [x]), inner.op("Relu", [x])].map((value) => value.name);
    expect(names).toEqual(["relu_1", "relu_2"]);
  });

  it("takes one value as several outputs", () => {
    const b = new GraphBuilder();
    const y = b.op("Relu", [b.input("x")]);
    b.output(y);
    b.output(y);
    verify(b.graph);
    expect(b.graph.outputs).toEqual([y, y]);
  });
});

describe("attributes", () => {
  it("tags plain values and refuses numbers that are no INT", () => {
    const map = attributes({
      i: 1,
      s: "x",
      is: [1, 2],
      none: undefined,
      empty: [],
      f: attr.float(1),
      t: tensor,
    });
    expect([...map].map(([name, { kind }]) => `${name}:${kind}`)).toEqual([
      "i:int",
      "s:string",
      "is:ints",
      "empty:ints",
      "f:float",
      "t:tensor",
    ]);
    for (const bad of [0.5, NaN, Infinity, [1, 0.5], [NaN]])
      expect(() => attributes({ bad })).toThrow(/use attr.float/);
  });

  it("keeps names that objects have a meaning for", () => {
    const map = attributes(JSON.parse('{"__proto__": 1, "constructor": 2}') as Record<string, number>);
    expect([...map.keys()]).toEqual(["__proto__", "constructor"]);
  });
});

describe("errors", () => {
  it("say what, where and what to do, in one line", () => {
    const where = { node: 'a "b"', op: "Conv", tensor: "w\n", file: "m.onnx" };
    const error = new ModelError("E_X", "the weight is odd", { where, hint: "make it even" });
    expect(error.message).toBe(
      'the weight is odd (node "a \\"b\\"" (Conv), tensor "w\\n", m.onnx); make it even',
    );
    expect([error.code, error.exitCode, error.name]).toEqual(["E_X", ExitCode.badInput, "ModelError"]);
  });

  it("can be given places later, which don't replace their own", () => {
    const error = new UsageError("E_Y", "no such layer", { where: { node: "mine" }, hint: "look again" });
    const placed = error.at({ node: "theirs", file: "m.onnx" });
    expect(placed).toBeInstanceOf(UsageError);
    expect(placed.message).toBe('no such layer (node "mine", m.onnx); look again');
    expect([placed.exitCode, placed.hint, placed.cause]).toEqual([2, "look again", error]);
    expect(error.message).toBe('no such layer (node "mine"); look again');
  });

  it("assertNever names the stray value", () => {
    expect(() => assertNever("odd" as never, "kind")).toThrow(/unexpected kind: odd/);
  });
});
