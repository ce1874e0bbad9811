import { describe, expect, it } from "vitest";
import {
  GraphBuilder,
  Model,
  Patch,
  Tensor,
  attr,
  attributes,
  cloneGraph,
  cloneModel,
  verify,
  type Graph,
} from "../../src/ir/index.js";
import { snapshot } from "./snapshot.js";

/** A Loop in an If: the inner body reads values of both outer graphs. */
function nested(): Graph {
  const outer = new GraphBuilder("outer");
  outer.graph.irVersion = 7;
  outer.graph.opsets.set("", 13).set("com.example", 2);
  const x = outer.input("x", { dtype: "float32", shape: ["N", 2] }, "x's message");
  const w = outer.initializer("w", Tensor.f32([1], [3]));
  const a = outer.op(
    "Relu",
    [x],
    {},
    { name: "relu", docString: "doc", source: "node's message", outputs: ["a"] },
  );
  const middle = new GraphBuilder("middle", outer.graph);
  const m = middle.op("Mul", [a, w], {}, { name: "mul", outputs: ["m"] });
  const inner = new GraphBuilder("inner", middle.graph);
  inner.output(inner.op("Add", [m, a], {}, { name: "add", outputs: ["s"] }));
  middle.output(
    middle.op("Loop", [m], attributes({ body: attr.graph(inner.graph) }), { name: "loop", outputs: ["l"] }),
  );
  const attrs = attributes({ branches: { kind: "graphs", value: [middle.graph] }, k: attr.int(1) });
  outer.output(outer.op("If", [x], attrs, { name: "if", outputs: ["y"] }));
  verify(outer.graph);
  return outer.graph;
}

describe("cloneGraph", () => {
  it("copies everything, shares tensors and messages, and no value or node", () => {
    const graph = nested();
    const copy = cloneGraph(graph);
    verify(copy);
    expect(snapshot(copy)).toBe(snapshot(graph));
    expect([copy.irVersion, [...copy.opsets]]).toEqual([
      7,
      [
        ["", 13],
        ["com.example", 2],
      ],
    ]);
    expect(copy.node("relu")).toMatchObject({ docString: "doc", source: "node's message" });
    expect(copy.value("w")!.initializer).toBe(graph.value("w")!.initializer);
    const everything = (g: Graph): Set<object> =>
      new Set<object>([
        g,
        ...g.values_.values(),
        ...g.nodes_,
        ...g.subgraphs.flatMap((s) => [...everything(s)]),
      ]);
    const originals = everything(graph);
    expect([...everything(copy)].filter((thing) => originals.has(thing)).length).toBe(0);
    expect(graph.value("a")!.uses.map(({ node }) => node.name)).toEqual(["mul", "add"]);
  });

  it("leaves the original alone when the copy is changed, and the other way round", () => {
    const graph = nested();
    const [copy, before] = [cloneGraph(graph), snapshot(graph)];
    const change = (target: Graph): void => {
      const patch = new Patch(target, target.node("relu")!);
      patch.replace(target.value("a")!, patch.op("Abs", [target.value("x")!]));
      patch.apply();
      verify(target);
    };
    change(copy);
    expect(snapshot(graph)).toBe(before);
    verify(graph);
    const changed = snapshot(copy);
    change(graph);
    expect(snapshot(copy)).toBe(changed);
    expect(snapshot(graph)).toBe(changed);
  });

  it("copies a subgraph with the graphs around it", () => {
    const graph = nested();
    const [inner, before] = [graph.subgraphs[0]!.subgraphs[0]!, snapshot(graph)];
    const copy = cloneGraph(inner);
    expect(copy.name).toBe("inner");
    expect(copy.root === graph).toBe(false);
    verify(copy.root);
    expect(snapshot(graph)).toBe(before);
    verify(graph);
  });
});

describe("cloneModel", () => {
  it("copies metadata and warnings and shares the functions", () => {
    const model = new Model(nested());
    model.metadata.set("k", "v");
    model.warnings.push("careful");
    model.source = "message";
    const copy = cloneModel(model);
    copy.metadata.set("k", "other");
    copy.warnings.push("more");
    expect([[...model.metadata], model.warnings]).toEqual([[["k", "v"]], ["careful"]]);
    expect([copy.source, copy.functions]).toEqual(["message", model.functions]);
    expect(copy.graph === model.graph).toBe(false);
  });
});
