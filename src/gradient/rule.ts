import { UnsupportedError, type Node, type Tensor, type Value } from "../ir/index.js";
import { attributesOf, type Fact, type OpAttributes } from "../ops/index.js";
import type { Emitter } from "./emitter.js";

/** What differentiation asks of inference; every shape on the way must be known in numbers. */
export interface PartFacts {
  of(value: Value | null): Fact;
  constant(value: Value | null): Tensor | null;
}

/** One node whose inputs' gradients are wanted. */
export interface GradientCall {
  readonly node: Node;
  readonly opset: number;
  readonly emit: Emitter;
  /** Gradient of the first output; `gradients` has those of all outputs, null for outputs that don't matter. */
  readonly gradient: Value;
  readonly gradients: readonly (Value | null)[];
  /** Input `index`; an Unsupported error when it is absent. */
  input(index: number): Value;
  readonly output: Value;
  /** Whether the gradient of input `index` is asked for; rules may return null for the others. */
  wants(index: number): boolean;
  /** Shape of a value of the forward pass. */
  shape(value: Value): readonly number[];
  /** Numbers of a constant input; null when it is absent, an Unsupported error when it isn't constant. */
  numbers(index: number): readonly number[] | null;
}

/** Gradients by input: entry `i` is dL/d(input i), or null. */
export type GradientRule = (call: GradientCall) => readonly (Value | null)[];

/** Rules by operator of the default domain. */
export type GradientRules = Readonly<Record<string, GradientRule>>;

/** Why a node can't be differentiated: a part with such a node is left as it is. */
export function unsupported(node: Node, why: string): UnsupportedError {
  return new UnsupportedError("E_NO_GRADIENT", why, { where: { node: node.label, op: node.op } });
}

/** The attributes of the call's node. */
export function attributes<N extends keyof OpAttributes>({ node, opset }: GradientCall): OpAttributes[N] {
  return attributesOf<N>(node, opset);
}
