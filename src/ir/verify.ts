import { InvariantError } from "./errors.js";
import { isWithin, type Graph, type Node, type Value } from "./graph.js";

/** What may be read at a place: the values defined so far, here and in the graphs around. */
interface Scope {
  readonly defined: Set<Value>;
  readonly outer: Scope | null;
}

/**
 * Checks every invariant of a graph and its subgraphs: each value has one definition, definitions come before
 * uses, use lists and producers agree with the nodes, names are unique and lead to the value that is meant, and
 * outputs exist. Throws an InvariantError that names node and value.
 */
export function verify(graph: Graph): void {
  verifyGraph(graph, graph.parent ? outerScope(graph.parent) : null);
}

function outerScope(graph: Graph): Scope {
  return {
    defined: new Set(graph.values_.values()),
    outer: graph.parent ? outerScope(graph.parent) : null,
  };
}

function isDefined(value: Value, scope: Scope | null): boolean {
  for (let at = scope; at; at = at.outer) if (at.defined.has(value)) return true;
  return false;
}

function verifyGraph(graph: Graph, outer: Scope | null): void {
  const scope: Scope = { defined: new Set(), outer };
  if (new Set(graph.inputs_).size < graph.inputs_.length) fail("an input is listed twice");
  for (const value of graph.inputs_) {
    if (graph.values_.get(value.name) !== value) fail("an input is not in the graph", null, value);
    scope.defined.add(value);
  }
  for (const value of graph.initializers_) {
    if (graph.values_.get(value.name) !== value) fail("an initializer is not in the graph", null, value);
    if (!value.initializer) fail("an initializer has no tensor", null, value);
    scope.defined.add(value);
  }
  for (const value of scope.defined) {
    if (value.producer) fail("an input or initializer has a producer", value.producer, value);
  }
  for (const node of graph.nodes_) verifyNode(node, graph, scope);
  for (const [name, value] of graph.values_) verifyValue(name, value, graph, scope);
  for (const output of graph.outputs_) {
    if (!isDefined(output, scope)) fail("a graph output is never produced", null, output);
  }
  verifyNames(graph);
}

function verifyNode(node: Node, graph: Graph, scope: Scope): void {
  if (node.graph !== graph) fail("a node belongs to another graph", node);
  for (const input of node.inputs) {
    if (!input) continue;
    if (!isDefined(input, scope)) fail("a node reads a value before it is defined", node, input);
    if (!input.consumers_.has(node)) fail("a use list misses a reader", node, input);
    if (graph.value(input.name) !== input) fail("a name leads to another value", node, input);
  }
  const { subgraphs } = node;
  if (graph.holders_.has(node) !== subgraphs.length > 0)
    fail("the list of nodes with subgraphs is wrong", node);
  for (const subgraph of subgraphs) {
    if (subgraph.parent !== graph) fail("a subgraph has another parent", node);
    verifyGraph(subgraph, scope);
  }
  for (const output of node.outputs) {
    if (!output) continue;
    if (output.producer !== node) fail("an output names another producer", node, output);
    if (isDefined(output, scope)) fail("a value is defined twice", node, output);
    scope.defined.add(output);
  }
}

function verifyValue(name: string, value: Value, graph: Graph, scope: Scope): void {
  if (value.name !== name) fail("a value is filed under another name", null, value);
  if (value.graph !== graph) fail("a value belongs to another graph", null, value);
  if (!scope.defined.has(value)) fail("a value has no definition", null, value);
  if (value.initializer && !graph.initializers_.has(value)) fail("an initializer is not listed", null, value);
  for (const consumer of value.consumers_) {
    if (!consumer.inputs.includes(value))
      fail("a use list names a node that does not read it", consumer, value);
    if (!consumer.graph || !isWithin(consumer.graph, graph))
      fail("a use list names a removed node", consumer, value);
  }
}

/** Files may hold two nodes of one name; only nodes that passes made must not add to that. */
function verifyNames(graph: Graph): void {
  const counts = new Map<string, number>();
  const made = new Set<string>();
  for (const node of graph.nodes_) {
    if (node.name === "") continue;
    counts.set(node.name, (counts.get(node.name) ?? 0) + 1);
    if (node.origin.length === 0) continue;
    if (made.has(node.name)) fail("two new nodes share a name", node);
    made.add(node.name);
  }
  const agree = counts.size === graph.nodeNames_.size;
  if (!agree || [...counts].some(([name, count]) => graph.nodeNames_.get(name) !== count)) {
    fail("the list of node names is wrong");
  }
}

function fail(what: string, node: Node | null = null, value: Value | null = null): never {
  throw new InvariantError(what, {
    where: {
      ...(node ? { node: node.label, op: node.op } : {}),
      ...(value ? { tensor: value.name } : {}),
    },
  });
}
