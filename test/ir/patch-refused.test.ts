import { describe, expect, it } from "vitest";
import {
  ConvoptError,
  GraphBuilder,
  InvariantError,
  Patch,
  Tensor,
  attr,
  attributes,
  cloneGraph,
  verify,
  type Graph,
  type TensorType,
  type Value,
} from "../../src/ir/index.js";
import { snapshot } from "./snapshot.js";

const row: TensorType = { dtype: "float32", shape: ["N", 2] };

/** x -> Relu -> a -> Relu -> b -> If(c; branches read a and b) -> y, with a weight and a second output. */
function sample(): { graph: Graph; value: (name: string) => Value; branch: Graph } {
  const outer = new GraphBuilder();
  const x = outer.input("x", row);
  const condition = outer.input("c", { dtype: "bool", shape: [] });
  const w = outer.initializer("w", Tensor.f32([1, 2], [1, 2]));
  const a = outer.op("Relu", [x], {}, { name: "first", outputs: ["a"] });
  const b = outer.op("Mul", [a, w], {}, { name: "second", outputs: ["b"] });
  const branches = [a, b].map((read, i) => {
    const inner = new GraphBuilder(`branch${i}`, outer.graph);
    inner.output(inner.op("Relu", [read], {}, { name: `inner${i}`, outputs: [`inner${i}.out`] }), row);
    return inner.graph;
  });
  const attrs = attributes({ then_branch: attr.graph(branches[0]!), else_branch: attr.graph(branches[1]!) });
  const y = outer.op("If", [condition], attrs, { name: "if", outputs: ["y"] });
  for (const output of [y, a, x]) outer.output(output);
  verify(outer.graph);
  return { graph: outer.graph, value: (name) => outer.graph.value(name)!, branch: branches[0]! };
}

type Sample = ReturnType<typeof sample>;

const refusals: Record<string, (s: Sample) => { patch: Patch; message: RegExp }> = {
  "an anchor of another graph": ({ graph }) => ({
    patch: new Patch(graph, cloneGraph(graph).nodes[0]!),
    message: /anchor is no longer in the graph/,
  }),
  "an anchor that an earlier patch removed": ({ graph, value }) => {
    const anchor = value("b").producer!;
    const earlier = new Patch(graph, anchor);
    earlier.replace(value("b"), value("a"));
    const patch = new Patch(graph, anchor);
    patch.replace(value("b"), patch.op("Neg", [value("a")]));
    earlier.apply();
    return { patch, message: /anchor is no longer in the graph/ };
  },
  "a second application": ({ graph, value }) => {
    const patch = new Patch(graph, value("a").producer!);
    patch.replace(value("b"), patch.op("Neg", [value("a"), patch.constant("k", Tensor.f32([1], [1]))]));
    patch.apply();
    return { patch, message: /applied before/ };
  },
  "a value of another model": ({ graph, value }) => {
    const patch = new Patch(graph, value("a").producer!);
    patch.replace(value("b"), patch.op("Neg", [cloneGraph(graph).value("a")!]));
    return { patch, message: /reads a value that is not in the graph \(.*tensor "a"\)/ };
  },
  "a value of a subgraph": ({ graph, value, branch }) => {
    const patch = new Patch(graph, value("a").producer!);
    patch.replace(value("b"), patch.op("Neg", [branch.value("inner0.out")!]));
    return { patch, message: /reads a value that is not in the graph/ };
  },
  "a value that another patch plans": ({ graph, value }) => {
    const other = new Patch(graph, value("a").producer!);
    const patch = new Patch(graph, value("a").producer!);
    patch.replace(value("b"), other.op("Neg", [value("a")]));
    return { patch, message: /names a value that is not in the graph/ };
  },
  "a replaced value that another patch plans": ({ graph, value }) => {
    const patch = new Patch(graph, value("a").producer!);
    patch.replace(new Patch(graph, value("a").producer!).op("Neg", [value("a")]), value("a"));
    return { patch, message: /names a value that is not in the graph/ };
  },
  "a value of the outer graph that is made behind the branch": ({ graph, branch }) => {
    const outer = new Patch(graph, graph.node("if")!);
    outer.replace(graph.value("y")!, outer.op("Neg", [graph.value("y")!]));
    outer.apply();
    const patch = new Patch(branch, branch.nodes[0]!);
    patch.replace(branch.outputs[0]!, patch.op("Abs", [graph.value("y")!]));
    return { patch, message: /reads a value that is not in the graph/ };
  },
  "a replaced value of an outer graph": ({ graph, branch, value }) => {
    const patch = new Patch(branch, branch.nodes[0]!);
    patch.replace(graph.value("a")!, patch.op("Abs", [value("x")]));
    return { patch, message: /names a value that is not in the graph/ };
  },
  "one value replaced twice": ({ graph, value }) => {
    const patch = new Patch(graph, value("a").producer!);
    patch.replace(value("b"), patch.op("Neg", [value("a")]));
    patch.replace(value("b"), patch.op("Abs", [value("a")]));
    return { patch, message: /replaced twice/ };
  },
  "a value by itself": ({ graph, value }) => {
    const patch = new Patch(graph, value("a").producer!);
    patch.constant("k", Tensor.f32([1], [1]));
    patch.replace(value("a"), value("a"));
    return { patch, message: /replaced by itself/ };
  },
  "a value by what is computed from it": ({ graph, value }) => {
    const patch = new Patch(graph, value("a").producer!);
    patch.replace(value("a"), value("b"));
    return { patch, message: /depend on itself/ };
  },
  "a value by a planned node over what is computed from it": ({ graph, value }) => {
    const patch = new Patch(graph, value("a").producer!);
    patch.replace(value("a"), patch.op("Neg", [patch.op("Abs", [value("b")])]));
    return { patch, message: /depend on itself/ };
  },
  "a value by the output of a node whose subgraph reads it": ({ graph, value }) => {
    const patch = new Patch(graph, value("a").producer!);
    patch.replace(value("a"), value("y"));
    return { patch, message: /depend on itself/ };
  },
  "a planned node over what the replaced value makes of it": ({ graph, value }) => {
    const patch = new Patch(graph, value("b").producer!);
    patch.replace(value("a"), patch.op("Abs", [value("b")]));
    patch.replace(value("b"), patch.op("Neg", [value("x")]));
    return { patch, message: /depend on itself/ };
  },
  "a value that is input and output at once": ({ graph, value }) => {
    const patch = new Patch(graph, value("a").producer!);
    patch.replace(value("x"), patch.op("Abs", [value("x")]));
    return { patch, message: /both input and output/ };
  },
};

