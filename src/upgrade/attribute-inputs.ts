import { Tensor } from "../ir/index.js";
import {
  floatOf,
  int64Tensor,
  intOf,
  intsOf,
  scalarLike,
  unsupported,
  withAttribute,
  without,
  type Call,
  type Rule,
  type Workshop,
} from "./call.js";

/** Attributes that became inputs: shapes, axes, bounds and amounts. */
export const attributeInputRules: readonly Rule[] = [
  { ops: ["Reshape"], since: 5, apply: (call, workshop) => toInput(without(call, "consumed_inputs"), "shape", workshop) },
  { ops: ["Squeeze", "Unsqueeze", "ReduceSum"], since: 13, apply: (call, workshop) => toInput(call, "axes", workshop) },
  {
    ops: [
      "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
      "ReduceSumSquare",
    ],
    since: 18,
    apply: (call, workshop) => toInput(call, "axes", workshop),
  },
  { ops: ["Slice"], since: 10, apply: slice },
  { ops: ["Clip"], since: 11, apply: clip },
  { ops: ["Pad"], since: 2, apply: renamePaddings },
  { ops: ["Pad"], since: 11, apply: pad },
  { ops: ["Split"], since: 2, apply: splitSizes },
  { ops: ["Split"], since: 13, apply: (call, workshop) => toInput(call, "split", workshop) },
  { ops: ["Split"], since: 18, apply: countOutputs },
  { ops: ["TopK"], since: 10, apply: topK },
  { ops: ["Dropout"], since: 12, apply: dropoutRatio },
  { ops: ["Tile"], since: 6, apply: tileRepeats },
  { ops: ["DFT"], since: 20, apply: transformAxis },
]; // prettier-ignore

/** Moves a list of integers from an attribute to the second input. */
function toInput(call: Call, name: string, workshop: Workshop): Call {
  const values = intsOf(call, name);
  const rest = without(call, name);
  if (!values || call.inputs.length > 1) return rest;
  return { ...rest, inputs: [call.inputs[0] ?? null, workshop.add(name, int64Tensor(values))] };
}

function slice(call: Call, workshop: Workshop): Call {
  const starts = intsOf(call, "starts");
  const ends = intsOf(call, "ends");
  const axes = intsOf(call, "axes");
  if (!starts || !ends) return call;
  return {
    ...without(call, "starts", "ends", "axes"),
    inputs: [
      call.inputs[0] ?? null,
      workshop.add("starts", int64Tensor(starts)),
      workshop.add("ends", int64Tensor(ends)),
      ...(axes ? [workshop.add("axes", int64Tensor(axes))] : []),
    ],
  };
}

/** The largest float32, which stood for «no bound». */
const unbounded = 3.4028234663852886e38;

function clip(call: Call, workshop: Workshop): Call {
  const data = call.inputs[0] ?? null;
  const bound = (name: "min" | "max"): ReturnType<Workshop["add"]> | null => {
    const value = floatOf(call, name);
    return value === null || Math.abs(value) >= unbounded
      ? null
      : workshop.add(name, scalarLike(data, workshop, value));
  };
  const [least, most] = [bound("min"), bound("max")];
  const inputs = most ? [data, least, most] : least ? [data, least] : [data];
  return { ...without(call, "min", "max"), inputs };
}

function renamePaddings(call: Call): Call {
  const paddings = call.attributes.get("paddings");
  return paddings ? withAttribute(without(call, "paddings"), "pads", paddings) : call;
}

function pad(call: Call, workshop: Workshop): Call {
  const pads = intsOf(call, "pads");
  if (!pads) return call;
  const data = call.inputs[0] ?? null;
  const value = floatOf(call, "value") ?? 0;
  return {
    ...without(call, "pads", "value"),
    inputs: [
      data,
      workshop.add("pads", int64Tensor(pads)),
      ...(value === 0 ? [] : [workshop.add("value", scalarLike(data, workshop, value))]),
    ],
  };
}

/** Opset 1 took the sizes as an optional input too, which opset 2 dropped and 13 brought back. */
function splitSizes(call: Call, workshop: Workshop): Call {
  const input = call.inputs[1] ?? null;
  if (!input) return { ...call, inputs: call.inputs.slice(0, 1) };
  if (workshop.target >= 13) return call;
  const sizes = workshop.constant(input);
  if (!sizes) throw unsupported(workshop, "its sizes are computed");
  return withAttribute({ ...call, inputs: call.inputs.slice(0, 1) }, "split", {
    kind: "ints",
    value: sizes.toNumbers(),
  });
}

/** Without sizes, opset 18 wants the number of parts. */
function countOutputs(call: Call, { node }: Workshop): Call {
  if (call.inputs[1]) return call;
  return withAttribute(call, "num_outputs", { kind: "int", value: node.outputs.length });
}

function topK(call: Call, workshop: Workshop): Call {
  const k = intOf(call, "k");
  if (k === null) return call;
  return { ...without(call, "k"), inputs: [call.inputs[0] ?? null, workshop.add("k", int64Tensor([k]))] };
}

function dropoutRatio(call: Call, workshop: Workshop): Call {
  const ratio = floatOf(call, "ratio");
  const rest = without(call, "ratio");
  if (ratio === null) return rest;
  return { ...rest, inputs: [call.inputs[0] ?? null, workshop.add("ratio", Tensor.f32([], [ratio]))] };
}

/** Opset 1 repeated along one axis; since 6 every axis has a count. */
function tileRepeats(call: Call, workshop: Workshop): Call {
  const [data, tiles, axis] = call.inputs;
  if (!axis) return call;
  const count = workshop.constant(tiles)?.toNumbers()[0];
  const at = workshop.constant(axis)?.toNumbers()[0];
  const rank = workshop.fact(data).shape?.length;
  if (count === undefined || at === undefined || rank === undefined) {
    throw unsupported(workshop, "its axis, its count or the rank of its input is unknown");
  }
  const repeats = Array.from({ length: rank }, (_, index) => (index === at ? count : 1));
  return { ...call, inputs: [data ?? null, workshop.add("repeats", int64Tensor(repeats))] };
}

function transformAxis(call: Call, workshop: Workshop): Call {
  const axis = intOf(call, "axis") ?? 1;
  const [data, length] = call.inputs;
  return {
    ...without(call, "axis"),
    inputs: [data ?? null, length ?? null, workshop.add("axis", Tensor.i64([], [axis]))],
  };
}
