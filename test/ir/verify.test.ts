import { describe, expect, it } from "vitest";
import {
  GraphBuilder,
  InvariantError,
  Node,
  Tensor,
  Value,
  attr,
  attributes,
  verify,
  type Graph,
} from "../../src/ir/index.js";

/** x, w -> Mul "m" -> a -> Relu "r" -> y, and an If whose branch reads a. */
function sample(): Graph {
  const b = new GraphBuilder();
  const x = b.input("x");
  const w = b.initializer("w", Tensor.f32([1], [2]));
  const a = b.op("Mul", [x, w], {}, { name: "m", outputs: ["a"] });
  b.output(b.op("Relu", [a], {}, { name: "r", outputs: ["y"] }));
  const inner = new GraphBuilder("branch", b.graph);
  inner.output(inner.op("Neg", [a], {}, { name: "n", outputs: ["z"] }));
  b.node("If", [x], attributes({ then_branch: attr.graph(inner.graph) }), { name: "if", outputs: ["i"] });
  verify(b.graph);
  return b.graph;
}

const branchOf = (graph: Graph): Graph => graph.node("if")!.subgraphs[0]!;
const stranger = (): Value => new Value("stranger");

/** One broken invariant each, and what verify says. */
const faults: Record<string, [(graph: Graph) => void, RegExp]> = {
  "an input twice": [(g) => g.inputs_.push(g.inputs_[0]!), /an input is listed twice/],
  "an input of no graph": [(g) => g.inputs_.push(stranger()), /an input is not in the graph/],
  "an initializer of no graph": [
    (g) => g.initializers_.add(stranger()),
    /an initializer is not in the graph/,
  ],
  "an initializer without a tensor": [(g) => (g.value("w")!.initializer_ = null), /has no tensor/],
  "an unlisted initializer": [(g) => g.initializers_.delete(g.value("w")!), /before it is defined/],
  "an unlisted initializer that is an input": [
    (g) => {
      g.initializers_.delete(g.value("w")!);
      g.inputs_.push(g.value("w")!);
    },
    /an initializer is not listed/,
  ],
  "a produced input": [(g) => g.inputs_.push(g.value("a")!), /an input or initializer has a producer/],
  "a node of another graph": [(g) => (g.nodes_[0]!.graph_ = branchOf(g)), /belongs to another graph/],
  "nodes out of order": [(g) => g.nodes_.reverse(), /before it is defined/],
  "a dangling input": [(g) => (g.nodes_[1]!.inputs_[0] = stranger()), /before it is defined.*stranger/],
  "a reader that no use list knows": [
    (g) => g.value("a")!.consumers_.delete(g.node("r")!),
    /a use list misses a reader \(node "r" \(Relu\), tensor "a"\)/,
  ],
  "a subgraph's reader that no use list knows": [
    (g) => g.value("a")!.consumers_.delete(branchOf(g).nodes_[0]!),
    /a use list misses a reader \(node "n"/,
  ],
  "a use list that names a stranger": [
    (g) => g.value("x")!.consumers_.add(new Node({ op: "Relu", inputs: [], outputs: [] })),
    /does not read it/,
  ],
  "a use list that names a removed node": [
    (g) => g.value("w")!.consumers_.add(new Node({ op: "Relu", inputs: [g.value("w")!], outputs: [] })),
    /names a removed node/,
  ],
  "a value filed under another name": [(g) => (g.value("y")!.name_ = "q"), /filed under another name/],
  "a read value filed under another name": [(g) => (g.value("a")!.name_ = "q"), /leads to another value/],
  "a value of another graph": [(g) => (g.value("y")!.graph_ = null), /belongs to another graph/],
  "a value without definition": [
    (g) => {
      const value = stranger();
      value.graph_ = g;
      g.values_.set(value.name, value);
    },
    /has no definition/,
  ],
  "an output with another producer": [(g) => (g.value("y")!.producer_ = g.nodes_[0]!), /another producer/],
  "a node twice": [(g) => g.nodes_.push(g.nodes_[1]!), /defined twice/],
  "a graph output that nothing makes": [(g) => g.outputs_.push(stranger()), /never produced/],
  "a subgraph with another parent": [
    (g) => Object.assign(branchOf(g), { parent: null }),
    /another parent|before it is defined/,
  ],
  "a subgraph value that hides the outer one": [
    (g) => {
      const value = new Value("a");
      value.graph_ = branchOf(g);
      branchOf(g).values_.set("a", value);
      branchOf(g).inputs_.push(value);
    },
    /leads to another value \(node "n"/,
  ],
  "a wrong list of nodes with subgraphs": [(g) => g.holders_.clear(), /list of nodes with subgraphs/],
  "a wrong list of node names": [(g) => g.nodeNames_.set("ghost", 1), /list of node names/],
  "two new nodes of one name": [
    (g) => {
      for (const [i, name] of ["p", "q"].entries()) {
        const output = new Value(name);
        const node = new Node({ op: "Abs", name: "same", origin: ["pass"], inputs: [], outputs: [output] });
        Object.assign(output, { graph_: g, producer_: node });
        node.graph_ = g;
        g.values_.set(name, output);
        g.nodes_.push(node);
        g.nodeNames_.set("same", i + 1);
      }
    },
    /two new nodes share a name/,
  ],
};

describe("verify", () => {
  it.each(Object.keys(faults))("finds %s", (name) => {
    const [breakIt, message] = faults[name]!;
    const graph = sample();
    breakIt(graph);
    expect(() => verify(graph)).toThrow(InvariantError);
    expect(() => verify(graph)).toThrow(message);
  });

  it("accepts two nodes of one name that the file brought", () => {
    const b = new GraphBuilder();
    const x = b.input("x");
    b.output(b.op("Relu", [b.op("Relu", [x], {}, { name: "r" })], {}, { name: "r" }));
    verify(b.graph);
  });

  it("can start at a subgraph", () => {
    const graph = sample();
    verify(branchOf(graph));
    branchOf(graph).nodes_[0]!.inputs_[0] = stranger();
    expect(() => verify(branchOf(graph))).toThrow(/before it is defined/);
  });
});
