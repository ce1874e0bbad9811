import { definePass, fullTerms, proposeTerms } from "../src/engine/index.js";
import { pointwiseDepthwise } from "../src/forms/index.js";

/*
 * W[o,i,t] ≈ Σ_m D_m[o,t] P_m[o,i]: M 1×1 convs, each followed by a depthwise k×k conv, summed. The mirror of
 * depthwise-separable: per output channel the SVD of its T × I slice. Exact at M = number of taps.
 */
export default definePass({
  kind: "family",
  name: "pointwise-depthwise",
  summary: "Σ of M terms: 1×1, then depthwise k×k",
  propose: (layer) => proposeTerms(layer, pointwiseDepthwise),
  full: (layer) => fullTerms(layer, pointwiseDepthwise),
});
