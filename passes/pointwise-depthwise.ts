import { decline, definePass } from "../src/engine/index.js";
import { cheaper, isPointwise, pointwiseDepthwise, tapCount } from "../src/forms/index.js";

/*
 * W[o,i,t] ≈ Σ_m D_m[o,t] P_m[o,i]: M 1×1 convs, each followed by a depthwise k×k conv, summed. The mirror of
 * depthwise-separable: per output channel the SVD of its T × I slice. Exact at M = number of taps.
 */
export default definePass({
  kind: "family",
  name: "pointwise-depthwise",
  summary: "Σ of M terms: 1×1, then depthwise k×k",
  propose(layer) {
    if (isPointwise(layer.spec)) return decline("the kernel has one tap");
    if (Math.min(layer.spec.inChannels, layer.spec.outChannels) < 2)
      return decline("one channel has nothing to mix");
    const taps = tapCount(layer.spec);
    return cheaper(
      layer,
      Array.from({ length: Math.min(taps, 8) }, (_, m) => pointwiseDepthwise(layer.spec, m + 1)),
    );
  },
  full(layer) {
    return isPointwise(layer.spec) ? null : pointwiseDepthwise(layer.spec, tapCount(layer.spec));
  },
});
