import { decline, definePass } from "../src/engine/index.js";
import {
  cheaper,
  depthwiseSeparable,
  isPointwise,
  pointwiseDepthwise,
  sumOf,
  tapCount,
  type FormPlan,
} from "../src/forms/index.js";

/*
 * W ≈ (Σ_M depthwise k×k → 1×1) + (Σ_N 1×1 → depthwise k×k): spatial patterns that belong to input channels and patterns
 * that belong to output channels side by side.
 */
export default definePass({
  kind: "family",
  name: "separable-plus-mirror",
  summary: "depthwise-separable + pointwise-depthwise",
  propose(layer) {
    if (isPointwise(layer.spec)) return decline("the kernel has one tap");
    if (Math.min(layer.spec.inChannels, layer.spec.outChannels) < 2)
      return decline("one channel has nothing to mix");
    const { spec } = layer;
    const plans: FormPlan[] = [];
    for (const terms of [1, 2, 3]) {
      for (const mirrored of [1, 2, 3])
        plans.push(sumOf(spec, depthwiseSeparable(spec, terms), pointwiseDepthwise(spec, mirrored)));
    }
    return cheaper(layer, plans);
  },
  full(layer) {
    const { spec } = layer;
    return isPointwise(spec)
      ? null
      : sumOf(spec, depthwiseSeparable(spec, tapCount(spec)), pointwiseDepthwise(spec, 1));
  },
});
