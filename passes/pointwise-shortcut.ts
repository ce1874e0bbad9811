import { isFloat, Tensor, type Node, type Value } from "../src/ir/index.js";
import { definePass, integerList, type RewriteContext } from "../src/engine/index.js";
import { attributesOf } from "../src/ops/index.js";

/*
 * The shortcut without parameters of the CIFAR ResNets (He et al. 2016, option A): every other position of x, with zero
 * channels in front and behind until the channels fit. The same is a strided 1×1 convolution with a shifted identity,
 * which a runtime with blocked layouts doesn't have to leave them for, and whose sum it can fuse. Holds for finite x:
 * 0 · ∞ is no zero.
 */
export default definePass({
  kind: "rewrite",
  name: "pointwise-shortcut",
  summary: "strided Slice and zero channels (shortcuts of option A) as one strided 1×1 convolution",
  anchors: ["Pad"],
  timed: true,
  propose(node, cx) {
    const channels = zeroChannels(node, cx);
    if (!channels) return null;
    const taken = subsampled(node.input(0)!, cx);
    if (!taken) return null;
    const { x, strides } = taken;
    const { dtype, shape } = cx.fact(x);
    const inChannels = shape?.[1];
    if (!dtype || !isFloat(dtype) || typeof inChannels !== "number")
      return cx.decline("the channels of its input are not known");
    const [before, behind] = channels;
    const outChannels = before + inChannels + behind;
    const weight = new Float64Array(outChannels * inChannels);
    for (let i = 0; i < inChannels; i++) weight[(before + i) * inChannels + i] = 1;
    const ones = strides.map(() => 1);
    const patch = cx.patch(node);
    const kernel = patch.constant("weight", Tensor.floats(dtype, [outChannels, inChannels, ...ones], weight));
    patch.replace(node.output, patch.op("Conv", [x, kernel], { kernel_shape: ones, strides: [...strides] }));
    return patch;
  },
});

/** Channels of zeros that a Pad puts before and behind; null where it does anything else. */
function zeroChannels(node: Node, cx: RewriteContext): readonly [before: number, behind: number] | null {
  const opset = cx.graph.opset() ?? 1;
  const rank = cx.fact(node.input(0)).shape?.length;
  const pads = integerList(node, opset < 2 ? "paddings" : "pads", 1, cx);
  const { mode, value } = attributesOf<"Pad">(node, opset);
  const fill = node.input(2) ? cx.constant(node.input(2))?.numbers[0] : (value ?? 0);
  if (!rank || rank < 3 || pads?.length !== 2 * rank || node.input(3)) return null;
  const [before, behind] = [pads[1]!, pads[rank + 1]!];
  const others = pads.some((pad, i) => pad !== 0 && i !== 1 && i !== rank + 1);
  if (others || before < 0 || behind < 0 || fill !== 0 || (mode ?? "constant") !== "constant") return null;
  return [before, behind];
}

/** The value that Slices with steps are taken of, and the steps per spatial axis; null without any. */
function subsampled(
  value: Value,
  cx: RewriteContext,
): { readonly x: Value; readonly strides: number[] } | null {
  const rank = cx.fact(value).shape?.length ?? 0;
  const strides = new Array<number>(Math.max(0, rank - 2)).fill(1);
  let x = value;
  for (let node = x.producer; node?.is("Slice") && cx.soleReader(x); node = x.producer) {
    const steps = wholeSteps(node, rank, cx);
    if (!steps) break;
    // Every n-th of every m-th is every nm-th, as both begin with the first.
    steps.forEach((step, axis) => (strides[axis]! *= step));
    x = node.input(0)!;
  }
  return strides.some((stride) => stride > 1) ? { x, strides } : null;
}

/** Steps per spatial axis of a Slice that goes from the first to the last element; null for any other. */
function wholeSteps(node: Node, rank: number, cx: RewriteContext): readonly number[] | null {
  const { shape } = cx.fact(node.input(0));
  const [starts, ends] = [integerList(node, "starts", 1, cx), integerList(node, "ends", 2, cx)];
  if (!starts || !ends || shape?.length !== rank || (node.input(4) && !cx.constant(node.input(4))))
    return null;
  const axes = integerList(node, "axes", 3, cx) ?? starts.map((_, axis) => axis);
  const steps = integerList(node, "steps", 4, cx) ?? starts.map(() => 1);
  const strides = new Array<number>(rank).fill(1);
  for (const [i, given] of axes.entries()) {
    const axis = given < 0 ? given + rank : given;
    const [dim, end, step] = [shape[axis], ends[i]!, steps[i]!];
    const isWhole = typeof dim === "number" ? end >= dim : end >= Number.MAX_SAFE_INTEGER;
    if (starts[i] !== 0 || !isWhole || step < 1) return null;
    strides[axis] = step;
  }
  return strides[0] === 1 && strides[1] === 1 ? strides.slice(2) : null;
}
