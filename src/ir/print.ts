import type { Attribute } from "./attribute.js";
import type { Graph, Node, Value } from "./graph.js";
import { describe } from "./patch.js";
import { decodeValues, type Tensor } from "./tensor.js";

export interface PrintOptions {
  /** "hash" shows a short hash of each constant's values (default), "none" only its type. */
  readonly weights?: "hash" | "none";
  /** "canonical" renames values %0, %1 … in order of appearance, so that text survives renames. */
  readonly names?: "original" | "canonical";
}

/** The graph as text, one node a line: stable, diffable, reviewed in golden tests. */
export function print(graph: Graph, options: PrintOptions = {}): string {
  return new Printer(options).graph(graph, "").join("\n") + "\n";
}

/**
 * Hash of structure, weights and operator-set versions that ignores the names of graphs, nodes and values. Equal for
 * graphs that compute the same in the same way.
 */
export function hashGraph(graph: Graph): string {
  const opsets = [...graph.root.opsets].map(([domain, version]) => `${domain}:${version}`).sort();
  const text = print(graph, { names: "canonical", weights: "hash" });
  return hashText(`${opsets.join(" ")}\n${text.replace(/^( *graph )"(?:[^"\\]|\\.)*"/gm, "$1")}`);
}

class Printer {
  readonly #names = new Map<Value, string>();

  constructor(private readonly options: PrintOptions) {}

  graph(graph: Graph, indent: string): string[] {
    const typed = (value: Value): string => `${this.#name(value)}: ${describe(value.type)}`;
    const inputs = graph.inputs.filter((input) => input.initializer === null || !input.constant);
    const lines = [`${indent}graph ${JSON.stringify(graph.name)}(${inputs.map(typed).join(", ")}) {`];
    for (const value of graph.initializers) {
      lines.push(`${indent}  ${this.#name(value)} = const ${this.#tensor(value.initializer!)}`);
    }
    for (const node of graph.nodes) lines.push(...this.#node(node, `${indent}  `));
    lines.push(`${indent}  return ${graph.outputs.map(typed).join(", ")}`, `${indent}}`);
    return lines;
  }

  #node(node: Node, indent: string): string[] {
    const list = (values: readonly (Value | null)[]): string =>
      values.map((value) => (value ? this.#name(value) : "_")).join(", ");
    const simple = [...node.attributes]
      .filter(([, attribute]) => attribute.kind !== "graph" && attribute.kind !== "graphs")
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, attribute]) => `${name}=${this.#attribute(attribute)}`);
    const op =
      (node.domain === "" ? "" : `${node.domain}.`) +
      node.op +
      (node.overload === "" ? "" : `:${node.overload}`);
    const inputs = list(node.inputs);
    const types = node.outputs.map((output) => describe(output?.type ?? null)).join(", ");
    const head = `${indent}${list(node.outputs)} = ${op}(${inputs})${simple.length > 0 ? ` {${simple.join(", ")}}` : ""} : ${types}`;
    const bodies = [...node.attributes]
      .filter(([, attribute]) => attribute.kind === "graph" || attribute.kind === "graphs")
      .flatMap(([name, attribute]) => {
        const graphs =
          attribute.kind === "graph" ? [attribute.value] : attribute.kind === "graphs" ? attribute.value : [];
        return graphs.flatMap((graph) => [`${indent}  .${name}:`, ...this.graph(graph, `${indent}    `)]);
      });
    return [head, ...bodies];
  }

  #attribute(attribute: Attribute): string {
    switch (attribute.kind) {
      case "int": return String(attribute.value);
      case "float": return float(attribute.value);
      case "string": return JSON.stringify(attribute.value);
      case "ints": return `[${attribute.value.join(",")}]`;
      case "floats": return `[${attribute.value.map(float).join(",")}]`;
      case "strings": return `[${attribute.value.map((x) => JSON.stringify(x)).join(",")}]`;
      case "tensor": return this.#tensor(attribute.value);
      case "tensors": return `[${attribute.value.map((x) => this.#tensor(x)).join(",")}]`;
      case "reference": return `@${attribute.name}`;
      case "opaque": return `<${attribute.description}>`;
      case "graph":
      case "graphs": return "<graph>";
    } // prettier-ignore
  }

  #tensor(tensor: Tensor): string {
    const type = `${tensor.dtype}[${tensor.dims.join(",")}]`;
    if (this.options.weights === "none") return type;
    if (tensor.size <= 8 && tensor.dtype !== "string") {
      // By way of the bytes, so that values not yet rounded to their type print as they will be written.
      const values = decodeValues(tensor.dtype, tensor.bytes(), tensor.size) as ArrayLike<number | bigint>;
      return `${type} {${Array.from(values, number).join(",")}}`;
    }
    return `${type} #${hashTensor(tensor)}`;
  }

  #name(value: Value): string {
    let name = this.#names.get(value);
    if (name === undefined) {
      name =
        this.options.names === "canonical"
          ? `%${this.#names.size}`
          : `%${value.name === "" ? "?" : value.name}`;
      this.#names.set(value, name);
    }
    return name;
  }
}

function number(value: number | bigint): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function float(value: number): string {
  return `${number(value)}f`;
}

/** Short hash of a tensor's values. */
export function hashTensor(tensor: Tensor): string {
  return tensor.dtype === "string" ? hashText(JSON.stringify(tensor.data)) : hashBytes(tensor.bytes());
}

function hashText(text: string): string {
  return hashBytes(new TextEncoder().encode(text));
}

/** Two independent 32-bit multiply–xor hashes: for telling things apart, not against an adversary. */
function hashBytes(bytes: Uint8Array): string {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = 0; i < bytes.length; i++) {
    a = Math.imul(a ^ bytes[i]!, 0x01000193);
    b = Math.imul(b ^ bytes[i]!, 0x5bd1e995);
    b ^= b >>> 13;
  }
  const hex = (x: number): string => (x >>> 0).toString(16).padStart(8, "0");
  return hex(a) + hex(b);
}
