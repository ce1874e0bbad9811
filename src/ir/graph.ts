import type { Attribute, Attributes } from "./attribute.js";
import type { DType } from "./dtype.js";
import { InvariantError } from "./errors.js";
import type { Tensor } from "./tensor.js";

/** A dimension: a number, a symbol (ONNX `dim_param`), or null when unknown. */
export type Dim = number | string | null;

/** Element type and shape of a tensor value; `shape` null means unknown rank. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly Dim[] | null;
}

/** One use of a value: input slot `index` of `node`. */
export interface Use {
  readonly node: Node;
  readonly index: number;
}

/**
 * A named edge of a graph: a graph input, an initializer (or both), or an output of a node.
 * Nodes refer to values by identity; names matter only to users and to the file.
 */
export class Value {
  /** @internal */ name_: string;
  /** @internal */ producer_: Node | null = null;
  /** @internal */ readonly consumers_ = new Set<Node>();
  /** @internal */ initializer_: Tensor | null = null;
  /** @internal */ graph_: Graph | null = null;
  type: TensorType | null;
  /** The codec's original ValueInfo message; opaque here. */
  source: unknown;

  constructor(name: string, type: TensorType | null = null, source: unknown = null) {
    this.name_ = name;
    this.type = type;
    this.source = source;
  }

  get name(): string {
    return this.name_;
  }

  /** The graph that owns the value (a subgraph's node may read values of an outer graph); null while in a patch. */
  get graph(): Graph | null {
    return this.graph_;
  }

  get producer(): Node | null {
    return this.producer_;
  }

  /** Tensor of the initializer of this name, overridable or not. */
  get initializer(): Tensor | null {
    return this.initializer_;
  }

  /** Every input slot that reads the value, subgraphs included. */
  get uses(): readonly Use[] {
    const uses: Use[] = [];
    for (const node of this.consumers_) {
      node.inputs.forEach((input, index) => {
        if (input === this) uses.push({ node, index });
      });
    }
    return uses;
  }

  get isGraphInput(): boolean {
    return this.graph_?.inputs.includes(this) ?? false;
  }

  get isGraphOutput(): boolean {
    return this.graph_?.outputs.includes(this) ?? false;
  }

  /**
   * The tensor if the value can't change at run time: an initializer that no caller may override, or the output
   * of a Constant node. From IR version 4 on an initializer that is also a graph input is overridable; before,
   * initializers had to be listed as inputs and runtimes treat them as constant.
   */
  get constant(): Tensor | null {
    if (this.initializer_) {
      const overridable = this.graph_ !== null && this.graph_.root.irVersion >= 4 && this.isGraphInput;
      return overridable ? null : this.initializer_;
    }
    if (this.producer_?.op === "Constant" && this.producer_.domain === "") {
      const value = this.producer_.attributes.get("value");
      if (value?.kind === "tensor") return value.value;
    }
    return null;
  }
}

export interface NodeSpec {
  readonly op: string;
  readonly domain?: string;
  readonly overload?: string;
  readonly name?: string;
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly (Value | null)[];
  readonly attributes?: Attributes;
  readonly docString?: string;
  readonly origin?: readonly string[];
  readonly source?: unknown;
}

/** One operator call. Trailing optional inputs may be absent, inner ones null; an unwanted output is null. */
export class Node {
  /** @internal */ name_: string;
  /** @internal */ inputs_: (Value | null)[];
  /** @internal */ graph_: Graph | null = null;
  readonly op: string;
  /** Operator-set domain, "" for the default (`ai.onnx` is normalised to it by the codec). */
  readonly domain: string;
  readonly overload: string;
  readonly outputs: readonly (Value | null)[];
  readonly attributes: Attributes;
  readonly docString: string;
  /** Names of the passes that made or remade the node, oldest first; empty for nodes of the file. */
  readonly origin: readonly string[];
  /** The codec's original NodeProto; opaque here. */
  readonly source: unknown;

  constructor(spec: NodeSpec) {
    this.op = spec.op;
    this.domain = spec.domain ?? "";
    this.overload = spec.overload ?? "";
    this.name_ = spec.name ?? "";
    this.inputs_ = [...spec.inputs];
    this.outputs = [...spec.outputs];
    this.attributes = spec.attributes ?? new Map<string, Attribute>();
    this.docString = spec.docString ?? "";
    this.origin = spec.origin ?? [];
    this.source = spec.source ?? null;
  }

  get name(): string {
    return this.name_;
  }

  /** What users call the node: its name, or its first output's. */
  get label(): string {
    return this.name_ !== "" ? this.name_ : (this.outputs.find((output) => output !== null)?.name ?? this.op);
  }

  get inputs(): readonly (Value | null)[] {
    return this.inputs_;
  }

  get graph(): Graph | null {
    return this.graph_;
  }

  /** Input `index`, null when absent. */
  input(index: number): Value | null {
    return this.inputs_[index] ?? null;
  }

  /** First output; throws when the node has none. */
  get output(): Value {
    const first = this.outputs[0];
    if (!first)
      throw new InvariantError("the node has no first output", { where: { node: this.label, op: this.op } });
    return first;
  }

