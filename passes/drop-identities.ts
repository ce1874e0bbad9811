import { dtypes, type Node, type Tensor, type Value } from "../src/ir/index.js";
import { definePass, integerList, integersOf, type RewriteContext } from "../src/engine/index.js";
import { attributesOf } from "../src/ops/index.js";

/*
 * Nodes whose output is their input, element for element: Identity, Dropout at inference, casts to the type that is
 * there, reshapes and slices that keep the shape, Concat of one, + 0, · 1. Every reader reads the input instead.
 * Holds only where the output has the input's very shape, so a neutral constant that broadcasts is no identity, and
 * kept between an input and an output of the graph, whose two names both belong to the interface.
 */
export default definePass({
  kind: "rewrite",
  name: "drop-identities",
  summary: "nodes that give back their input",
  anchors: [
    "Identity", "Dropout", "Cast", "CastLike", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Tile",
    "Pad", "Slice", "Concat", "Sum", "Mean", "Max", "Min", "Add", "Sub", "Mul", "Div",
  ], // prettier-ignore
  propose(node, cx) {
    const x = passedOn(node, cx);
    if (!x) return null;
    if (node.outputs.slice(1).some((output) => output && cx.readers(output)?.length !== 0))
      return cx.decline("its second output is read");
    const y = node.output;
    if (y.isGraphOutput && (x.producer === null || x.isGraphOutput || x.graph !== y.graph))
      return cx.decline("it connects two names of the interface");
    const patch = cx.patch(node);
    patch.replace(y, x);
    return patch;
  },
});

/** The input that the node gives back, null when it does something. */
function passedOn(node: Node, cx: RewriteContext): Value | null {
  const x = node.input(0);
  if (!x || node.outputs[0] === null) return null;
  const opset = cx.graph.opset() ?? 1;
  switch (node.op) {
    case "Identity":
      return x;
    case "Dropout":
      return isInference(node, opset, cx) ? x : null;
    case "Cast": {
      const { to } = attributesOf<"Cast">(node, opset);
      const { dtype } = cx.fact(x);
      return dtype && (to === dtypes[dtype].code || String(to).toLowerCase() === dtypeName(dtype)) ? x : null;
    }
    case "CastLike": {
      const { dtype } = cx.fact(x);
      return dtype && dtype === cx.fact(node.input(1)).dtype ? x : null;
    }
    case "Transpose": {
      const { perm } = attributesOf<"Transpose">(node, opset);
      return perm?.every((axis, i) => axis === i) ? x : null;
    }
    case "Reshape":
    case "Flatten":
    case "Squeeze":
    case "Unsqueeze":
    case "Expand":
    case "Tile":
      return keepsShape(x, node.output, cx) ? x : null;
    case "Pad": {
      const pads = integerList(node, opset < 2 ? "paddings" : "pads", 1, cx);
      return pads?.every((pad) => pad === 0) ? x : null;
    }
    case "Slice": {
      const steps = node.input(4) ? integersOf(cx.constant(node.input(4))) : [1];
      return steps?.every((step) => step === 1) && keepsShape(x, node.output, cx) ? x : null;
    }
    case "Concat":
    case "Sum":
    case "Mean":
    case "Max":
    case "Min":
      return node.inputs.length === 1 ? x : null;
    default:
      return neutral(node, cx);
  }
}

function dtypeName(dtype: string): string {
  return dtype === "float32" ? "float" : dtype === "float64" ? "double" : dtype;
}

/** From opset 12 on training_mode is an input, which opset 7 has not: Dropout is inference only; before there was is_test. */
function isInference(node: Node, opset: number, cx: RewriteContext): boolean {
  if (opset < 7) return attributesOf<"Dropout">(node, opset).is_test === 1;
  const mode = node.input(2);
  return !mode || cx.constant(mode)?.numbers[0] === 0;
}

function keepsShape(x: Value, y: Value, cx: RewriteContext): boolean {
  const [before, after] = [cx.fact(x).shape, cx.fact(y).shape];
  if (!before || !after || before.length !== after.length) return false;
  return before.every((dim, axis) => dim !== null && dim === after[axis]);
}

/** + 0, − 0, · 1, / 1: the operand that passes through; the constant may not broadcast it to another shape. */
function neutral(node: Node, cx: RewriteContext): Value | null {
  const [left, right] = [node.input(0), node.input(1)];
  const element = node.is("Add", "Sub") ? 0 : node.is("Mul", "Div") ? 1 : null;
  if (!left || !right || element === null) return null;
  const isNeutral = (tensor: Tensor | null): boolean =>
    tensor !== null &&
    tensor.size > 0 &&
    tensor.dtype !== "string" &&
    integersOf(tensor)!.every((v) => v === element);
  if (isNeutral(cx.constant(right)) && keepsRank(left, right, node, cx)) return left;
  const commutes = node.is("Add", "Mul");
  return commutes && isNeutral(cx.constant(left)) && keepsRank(right, left, node, cx) ? right : null;
}

function keepsRank(x: Value, constant: Value, node: Node, cx: RewriteContext): boolean {
  const tensor = cx.constant(constant)!;
  const shape = cx.fact(x).shape;
  if (tensor.size === 1 && shape && tensor.dims.length <= shape.length) return true;
  return keepsShape(x, node.output, cx);
}
