import { declineTerms, definePass } from "../src/engine/index.js";
import {
  cheaper,
  depthwiseSeparable,
  isPointwise,
  pointwiseDepthwise,
  sumOf,
  tapCount,
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
    const declined = declineTerms(layer);
    if (declined) return declined;
    const { spec } = layer;
    const counts = [1, 2, 3];
    const plans = counts.flatMap((terms) =>
      counts.map((mirrored) =>
        sumOf(spec, depthwiseSeparable(spec, terms), pointwiseDepthwise(spec, mirrored)),
      ),
    );
    return cheaper(layer, plans);
  },
  full(layer) {
    const { spec } = layer;
    return isPointwise(spec)
      ? null
      : sumOf(spec, depthwiseSeparable(spec, tapCount(spec)), pointwiseDepthwise(spec, 1));
  },
});
