import type { FunctionDefinition, Graph, Node, Value } from "../ir/index.js";
import { attributeToProto } from "./attribute-proto.js";
import { normalDomain, opsetsToProto } from "./opsets.js";
import {
  amend,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type NodeProto,
  type SparseTensorProto,
  type TensorProto,
  type ValueInfoProto,
} from "./proto.js";
import { isSparse, tensorToProto } from "./tensor-proto.js";
import { describesStill, typeToProto } from "./type-proto.js";

/** Writes a tensor's message; the caller may place its data elsewhere. */
export type TensorEncoder = typeof tensorToProto;

/** A graph as message: its original one when nothing changed, else one that reuses every unchanged part. */
export function graphToProto(graph: Graph, encodeTensor: TensorEncoder = tensorToProto): GraphProto {
  const source = graph.source as GraphProto | null;
  const node = graph.nodes_.map((item) => nodeToProto(item, encodeTensor));
  const { dense, sparse } = initializersToProto(graph, encodeTensor);
  const input = infosOf(graph.inputs, source?.input ?? []);
  const output = infosOf(graph.outputs, source?.output ?? []);
  const value_info = valueInfos(graph, source, source?.value_info ?? []);
  if (!source)
    return made(graph, { node, initializer: dense, sparse_initializer: sparse, input, output, value_info });
  const changes = onlyChanges(source, {
    node,
    initializer: dense,
    sparse_initializer: sparse,
    input,
    output,
    value_info,
  });
  return Object.keys(changes).length === 0 ? source : amend(source, changes);
}

function made(graph: Graph, lists: GraphProto): GraphProto {
  return { name: graph.name, ...lists };
}

/** The lists that differ from those of the source, element by element. */
function onlyChanges<T extends object>(source: T, lists: Partial<T>): Partial<T> {
  const changes: Partial<T> = {};
  for (const key of Object.keys(lists) as (keyof T)[]) {
    const before = (source[key] ?? []) as readonly unknown[];
    const after = (lists[key] ?? []) as readonly unknown[];
    if (before.length !== after.length || after.some((item, index) => item !== before[index])) {
      changes[key] = lists[key];
    }
  }
  return changes;
}

function initializersToProto(
  graph: Graph,
  encodeTensor: TensorEncoder,
): { dense: TensorProto[]; sparse: SparseTensorProto[] } {
  const dense: TensorProto[] = [];
  const sparse: SparseTensorProto[] = [];
  for (const value of graph.initializers_) {
    const tensor = value.initializer_!;
    const source = tensor.source as TensorProto | SparseTensorProto | null;
    if (source && isSparse(source)) sparse.push(renamedSparse(source, value.name));
    else dense.push(encodeTensor(tensor, value.name));
  }
  return { dense, sparse };
}

function renamedSparse(source: SparseTensorProto, name: string): SparseTensorProto {
  return source.values?.name === name
    ? source
    : amend(source, { values: amend(source.values ?? {}, { name }) });
}

function infosOf(values: readonly Value[], infos: readonly ValueInfoProto[]): ValueInfoProto[] {
  const byName = new Map(infos.map((info) => [info.name ?? "", info]));
  return values.map((value) => valueInfo(value, byName.get(value.name)));
}

/** The message of a value under its name; what the old one says beside the type is kept while the name is. */
function valueInfo(value: Value, old: ValueInfoProto | undefined): ValueInfoProto {
  const candidate = old ?? (value.source as ValueInfoProto | null) ?? undefined;
  if (candidate && describesStill(candidate, value.name, value.type)) return candidate;
  const type = value.type ? typeToProto(value.type) : null;
  if (candidate && candidate.name === value.name) return amend(candidate, { type });
  return { name: value.name, ...(type ? { type } : {}) };
}

/**
 * Value infos of inner values: the file's own in their order, without those of values that are gone, then those of
 * new values whose type is known, if the file describes inner values at all.
 */
