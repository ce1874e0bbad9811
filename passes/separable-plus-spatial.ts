import { definePass, fullPlusSpatial, proposePlusSpatial } from "../src/engine/index.js";
import { depthwiseSeparable } from "../src/forms/index.js";

/*
 * W ≈ (Σ_M depthwise k×k → 1×1) + (k×1 → 1×k of rank r): the depthwise terms carry what is local to an input channel, the
 * spatially separable branch what is shared. Exact when either is.
 */
export default definePass({
  kind: "family",
  name: "separable-plus-spatial",
  summary: "depthwise-separable + spatially separable",
  propose: (layer) => proposePlusSpatial(layer, depthwiseSeparable),
  full: (layer) => fullPlusSpatial(layer, depthwiseSeparable),
});
