import {
  hashTensor,
  isComplex,
  print,
  type Attribute,
  type Graph,
  type Model,
  type Node,
  type Tensor,
  type Value,
} from "../ir/index.js";
import { inferFacts, modelCost, relativeL2 } from "../measure/index.js";
import type { Difference } from "../report/index.js";
import { fileOf, inFile } from "./load.js";
import { matchNodes, matchValues } from "./match-values.js";
import { interfaceDifferences } from "./model-interface.js";

export interface DiffOptions {
  /** Full shapes of inputs by name, for the MACs. */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
}

type Detail = Difference["model"][number];

/**
 * Nodes, weights, MACs, interface and metadata in which two models differ. Nodes are matched by name (by first output
 * where they have none), else by what they make ({@link matchNodes}), weights by name, else by the matched nodes that read
 * them. What is only called otherwise is «renamed». Nothing is run.
 */
export async function diff(a: Model, b: Model, options: DiffOptions = {}): Promise<Difference> {
  const cost = (model: Model) => inFile(model, () => modelCost(model, inferFacts(model, options)));
  const [costA, costB] = [await cost(a), await cost(b)];
  const renames = renamesOf(a, b);
  const differences = {
    interface: interfaceDifferences(a, b),
    model: modelDifferences(a, b),
    nodes: nodeDifferences(a.graph, b.graph, renames),
    weights: weightDifferences(a.graph, b.graph, renames),
  };
  return {
    schema: "convopt.diff/1",
    a: fileOf(a),
    b: fileOf(b),
    same: Object.values(differences).every((list) => list.length === 0),
    macs: { a: costA.macs, b: costB.macs },
    params: { a: costA.params, b: costB.params },
    bytes: { a: a.file?.bytes ?? null, b: b.file?.bytes ?? null },
    ...differences,
  };
}

function modelDifferences(a: Model, b: Model): Detail[] {
  const facts = (model: Model): Map<string, string> =>
    new Map([
      ["IR version", String(model.irVersion)],
      ...[...model.opsets].map(
        ([domain, version]) => [`opset ${domain || "ai.onnx"}`, String(version)] as const,
      ),
      ...[...model.metadata].map(([key, value]) => [`metadata ${key}`, value] as const),
      ...model.functions.map(
        ({ domain, name, overload, body }) =>
          [
            `function ${[domain, name, overload].filter((part) => part !== "").join(".")}`,
            print(body),
          ] as const,
      ),
    ]);
  return detailsOf(facts(a), facts(b));
}

/** Entries of two tables that are not in both alike, in order. */
function detailsOf(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): Detail[] {
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((key) => a.get(key) !== b.get(key))
    .map((key) => ({ what: key, a: a.get(key) ?? null, b: b.get(key) ?? null }));
}

interface Renames {
  /** Nodes of the second model that stand for nodes of the first whose label it doesn't have. */
  readonly nodes: ReadonlyMap<Node, Node>;
  /** The same for weights, by name. */
  readonly weights: ReadonlyMap<string, string>;
  /** Names of the first model for values of the second. */
  readonly names: ReadonlyMap<Value, string>;
}

/** Matches what has another name in the second model; weights by the slots of matched nodes that read them. */
function renamesOf(a: Model, b: Model): Renames {
  const names = new Map<Value, string>();
  for (const [value, twin] of matchValues(a, b)) names.set(twin, value.name);
  const pairs = matchNodes(a, b);
  const weights = new Map<string, string>();
  for (const [node, twin] of pairs) {
    node.inputs.forEach((input, slot) => {
      const other = twin.input(slot);
      if (!input?.initializer || !other?.initializer) return;
      if (b.graph.value(input.name)?.initializer || a.graph.value(other.name)?.initializer) return;
      weights.set(input.name, other.name);
      names.set(other, input.name);
    });
  }
  const [left, right] = [byLabel(a.graph), byLabel(b.graph)];
  const renamed = [...pairs].filter(([node, twin]) => !right.has(node.label) && !left.has(twin.label));
  return { nodes: new Map(renamed), weights, names };
}

