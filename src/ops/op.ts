import type { DType, Graph, Node, Tensor, Values } from "../ir/index.js";
import type { Fact } from "./fact.js";
import type { OpAttributes } from "./generated/attributes.js";

export type OpName = keyof OpAttributes;

/** One call of an operator as its definition sees it: attributes typed, defaults of the opset filled in. */
export interface OpCall<A> {
  readonly node: Node;
  /** Version of the operator-set domain that the model imports. */
  readonly opset: number;
  readonly attributes: A;
}

export interface InferCall<A> extends OpCall<A> {
  readonly inputs: readonly (Fact | null)[];
  /** Facts of a subgraph's outputs, given facts for its inputs; outer values are known already. */
  subgraph(graph: Graph, inputs: readonly Fact[]): readonly Fact[];
}

/** A run-time value: a tensor, a sequence of tensors, or an empty optional. */
export type RuntimeValue = Tensor | readonly Tensor[] | null;

/** What new storage holds: zeros, as it does by default, or anything, for results that are written whole. */
export type Content = "zeros" | "anything";

export interface EvalCall<A> extends OpCall<A> {
  /** Absent optional inputs are null. */
  readonly inputs: readonly (Tensor | null)[];
  /** The same inputs with sequences and optionals, for the few ops that take them. */
  readonly values: readonly RuntimeValue[];
  /**
   * Storage for `count` elements of a float dtype. Storing into it rounds to float32 in the default precision; under
   * "float64" nothing is rounded. Accumulate in plain numbers (float64), store once.
   */
  floats(count: number, content?: Content): Float32Array | Float64Array;
  /** Storage for any dtype; `floats` for float ones. */
  allocate(dtype: DType, count: number, content?: Content): Values;
  /** Runs a subgraph; outer values are visible. */
  subgraph(graph: Graph, inputs: readonly RuntimeValue[]): readonly RuntimeValue[];
  /** Seeded numbers in [0, 1) for the random ops. */
  random(): number;
}

/** Everything convopt knows of one operator: inference, evaluation and cost stand together. */
export interface OpDefinition<N extends OpName = OpName> {
  readonly name: N;
  readonly domain: string;
  /** Facts of the outputs, one per output; throws a ModelError when the inputs can't go together. */
  infer(call: InferCall<OpAttributes[N]>): readonly (Fact | null)[];
  /** Output values; undefined when the operator has inference only. */
  evaluate?(call: EvalCall<OpAttributes[N]>): readonly RuntimeValue[];
  /**
   * What Relu makes of the output values, at less cost than evaluating both; null where the inputs aren't of the kind that
   * it is done for. Absent = never.
   */
  evaluateRectified?(call: EvalCall<OpAttributes[N]>): readonly RuntimeValue[] | null;
  /** Multiply–accumulates of one call; null when a needed dimension is unknown. Absent = none are counted. */
  macs?(
    call: OpCall<OpAttributes[N]>,
    inputs: readonly (Fact | null)[],
    outputs: readonly (Fact | null)[],
  ): number | null;
}

/** Types a definition by its operator's attributes. */
export function defineOp<N extends OpName>(
  name: N,
  definition: Omit<OpDefinition<N>, "name" | "domain"> & { readonly domain?: string },
): OpDefinition<N> {
  return { domain: "", ...definition, name };
}
