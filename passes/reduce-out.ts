import { decline, definePass } from "../src/engine/index.js";
import { isPointwise, ladder, reduceOut } from "../src/forms/index.js";

/*
 * W ≈ P · F: k×k (I→r), then 1×1 (r→O), from the leading eigenvectors of the centred output covariance (Zhang et al. 2016):
 * the optimum of its rank in the data's metric, in closed form. Exact at r = O.
 */
export default definePass({
  kind: "family",
  name: "reduce-out",
  summary: "k×k to r channels, then 1×1",
  anySize: true,
  propose(layer, block) {
    if (isPointwise(layer.spec)) return decline("the kernel has one tap");
    if (Math.min(layer.spec.inChannels, layer.spec.outChannels) < 2)
      return decline("one channel has nothing to mix");
    return ladder(layer, layer.spec.outChannels, (rank) => reduceOut(layer.spec, rank), block);
  },
  full(layer) {
    return isPointwise(layer.spec) ? null : reduceOut(layer.spec, layer.spec.outChannels);
  },
});
