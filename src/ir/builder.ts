import { attributes, type AttributeInput, type Attributes } from "./attribute.js";
import { addNode, addValue, setInitializer } from "./edit.js";
import { ModelError } from "./errors.js";
import { Graph, Value, type Node, type TensorType } from "./graph.js";
import type { Tensor } from "./tensor.js";

export interface NodeOptions {
  readonly name?: string;
  readonly domain?: string;
  readonly overload?: string;
  readonly docString?: string;
  readonly source?: unknown;
  /** Names of the outputs; "" for one that isn't wanted. One fresh output by default. */
  readonly outputs?: readonly string[];
}

export type NodeInput = Value | string | null;

/**
 * Makes a graph before anyone else sees it: the codec and tests use it, passes use {@link Patch}.
 * Values are made on first mention as an output, input or initializer; an unknown name is a ModelError.
 */
export class GraphBuilder {
  readonly graph: Graph;

  constructor(name = "graph", parent: Graph | null = null) {
    this.graph = new Graph(name, parent);
  }

  input(name: string, type: TensorType | null = null, source: unknown = null): Value {
    const value = this.#declare(name);
    if (this.graph.inputs_.includes(value)) throw duplicate("input", name);
    value.type = type ?? value.type;
    value.source = source ?? value.source;
    this.graph.inputs_.push(value);
    return value;
  }

  initializer(name: string, tensor: Tensor): Value {
    const value = this.#declare(name);
    if (value.initializer) throw duplicate("initializer", name);
    value.type ??= { dtype: tensor.dtype, shape: tensor.dims };
    setInitializer(this.graph, value, tensor);
    return value;
  }

  /** Adds a node behind the others; inputs must exist already. Returns it. */
  node(
    op: string,
    inputs: readonly NodeInput[],
    attrs: Attributes | Readonly<Record<string, AttributeInput | undefined>> = {},
    options: NodeOptions = {},
  ): Node {
    const where = { node: options.name ?? options.outputs?.[0] ?? op, op };
    const outputNames = options.outputs ?? [this.graph.freshName(options.name ?? op.toLowerCase())];
    const outputs = outputNames.map((name, index) => {
      if (name === "") return null;
      if (this.graph.values_.has(name) || outputNames.indexOf(name) !== index)
        throw duplicate("value", name, where);
      return new Value(name);
    });
    return addNode(this.graph, {
      op,
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.domain === undefined ? {} : { domain: options.domain }),
      ...(options.overload === undefined ? {} : { overload: options.overload }),
      ...(options.docString === undefined ? {} : { docString: options.docString }),
      ...(options.source === undefined ? {} : { source: options.source }),
      inputs: inputs.map((input) => this.#resolve(input, where)),
      outputs,
      attributes:
        attrs instanceof Map ? (attrs as Attributes) : attributes(attrs as Record<string, AttributeInput>),
    });
  }

  /** Shorthand for a node with one output: returns that output. */
  op(
    op: string,
    inputs: readonly NodeInput[],
    attrs: Attributes | Readonly<Record<string, AttributeInput | undefined>> = {},
    options: NodeOptions = {},
  ): Value {
    return this.node(op, inputs, attrs, options).output;
  }

  /** Adds a graph output; a value may be several of them. */
  output(value: Value | string, type: TensorType | null = null, source: unknown = null): void {
    const resolved = this.#resolve(value, {});
    if (!resolved) throw new ModelError("E_MODEL_OUTPUT", "a graph output has no name");
    resolved.type = type ?? resolved.type;
    resolved.source = source ?? resolved.source;
    this.graph.outputs_.push(resolved);
  }

  /** The input or initializer of this name, made if need be; not what a node produces. */
  #declare(name: string): Value {
    const value = this.graph.values_.get(name);
    if (value?.producer)
      throw duplicate("value", name, { node: value.producer.label, op: value.producer.op });
    return value ?? addValue(this.graph, new Value(name));
  }

  #resolve(input: NodeInput, where: { node?: string; op?: string }): Value | null {
    if (input === null || input === "") return null;
    if (typeof input !== "string") return input;
    const value = this.graph.value(input);
    if (value) return value;
    throw new ModelError(
      "E_MODEL_DANGLING",
      "no node produces and no initializer or input holds the value that is read",
      {
        where: { ...where, tensor: input },
      },
    );
  }
}

function duplicate(what: string, name: string, where: { node?: string; op?: string } = {}): ModelError {
  return new ModelError("E_MODEL_DUPLICATE", `two ${what === "value" ? "values" : `${what}s`} share a name`, {
    where: { ...where, tensor: name },
  });
}
