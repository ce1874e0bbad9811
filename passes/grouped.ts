import { decline, definePass } from "../src/engine/index.js";
import { commonGroups, grouped } from "../src/forms/index.js";

/*
 * W ≈ block-diagonal between channel orders: a k×k conv with group = G reads and writes channels in the order of their
 * groups. Co-clustering in the data's metric chooses the orders, least squares the blocks. Valid for every geometry; one
 * G-th of the cost, and the largest error of all forms unless the layer nearly has the structure.
 */
export default definePass({
  kind: "family",
  name: "grouped",
  summary: "k×k with group = G between learned channel orders",
  propose(layer) {
    const groups = commonGroups(layer.spec).filter(
      (g) => g < Math.min(layer.spec.inChannels, layer.spec.outChannels),
    );
    if (groups.length === 0) return decline("the channel counts have no common divisor to group by");
    return groups.map((g) => grouped(layer.spec, g));
  },
  full(layer) {
    return grouped(layer.spec, 1);
  },
});