function valueInfos(
  graph: Graph,
  source: GraphProto | FunctionProto | null,
  infos: readonly ValueInfoProto[],
): ValueInfoProto[] {
  const written = new Set<string>();
  const kept: ValueInfoProto[] = [];
  let before: ReadonlySet<string> | null = null;
  for (const info of infos) {
    const name = info.name ?? "";
    const value = graph.values_.get(name);
    if (value) kept.push(valueInfo(value, info));
    // Entries that never described a value of this graph are not ours to judge.
    else if (!(before ??= definedNames(source)).has(name)) kept.push(info);
    written.add(name);
  }
  if (source && infos.length === 0) return kept;
  const interfaceValues = new Set([...graph.inputs, ...graph.outputs]);
  for (const node of graph.nodes_) {
    for (const value of node.outputs) {
      if (!value?.type || written.has(value.name) || interfaceValues.has(value)) continue;
      kept.push(valueInfo(value, undefined));
    }
  }
  return kept;
}

function definedNames(source: GraphProto | FunctionProto | null): Set<string> {
  const names = new Set<string>();
  if (!source) return names;
  for (const input of source.input ?? []) names.add(typeof input === "string" ? input : (input.name ?? ""));
  for (const node of source.node ?? []) for (const output of node.output ?? []) names.add(output);
  for (const tensor of "initializer" in source ? (source.initializer ?? []) : [])
    names.add(tensor.name ?? "");
  for (const sparse of "sparse_initializer" in source ? (source.sparse_initializer ?? []) : []) {
    names.add(sparse.values?.name ?? "");
  }
  return names;
}

/** A node as message: its original one when nothing about it or its subgraphs changed. */
export function nodeToProto(node: Node, encodeTensor: TensorEncoder): NodeProto {
  const source = node.source as NodeProto | null;
  const input = node.inputs_.map((value) => value?.name ?? "");
  const output = node.outputs.map((value) => value?.name ?? "");
  const attribute = attributesToProto(node, source, encodeTensor);
  if (!source) {
    return {
      input,
      output,
      op_type: node.op,
      attribute,
      ...(node.name === "" ? {} : { name: node.name }),
      ...(node.domain === "" ? {} : { domain: node.domain }),
      ...(node.overload === "" ? {} : { overload: node.overload }),
      ...(node.docString === "" ? {} : { doc_string: node.docString }),
    };
  }
  const changes: NodeProto = onlyChanges(source, { input, output, attribute });
  if ((source.name ?? "") !== node.name) changes.name = node.name;
  if (normalDomain(source.domain) !== node.domain) changes.domain = node.domain;
  if ((source.overload ?? "") !== node.overload) changes.overload = node.overload;
  if ((source.doc_string ?? "") !== node.docString) changes.doc_string = node.docString;
  if (source.op_type !== node.op) changes.op_type = node.op;
  return Object.keys(changes).length === 0 ? source : amend(source, changes);
}

function attributesToProto(
  node: Node,
  source: NodeProto | null,
  encodeTensor: TensorEncoder,
): AttributeProto[] {
  const previous = new Map((source?.attribute ?? []).map((attribute) => [attribute.name ?? "", attribute]));
  return Array.from(node.attributes, ([name, attribute]) =>
    attributeToProto(name, attribute, {
      graph: (graph) => graphToProto(graph, encodeTensor),
      tensor: encodeTensor,
      previous: previous.get(name),
    }),
  );
}

/** A function as message; nothing changes its interface, only nodes of its body. */
export function functionToProto(definition: FunctionDefinition, encodeTensor: TensorEncoder): FunctionProto {
  const source = definition.source as FunctionProto | null;
  const { body } = definition;
  const node = body.nodes_.map((item) => nodeToProto(item, encodeTensor));
  if (source) {
    const value_info = valueInfos(body, source, source.value_info ?? []);
    const opset_import = opsetsToProto(body.opsets, source.opset_import ?? []);
    const changes = onlyChanges(source, { node, value_info, opset_import });
    return Object.keys(changes).length === 0 ? source : amend(source, changes);
  }
  return {
    name: definition.name,
    ...(definition.domain === "" ? {} : { domain: definition.domain }),
    ...(definition.overload === "" ? {} : { overload: definition.overload }),
    input: body.inputs.map((value) => value.name),
    output: body.outputs.map((value) => value.name),
    attribute: definition.attributes.filter((name) => !definition.defaults.has(name)),
    attribute_proto: Array.from(definition.defaults, ([name, attribute]) =>
      attributeToProto(name, attribute, {
        graph: (graph) => graphToProto(graph, encodeTensor),
        tensor: encodeTensor,
      }),
    ),
    node,
    opset_import: opsetsToProto(body.opsets),
  };
}
