export * from "./affine.js";
export { stayingChannels } from "./channel-blocks.js";
export * from "./channel-constants.js";
export {
  channelRegion,
  isDepthwise,
  ownChannelRegion,
  type ChannelRegion,
  type RegionOp,
} from "./channel-region.js";
export * from "./channel-selection.js";
export * from "./decline.js";
export * from "./depthwise-terms.js";
export { exactForm, type ExactForm } from "./exact-forms.js";
export { superfluous } from "./effect.js";
export * from "./fold.js";
export * from "./glob.js";
export { planGroups } from "./grouping.js";
export { hiddenGroups, type HiddenGroups } from "./hidden-groups.js";
export * from "./ledger.js";
export * from "./linear-layer.js";
export * from "./parallel-branches.js";
export * from "./pass.js";
export * from "./run-rewrites.js";
export { integerList, integersOf } from "./integer-list.js";
