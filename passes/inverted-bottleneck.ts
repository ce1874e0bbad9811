import { decline, definePass } from "../src/engine/index.js";
import { invertedBottleneck, isPointwise, ladder, tapCount } from "../src/forms/index.js";

/*
 * W[o,i,t] ≈ Σ_r P[o,r] d[r,t] B[r,i]: 1×1 (I→R), depthwise k×k, 1×1 (R→O): CP decomposition of rank R (Lebedev et al.
 * 2015), the inverted bottleneck of MobileNetV2 without activations. Exact at R = I · taps.
 */
export default definePass({
  kind: "family",
  name: "inverted-bottleneck",
  summary: "1×1, depthwise k×k, 1×1 (CP)",
  propose(layer, block) {
    if (isPointwise(layer.spec)) return decline("the kernel has one tap");
    if (Math.min(layer.spec.inChannels, layer.spec.outChannels) < 2)
      return decline("one channel has nothing to mix");
    return ladder(
      layer,
      layer.spec.inChannels * tapCount(layer.spec),
      (width) => invertedBottleneck(layer.spec, width),
      block,
    );
  },
  full(layer) {
    const { spec } = layer;
    return isPointwise(spec) ? null : invertedBottleneck(spec, spec.inChannels * tapCount(spec));
  },
});
