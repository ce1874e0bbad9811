import { definePass, foldAffine, type ChannelAffine } from "../src/engine/index.js";
import { attributesOf } from "../src/ops/index.js";

/*
 * At inference BatchNormalization is y = γ·(x − μ)/√(σ² + ε) + β: per channel a·x + c with a = γ/√(σ² + ε) and
 * c = β − a·μ. Behind a convolution W·x + b it folds into a∘W and a∘b + c, whatever the stride, pads, dilations and
 * groups. In front of one it folds into W∘a, and c into the bias where no pad hides it from an output.
 * Assumes constant statistics, one per channel (spatial), and no training outputs.
 */
export default definePass({
  kind: "rewrite",
  name: "fold-batch-norm",
  summary: "BatchNormalization into the convolution in front of it, or behind it",
  anchors: ["BatchNormalization"],
  propose(node, cx) {
    const opset = cx.graph.opset() ?? 1;
    const { epsilon, training_mode, is_test, spatial } = attributesOf<"BatchNormalization">(node, opset);
    if (training_mode || (opset < 7 && is_test === 0)) return cx.decline("it is in training mode");
    if (node.outputs.slice(1).some((output) => output !== null)) return cx.decline("its statistics are read");
    if (spatial === 0) return cx.decline("it normalises each position by itself (spatial = 0)");
    const x = node.input(0);
    const tensors = [1, 2, 3, 4].map((index) => cx.constant(node.input(index)));
    if (!x || tensors.includes(null)) return cx.decline("its statistics are not constant");
    const [gamma, beta, mean, variance] = tensors.map((tensor) => tensor!.numbers) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const scale = Float64Array.from(gamma, (g, c) => g / Math.sqrt(variance[c]! + epsilon));
    const affine: ChannelAffine = { axis: 1, scale, shift: scale.map((a, c) => beta[c]! - a * mean[c]!) };
    if (![...scale, ...affine.shift].every(Number.isFinite)) return cx.decline("its scale is not finite");
    return foldAffine(node, x, affine, cx) ?? cx.decline("no convolution stands next to it");
  },
});
