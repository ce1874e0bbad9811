import type { Graph, Node, Tensor, Value } from "../ir/index.js";
import type { Fact } from "../ops/fact.js";
import { evaluateNode } from "../measure/evaluation.js";

/*
 * Evaluating at compile time what no input of the model can change. Quantised weights stay what they are: folding
 * a DequantizeLinear would quietly undo the quantisation.
 */

const never: ReadonlySet<string> = new Set([
  "DequantizeLinear",
  "QuantizeLinear",
  "DynamicQuantizeLinear",
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
  "Multinomial",
  "Bernoulli",
]);

/** A constant is not folded through longer chains than this: they are programs, not constants. */
const deepest = 64;

/** Constants of more elements are not made: a file may spell out gigabytes in a line. */
const largest = 2 ** 24;

/** True for a node that always gives the same outputs for the same inputs and may be evaluated ahead of time. */
export function isFoldable(node: Node): boolean {
  return (
    node.domain === "" && !never.has(node.op) && node.subgraphs.length === 0 && node.outputs.length === 1
  );
}

/**
 * The output of a foldable node for these constants, rounded as a runtime does by default; null when
 * it can't be evaluated here: bad inputs are the runtime's to report.
 */
export function foldNode(
  node: Node,
  inputs: readonly (Tensor | null)[],
  opset: number,
  precision: "default" | "float64" = "default",
): Tensor | null {
  const unavailable = (): never => {
    throw new Error("not available at compile time");
  };
  try {
    const context = { opset, precision, subgraph: unavailable, random: unavailable };
    const output = evaluateNode(node, inputs, context)[0];
    return output && "dtype" in output ? output : null;
  } catch {
    return null;
  }
}

/** Finds constants through chains of nodes and remembers them: what can't change at run time never changes. */
export class ConstantFolder {
  readonly #known = new Map<Value, Tensor | null>();

  constructor(
    private readonly graph: Graph,
    private readonly fact: (value: Value) => Fact,
  ) {}

  /** Tensor of a value that can't change at run time, through constant nodes if need be. */
  constant(value: Value | null, depth = 0): Tensor | null {
    if (!value) return null;
    if (value.constant) return value.constant;
    if (!value.producer || depth > deepest) return null;
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const folded = this.#fold(value.producer, depth);
    this.#known.set(value, folded);
    return folded;
  }

  #fold(node: Node, depth: number): Tensor | null {
    if (!isFoldable(node)) return null;
    let size = 1;
    for (const dim of this.fact(node.output).shape ?? []) size *= typeof dim === "number" ? dim : Infinity;
    if (size > largest) return null;
    const inputs: (Tensor | null)[] = [];
    for (const input of node.inputs) {
      const tensor = this.constant(input, depth + 1);
      if (input && !tensor) return null;
      inputs.push(tensor);
    }
    return foldNode(node, inputs, this.graph.opset() ?? 1);
  }
}
