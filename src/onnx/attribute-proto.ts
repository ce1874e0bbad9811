import { InvariantError, ModelError, type Attribute, type Graph, type Tensor } from "../ir/index.js";
import type { ExternalSource } from "./external-location.js";
import {
  amend,
  attributeType,
  bytesOf,
  has,
  textOf,
  toInt64,
  toNumber,
  type AttributeProto,
  type GraphProto,
  type TensorProto,
} from "./proto.js";
import { tensorFromProto } from "./tensor-proto.js";

export interface AttributeContext {
  readonly external: ExternalSource;
  /** Decodes a subgraph of the node. */
  readonly graph: (proto: GraphProto) => Graph;
}

/** The message that an attribute of a file came from; attributes are immutable, so it stays true. */
const sources = new WeakMap<Attribute, AttributeProto>();

/** Reads an attribute; files before IR version 2 leave out `type`, which then follows from the field that is set. */
export function attributeFromProto(proto: AttributeProto, context: AttributeContext): Attribute {
  const attribute = read(proto, context);
  sources.set(attribute, proto);
  return attribute;
}

function read(proto: AttributeProto, { external, graph }: AttributeContext): Attribute {
  if (proto.ref_attr_name) return { kind: "reference", name: proto.ref_attr_name };
  const type = proto.type ? proto.type : inferType(proto);
  switch (type) {
    case attributeType.float: return { kind: "float", value: proto.f ?? 0 };
    case attributeType.int: return { kind: "int", value: toNumber(proto.i) };
    case attributeType.string: return { kind: "string", value: textOf(proto.s ?? new Uint8Array()) };
    case attributeType.floats: return { kind: "floats", value: proto.floats ?? [] };
    case attributeType.ints: return { kind: "ints", value: (proto.ints ?? []).map(toNumber) };
    case attributeType.strings: return { kind: "strings", value: (proto.strings ?? []).map(textOf) };
    case attributeType.tensor:
      if (proto.t) return { kind: "tensor", value: tensorFromProto(proto.t, external) };
      break;
    case attributeType.tensors:
      return { kind: "tensors", value: (proto.tensors ?? []).map((tensor) => tensorFromProto(tensor, external)) };
    case attributeType.graph:
      if (proto.g) return { kind: "graph", value: graph(proto.g) };
      break;
    case attributeType.graphs: return { kind: "graphs", value: (proto.graphs ?? []).map(graph) };
    case attributeType.sparse_tensor: return { kind: "opaque", description: "sparse tensor", source: proto };
    case attributeType.sparse_tensors: return { kind: "opaque", description: "sparse tensors", source: proto };
    case attributeType.type_proto: return { kind: "opaque", description: "type", source: proto };
    case attributeType.type_protos: return { kind: "opaque", description: "types", source: proto };
    default: return { kind: "opaque", description: `attribute of type ${type}`, source: proto };
  } // prettier-ignore
  throw new ModelError(
    "E_MODEL_ATTRIBUTE",
    `the attribute ${proto.name ?? ""} says its type but holds nothing`,
  );
}

const byField: readonly (readonly [keyof AttributeProto, number])[] = [
  ["f", attributeType.float],
  ["i", attributeType.int],
  ["s", attributeType.string],
  ["t", attributeType.tensor],
  ["g", attributeType.graph],
  ["sparse_tensor", attributeType.sparse_tensor],
  ["tp", attributeType.type_proto],
];

const byList: readonly (readonly [keyof AttributeProto, number])[] = [
  ["floats", attributeType.floats],
  ["ints", attributeType.ints],
  ["strings", attributeType.strings],
  ["tensors", attributeType.tensors],
  ["graphs", attributeType.graphs],
  ["sparse_tensors", attributeType.sparse_tensors],
  ["type_protos", attributeType.type_protos],
];

function inferType(proto: AttributeProto): number {
  const field = byField.find(([name]) => has(proto, name)) ?? byList.find(([name]) => isFilled(proto[name]));
  return field?.[1] ?? 0;
}

function isFilled(list: unknown): boolean {
  return Array.isArray(list) && list.length > 0;
}

export interface AttributeEncoder {
  /** Encodes a subgraph: its original message when nothing in it changed. */
  readonly graph: (graph: Graph) => GraphProto;
  readonly tensor: (tensor: Tensor, name: string) => TensorProto;
  /** The node's old attribute of that name, whose documentation and unknown fields a changed subgraph keeps. */
  readonly previous?: AttributeProto | undefined;
}

/** The message of an attribute: its original one while it is unchanged, else a new one. */
export function attributeToProto(
  name: string,
  attribute: Attribute,
  { graph, tensor, previous }: AttributeEncoder,
): AttributeProto {
  const source = sources.get(attribute);
  const old = source ?? previous;
  switch (attribute.kind) {
    case "graph":
      return reuse(name, old, { g: graph(attribute.value), type: attributeType.graph });
    case "graphs":
      return reuse(name, old, { graphs: attribute.value.map(graph), type: attributeType.graphs });
    case "tensor":
      return reuse(name, source, {
        t: tensor(attribute.value, nameOf(attribute.value)),
        type: attributeType.tensor,
      });
    case "tensors":
      return reuse(name, source, {
        tensors: attribute.value.map((item) => tensor(item, nameOf(item))),
        type: attributeType.tensors,
      });
    default:
      return source ? reuse(name, source, {}) : { name, ...fresh(attribute) };
  }
}

/** `old` itself when name and fields are those that it has, else a copy of it with them. */
function reuse(name: string, old: AttributeProto | undefined, fields: AttributeProto): AttributeProto {
  if (!old) return { name, ...fields };
  const changes: AttributeProto = {};
  if ((old.name ?? "") !== name) changes.name = name;
  if (fields.g && fields.g !== old.g) changes.g = fields.g;
  if (fields.t && fields.t !== old.t) changes.t = fields.t;
  if (fields.graphs && !sameItems(fields.graphs, old.graphs)) changes.graphs = fields.graphs;
  if (fields.tensors && !sameItems(fields.tensors, old.tensors)) changes.tensors = fields.tensors;
  return Object.keys(changes).length === 0 ? old : amend(old, changes);
}

function sameItems(after: readonly unknown[], before: readonly unknown[] | null | undefined): boolean {
  return after.length === (before?.length ?? 0) && after.every((item, index) => item === before![index]);
}

type Plain = Exclude<Attribute, { kind: "graph" | "graphs" | "tensor" | "tensors" }>;

function fresh(attribute: Plain): AttributeProto {
  switch (attribute.kind) {
    case "float": return { f: attribute.value, type: attributeType.float };
    case "int": return { i: toInt64(attribute.value), type: attributeType.int };
    case "string": return { s: bytesOf(attribute.value), type: attributeType.string };
    case "floats": return { floats: [...attribute.value], type: attributeType.floats };
    case "ints": return { ints: attribute.value.map(toInt64), type: attributeType.ints };
    case "strings": return { strings: attribute.value.map(bytesOf), type: attributeType.strings };
    case "reference":
      throw new InvariantError(`the type of the attribute reference @${attribute.name} is unknown`);
    case "opaque": return attribute.source as AttributeProto;
  } // prettier-ignore
}

/** An attribute's tensor keeps the name that its own message gives it. */
function nameOf(tensor: Tensor): string {
  const source = tensor.source as { name?: string | null } | null;
  return source?.name ?? "";
}
