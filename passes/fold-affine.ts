import type { Node, Tensor, Value } from "../src/ir/index.js";
import {
  definePass,
  foldAffine,
  isLinearOp,
  type ChannelAffine,
  type RewriteContext,
} from "../src/engine/index.js";
import { alignedDims } from "../src/ops/broadcast.js";
import { attributesOf } from "../src/ops/index.js";

/*
 * Adding, subtracting, multiplying with or dividing by one constant per channel is y = a·x + c, which folds into a
 * neighbouring convolution as BatchNormalization does: behind it into a∘W and a∘b + c, in front of it into W∘a and,
 * where no pad hides it, c into the bias. A constant divided by x is not affine; a constant that differs between
 * positions, or broadcasts x to a bigger shape, is not per channel.
 */
export default definePass({
  kind: "rewrite",
  name: "fold-affine",
  summary: "Mul, Add, Sub and Div by per-channel constants into the convolution next to them",
  anchors: ["Mul", "Add", "Sub", "Div"],
  propose(node, cx) {
    const [left, right] = [node.input(0), node.input(1)];
    if (!left || !right) return null;
    const [a, b] = [cx.constant(left), cx.constant(right)];
    if ((a === null) === (b === null)) return null;
    const x = a ? right : left;
    const constant = (a ?? b)!;
    const near = isLinearOp(x.producer) || cx.readers(node.output)?.some((reader) => isLinearOp(reader));
    if (!near) return null;
    const perChannel = channelsOf(node, x, constant, a !== null, cx);
    if (!perChannel) return cx.decline("the constant is not one number per channel");
    const affine = affineOf(node.op, perChannel.values, a !== null);
    if (!affine) return cx.decline("a constant divided by x is not affine");
    if (![...affine.scale, ...affine.shift].every(Number.isFinite))
      return cx.decline("its scale is not finite");
    return foldAffine(node, x, { axis: perChannel.axis, ...affine }, cx);
  },
});

function affineOf(op: string, c: Float64Array, constantFirst: boolean): Omit<ChannelAffine, "axis"> | null {
  const zeros = new Float64Array(c.length);
  const ones = zeros.map(() => 1);
  switch (op) {
    case "Add": return { scale: ones, shift: c };
    case "Mul": return { scale: c, shift: zeros };
    case "Sub": return constantFirst ? { scale: zeros.map(() => -1), shift: c } : { scale: ones, shift: c.map((v) => -v) };
    default: return constantFirst ? null : { scale: c.map((v) => 1 / v), shift: zeros };
  } // prettier-ignore
}

/** The constant as one number per channel, channels on axis 1 or, behind and before a MatMul, on the last one. */
function channelsOf(
  node: Node,
  x: Value,
  constant: Tensor,
  constantFirst: boolean,
  cx: RewriteContext,
): { readonly axis: number; readonly values: Float64Array } | null {
  const { shape, dtype } = cx.fact(x);
  if (!shape || shape.length < 2 || constant.dtype !== dtype) return null;
  const opset = cx.graph.opset() ?? 1;
  const legacy = opset < 7 ? attributesOf<"Add">(node, opset) : null;
  if (legacy && constantFirst && !sameRank(constant.dims, shape.length)) return null;
  const dims = legacy ? alignedDims({ node }, shape, constant.dims, legacy.axis) : constant.dims;
  const neighbours = [x.producer, ...(cx.readers(node.output) ?? [])];
  const axis = neighbours.some((each) => each?.is("MatMul")) ? shape.length - 1 : 1;
  const channels = shape[axis];
  if (typeof channels !== "number" || dims.length > shape.length) return null;
  const offset = shape.length - dims.length;
  const fits = dims.every((dim, i) => dim === 1 || (i + offset === axis && dim === channels));
  if (!fits) return null;
  const numbers = constant.numbers;
  return {
    axis,
    values: Float64Array.from({ length: channels }, (_, c) => numbers[numbers.length === 1 ? 0 : c]!),
  };
}

function sameRank(dims: readonly number[], rank: number): boolean {
  return dims.length === rank;
}
