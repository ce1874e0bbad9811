import {
  elementCount,
  ModelError,
  Node,
  Tensor,
  UnsupportedError,
  Value,
  type Attributes,
  type Dim,
  type Graph,
  type Model,
} from "../ir/index.js";
import {
  attributesOf,
  factOfTensor,
  factOfType,
  opDefinition,
  unknownFact,
  type Fact,
} from "../ops/index.js";
import { bindSymbols, mergeDeclared } from "./declared-types.js";
import { canEvaluate, placedError } from "./evaluation.js";
import { evaluateConstant, Facts, opsetOf, type FactTable } from "./fact-table.js";
import {
  bindAttributes,
  checkDepth,
  functionOf,
  inliningBudget,
  noBindings,
  type InliningBudget,
} from "./function-call.js";
import { bindInputShapes, type InputShapes } from "./input-shapes.js";
import { isRandom } from "./random-source.js";

export interface InferOptions {
  /** Concrete shapes of inputs by name: symbolic dimensions become numbers everywhere. */
  readonly shapes?: InputShapes;
  /** Contradictions between declared and inferred types are errors, not warnings. */
  readonly strict?: boolean;
}

/** Constants of at most this many elements are folded during inference: shape arithmetic, scales, axes. */
const smallConstant = 64;
/** … from inputs of at most this many elements. */
const smallOperand = 1024;

/**
 * Element types, shapes and small constants of every value, subgraphs and called functions included. Declared types
 * are merged in; where they contradict inference, inference wins and the model gets a warning (under `strict` a
 * ModelError `E_TYPE`). Operators without a definition give what the file declares. Throws a ModelError that names
 * the node whose inputs can't go together, a UsageError for `shapes` that don't fit the inputs.
 */
export function inferFacts(model: Model, o: InferOptions = {}): FactTable {
  const bound = bindInputShapes(model.graph, o.shapes ?? new Map());
  const table = new Facts(model, model.graph, noBindings, []);
  const inference = new Inference(table, bound.symbols, o.strict ?? false, 0, inliningBudget());
  for (const input of model.graph.inputs) {
    const declared = bindSymbols(input.type, bound.symbols);
    inference.define(input, inputFact(input, factOfType(declared), bound.shapes.get(input)));
  }
  inference.graph(model.graph, false);
  for (const warning of table.warnings) {
    if (!model.warnings.includes(warning)) model.warnings.push(warning);
  }
  return table;
}

/** An input that is constant, or has a default whose shape it must keep, or a shape that the caller gave. */
function inputFact(input: Value, declared: Fact, given: readonly Dim[] | undefined): Fact {
  const constant = input.constant;
  if (constant) return factOfTensor(constant);
  if (given) return { ...declared, shape: given };
  const fallback = input.initializer;
  return fallback && !declared.shape
    ? { ...declared, dtype: fallback.dtype, shape: fallback.dims }
    : declared;
}

class Inference {
  constructor(
    readonly table: Facts,
    readonly symbols: ReadonlyMap<string, number>,
    readonly strict: boolean,
    readonly depth: number,
    readonly budget: InliningBudget,
  ) {}

  define(value: Value, fact: Fact): void {
    const declared = bindSymbols(value.type, this.symbols);
    this.table.facts.set(
      value,
      mergeDeclared(fact, declared, (what) => this.#contradiction(value, what)),
    );
  }

  #contradiction(value: Value, what: string): void {
    if (this.strict) throw new ModelError("E_TYPE", what, { where: { tensor: value.name } });
    this.#warn(`tensor ${JSON.stringify(value.name)} is ${what}`);
  }

