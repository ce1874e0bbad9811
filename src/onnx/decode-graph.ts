import {
  ConvoptError,
  GraphBuilder,
  ModelError,
  type Attribute,
  type FunctionDefinition,
  type Graph,
} from "../ir/index.js";
import { attributeFromProto } from "./attribute-proto.js";
import type { ExternalSource } from "./external-location.js";
import { labelOf, orderNodes } from "./node-order.js";
import type { FunctionProto, GraphProto, NodeProto, ValueInfoProto } from "./proto.js";
import { normalDomain, opsetsFrom } from "./opsets.js";
import { tensorFromProto, tensorFromSparse } from "./tensor-proto.js";
import { statedType } from "./type-proto.js";

export interface DecodeContext {
  readonly external: ExternalSource;
  readonly irVersion: number;
  readonly warn: (warning: string) => void;
}

/** A graph message as IR; `parent` is the graph around a subgraph. Throws ModelErrors that name node and tensor. */
export function graphFromProto(proto: GraphProto, parent: Graph | null, context: DecodeContext): Graph {
  const builder = new GraphBuilder(proto.name ?? "", parent);
  const { graph } = builder;
  graph.source = proto;
  graph.irVersion = context.irVersion;
  for (const info of proto.input ?? []) {
    builder.input(nameOf(info, "input"), statedType(info), info);
  }
  for (const tensor of proto.initializer ?? []) {
    builder.initializer(named(tensor.name, "initializer"), tensorFromProto(tensor, context.external));
  }
  for (const sparse of proto.sparse_initializer ?? []) {
    builder.initializer(
      named(sparse.values?.name, "sparse initializer"),
      tensorFromSparse(sparse, context.external),
    );
  }
  addNodes(builder, proto.node ?? [], proto.name ?? "", context);
  noteTypes(graph, proto.value_info ?? []);
  for (const info of proto.output ?? []) {
    const name = nameOf(info, "output");
    if (!graph.value(name)) {
      throw new ModelError("E_MODEL_OUTPUT", "no node makes the graph output", { where: { tensor: name } });
    }
    const { type, source } = graph.value(name)!;
    // An output that is an input too, or belongs to a graph around this one, is described there.
    const described = graph.value(name)!.graph !== graph || graph.inputs.includes(graph.value(name)!);
    builder.output(name, described ? type : (statedType(info) ?? type), described ? source : info);
  }
  return graph;
}

function noteTypes(graph: Graph, infos: readonly ValueInfoProto[]): void {
  for (const info of infos) {
    const value = graph.values_.get(info.name ?? "");
    if (!value || graph.inputs.includes(value)) continue;
    value.type = statedType(info) ?? value.type;
    value.source = info;
  }
}

function addNodes(
  builder: GraphBuilder,
  protos: readonly NodeProto[],
  name: string,
  context: DecodeContext,
): void {
  const { nodes, sorted } = orderNodes(protos);
  if (sorted)
    context.warn(`the nodes of graph ${JSON.stringify(name)} were out of order and have been sorted`);
  for (const node of nodes) addNode(builder, node, context);
}

function addNode(builder: GraphBuilder, proto: NodeProto, context: DecodeContext): void {
  const place = { node: labelOf(proto), op: proto.op_type ?? "" };
  if (!proto.op_type) throw new ModelError("E_MODEL_NODE", "a node says no operator", { where: place });
  const attributes = new Map<string, Attribute>();
  try {
    for (const attribute of proto.attribute ?? []) {
      const key = attribute.name ?? "";
      if (attributes.has(key)) {
        throw new ModelError("E_MODEL_ATTRIBUTE", `the node has two attributes ${JSON.stringify(key)}`);
      }
      attributes.set(
        key,
        attributeFromProto(attribute, {
          external: context.external,
          graph: (graph) => graphFromProto(graph, builder.graph, context),
        }),
      );
    }
    builder.node(proto.op_type, proto.input ?? [], attributes, {
      ...(proto.name ? { name: proto.name } : {}),
      domain: normalDomain(proto.domain),
      overload: proto.overload ?? "",
      docString: proto.doc_string ?? "",
      source: proto,
      outputs: proto.output ?? [],
    });
  } catch (error) {
    throw error instanceof ConvoptError && error.where.node === undefined ? error.at(place) : error;
  }
}

/** A model-local function; its body is a root graph of its own that imports its own operator sets. */
export function functionFromProto(proto: FunctionProto, context: DecodeContext): FunctionDefinition {
  const name = proto.name ?? "";
  const builder = new GraphBuilder(name);
  const { graph } = builder;
  graph.irVersion = context.irVersion;
  graph.source = proto;
  for (const [domain, version] of opsetsFrom(proto.opset_import ?? [])) graph.opsets.set(domain, version);
  for (const input of proto.input ?? []) builder.input(named(input, "function input"));
  addNodes(builder, proto.node ?? [], name, context);
  noteTypes(graph, proto.value_info ?? []);
  for (const output of proto.output ?? []) builder.output(named(output, "function output"));
  const defaults = new Map(
    (proto.attribute_proto ?? []).map((attribute) => [
      attribute.name ?? "",
      attributeFromProto(attribute, {
        external: context.external,
        graph: (inner) => graphFromProto(inner, null, context),
      }),
    ]),
  );
  return {
    domain: normalDomain(proto.domain),
    name,
    overload: proto.overload ?? "",
    attributes: [...(proto.attribute ?? []), ...defaults.keys()],
    defaults,
    body: graph,
    source: proto,
  };
}

function nameOf(info: ValueInfoProto, what: string): string {
  return named(info.name, what);
}

function named(name: string | null | undefined, what: string): string {
  if (name) return name;
  throw new ModelError(
    "E_MODEL_NAME",
    `a graph has ${/^[aeiou]/.test(what) ? "an" : "a"} ${what} without a name`,
  );
}
