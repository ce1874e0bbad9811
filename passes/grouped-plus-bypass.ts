import { decline, definePass } from "../src/engine/index.js";
import {
  cheaper,
  commonGroups,
  contiguousGroups,
  isPointwise,
  reduceOut,
  sumOf,
} from "../src/forms/index.js";

/*
 * W ≈ block-diagonal (group = G, contiguous channels) + P·F of rank r: the low-rank dense bypass carries what crosses the
 * groups (block-term decomposition with one dense term).
 */
export default definePass({
  kind: "family",
  name: "grouped-plus-bypass",
  summary: "grouped + low-rank bypass (reduce-out)",
  propose(layer) {
    if (isPointwise(layer.spec)) return decline("the kernel has one tap");
    const { spec } = layer;
    const smaller = Math.min(spec.inChannels, spec.outChannels);
    const groups = commonGroups(spec).filter((g) => g < smaller);
    if (groups.length === 0) return decline("the channel counts have no common divisor to group by");
    const shares = [0.0625, 0.125, 0.25, 0.375, 0.5];
    const ranks = new Set(shares.map((share) => Math.round(share * spec.outChannels)));
    ranks.delete(0);
    const plans = groups.flatMap((g) =>
      Array.from(ranks, (rank) => sumOf(spec, reduceOut(spec, rank), contiguousGroups(spec, g))),
    );
    return cheaper(layer, plans);
  },
  full(layer) {
    const { spec } = layer;
    return isPointwise(spec)
      ? null
      : sumOf(spec, reduceOut(spec, spec.outChannels), contiguousGroups(spec, 1));
  },
});
