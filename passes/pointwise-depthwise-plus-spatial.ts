import { decline, definePass } from "../src/engine/index.js";
import {
  cheaper,
  pointwiseDepthwise,
  spatiallySeparable,
  sumOf,
  tapCount,
  type FormPlan,
} from "../src/forms/index.js";

/*
 * W ≈ (Σ_M 1×1 → depthwise k×k) + (k×1 → 1×k of rank r). The mirror of separable-plus-spatial.
 */
export default definePass({
  kind: "family",
  name: "pointwise-depthwise-plus-spatial",
  summary: "pointwise-depthwise + spatially separable",
  propose(layer) {
    const { spec } = layer;
    const axes = spec.kernel.map((_, axis) => axis).filter((axis) => spec.kernel[axis]! > 1);
    if (axes.length < 2) return decline("the kernel extends along fewer than two axes");
    const larger = Math.max(spec.inChannels, spec.outChannels);
    const ranks = new Set([0.125, 0.25, 0.5, 0.75].map((share) => Math.round(share * larger)));
    ranks.delete(0);
    const plans: FormPlan[] = [];
    for (const terms of [1, 2, 3]) {
      for (const rank of ranks) {
        for (const axis of axes)
          plans.push(sumOf(spec, pointwiseDepthwise(spec, terms), spatiallySeparable(spec, rank, axis)));
      }
    }
    return cheaper(layer, plans);
  },
  full(layer) {
    const { spec } = layer;
    if (spec.kernel.filter((size) => size > 1).length < 2) return null;
    const axis = spec.kernel.findIndex((size) => size > 1);
    return sumOf(spec, pointwiseDepthwise(spec, tapCount(spec)), spatiallySeparable(spec, 1, axis));
  },
});
