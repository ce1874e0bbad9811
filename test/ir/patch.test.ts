import { describe, expect, it } from "vitest";
import {
  GraphBuilder,
  Patch,
  Tensor,
  print,
  verify,
  type Graph,
  type TensorType,
  type Value,
} from "../../src/ir/index.js";
import { setInitializer } from "../../src/ir/edit.js";

const row: TensorType = { dtype: "float32", shape: [1, 2] };

/** x -> Relu "first" -> a -> Relu "second" -> y. */
function chain(): { b: GraphBuilder; graph: Graph; x: Value; a: Value; y: Value } {
  const b = new GraphBuilder();
  const x = b.input("x", row);
  const a = b.op("Relu", [x], {}, { name: "first", outputs: ["a"] });
  const y = b.op("Relu", [a], {}, { name: "second", outputs: ["y"] });
  b.output(y, row, "the file's value info");
  return { b, graph: b.graph, x, a, y };
}

const names = (graph: Graph): string[] =>
  graph.nodes.map((node) => `${node.name}:${node.op}->${node.output.name}`);

describe("Patch.apply", () => {
  it("replaces an inner value: readers, names and the dead producer", () => {
    const { graph, x, a } = chain();
    a.type = row;
    a.source = "info of a";
    const patch = new Patch(graph, a.producer!, "my-pass");
    const scale = patch.constant("scale", Tensor.f32([1], [2]));
    patch.replace(a, patch.op("Mul", [x, scale]));
    const { added, removed } = patch.apply();
    verify(graph);
    expect(names(graph)).toEqual(["first:Mul->a", "second:Relu->y"]);
    expect(added.map((node) => node.origin)).toEqual([["my-pass"]]);
    expect(removed.map((node) => node.op)).toEqual(["Relu"]);
    expect(graph.value("a")).toMatchObject({ type: row, source: "info of a" });
    expect(graph.value("first.scale")?.constant?.data).toEqual(new Float32Array([2]));
  });

  it("keeps the interface when a graph output is replaced", () => {
    const { graph, a, y } = chain();
    const patch = new Patch(graph, y.producer!);
    patch.replace(y, patch.op("Abs", [a]));
    patch.apply();
    verify(graph);
    expect(graph.outputs[0]).toMatchObject({ name: "y", type: row, source: "the file's value info" });
    expect(names(graph)).toEqual(["first:Relu->a", "second:Abs->y"]);
  });

  it("wraps x -> f(x): planned nodes read the old value, others the new one", () => {
    const { graph, a, y } = chain();
    const patch = new Patch(graph, a.producer!);
    patch.replace(a, patch.op("Neg", [a]));
    patch.apply();
    verify(graph);
    expect(graph.nodes.map((node) => node.op)).toEqual(["Relu", "Neg", "Relu"]);
    expect(y.producer!.input(0)!.producer!.op).toBe("Neg");
    expect(graph.value("a")!.producer!.op).toBe("Relu");
  });

  it("wraps a graph output, which keeps its name", () => {
    const { graph, y } = chain();
    const patch = new Patch(graph, y.producer!);
    patch.replace(y, patch.op("Neg", [y]));
    patch.apply();
    verify(graph);
    expect(graph.outputs.map((value) => [value.name, value.producer!.op])).toEqual([["y", "Neg"]]);
    expect(y.name).toBe("y.before");
  });

  it("gives an output that falls together with the input an Identity", () => {
    const { graph, x, a, y } = chain();
    const patch = new Patch(graph, y.producer!, "p");
    patch.replace(a, x);
    patch.replace(y, x);
    const { added } = patch.apply();
    verify(graph);
    expect(names(graph)).toEqual(["second:Identity->y"]);
    expect(added.map((node) => node.op)).toEqual(["Identity"]);
    expect(graph.inputs.map((value) => value.name)).toEqual(["x"]);
  });

  it("gives an output that falls together with an initializer or another output an Identity", () => {
    const { b, graph, a, y } = chain();
    const w = b.initializer("w", Tensor.f32([1, 2], [1, 2]));
    b.output(a);
    const patch = new Patch(graph, y.producer!);
    patch.replace(a, w);
    patch.apply();
    verify(graph);
    expect(graph.outputs.map((value) => value.name)).toEqual(["y", "a"]);
    const second = new Patch(graph, graph.node("second")!);
    second.replace(graph.value("a")!, y);
    second.apply();
    verify(graph);
    expect(graph.outputs.map((value) => value.name)).toEqual(["y", "a"]);
    expect(graph.value("a")!.producer!.op).toBe("Identity");
    expect(w.graph).not.toBeNull();
  });

  it("gives two outputs replaced by one planned value their own names", () => {
    const { b, graph, x, a, y } = chain();
    b.output(a);
    const patch = new Patch(graph, a.producer!);
    const made = patch.op("Abs", [x]);
    patch.replace(y, made);
    patch.replace(a, made);
    patch.apply();
    verify(graph);
    expect(graph.outputs.map((value) => value.name)).toEqual(["y", "a"]);
    expect(graph.nodes.map((node) => node.op).sort()).toEqual(["Abs", "Identity"]);
  });

  it("keeps a value that is several outputs several outputs", () => {
    const { b, graph, a, y } = chain();
    b.output(y);
    const patch = new Patch(graph, y.producer!);
    patch.replace(y, patch.op("Abs", [a]));
    patch.apply();
    verify(graph);
    expect(graph.outputs.map((value) => value.name)).toEqual(["y", "y"]);
    expect(graph.nodeCount).toBe(2);
  });

  it("does not rename a planned value that became an output after an inner value it replaces too", () => {
    const { graph, x, a, y } = chain();
    const patch = new Patch(graph, y.producer!);
    const made = patch.op("Abs", [x]);
    patch.replace(y, made);
    patch.replace(a, made);
    patch.apply();
    verify(graph);
    expect(names(graph)).toEqual(["second:Abs->y"]);
  });

  it("replaces every output of a node and passes all names on", () => {
    const b = new GraphBuilder();
    const x = b.input("x", row);
    const split = b.node("Split", [x], { axis: 1 }, { name: "split", outputs: ["l", "r"] });
    const [l, r] = [split.outputs[0]!, split.outputs[1]!];
    b.output(b.op("Add", [l, r], {}, { name: "add", outputs: ["y"] }));
    const patch = new Patch(b.graph, split);
    patch.replace(l, patch.op("Abs", [x], {}, { suffix: "left" }));
    patch.replace(r, patch.op("Neg", [x], {}, { suffix: "right" }));
    const { removed } = patch.apply();
    verify(b.graph);
    expect(removed).toEqual([split]);
    expect(b.graph.nodes.map((node) => `${node.op}->${node.output.name}`)).toEqual([
      "Abs->l",
      "Neg->r",
      "Add->y",
    ]);
  });

  it("keeps a node whose other output is still read", () => {
    const b = new GraphBuilder();
    const x = b.input("x", row);
    const split = b.node("Split", [x], { axis: 1 }, { name: "split", outputs: ["l", "r"] });
    b.output(b.op("Add", [split.outputs[0]!, split.outputs[1]!], {}, { outputs: ["y"] }));
    const patch = new Patch(b.graph, split);
    patch.replace(split.outputs[0]!, patch.op("Abs", [x]));
    expect(patch.apply().removed).toEqual([]);
    verify(b.graph);
    expect(b.graph.value("l")!.producer).toBe(split);
  });

  it("leaves a shared weight to its other readers and removes it with the last", () => {
    const b = new GraphBuilder();
    const x = b.input("x", row);
    const w = b.initializer("w", Tensor.f32([2, 2], [1, 2, 3, 4]));
    const p = b.op("MatMul", [x, w], {}, { name: "p", outputs: ["p"] });
    const q = b.op("MatMul", [p, w], {}, { name: "q", outputs: ["q"] });
    b.output(q);
    for (const [value, left] of [
      [p, true],
      [q, false],
    ] as const) {
      const patch = new Patch(b.graph, value.producer!);
      const fresh = patch.constant("weight", Tensor.f32([2, 2], [0, 0, 0, 0]));
      patch.replace(value, patch.op("MatMul", [value.producer!.input(0), fresh]));
      patch.apply();
      verify(b.graph);
      expect(b.graph.value("w") !== undefined).toBe(left);
    }
    expect(b.graph.initializers.map((value) => value.name)).toEqual(["p.weight", "q.weight"]);
  });

  it("never overwrites an initializer: colliding suffixes get fresh names", () => {
    const { b, graph, x, a } = chain();
    const taken = b.initializer("first.w", Tensor.f32([1], [7]));
    b.output(b.op("Neg", [taken], {}, { outputs: ["z"] }));
    const patch = new Patch(graph, a.producer!);
    const [w1, w2] = [patch.constant("w", Tensor.f32([1], [1])), patch.constant("w", Tensor.f32([1], [2]))];
    patch.replace(a, patch.op("Mul", [patch.op("Mul", [x, w1]), w2]));
    patch.apply();
    verify(graph);
    expect(graph.initializers.map((v) => [v.name, v.initializer!.toNumbers()])).toEqual([
      ["first.w", [7]],
      ["first.w_1", [1]],
      ["first.w_2", [2]],
    ]);
  });

  it("lists new initializers among the inputs before IR version 4, and unlists dead ones", () => {
    const b = new GraphBuilder();
    b.graph.irVersion = 3;
    const x = b.input("x", row);
    const w = b.input("w", row);
    b.initializer("w", Tensor.f32([1, 2], [1, 2]));
    const y = b.op("Mul", [x, w], {}, { name: "mul", outputs: ["y"] });
    b.output(y);
    expect(w.constant).not.toBeNull();
    const patch = new Patch(b.graph, y.producer!);
    patch.replace(y, patch.op("Add", [x, patch.constant("bias", Tensor.f32([1, 2], [3, 4]))]));
    patch.apply();
    verify(b.graph);
    expect(b.graph.inputs.map((value) => value.name)).toEqual(["x", "mul.bias"]);
    expect(b.graph.requiredInputs.map((value) => value.name)).toEqual(["x"]);
  });

  it("keeps an overridable initializer that nobody reads any more: it is an input", () => {
    const b = new GraphBuilder();
    const x = b.input("x", row);
    const w = b.input("w", row);
    b.initializer("w", Tensor.f32([1, 2], [1, 2]));
    const y = b.op("Mul", [x, w], {}, { name: "mul", outputs: ["y"] });
    b.output(y);
    expect(w.constant).toBeNull();
    const patch = new Patch(b.graph, y.producer!);
    patch.replace(y, patch.op("Abs", [x]));
    patch.apply();
    verify(b.graph);
    expect(b.graph.inputs.map((value) => value.name)).toEqual(["x", "w"]);
    expect(w.initializer).not.toBeNull();
  });

  it("removes what it planned and nobody reads", () => {
    const { graph, x, a } = chain();
    const patch = new Patch(graph, a.producer!);
    patch.constant("unused", Tensor.f32([1], [1]));
    patch.op("Neg", [patch.op("Abs", [x])]);
    patch.replace(a, x);
    expect(patch.apply().added).toEqual([]);
    verify(graph);
    expect(names(graph)).toEqual(["second:Relu->y"]);
    expect(graph.initializers).toEqual([]);
  });

  it("drops unread values and leaves read ones alone", () => {
    const { b, graph, x, a } = chain();
    const unread = b.op("Neg", [b.op("Abs", [x], {}, { outputs: ["u"] })], {}, { outputs: ["v"] });
    const patch = new Patch(graph, a.producer!);
    patch.drop(unread);
    patch.drop(a);
    expect(patch.isEmpty).toBe(false);
    expect(patch.apply().removed.map((node) => node.op)).toEqual(["Neg", "Abs"]);
    verify(graph);
    expect(names(graph)).toEqual(["first:Relu->a", "second:Relu->y"]);
  });

  it("lets an heir take over name and doc string of the node it stands for", () => {
    const { b, graph, x } = chain();
    const conv = b.node("Conv", [x], {}, { name: "conv", docString: "stem", outputs: ["c"] });
    const bn = b.op("Relu", [conv.output], {}, { name: "bn", outputs: ["d"] });
    b.output(bn);
    const patch = new Patch(graph, bn.producer!);
    patch.replace(bn, patch.op("Conv", [x], {}, { heirOf: conv }));
    patch.apply();
    verify(graph);
    expect(graph.node("conv")).toMatchObject({ docString: "stem", op: "Conv" });
    expect(graph.node("bn")).toBeUndefined();
    expect(graph.value("d")!.producer!.name).toBe("conv");
  });

  it("removes a chain of 20,000 dead nodes without running out of stack", () => {
    const b = new GraphBuilder();
    const x = b.input("x", row);
    let last = x;
    for (let i = 0; i < 20_000; i++) last = b.op("Relu", [last], {}, { name: `n${i}`, outputs: [`v${i}`] });
    b.output(last);
    const patch = new Patch(b.graph, last.producer!);
    patch.replace(last, patch.op("Abs", [x]));
    expect(patch.apply().removed).toHaveLength(20_000);
    verify(b.graph);
  });

  it("moves nodes into order when the replacement is made behind its readers", () => {
    const { b, graph, x, a, y } = chain();
    const late = b.op("Abs", [x], {}, { name: "late", outputs: ["late"] });
    b.output(late);
    const patch = new Patch(graph, y.producer!);
    patch.replace(a, late);
    patch.apply();
    verify(graph);
    expect(names(graph)).toEqual(["late:Abs->late", "second:Relu->y"]);
  });

  it("makes chains of replacements in order", () => {
    const { b, graph, x, a, y } = chain();
    const other = b.op("Abs", [x], {}, { name: "other", outputs: ["o"] });
    b.output(other);
    const patch = new Patch(graph, y.producer!);
    patch.replace(a, other);
    patch.replace(other, patch.op("Neg", [x]));
    patch.apply();
    verify(graph);
    expect(print(graph, { names: "canonical" })).toContain("%2 = Relu(%1)");
    expect(graph.value("y")!.producer!.input(0)!.producer!.op).toBe("Neg");
    expect(graph.outputs.map((value) => value.name)).toEqual(["y", "o"]);
  });
});

describe("Value.constant", () => {
  it("is the tensor of a Constant node and of no other node", () => {
    const b = new GraphBuilder();
    const one = Tensor.f32([1], [1]);
    expect(b.op("Constant", [], { value: one }).constant).toBe(one);
    expect(b.op("Constant", [], { value: one }, { domain: "com.example" }).constant).toBeNull();
    expect(b.op("Identity", [b.initializer("w", one)]).constant).toBeNull();
  });

  it("depends on the IR version for initializers that are inputs", () => {
    for (const [irVersion, constant] of [
      [3, true],
      [4, false],
    ] as const) {
      const b = new GraphBuilder();
      b.graph.irVersion = irVersion;
      const w = b.input("w");
      setInitializer(b.graph, w, Tensor.f32([1], [1]));
      expect(w.constant !== null).toBe(constant);
    }
  });
});
