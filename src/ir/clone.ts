import type { Attribute, Attributes } from "./attribute.js";
import { addNode, addValue, setInitializer } from "./edit.js";
import { Graph, Value } from "./graph.js";
import { Model } from "./model.js";

/**
 * A graph that can be changed without touching the original. A subgraph comes with copies of the graphs around it,
 * whose values its nodes may read. Tensors and codec messages are shared.
 */
export function cloneGraph(graph: Graph): Graph {
  const copies: Copies = { graphs: new Map(), values: new Map() };
  copyGraph(graph.root, null, copies);
  return copies.graphs.get(graph)!;
}

/** A model whose graph is a clone; functions, which nothing changes, are shared. */
export function cloneModel(model: Model): Model {
  const copy = new Model(cloneGraph(model.graph));
  copy.warnings.push(...model.warnings);
  copy.functions = model.functions;
  for (const [key, value] of model.metadata) copy.metadata.set(key, value);
  copy.source = model.source;
  copy.file = model.file;
  return copy;
}

interface Copies {
  readonly graphs: Map<Graph, Graph>;
  readonly values: Map<Value, Value>;
}

function copyGraph(graph: Graph, parent: Graph | null, copies: Copies): Graph {
  const copy = new Graph(graph.name, parent);
  copies.graphs.set(graph, copy);
  copy.irVersion = graph.irVersion;
  for (const [domain, version] of graph.opsets) copy.opsets.set(domain, version);
  copy.source = graph.source;
  const { values } = copies;
  // In the order of the original's table, so that names, and with them all later choices, come out the same.
  for (const value of graph.values_.values()) {
    values.set(value, addValue(copy, new Value(value.name, value.type, value.source)));
  }
  const twinOf = (value: Value | null): Value | null => (value ? (values.get(value) ?? value) : null);
  for (const value of graph.initializers_) setInitializer(copy, values.get(value)!, value.initializer_);
  for (const node of graph.nodes_) {
    addNode(copy, {
      op: node.op,
      domain: node.domain,
      overload: node.overload,
      name: node.name,
      inputs: node.inputs.map(twinOf),
      outputs: node.outputs.map(twinOf),
      attributes: copyAttributes(node.attributes, copy, copies),
      docString: node.docString,
      origin: node.origin,
      source: node.source,
    });
  }
  copy.inputs_.push(...graph.inputs_.map((value) => values.get(value)!));
  copy.outputs_.push(...graph.outputs_.map((value) => values.get(value) ?? value));
  return copy;
}

function copyAttributes(attributes: Attributes, parent: Graph, copies: Copies): Attributes {
  const copyOf = (attribute: Attribute): Attribute => {
    if (attribute.kind === "graph")
      return { kind: "graph", value: copyGraph(attribute.value, parent, copies) };
    if (attribute.kind === "graphs") {
      return { kind: "graphs", value: attribute.value.map((graph) => copyGraph(graph, parent, copies)) };
    }
    return attribute;
  };
  return new Map([...attributes].map(([name, attribute]) => [name, copyOf(attribute)]));
}