describe("a refused patch leaves the graph as it was:", () => {
  it.each(Object.keys(refusals))("%s", (name) => {
    const current = sample();
    const { patch, message } = refusals[name]!(current);
    const before = snapshot(current.graph);
    let error: unknown;
    try {
      patch.apply();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(InvariantError);
    expect((error as Error).message).toMatch(message);
    expect(snapshot(current.graph)).toBe(before);
    verify(current.graph);
  });

  it("a subgraph that knows something else by the replacement's name", () => {
    const outer = new GraphBuilder();
    const x = outer.input("x", row);
    const a = outer.op("Relu", [x], {}, { outputs: ["a"] });
    const s = outer.op("Abs", [x], {}, { outputs: ["s"] });
    const inner = new GraphBuilder("body", outer.graph);
    inner.output(inner.op("Add", [a, inner.op("Neg", [x], {}, { outputs: ["s"] })], {}, { outputs: ["r"] }));
    const condition = outer.input("c");
    outer.output(outer.op("If", [condition], attributes({ then_branch: attr.graph(inner.graph) })));
    outer.output(s);
    const patch = new Patch(outer.graph, a.producer!);
    patch.replace(a, s);
    const before = snapshot(outer.graph);
    expect(() => patch.apply()).toThrow(/a subgraph has another value/);
    expect(snapshot(outer.graph)).toBe(before);
  });
});

describe("planning", () => {
  it("refuses replacements of another type at once", () => {
    const { graph, value } = sample();
    const patch = new Patch(graph, value("a").producer!);
    value("a").type = row;
    for (const type of [
      { dtype: "float16", shape: ["N", 2] },
      { dtype: "float32", shape: ["N", 3] },
      { dtype: "float32", shape: ["N", 2, 1] },
    ] as const) {
      expect(() => patch.replace(value("a"), patch.op("Neg", [value("x")], {}, { type }))).toThrow(
        /cannot replace float32\[N,2\]/,
      );
    }
    for (const type of [
      row,
      { dtype: "float32", shape: [4, null] },
      { dtype: "float32", shape: null },
    ] as const)
      patch.replace(value("a"), patch.op("Neg", [value("x")], {}, { type }));
  });

  it("refuses attributes that are not what they look like before anything happens", () => {
    const { graph, value } = sample();
    const before = snapshot(graph);
    const patch = new Patch(graph, value("a").producer!);
    expect(() => patch.op("LeakyRelu", [value("x")], { alpha: 0.5 })).toThrow(ConvoptError);
    expect(() => patch.op("Upsample", [value("x")], { scales: [1, 0.5] })).toThrow(/attr.floats/);
    expect(snapshot(graph)).toBe(before);
  });

  it("copies the inputs it is given", () => {
    const { graph, value } = sample();
    const patch = new Patch(graph, value("a").producer!);
    const inputs: (Value | null)[] = [value("x")];
    patch.replace(value("b"), patch.op("Neg", inputs));
    inputs[0] = null;
    patch.apply();
    verify(graph);
    expect(graph.nodes.find((node) => node.op === "Neg")!.inputs).toEqual([value("x")]);
  });
});
