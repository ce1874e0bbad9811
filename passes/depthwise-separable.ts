import { decline, definePass } from "../src/engine/index.js";
import { cheaper, depthwiseSeparable, isPointwise, tapCount } from "../src/forms/index.js";

/*
 * W[o,i,t] ≈ Σ_m P_m[o,i] D_m[i,t]: M depthwise k×k convs, each followed by a 1×1 conv, summed (M = 1: MobileNet; M > 1:
 * network decoupling, Guo et al. 2018). Exact at M = number of taps, since each input channel's O × T slice has that rank.
 */
export default definePass({
  kind: "family",
  name: "depthwise-separable",
  summary: "Σ of M terms: depthwise k×k, then 1×1",
  propose(layer) {
    if (isPointwise(layer.spec)) return decline("the kernel has one tap");
    if (Math.min(layer.spec.inChannels, layer.spec.outChannels) < 2)
      return decline("one channel has nothing to mix");
    const taps = tapCount(layer.spec);
    return cheaper(
      layer,
      Array.from({ length: Math.min(taps, 8) }, (_, m) => depthwiseSeparable(layer.spec, m + 1)),
    );
  },
  full(layer) {
    return isPointwise(layer.spec) ? null : depthwiseSeparable(layer.spec, tapCount(layer.spec));
  },
});
