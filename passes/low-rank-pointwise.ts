import { decline, definePass } from "../src/engine/index.js";
import { isPointwise, ladder, lowRankPointwise } from "../src/forms/index.js";

/*
 * W ≈ P · F for layers with one tap (1×1 convs, Gemm): 1×1 (I→r), 1×1 (r→O). Closed form as in reduce-out. A stride sits
 * on the first factor, where it saves most. Exact at r = min(I, O).
 */
export default definePass({
  kind: "family",
  name: "low-rank-pointwise",
  summary: "1×1 to r channels, then 1×1",
  anySize: true,
  propose(layer, block) {
    if (!isPointwise(layer.spec)) return decline("the kernel has more than one tap");
    if (Math.min(layer.spec.inChannels, layer.spec.outChannels) < 2)
      return decline("one channel has nothing to mix");
    return ladder(
      layer,
      Math.min(layer.spec.inChannels, layer.spec.outChannels),
      (rank) => lowRankPointwise(layer.spec, rank),
      block,
    );
  },
  full(layer) {
    const { inChannels, outChannels } = layer.spec;
    return isPointwise(layer.spec) ? lowRankPointwise(layer.spec, Math.min(inChannels, outChannels)) : null;
  },
});
