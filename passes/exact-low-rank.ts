import {
  definePass,
  exactForm,
  isDecline,
  readLinearLayer,
  type ExactForm,
  type LinearLayer,
} from "../src/engine/index.js";
import { describeForm, lowerForm } from "../src/forms/index.js";
import type { Tensor } from "../src/ir/index.js";

/*
 * A kernel some unfolding of which is rank-deficient to rounding is that product of smaller convolutions: O × I·k² of
 * rank r is k×k (I→r), 1×1 (r→O); I × O·k² is 1×1, k×k; both are Tucker-2; (I·kₕ) × (O·k_w) is kₕ×1, 1×k_w; O × k² of
 * rank M per input channel is M depthwise-separable terms. Exact means within rounding of the stored weights: singular
 * values that are noise of a float32 product, some 1e-7 of the norm, count as zero; the factors are rounded and
 * composed again, and what comes out has to be the kernel to 1e-6. The cheapest of all wins, if it saves MACs.
 */

/** Ranks depend on the weights and the geometry alone. */
const found = new WeakMap<Tensor, Map<string, ExactForm | null>>();

export default definePass({
  kind: "rewrite",
  name: "exact-low-rank",
  summary: "a rank-deficient kernel into the smaller convolutions whose product it is",
  anchors: ["Conv", "Gemm", "MatMul"],
  propose(node, cx) {
    const layer = readLinearLayer(node, cx);
    if (isDecline(layer)) return layer;
    if (layer.group > 1) return cx.decline("it is grouped already");
    if (!layer.pads) return cx.decline("its pads are unknown");
    const shape = cx.fact(layer.input).shape;
    if (layer.op === "MatMul" && shape?.length !== 2) return cx.decline("it is a batched MatMul");
    if (!["float32", "float64"].includes(layer.dtype))
      return cx.decline(`${layer.dtype} factors would not be exact`);
    const form = formOf(layer, layer.pads, shape?.slice(2) ?? [], cx.constant(node.input(1))!);
    if (!form) return cx.decline("no rank of its kernel saves MACs");
    const patch = cx.patch(node);
    const { op, weight, bias, dtype, outChannels } = layer;
    const convLayer = {
      ...{ name: node.label, weight, bias, dtype, inputShape: [], outputShape: [], macs: 0 },
      op: op === "Conv" ? ("Conv" as const) : ("Gemm" as const),
      spec: { ...layer, pads: layer.pads },
    };
    patch.replace(
      layer.output,
      lowerForm(
        form.form,
        convLayer,
        layer.hasBias ? bias : new Float64Array(outChannels),
        layer.input,
        patch,
      ),
    );
    cx.note(patch, `${describeForm(form.form)}; relative error of the kernel ${form.error.toExponential(1)}`);
    return patch;
  },
});

/** Open sizes count as large: then only the strides matter. */
function formOf(
  layer: LinearLayer,
  pads: readonly number[],
  spatial: readonly unknown[],
  tensor: Tensor,
): ExactForm | null {
  const { inChannels, outChannels, kernel, strides, dilations, group } = layer;
  const spec = { inChannels, outChannels, kernel, strides, dilations, pads, group };
  const inputShape = kernel.map((_, axis) => (typeof spatial[axis] === "number" ? spatial[axis] : 256));
  const key = JSON.stringify([spec, inputShape]);
  const known = found.get(tensor) ?? new Map<string, ExactForm | null>();
  found.set(tensor, known);
  if (!known.has(key)) known.set(key, exactForm(spec, layer.weight, inputShape, layer.dtype));
  return known.get(key)!;
}
