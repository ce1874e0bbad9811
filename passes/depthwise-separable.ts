import { definePass, fullTerms, proposeTerms } from "../src/engine/index.js";
import { depthwiseSeparable } from "../src/forms/index.js";

/*
 * W[o,i,t] ≈ Σ_m P_m[o,i] D_m[i,t]: M depthwise k×k convs, each followed by a 1×1 conv, summed (M = 1: MobileNet; M > 1:
 * network decoupling, Guo et al. 2018). Exact at M = number of taps, since each input channel's O × T slice has that rank.
 */
export default definePass({
  kind: "family",
  name: "depthwise-separable",
  summary: "Σ of M terms: depthwise k×k, then 1×1",
  propose: (layer) => proposeTerms(layer, depthwiseSeparable),
  full: (layer) => fullTerms(layer, depthwiseSeparable),
});
