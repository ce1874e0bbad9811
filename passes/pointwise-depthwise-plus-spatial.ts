import { definePass, fullPlusSpatial, proposePlusSpatial } from "../src/engine/index.js";
import { pointwiseDepthwise } from "../src/forms/index.js";

/*
 * W ≈ (Σ_M 1×1 → depthwise k×k) + (k×1 → 1×k of rank r). The mirror of separable-plus-spatial.
 */
export default definePass({
  kind: "family",
  name: "pointwise-depthwise-plus-spatial",
  summary: "pointwise-depthwise + spatially separable",
  propose: (layer) => proposePlusSpatial(layer, pointwiseDepthwise),
  full: (layer) => fullPlusSpatial(layer, pointwiseDepthwise),
});