function nodeDifferences(a: Graph, b: Graph, renames: Renames): Difference["nodes"] {
  const [left, right] = [byLabel(a), byLabel(b)];
  const renamed = new Set(renames.nodes.values());
  const found: Difference["nodes"] = [];
  for (const [label, node] of left) {
    const other = right.get(label) ?? renames.nodes.get(node);
    if (!other) {
      found.push({ name: node.label, change: "removed", op: opOf(node), details: [] });
      continue;
    }
    const details = detailsOf(describeNode(node), describeNode(other, renames.names));
    if (details.length > 0) found.push({ name: node.label, change: "changed", op: opOf(other), details });
    if (renamed.has(other)) {
      const name = { what: "name", a: node.label, b: other.label };
      found.push({ name: node.label, change: "renamed", op: opOf(other), details: [name] });
    }
  }
  for (const [label, node] of right) {
    if (!left.has(label) && !renamed.has(node))
      found.push({ name: node.label, change: "added", op: opOf(node), details: [] });
  }
  return found;
}

/** Nodes by label; the second of one label gets a number behind it, so that none is lost. */
function byLabel(graph: Graph): Map<string, Node> {
  const nodes = new Map<string, Node>();
  for (const node of graph.nodes) {
    let key = node.label;
    for (let i = 2; nodes.has(key); i++) key = `${node.label}\0${i}`;
    nodes.set(key, node);
  }
  return nodes;
}

function opOf(node: Node): string {
  return node.domain === "" ? node.op : `${node.domain}.${node.op}`;
}

/** With the first model's names for values that are only called otherwise. */
function describeNode(node: Node, known?: ReadonlyMap<Value, string>): Map<string, string> {
  const names = (values: readonly (Value | null)[]): string =>
    values.map((value) => (value && known?.get(value)) ?? value?.name ?? "").join(", ");
  return new Map([
    ["operator", opOf(node)],
    ["inputs", names(node.inputs)],
    ["outputs", names(node.outputs)],
    ...[...node.attributes].map(
      ([name, attribute]) => [`attribute ${name}`, describeAttribute(attribute)] as const,
    ),
  ]);
}

function describeAttribute(attribute: Attribute): string {
  switch (attribute.kind) {
    case "tensor": return describeTensor(attribute.value);
    case "tensors": return attribute.value.map(describeTensor).join(", ");
    case "graph": return print(attribute.value);
    case "graphs": return attribute.value.map((graph) => print(graph)).join("\n");
    case "reference": return `@${attribute.name}`;
    case "opaque": return attribute.description;
    default: return Array.isArray(attribute.value) ? `[${attribute.value.join(",")}]` : String(attribute.value);
  } // prettier-ignore
}

function describeTensor(tensor: Tensor): string {
  return `${typeOf(tensor)} #${hashTensor(tensor)}`;
}

function typeOf(tensor: Tensor): string {
  return `${tensor.dtype}[${tensor.dims.join(",")}]`;
}

function weightDifferences(a: Graph, b: Graph, renames: Renames): Difference["weights"] {
  const weights = (graph: Graph): Map<string, Tensor> =>
    new Map(graph.initializers.map((value) => [value.name, value.initializer!]));
  const [left, right] = [weights(a), weights(b)];
  const found: Difference["weights"] = [];
  const renamed = new Set(renames.weights.values());
  for (const [name, tensor] of left) {
    const newName = renames.weights.get(name);
    const other = right.get(newName ?? name);
    if (newName !== undefined) {
      found.push({ name, change: "renamed", a: name, b: newName, relativeError: null });
    }
    if (!other) {
      found.push({ name, change: "removed", a: typeOf(tensor), b: null, relativeError: null });
    } else if (typeOf(tensor) !== typeOf(other)) {
      found.push({ name, change: "changed", a: typeOf(tensor), b: typeOf(other), relativeError: null });
    } else if (hashTensor(tensor) !== hashTensor(other)) {
      const relativeError = distance(tensor, other);
      found.push({ name, change: "changed", a: typeOf(tensor), b: typeOf(other), relativeError });
    }
  }
  for (const [name, tensor] of right) {
    if (!left.has(name) && !renamed.has(name))
      found.push({ name, change: "added", a: null, b: typeOf(tensor), relativeError: null });
  }
  return found;
}

function distance(a: Tensor, b: Tensor): number | null {
  if (a.dtype === "string" || isComplex(a.dtype)) return null;
  const error = relativeL2(b, a);
  return Number.isFinite(error) ? error : null;
}
