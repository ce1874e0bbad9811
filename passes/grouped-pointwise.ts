import { decline, definePass } from "../src/engine/index.js";
import { cheaper, divisorsOf, groupedPointwise, isPointwise } from "../src/forms/index.js";

/*
 * W ≈ P·F with F a k×k conv with group = G from I to R channels and P the 1×1 mixer from R to O. G = I would be the
 * depthwise-separable form with M = R/I terms. The mixer gives back what grouping cuts, so no channel order is needed.
 */
export default definePass({
  kind: "family",
  name: "grouped-pointwise",
  summary: "k×k with group = G, then a 1×1 mixer",
  propose(layer) {
    if (isPointwise(layer.spec)) return decline("the kernel has one tap");
    const { inChannels, outChannels } = layer.spec;
    const groups = divisorsOf(inChannels).filter((g) => g > 1 && g < inChannels);
    const widths = [0.5, 1, 1.5, 2].map((share) => Math.round(share * Math.max(inChannels, outChannels)));
    const plans = groups.flatMap((g) =>
      widths.filter((width) => width % g === 0).map((width) => groupedPointwise(layer.spec, g, width)),
    );
    return plans.length > 0
      ? cheaper(layer, plans)
      : decline("the input channels have no divisor to group by");
  },
  full(layer) {
    // One group and as many channels between as the layer has outputs: the mixer is the identity.
    return groupedPointwise(layer.spec, 1, layer.spec.outChannels);
  },
});