  /** Subgraphs among the attributes, in order. */
  get subgraphs(): readonly Graph[] {
    const graphs: Graph[] = [];
    for (const attribute of this.attributes.values()) {
      if (attribute.kind === "graph") graphs.push(attribute.value);
      if (attribute.kind === "graphs") graphs.push(...attribute.value);
    }
    return graphs;
  }

  /** True for an operator of the default ONNX domain with one of these names. */
  is(...ops: readonly string[]): boolean {
    return this.domain === "" && ops.includes(this.op);
  }
}

/**
 * Nodes in topological order with their inputs, outputs and initializers. A subgraph has a `parent` and may read
 * the parent's values. After loading, only {@link Patch} objects change a graph.
 */
export class Graph {
  /** @internal */ readonly inputs_: Value[] = [];
  /** @internal */ readonly outputs_: Value[] = [];
  /** @internal */ readonly nodes_: Node[] = [];
  /** @internal */ readonly values_ = new Map<string, Value>();
  /** Values that hold an initializer, in file order. @internal */ readonly initializers_ = new Set<Value>();
  /** Nodes that hold subgraphs. @internal */ readonly holders_ = new Set<Node>();
  /** How many nodes have a name; unnamed ones don't count. @internal */ readonly nodeNames_ = new Map<
    string,
    number
  >();
  /** Version of the ONNX IR; read on the root. */
  irVersion = 10;
  /** Operator-set versions by domain ("" is the default one); read on the root. */
  readonly opsets = new Map<string, number>();
  /** The codec's original GraphProto; opaque here. */
  source: unknown = null;

  constructor(
    readonly name: string,
    readonly parent: Graph | null = null,
  ) {}

  get inputs(): readonly Value[] {
    return this.inputs_;
  }

  get outputs(): readonly Value[] {
    return this.outputs_;
  }

  /** A snapshot in topological order: safe to iterate while patches are applied. */
  get nodes(): readonly Node[] {
    return [...this.nodes_];
  }

  get nodeCount(): number {
    return this.nodes_.length;
  }

  get initializers(): readonly Value[] {
    return [...this.initializers_];
  }

  /** Inputs that a caller must feed: graph inputs without an initializer. */
  get requiredInputs(): readonly Value[] {
    return this.inputs_.filter((input) => input.initializer === null);
  }

  get root(): Graph {
    return this.parent?.root ?? this;
  }

  /** Version of an operator-set domain, undefined when the model doesn't import it. */
  opset(domain = ""): number | undefined {
    return this.root.opsets.get(domain);
  }

  /** The value of this name in this graph or an enclosing one. */
  value(name: string): Value | undefined {
    return this.values_.get(name) ?? this.parent?.value(name);
  }

  node(name: string): Node | undefined {
    return this.nodes_.find((node) => node.name === name);
  }

  /** Subgraphs of this graph's own nodes. */
  get subgraphs(): readonly Graph[] {
    return this.holders_.size === 0 ? none : [...this.holders_].flatMap((node) => node.subgraphs);
  }

  /** A value name used nowhere in this graph, the graphs around it or below it. */
  freshName(base: string): string {
    return freshAmong(base, this, (graph, name) => graph.values_.has(name));
  }

  /** A node name used nowhere in this graph, the graphs around it or below it. */
  freshNodeName(base: string): string {
    return freshAmong(base, this, (graph, name) => graph.nodeNames_.has(name));
  }
}

function freshAmong(base: string, graph: Graph, has: (graph: Graph, name: string) => boolean): string {
  const below = (scope: Graph, name: string): boolean =>
    has(scope, name) || scope.subgraphs.some((subgraph) => below(subgraph, name));
  // A subgraph that is still being built is not below its root yet.
  const taken = (name: string): boolean => below(graph, name) || below(graph.root, name);
  if (!taken(base)) return base;
  for (let i = 1; ; i++) {
    if (!taken(`${base}_${i}`)) return `${base}_${i}`;
  }
}

/** Nodes of a graph and of every subgraph below it. */
export function allNodes(graph: Graph): readonly Node[] {
  const all: Node[] = [];
  const collect = (scope: Graph): void => {
    for (const node of scope.nodes_) {
      all.push(node);
      if (scope.holders_.has(node)) node.subgraphs.forEach(collect);
    }
  };
  collect(graph);
  return all;
}

/** Values of outer graphs that a subgraph reads: inputs of its nodes or its own outputs, nested subgraphs included. */
export function outerReads(subgraph: Graph): readonly Value[] {
  const reads = new Set<Value>();
  const collect = (scope: Graph): void => {
    for (const node of scope.nodes_) for (const input of node.inputs_) if (input) reads.add(input);
    for (const output of scope.outputs_) reads.add(output);
    scope.subgraphs.forEach(collect);
  };
  collect(subgraph);
  return [...reads].filter((value) => value.graph !== null && !isWithin(value.graph, subgraph));
}

/** True when `graph` is `ancestor` or lies below it. */
export function isWithin(graph: Graph, ancestor: Graph): boolean {
  for (let scope: Graph | null = graph; scope; scope = scope.parent) if (scope === ancestor) return true;
  return false;
}

const none: readonly Graph[] = [];
