import { ModelError, type Attribute, type Node } from "../ir/index.js";
import { opVersions, type OpAttributes, type OpVersions } from "./generated/attributes.js";

type View = Record<string, unknown>;

function isOpName(name: string): name is keyof OpAttributes {
  return Object.hasOwn(opVersions, name);
}

/**
 * The attributes of a node as its operator's view: what the node says, else the default of the newest schema version
 * ≤ `opset`, else null. An attribute of the wrong type and a missing required one are a ModelError `E_ATTRIBUTE`.
 * For an operator that the schema table doesn't know, plain values of the node's own attributes.
 */
export function attributesOf<N extends keyof OpAttributes>(node: Node, opset: number): OpAttributes[N] {
  const table = isOpName(node.op) && opVersions[node.op].domain === node.domain ? opVersions[node.op] : null;
  return (table ? viewOf(node, table, opset) : ownAttributes(node)) as OpAttributes[N];
}

/** The schema version that holds for an operator set: the newest one ≤ `opset`, the oldest when there is none. */
export function versionAt(table: OpVersions, opset: number): OpVersions["versions"][number] {
  return table.versions.findLast(({ since }) => since <= opset) ?? table.versions[0]!;
}

function viewOf(node: Node, table: OpVersions, opset: number): View {
  const { defaults, required } = versionAt(table, opset);
  const view: View = {};
  for (const [name, kinds] of Object.entries(table.kinds)) {
    const attribute = node.attributes.get(name);
    if (attribute) view[name] = plainValue(node, name, attribute, kinds);
    else if (required.includes(name)) throw attributeError(node, `the attribute ${name} is missing`);
    else view[name] = defaults[name] ?? null;
  }
  return view;
}

function plainValue(node: Node, name: string, attribute: Attribute, kinds: readonly string[]): unknown {
  const { kind } = attribute;
  if (kind === "reference" || kind === "opaque") {
    throw attributeError(node, `the attribute ${name} has no value here (${kind})`);
  }
  const emptyList = Array.isArray(attribute.value) && attribute.value.length === 0;
  const listWanted = kinds.some((wanted) => wanted.endsWith("s"));
  // Early exporters wrote whole numbers as INT where FLOAT is meant.
  const widened =
    (kind === "int" && kinds.includes("float")) || (kind === "ints" && kinds.includes("floats"));
  if (kinds.includes(kind) || widened || (emptyList && listWanted)) return attribute.value;
  throw attributeError(
    node,
    `the attribute ${name} must be ${kinds.join(" or ").toUpperCase()}, not ${kind.toUpperCase()}`,
  );
}

function ownAttributes(node: Node): View {
  const view: View = {};
  for (const [name, attribute] of node.attributes) if ("value" in attribute) view[name] = attribute.value;
  return view;
}

function attributeError(node: Node, what: string): ModelError {
  return new ModelError("E_ATTRIBUTE", what, { where: { node: node.label, op: node.op } });
}
