import { decline, definePass } from "../src/engine/index.js";
import { isPointwise, ladder, spatiallySeparable, type FormPlan } from "../src/forms/index.js";

/*
 * W[o,i,a,b] ≈ Σ_r V[o,r,b] H[r,i,a]: k×1 to r channels, then 1×k (Jaderberg et al. 2014, scheme 2), with either spatial
 * axis first. In 3-D one axis is cut off from the other two. Exact at r = min(I·k, O·k).
 */
export default definePass({
  kind: "family",
  name: "spatially-separable",
  summary: "k×1 to r channels, then 1×k",
  propose(layer) {
    const { kernel, inChannels, outChannels } = layer.spec;
    const axes = kernel.map((_, axis) => axis).filter((axis) => kernel[axis]! > 1);
    if (isPointwise(layer.spec) || axes.length < 2)
      return decline("the kernel extends along fewer than two axes");
    const rest = (axis: number): number =>
      kernel.reduce((product, size) => product * size, 1) / kernel[axis]!;
    return axes.flatMap((axis): FormPlan[] =>
      ladder(layer, Math.min(inChannels * kernel[axis]!, outChannels * rest(axis)), (rank) =>
        spatiallySeparable(layer.spec, rank, axis),
      ),
    );
  },
  full(layer) {
    const { kernel, inChannels, outChannels } = layer.spec;
    const axis = kernel.findIndex((size) => size > 1);
    if (axis < 0 || kernel.filter((size) => size > 1).length < 2) return null;
    const rest = kernel.reduce((product, size) => product * size, 1) / kernel[axis]!;
    return spatiallySeparable(layer.spec, Math.min(inChannels * kernel[axis]!, outChannels * rest), axis);
  },
});
