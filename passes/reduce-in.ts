import { decline, definePass } from "../src/engine/index.js";
import { isPointwise, ladder, reduceIn } from "../src/forms/index.js";

/*
 * W_t ≈ G_t · B for every tap: 1×1 (I→r), then k×k (r→O), the input-sided half of Tucker-2. Exact at r = I.
 */
export default definePass({
  kind: "family",
  name: "reduce-in",
  summary: "1×1 to r channels, then k×k",
  propose(layer, block) {
    if (isPointwise(layer.spec)) return decline("the kernel has one tap");
    if (Math.min(layer.spec.inChannels, layer.spec.outChannels) < 2)
      return decline("one channel has nothing to mix");
    return ladder(layer, layer.spec.inChannels, (rank) => reduceIn(layer.spec, rank), block);
  },
  full(layer) {
    return isPointwise(layer.spec) ? null : reduceIn(layer.spec, layer.spec.inChannels);
  },
});
