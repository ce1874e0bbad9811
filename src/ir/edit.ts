import { InvariantError } from "./errors.js";
import type { Value } from "./graph.js";
import { Node, type Graph, type NodeSpec } from "./graph.js";
import type { Tensor } from "./tensor.js";

/*
 * The primitive changes of a graph. Each keeps the use lists right, none checks more than it needs: the builder
 * (before a graph is published) and Patch (after) are the only callers.
 */

export function addValue(graph: Graph, value: Value): Value {
  if (graph.values_.has(value.name)) {
    throw new InvariantError(`two values share a name`, { where: { tensor: value.name } });
  }
  value.graph_ = graph;
  graph.values_.set(value.name, value);
  return value;
}

export function addNode(graph: Graph, spec: NodeSpec, index = graph.nodes_.length): Node {
  const node = new Node(spec);
  node.graph_ = graph;
  for (const output of node.outputs) {
    if (output?.producer_)
      throw new InvariantError("a value has two producers", { where: { tensor: output.name } });
  }
  for (const output of node.outputs) {
    if (!output) continue;
    if (output.graph_ === null) addValue(graph, output);
    output.producer_ = node;
  }
  for (const input of node.inputs_) input?.consumers_.add(node);
  graph.nodes_.splice(index, 0, node);
  countName(graph, node.name, 1);
  if (node.subgraphs.length > 0) graph.holders_.add(node);
  return node;
}

function countName(graph: Graph, name: string, change: 1 | -1): void {
  if (name === "") return;
  const count = (graph.nodeNames_.get(name) ?? 0) + change;
  if (count > 0) graph.nodeNames_.set(name, count);
  else graph.nodeNames_.delete(name);
}

/** Removes a node whose outputs nobody reads, and its output values. */
export function removeNode(node: Node): void {
  const graph = node.graph_;
  if (!graph) throw new InvariantError("the node is in no graph", { where: { node: node.label } });
  for (const output of node.outputs) {
    if (output && output.consumers_.size > 0)
      throw new InvariantError("a removed value is still read", { where: { tensor: output.name } });
  }
  graph.nodes_.splice(graph.nodes_.indexOf(node), 1);
  graph.holders_.delete(node);
  countName(graph, node.name, -1);
  for (const input of new Set(node.inputs_)) input?.consumers_.delete(node);
  for (const subgraph of node.subgraphs) releaseOuterUses(subgraph);
  for (const output of node.outputs) {
    if (!output) continue;
    output.producer_ = null;
    graph.values_.delete(output.name);
    output.graph_ = null;
  }
  node.graph_ = null;
}

function releaseOuterUses(subgraph: Graph): void {
  for (const node of subgraph.nodes_) {
    for (const input of new Set(node.inputs_)) {
      if (input && input.graph_ !== subgraph) input.consumers_.delete(node);
    }
    for (const nested of node.subgraphs) releaseOuterUses(nested);
  }
}

export function setInput(node: Node, index: number, value: Value | null): void {
  const old = node.inputs_[index] ?? null;
  node.inputs_[index] = value;
  if (old && !node.inputs_.includes(old)) old.consumers_.delete(node);
  value?.consumers_.add(node);
}

export function renameValue(value: Value, name: string): void {
  const graph = value.graph_;
  if (!graph) throw new InvariantError("the value is in no graph", { where: { tensor: value.name } });
  if (value.name === name) return;
  if (graph.values_.has(name)) throw new InvariantError("the name is taken", { where: { tensor: name } });
  graph.values_.delete(value.name);
  value.name_ = name;
  graph.values_.set(name, value);
}

export function renameNode(node: Node, name: string): void {
  if (node.graph_) countName(node.graph_, node.name_, -1);
  node.name_ = name;
  if (node.graph_) countName(node.graph_, name, 1);
}

export function setInitializer(graph: Graph, value: Value, tensor: Tensor | null): void {
  value.initializer_ = tensor;
  if (tensor) graph.initializers_.add(value);
  else graph.initializers_.delete(value);
}

/** Drops an initializer that nobody reads, with its entry among the inputs if it has one. */
export function removeInitializer(value: Value): void {
  const graph = value.graph_;
  if (!graph || value.consumers_.size > 0) {
    throw new InvariantError("a removed initializer is still read", { where: { tensor: value.name } });
  }
  graph.initializers_.delete(value);
  const input = graph.inputs_.indexOf(value);
  if (input >= 0) graph.inputs_.splice(input, 1);
  graph.values_.delete(value.name);
  value.initializer_ = null;
  value.graph_ = null;
}
