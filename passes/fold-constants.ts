import { dtypes, isFloat, Tensor, type Node, type Value } from "../src/ir/index.js";
import { definePass, isFoldable, superfluous } from "../src/engine/index.js";

/*
 * A node whose inputs can't change, or whose output shape inference knows (Shape of a fixed shape), becomes an
 * initializer. Only where the file does not grow: the new bytes must fit into those of the nodes and initializers
 * that go. Weights that a rewrite needs are folded by that rewrite, whatever their size.
 */
export default definePass({
  kind: "rewrite",
  name: "fold-constants",
  summary: "nodes whose result is known, where the file does not grow",
  anchors: ["*"],
  propose(node, cx) {
    if (node.op === "Constant" || node.op === "Identity" || !isFoldable(node)) return null;
    const y = node.output;
    if (cx.readers(y)?.length === 0) return null;
    const known = cx.constant(y) ?? cx.fact(y).value;
    if (!known || known.dtype === "string") return null;
    if (y.isGraphOutput) return cx.decline("it is an output of the graph");
    const tensor = isFloat(known.dtype) ? Tensor.floats(known.dtype, known.dims, known.numbers) : known;
    const patch = cx.patch(node);
    const constant = patch.constant("value", tensor);
    patch.replace(y, constant);
    const { removed, released } = superfluous(patch);
    const before =
      removed.reduce((sum, each) => sum + nodeBytes(each), 0) +
      released.reduce((sum, each) => sum + initializerBytes(each, each.initializer!), 0);
    const after = initializerBytes(constant, tensor);
    if (after > before) return cx.decline(`folding would grow the file by about ${after - before} bytes`);
    return patch;
  },
});

/** At least what the node takes in the file: its names, and the constants among its attributes. */
function nodeBytes(node: Node): number {
  const names = [node.name, node.op, ...[...node.inputs, ...node.outputs].map((value) => value?.name ?? "")];
  const attributes = [...node.attributes].reduce((sum, [name, attribute]) => {
    const value = attribute.kind === "tensor" ? tensorBytes(attribute.value) : 2;
    return sum + name.length + 6 + value;
  }, 0);
  return 2 + attributes + names.reduce((sum, name) => sum + name.length + 2, 0);
}

/** At most what the initializer takes. */
function initializerBytes(value: Value, tensor: Tensor): number {
  return 12 + value.name.length + 3 * tensor.dims.length + tensorBytes(tensor);
}

function tensorBytes(tensor: Tensor): number {
  return Math.ceil((tensor.size * dtypes[tensor.dtype].bits) / 8);
}
