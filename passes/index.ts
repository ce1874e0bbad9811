import type { FormFamily, Pass, Rewrite } from "../src/engine/index.js";
import bottleneck from "./bottleneck.js";
import depthwiseSeparable from "./depthwise-separable.js";
import dropDeadChannels from "./drop-dead-channels.js";
import dropDeadNodes from "./drop-dead-nodes.js";
import dropIdentities from "./drop-identities.js";
import exactDepthwise from "./exact-depthwise.js";
import exactGrouping from "./exact-grouping.js";
import exactLowRank from "./exact-low-rank.js";
import foldAffine from "./fold-affine.js";
import foldBatchNorm from "./fold-batch-norm.js";
import foldConstants from "./fold-constants.js";
import groupedPlusBypass from "./grouped-plus-bypass.js";
import groupedPointwise from "./grouped-pointwise.js";
import grouped from "./grouped.js";
import invertedBottleneck from "./inverted-bottleneck.js";
import lowRankPointwise from "./low-rank-pointwise.js";
import pointwiseDepthwisePlusSpatial from "./pointwise-depthwise-plus-spatial.js";
import pointwiseDepthwise from "./pointwise-depthwise.js";
import pointwiseGrouped from "./pointwise-grouped.js";
import pointwiseShortcut from "./pointwise-shortcut.js";
import reduceIn from "./reduce-in.js";
import reduceOut from "./reduce-out.js";
import separablePlusMirror from "./separable-plus-mirror.js";
import separablePlusSpatial from "./separable-plus-spatial.js";
import spatiallySeparable from "./spatially-separable.js";
import mergeParallelBranches from "./merge-parallel-branches.js";
import mergePointwiseChain from "./merge-pointwise-chain.js";

/** Rewrites that change nothing but rounding, in the order in which they run. */
const exact: readonly Rewrite[] = [
  // Clearing up first: the rest looks at direct neighbours only.
  dropDeadNodes,
  dropIdentities,
  foldConstants,
  foldBatchNorm,
  foldAffine,
  mergeParallelBranches,
  mergePointwiseChain,
  // Before channels are dropped, which could leave blocks of unequal size.
  exactDepthwise,
  exactGrouping,
  dropDeadChannels,
  // Last: what is merged or dropped need not be factored.
  exactLowRank,
];

/** Exact rewrites that spend MACs to save time: tried under a latency budget only, after the others. */
const timed: readonly Rewrite[] = [pointwiseShortcut];

/** Families of forms, in the order in which candidates are listed. */
const families: readonly FormFamily[] = [
  lowRankPointwise,
  reduceOut,
  reduceIn,
  bottleneck,
  spatiallySeparable,
  depthwiseSeparable,
  pointwiseDepthwise,
  grouped,
  groupedPointwise,
  pointwiseGrouped,
  invertedBottleneck,
  separablePlusSpatial,
  pointwiseDepthwisePlusSpatial,
  separablePlusMirror,
  groupedPlusBypass,
];

const conv: readonly Pass[] = [...exact, ...timed, ...families];

export const preset = { exact, timed, families, conv };
