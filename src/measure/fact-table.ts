import {
  ConvoptError,
  dtypes,
  elementCount,
  Tensor,
  type Graph,
  type Model,
  type Node,
  type Value,
} from "../ir/index.js";
import { factOfTensor, factOfType, unknownFact, type Fact } from "../ops/index.js";
import { canEvaluate, evaluateNode } from "./evaluation.js";
import { resolveReferences, type Bindings } from "./function-call.js";
import { isRandom } from "./random-source.js";

/** What is known of every value of a graph and its subgraphs. */
export interface FactTable {
  readonly model: Model;
  /** The graph that was inferred: the model's, or a function's body. */
  readonly graph: Graph;
  /** Nothing is known of null (an absent input). A value that inference didn't meet has its declared type. */
  of(value: Value | null): Fact;
  /**
   * The tensor if the value can't change at run time, folded through constant nodes. Evaluates on first request and
   * keeps the result; null beyond the size budget of 64 MB and for what can't be evaluated.
   */
  constant(value: Value | null): Tensor | null;
  /** For facts inside a function: the table of the caller and the calling node. */
  readonly caller: { readonly facts: FactTable; readonly node: Node } | null;
  /** The node with the attributes that it has in this call of the function; outside functions the node itself. */
  resolve(node: Node): Node;
  /** Facts inside the function that this node calls, null when it calls none. */
  inside(node: Node): FactTable | null;
  /** Contradictions between declared and inferred types, and branches that can't be inferred. */
  readonly warnings: readonly string[];
}

/** Constants of more bytes are not folded on request. */
const foldingBudget = 64 * 2 ** 20;
/** Longer chains of constant nodes are not followed. */
const longestChain = 1000;

/** The mutable side of a table, which inference fills. */
export class Facts implements FactTable {
  readonly facts = new Map<Value, Fact>();
  readonly calls = new Map<Node, FactTable>();
  readonly #constants = new Map<Value, Tensor | null>();

  constructor(
    readonly model: Model,
    readonly graph: Graph,
    readonly bindings: Bindings,
    readonly warnings: string[],
    readonly caller: { readonly facts: FactTable; readonly node: Node } | null = null,
  ) {}

  resolve(node: Node): Node {
    return resolveReferences(node, this.bindings);
  }

  of(value: Value | null): Fact {
    if (!value) return unknownFact;
    const known = this.facts.get(value);
    if (known) return known;
    const tensor = value.constant;
    return tensor ? factOfTensor(tensor) : factOfType(value.type);
  }

  inside(node: Node): FactTable | null {
    return this.calls.get(node) ?? null;
  }

  constant(value: Value | null): Tensor | null {
    return this.#constant(value, 0);
  }

  #constant(value: Value | null, depth: number): Tensor | null {
    if (!value) return null;
    const known = value.constant ?? this.facts.get(value)?.value;
    if (known) return known;
    const cached = this.#constants.get(value);
    if (cached !== undefined) return cached;
    const producer = value.producer;
    if (!producer || depth > longestChain) return null;
    this.#fold(producer, depth);
    return this.#constants.get(value) ?? null;
  }

  #fold(producer: Node, depth: number): void {
    const node = this.resolve(producer);
    const outputs = this.#foldable(node) ? this.#evaluate(node, depth) : null;
    producer.outputs.forEach((output, index) => {
      const tensor = outputs?.[index];
      if (output) this.#constants.set(output, tensor instanceof Tensor ? tensor : null);
    });
  }

  #foldable(node: Node): boolean {
    if (node.subgraphs.length > 0 || isRandom(node) || this.calls.has(node) || !canEvaluate(node))
      return false;
    return node.outputs.every((output) => {
      const { dtype, shape } = this.of(output);
      if (!output) return true;
      if (!dtype || !shape?.every((dim) => typeof dim === "number")) return false;
      return elementCount(shape as number[]) * Math.max(8, dtypes[dtype].bits) <= 8 * foldingBudget;
    });
  }

  #evaluate(node: Node, depth: number): readonly unknown[] | null {
    const inputs: (Tensor | null)[] = [];
    for (const input of node.inputs) {
      const tensor = this.#constant(input, depth + 1);
      if (input && !tensor) return null;
      inputs.push(tensor);
    }
    return evaluateConstant(node, inputs, opsetOf(this.graph, this.model, node.domain));
  }
}

/** Version of an operator-set domain; functions that import none use the model's. */
export function opsetOf(graph: Graph, model: Model, domain: string): number {
  return graph.opset(domain) ?? model.opsets.get(domain) ?? 1;
}

/** Evaluates a node on constants; null where convopt can't, errors of the model included: they are reported when it runs. */
export function evaluateConstant(
  node: Node,
  inputs: readonly (Tensor | null)[],
  opset: number,
): readonly unknown[] | null {
  try {
    return evaluateNode(node, inputs, { opset, precision: "default", subgraph: () => [], random: () => 0 });
  } catch (error) {
    if (error instanceof ConvoptError && error.code !== "E_INTERNAL") return null;
    throw error;
  }
}
