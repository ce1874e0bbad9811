import { definePass, hiddenGroups, isDecline, planGroups, readLinearLayer } from "../src/engine/index.js";

/*
 * A convolution in which every output channel reads one input channel, and every input channel is read by equally
 * many, is depthwise behind channel permutations: 1/I of the MACs. The permutations are absorbed by the neighbouring
 * layers, or become Gathers. The limit of exact-grouping with one input channel per group.
 */
export default definePass({
  kind: "rewrite",
  name: "exact-depthwise",
  summary: "a convolution that mixes no channels into a depthwise one",
  anchors: ["Conv", "ConvTranspose"],
  propose(node, cx) {
    const layer = readLinearLayer(node, cx);
    if (isDecline(layer)) return layer;
    if (layer.group === layer.inChannels)
      return layer.group === 1 ? null : cx.decline("it is depthwise already");
    const groups = hiddenGroups(layer);
    if (isDecline(groups)) return groups;
    if (groups.group < layer.inChannels) return cx.decline("its output channels read several input channels");
    return planGroups(layer, groups, cx);
  },
});
