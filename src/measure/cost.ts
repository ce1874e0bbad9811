import {
  elementCount,
  isFloat,
  type Dim,
  type Graph,
  type Model,
  type Node,
  type Value,
} from "../ir/index.js";
import { attributesOf, opDefinition } from "../ops/index.js";
import { opsetOf, type FactTable } from "./fact-table.js";
import { functionOf } from "./function-call.js";
import { fixedBatch, oneSample, perSample } from "./per-sample.js";
import { isRandom } from "./random-source.js";

/** Operators whose multiply–accumulates are counted. */
const countedOps: ReadonlySet<string> = new Set([
  "Conv", "ConvTranspose", "Gemm", "MatMul", "QLinearConv", "ConvInteger", "QLinearMatMul", "MatMulInteger",
]); // prettier-ignore

/** Inputs of quantized operators that hold integer weights; float weights are known by their type. */
const integerWeights: ReadonlyMap<string, readonly number[]> = new Map([
  ["QLinearConv", [3, 8]],
  ["ConvInteger", [1]],
  ["QLinearMatMul", [3]],
  ["MatMulInteger", [1]],
]);

export interface NodeCost {
  readonly node: Node;
  /** Multiply–accumulates for one sample; 0 for operators that aren't counted, null when a dimension is unknown. */
  readonly macs: number | null;
  /** Elements of constant float inputs that no earlier node reads. */
  readonly params: number;
}

export interface ModelCost {
  /** Null as soon as one node's is. */
  readonly macs: number | null;
  readonly params: number;
  /** Every node in order, those of subgraphs behind the node that holds them. */
  readonly nodes: readonly NodeCost[];
}

/**
 * Multiply–accumulates of one node for one sample: Conv, ConvTranspose, Gemm and MatMul with their integer variants,
 * without bias; a call of a model-local function counts what is inside. A symbolic batch counts as 1, a fixed one is
 * divided out. `facts` is the table that the node was inferred in.
 */
export function nodeMacs(node: Node, facts: FactTable): number | null {
  const inner = facts.inside(node);
  if (inner) return sum(inner.graph.nodes.map((each) => macsDeep(each, inner)));
  if (node.domain !== "" || !countedOps.has(node.op)) return 0;
  const macs = countMacs(node, facts);
  if (macs !== null) return macs;
  // The batch may be hidden in a product of dimensions: inference with a batch of 1 finds more.
  const sample = perSample(facts);
  return sample === facts ? null : countMacs(node, sample);
}

function countMacs(node: Node, facts: FactTable): number | null {
  const count = opDefinition(node)?.macs;
  if (!count) return 0;
  const resolved = facts.resolve(node);
  const opset = opsetOf(facts.graph, facts.model, node.domain);
  const inputs = node.inputs.map((input) => (input ? oneSample(facts.of(input), facts) : null));
  const outputs = node.outputs.map((output) => (output ? oneSample(facts.of(output), facts) : null));
  const macs = count({ node: resolved, opset, attributes: attributesOf(resolved, opset) }, inputs, outputs);
  const shape = outputs[0]?.shape;
  if (macs === null || !isKnown(shape ?? null)) return null;
  const first = shape?.[0];
  if (typeof first !== "number") return macs;
  const batch = fixedBatch(facts);
  return first % batch === 0 && macs % batch === 0 ? macs / batch : macs;
}

function macsDeep(node: Node, facts: FactTable): number | null {
  const below = node.subgraphs.flatMap((graph) => graph.nodes.map((each) => macsDeep(each, facts)));
  return sum([nodeMacs(node, facts), ...below]);
}

/**
 * Cost of a model for one sample. A node in a subgraph counts once, whichever branch is taken and however often a
 * loop runs; what a model-local function costs stands at its call. A shared weight counts where it is first read; a
 * weight that constant nodes make counts like an initializer.
 */
export function modelCost(model: Model, facts: FactTable): ModelCost {
  const nodes: NodeCost[] = [];
  const weights = new WeightCounter(model);
  const walk = (graph: Graph): void => {
    for (const node of graph.nodes) {
      nodes.push({ node, macs: nodeMacs(node, facts), params: weights.countNode(node, facts) });
      node.subgraphs.forEach(walk);
    }
  };
  walk(model.graph);
  return {
    macs: sum(nodes.map(({ macs }) => macs)),
    params: nodes.reduce((total, { params }) => total + params, 0),
    nodes,
  };
}

function sum(counts: readonly (number | null)[]): number | null {
  let total = 0;
  for (const count of counts) {
    if (count === null) return null;
    total += count;
  }
  return total;
}

class WeightCounter {
  readonly #counted = new Set<Value>();
  readonly #constant = new Map<Value, boolean>();

  constructor(readonly model: Model) {}

  /** Nodes that only make constants count nothing: their result does, where it is used. */
  countNode(node: Node, facts: FactTable): number {
    const inner = facts.inside(node);
    const direct = node.outputs.some((output) => output !== null && this.#isConstant(output))
      ? 0
      : this.#inputs(node, facts);
    if (!inner) return direct;
    return inner.graph.nodes.reduce((total, each) => total + this.#deep(each, inner), direct);
  }

  #deep(node: Node, facts: FactTable): number {
    const below = node.subgraphs.flatMap((graph) => graph.nodes);
    return below.reduce((total, each) => total + this.#deep(each, facts), this.countNode(node, facts));
  }

  #inputs(node: Node, facts: FactTable): number {
    const integers = node.domain === "" ? integerWeights.get(node.op) : undefined;
    let params = 0;
    node.inputs.forEach((input, index) => {
      if (!input || this.#counted.has(input) || !this.#isConstant(input)) return;
      const { dtype, shape } = facts.of(input);
      if (!dtype || !(isFloat(dtype) || integers?.includes(index)) || !isKnown(shape)) return;
      this.#counted.add(input);
      params += elementCount(shape);
    });
    return params;
  }

  /** Initializers that can't be overridden, and whatever is computed from nothing else. */
  #isConstant(value: Value): boolean {
    const known = this.#constant.get(value);
    if (known !== undefined) return known;
    const pending = [value];
    while (pending.length > 0) {
      const next = pending.at(-1)!;
      const { producer } = next;
      const unknown = producer?.inputs.filter((input) => input !== null && !this.#constant.has(input)) ?? [];
      if (producer && unknown.length > 0 && this.#mayBeConstant(producer)) {
        pending.push(...(unknown as Value[]));
        continue;
      }
      pending.pop();
      const derived =
        producer !== null &&
        this.#mayBeConstant(producer) &&
        producer.inputs.every((input) => input === null || this.#constant.get(input) === true);
      this.#constant.set(next, next.constant !== null || derived);
    }
    return this.#constant.get(value)!;
  }

  #mayBeConstant(node: Node): boolean {
    return (
      node.subgraphs.length === 0 &&
      !isRandom(node) &&
      functionOf(this.model, node) === undefined &&
      opDefinition(node) !== undefined
    );
  }
}

function isKnown(shape: readonly Dim[] | null): shape is readonly number[] {
  return shape?.every((dim) => typeof dim === "number") ?? false;
}