  #warn(warning: string): void {
    if (!this.table.warnings.includes(warning)) this.table.warnings.push(warning);
  }

  /** Infers all nodes; `optional` graphs (branches that may never run) only warn when their shapes don't fit. */
  graph(graph: Graph, optional: boolean): void {
    for (const value of graph.initializers) {
      const constant = value.constant;
      if (constant) this.define(value, factOfTensor(constant));
    }
    for (const node of graph.nodes) {
      try {
        this.#node(node);
      } catch (error) {
        if (!(error instanceof ModelError) || !optional || this.strict) throw error;
        this.#warn(`inference inside a subgraph: ${error.message}`);
        for (const output of node.outputs) if (output) this.define(output, unknownFact);
      }
    }
  }

  #node(original: Node): void {
    if (this.depth > 0) this.budget.spend(original);
    const node = this.table.resolve(original);
    const inputs = node.inputs.map((input) => (input ? this.table.of(input) : null));
    const opset = opsetOf(this.table.graph, this.table.model, node.domain);
    const visited = new Set<Graph>();
    const outputs =
      this.#call(original, node, inputs) ??
      inferOutputs(node, inputs, opset, (graph, given) => {
        visited.add(graph);
        return this.#subgraph(graph, given);
      });
    for (const graph of node.subgraphs) if (!visited.has(graph)) this.#subgraph(graph, []);
    node.outputs.forEach((output, index) => {
      if (output) this.define(output, outputs[index] ?? unknownFact);
    });
  }

  #subgraph(graph: Graph, inputs: readonly Fact[]): readonly Fact[] {
    graph.inputs.forEach((input, index) => this.define(input, inputs[index] ?? unknownFact));
    this.graph(graph, true);
    return graph.outputs.map((output) => this.table.of(output));
  }

  /** Outputs of a call of a model-local function, null when the node calls none. */
  #call(original: Node, node: Node, inputs: readonly (Fact | null)[]): readonly Fact[] | null {
    const definition = functionOf(this.table.model, node);
    if (!definition) return null;
    checkDepth(definition, node, this.depth);
    const { body } = definition;
    const table = new Facts(this.table.model, body, bindAttributes(definition, node), this.table.warnings, {
      facts: this.table,
      node: original,
    });
    this.table.calls.set(original, table);
    const inner = new Inference(table, new Map(), this.strict, this.depth + 1, this.budget);
    body.inputs.forEach((input, index) => inner.define(input, inputs[index] ?? unknownFact));
    try {
      inner.graph(body, false);
    } catch (error) {
      throw placedError(error, node);
    }
    return body.outputs.map((output) => table.of(output));
  }
}

/** Facts of a node's outputs by its operator's definition, small constants folded. */
function inferOutputs(
  node: Node,
  inputs: readonly (Fact | null)[],
  opset: number,
  subgraph: (graph: Graph, inputs: readonly Fact[]) => readonly Fact[],
): readonly Fact[] {
  const definition = opDefinition(node);
  if (!definition) return node.outputs.map(() => unknownFact);
  try {
    const attributes = attributesOf(node, opset);
    const facts = definition.infer({ node, opset, attributes, inputs, subgraph });
    return foldSmall(
      node,
      inputs,
      opset,
      node.outputs.map((_, index) => facts[index] ?? unknownFact),
    );
  } catch (error) {
    if (error instanceof UnsupportedError) return node.outputs.map(() => unknownFact);
    throw placedError(error, node);
  }
}

function foldSmall(
  node: Node,
  inputs: readonly (Fact | null)[],
  opset: number,
  outputs: readonly Fact[],
): readonly Fact[] {
  if (outputs.every((output) => output.value !== null)) return outputs;
  if (node.subgraphs.length > 0 || isRandom(node) || !canEvaluate(node)) return outputs;
  const small = outputs.every(
    ({ shape }) =>
      shape?.every((dim) => typeof dim === "number") && elementCount(shape as number[]) <= smallConstant,
  );
  const known = inputs.every((input) => input === null || (input.value && input.value.size <= smallOperand));
  if (!small || !known) return outputs;
  const folded = evaluateConstant(
    node,
    inputs.map((input) => input?.value ?? null),
    opset,
  );
  return outputs.map((output, index) => {
    const tensor = folded?.[index];
    return tensor instanceof Tensor ? factOfTensor(tensor) : output;
  });
}

/** A node before it is one: operator, attributes and what is known of its inputs. */
export interface NodeSketch {
  readonly op: string;
  readonly domain?: string;
  readonly name?: string;
  readonly inputs: readonly (Fact | null)[];
  readonly attributes?: Attributes;
  /** How many outputs it has; 1 by default. */
  readonly outputs?: number;
}

/**
 * Facts of the outputs of a node that is in no graph yet. Throws a ModelError where the inputs can't go together;
 * nothing is known of operators without a definition.
 */
export function inferNode(sketch: NodeSketch, opset: number): readonly Fact[] {
  const label = sketch.name ?? sketch.op;
  const node = new Node({
    op: sketch.op,
    domain: sketch.domain ?? "",
    name: label,
    inputs: sketch.inputs.map((input, index) => (input ? new Value(`${label}_input_${index}`) : null)),
    outputs: Array.from({ length: sketch.outputs ?? 1 }, (_, index) => new Value(`${label}_output_${index}`)),
    ...(sketch.attributes ? { attributes: sketch.attributes } : {}),
  });
  return inferOutputs(node, sketch.inputs, opset, () => []);
}
