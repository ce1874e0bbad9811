import { decline, definePass } from "../src/engine/index.js";
import { cheaper, divisorsOf, isPointwise, pointwiseGrouped } from "../src/forms/index.js";

/*
 * W ≈ F·P with P a 1×1 conv from I to R channels and F a k×k conv with group = G from R to O: the mirror of
 * grouped-pointwise. G = O would be the pointwise-depthwise form.
 */
export default definePass({
  kind: "family",
  name: "pointwise-grouped",
  summary: "1×1, then k×k with group = G",
  propose(layer) {
    if (isPointwise(layer.spec)) return decline("the kernel has one tap");
    const { inChannels, outChannels } = layer.spec;
    const groups = divisorsOf(outChannels).filter((g) => g > 1 && g < outChannels);
    const widths = [0.5, 1, 1.5, 2].map((share) => Math.round(share * Math.max(inChannels, outChannels)));
    const plans = groups.flatMap((g) =>
      widths.filter((width) => width % g === 0).map((width) => pointwiseGrouped(layer.spec, g, width)),
    );
    return plans.length > 0
      ? cheaper(layer, plans)
      : decline("the output channels have no divisor to group by");
  },
  full(layer) {
    return pointwiseGrouped(layer.spec, 1, layer.spec.inChannels);
  },
});
