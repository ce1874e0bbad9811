import type { Node, Tensor } from "../ir/index.js";
import type { RewriteContext } from "./pass.js";

/** Integers that a node has as an attribute (older opsets) or as a constant input; null when it has neither. */
export function integerList(
  node: Node,
  attribute: string,
  input: number,
  cx: RewriteContext,
): readonly number[] | null {
  const own = node.attributes.get(attribute);
  if (own?.kind === "ints") return own.value;
  return node.input(input) ? integersOf(cx.constant(node.input(input))) : null;
}

/** Elements of an integer tensor; values beyond 2⁵³ are rounded. */
export function integersOf(tensor: Tensor | null): number[] | null {
  return tensor ? Array.from(tensor.data as ArrayLike<number | bigint>, Number) : null;
}
