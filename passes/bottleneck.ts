import { decline, definePass } from "../src/engine/index.js";
import { bottleneck, costRatios, isPointwise, relativeCost, type FormPlan } from "../src/forms/index.js";

/*
 * W ≈ P · core · B: 1×1 (I→r1), k×k (r1→r2), 1×1 (r2→O): Tucker-2 on the channel modes (Kim et al. 2016), the bottleneck
 * block of ResNet without activations. Exact at r1 = I, r2 = O.
 */
export default definePass({
  kind: "family",
  name: "bottleneck",
  summary: "1×1, k×k, 1×1 (Tucker-2)",
  propose(layer) {
    if (isPointwise(layer.spec)) return decline("the kernel has one tap");
    if (Math.min(layer.spec.inChannels, layer.spec.outChannels) < 2)
      return decline("one channel has nothing to mix");
    const { inChannels, outChannels } = layer.spec;
    const plans = new Map<string, FormPlan>();
    for (const skew of [0.85, 1.2]) {
      for (const ratio of costRatios) {
        // The largest pair of this skew below the ratio.
        for (let share = 1; share > 0; share -= 1 / 64) {
          const r1 = Math.min(inChannels, Math.round(share * inChannels * skew));
          const r2 = Math.min(outChannels, Math.round((share * outChannels) / skew));
          if (r1 < 1 || r2 < 1) break;
          const plan = bottleneck(layer.spec, r1, r2);
          if (relativeCost(plan, layer) > ratio) continue;
          plans.set(`${r1},${r2}`, plan);
          break;
        }
      }
    }
    return plans.size > 0 ? [...plans.values()] : decline("no ranks save MACs");
  },
  full(layer) {
    return isPointwise(layer.spec)
      ? null
      : bottleneck(layer.spec, layer.spec.inChannels, layer.spec.outChannels);
  },
});
