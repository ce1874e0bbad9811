import { definePass, hiddenGroups, isDecline, planGroups, readLinearLayer } from "../src/engine/index.js";

/*
 * A weight that is zero between most pairs of channels splits into blocks: W = Pᵒ·diag(W₁ … W_G)·Pⁱ with channel
 * permutations P, which is a convolution in G groups at 1/G of the MACs. Blocks are the connected components of the
 * bipartite graph of channels; one grouped convolution needs equal ones, or ones that add up to equal groups. The
 * permutations are absorbed by the neighbouring layers through everything channelwise, or become Gathers. Exact for
 * any geometry: the arithmetic that stays is the same, only zeros are left out.
 */
export default definePass({
  kind: "rewrite",
  name: "exact-grouping",
  summary: "a convolution whose weights are block-diagonal behind channel permutations into a grouped one",
  anchors: ["Conv", "ConvTranspose"],
  propose(node, cx) {
    const layer = readLinearLayer(node, cx);
    if (isDecline(layer)) return layer;
    const groups = hiddenGroups(layer);
    if (isDecline(groups)) return groups;
    if (groups.group === layer.inChannels) return cx.decline("it is depthwise");
    return planGroups(layer, groups, cx);
  },
});
