import { definePass } from "../src/engine/index.js";

/*
 * ONNX operators have no effects, so a node none of whose outputs reaches an output of the graph does nothing, and an
 * initializer that nothing reads is only bytes. Nodes of other domains stay: nobody can say what they do. Inputs and
 * outputs of the graph stay, overridable initializers among them.
 */
export default definePass({
  kind: "rewrite",
  name: "drop-dead-nodes",
  summary: "nodes and initializers that no output depends on",
  anchors: ["*"],
  propose(node, cx) {
    const patch = cx.patch(node);
    const outputs = node.outputs.filter((output) => output !== null);
    const unread = outputs.length > 0 && outputs.every((output) => cx.readers(output)?.length === 0);
    if (unread) {
      if (node.domain !== "") return cx.decline("nobody reads it, but it is of another domain");
      outputs.forEach((output) => patch.drop(output));
      return patch;
    }
    if (cx.graph.nodes[0] !== node) return null;
    const overridable = cx.graph.root.irVersion >= 4;
    const unused = cx.graph.initializers.filter(
      (value) => cx.readers(value)?.length === 0 && !(overridable && value.isGraphInput),
    );
    if (unused.length === 0) return null;
    unused.forEach((value) => patch.drop(value));
    cx.note(patch, `${unused.length} initializer${unused.length > 1 ? "s" : ""}`);
    return patch;
  },
});
