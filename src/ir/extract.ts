import { cloneModel } from "./clone.js";
import { addValue, removeInitializer, removeNode, setInput, setInitializer } from "./edit.js";
import { ModelError } from "./errors.js";
import { Value, type Graph, type TensorType } from "./graph.js";
import type { Model } from "./model.js";

/** A value to cut at, with the type that it has as an input. */
export interface Cut {
  readonly name: string;
  readonly type: TensorType;
}

/**
 * The part of a model between two sets of values of its main graph, as a model of its own: `inputs` are cut from what
 * makes them (a node, an initializer or the caller) and fed instead, `outputs` are returned, and whatever isn't needed
 * for them is dropped. The original stays as it is. An unknown name is a ModelError.
 */
export function extract(model: Model, inputs: readonly Cut[], outputs: readonly string[]): Model {
  const part = cloneModel(model);
  part.file = null;
  part.source = null;
  const { graph } = part;
  graph.source = null;
  const cut = new Map<string, Value>();
  for (const { name, type } of inputs) cut.set(name, detach(graph, name, type));
  const ends = outputs.map((name) => cut.get(name) ?? existing(graph, name));
  graph.outputs_.splice(0, graph.outputs_.length, ...ends);
  const kept = new Set(cut.values());
  graph.inputs_.splice(
    0,
    graph.inputs_.length,
    ...kept,
    ...graph.inputs_.filter((input) => !kept.has(input)),
  );
  dropUnneeded(graph);
  const needed = graph.inputs_.filter(
    (input) => kept.has(input) || input.consumers_.size > 0 || ends.includes(input),
  );
  for (const input of graph.inputs_) if (!needed.includes(input)) graph.values_.delete(input.name);
  graph.inputs_.splice(0, graph.inputs_.length, ...needed);
  return part;
}

function existing(graph: Graph, name: string): Value {
  const value = graph.values_.get(name);
  if (!value)
    throw new ModelError("E_UNKNOWN_VALUE", "the model has no value of this name", {
      where: { tensor: name },
    });
  return value;
}

/** Puts a graph input in the place of a value: every reader reads it, and it takes over the name. */
function detach(graph: Graph, name: string, type: TensorType): Value {
  const old = existing(graph, name);
  const fresh = new Value(name, type);
  graph.values_.delete(name);
  old.name_ = graph.freshName(`${name}.cut`);
  graph.values_.set(old.name_, old);
  addValue(graph, fresh);
  for (const { node, index } of old.uses) setInput(node, index, fresh);
  replaceSubgraphOutputs(graph, old, fresh);
  const listed = graph.inputs_.indexOf(old);
  if (listed >= 0) graph.inputs_.splice(listed, 1);
  if (old.initializer) setInitializer(graph, old, null);
  if (!old.producer) graph.values_.delete(old.name_);
  return fresh;
}

function replaceSubgraphOutputs(graph: Graph, old: Value, by: Value): void {
  for (const node of graph.nodes_) {
    for (const subgraph of node.subgraphs) {
      const at = subgraph.outputs_.indexOf(old);
      if (at >= 0) subgraph.outputs_[at] = by;
      replaceSubgraphOutputs(subgraph, old, by);
    }
  }
}

/** Removes nodes and initializers that no output needs, last nodes first. */
function dropUnneeded(graph: Graph): void {
  const outputs = new Set(graph.outputs_);
  const inSubgraphs = new Set<Value>();
  const collect = (outer: Graph): void => {
    for (const node of outer.nodes_) {
      for (const subgraph of node.subgraphs) {
        for (const output of subgraph.outputs_) inSubgraphs.add(output);
        collect(subgraph);
      }
    }
  };
  collect(graph);
  const needed = (value: Value | null): boolean =>
    value !== null && (value.consumers_.size > 0 || outputs.has(value) || inSubgraphs.has(value));
  for (const node of [...graph.nodes_].reverse()) if (!node.outputs.some(needed)) removeNode(node);
  for (const value of [...graph.initializers_]) {
    if (value.consumers_.size === 0 && !outputs.has(value) && !inSubgraphs.has(value))
      removeInitializer(value);
  }
}
