import { cloneModel, type Model } from "../ir/index.js";
import { renameNode } from "../ir/edit.js";

/** A copy of the model in which every node of the main graph has a name of its own, so that a profile can tell them apart. */
export function namedCopy(model: Model): Model {
  const copy = cloneModel(model);
  const { graph } = copy;
  const seen = new Set<string>();
  for (const node of graph.nodes) {
    if (node.name === "" || seen.has(node.name)) renameNode(node, graph.freshNodeName(node.label));
    seen.add(node.name);
  }
  return copy;
}
