import type { Attribute } from "./attribute.js";
import type { Graph } from "./graph.js";

/** A model-local function: a named subgraph over its own operator sets. */
export interface FunctionDefinition {
  readonly domain: string;
  readonly name: string;
  readonly overload: string;
  /** Attribute names without a default, then those with one. */
  readonly attributes: readonly string[];
  readonly defaults: ReadonlyMap<string, Attribute>;
  /** Body; a root graph of its own. An attribute of kind "reference" refers to the caller's attribute. */
  readonly body: Graph;
  /** The codec's original FunctionProto; opaque here. */
  readonly source: unknown;
}

/** The file that a model was read from or written to. */
export interface ModelFile {
  readonly path: string;
  /** Lower-case hex, of the main file. */
  readonly sha256: string;
  readonly bytes: number;
}

/** An ONNX model: one graph, its functions, and what is said about them. */
export class Model {
  /** Things worth telling the user that loading noticed (deduced opset, nodes out of order …). */
  readonly warnings: string[] = [];
  functions: readonly FunctionDefinition[] = [];
  readonly metadata = new Map<string, string>();
  /** The codec's original ModelProto; opaque here. */
  source: unknown = null;
  /** Null for a model that was made in memory or changed since. */
  file: ModelFile | null = null;

  constructor(public graph: Graph) {}

  get irVersion(): number {
    return this.graph.irVersion;
  }

  /** Operator-set versions by domain, "" for the default one. */
  get opsets(): Map<string, number> {
    return this.graph.opsets;
  }

  /** The function that a node calls, if it calls one. */
  function(domain: string, name: string, overload = ""): FunctionDefinition | undefined {
    return this.functions.find(
      (definition) =>
        definition.domain === domain && definition.name === name && definition.overload === overload,
    );
  }
}
