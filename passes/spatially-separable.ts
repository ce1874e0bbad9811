import { decline, definePass } from "../src/engine/index.js";
import { ladder, spatiallySeparable, tapCount, type ConvSpec, type FormPlan } from "../src/forms/index.js";

/*
 * W[o,i,a,b] ≈ Σ_r V[o,r,b] H[r,i,a]: k×1 to r channels, then 1×k (Jaderberg et al. 2014, scheme 2), with either spatial
 * axis first. In 3-D one axis is cut off from the other two. Exact at r = min(I·k, O·k).
 */
export default definePass({
  kind: "family",
  name: "spatially-separable",
  summary: "k×1 to r channels, then 1×k",
  propose(layer, block) {
    const { kernel } = layer.spec;
    const axes = kernel.map((_, axis) => axis).filter((axis) => kernel[axis]! > 1);
    if (axes.length < 2) return decline("the kernel extends along fewer than two axes");
    return axes.flatMap((axis): FormPlan[] =>
      ladder(layer, fullRank(layer.spec, axis), (rank) => spatiallySeparable(layer.spec, rank, axis), block),
    );
  },
  full(layer) {
    const { kernel } = layer.spec;
    if (kernel.filter((size) => size > 1).length < 2) return null;
    const axis = kernel.findIndex((size) => size > 1);
    return spatiallySeparable(layer.spec, fullRank(layer.spec, axis), axis);
  },
});

/** Rank of a kernel without structure, unfolded into input channels and one axis by outputs and the others. */
function fullRank(spec: ConvSpec, axis: number): number {
  const first = spec.kernel[axis]!;
  return Math.min(spec.inChannels * first, (spec.outChannels * tapCount(spec)) / first);
}
