import { appendAxes, intOf, unsupported, without, type Call, type Rule, type Workshop } from "./call.js";

const inPlace = [
  "Abs", "Add", "BatchNormalization", "Ceil", "Clip", "Div", "Dropout", "Elu", "Exp", "Floor", "HardSigmoid",
  "InstanceNormalization", "LeakyRelu", "Log", "Max", "Mean", "Min", "Mul", "Neg", "PRelu", "Reciprocal", "Relu",
  "Selu", "Sigmoid", "Sqrt", "Sub", "Sum", "Tanh",
]; // prettier-ignore

const binary = ["Add", "And", "Div", "Equal", "Greater", "Less", "Mul", "Or", "Pow", "Sub", "Xor"];

/** Before opset 6 nodes could say which inputs they overwrite; from 7 on broadcasting is numpy's. */
export const elementwiseRules: readonly Rule[] = [
  { ops: inPlace, since: 6, apply: (call) => without(call, "consumed_inputs") },
  { ops: binary, since: 7, apply: alignSecond },
  { ops: ["PRelu"], since: 7, apply: alignSlope },
  { ops: ["Selu"], since: 6, apply: keepSeluDefaults },
];

/**
 * `broadcast` 1 put the second input's axes at `axis` of the first (or at its end); numpy's rule puts them at the
 * end, so that it gets trailing axes of size 1.
 */
function alignSecond(call: Call, workshop: Workshop): Call {
  const plain = without(call, "broadcast", "axis");
  if ((intOf(call, "broadcast") ?? 0) === 0) return plain;
  const axis = intOf(call, "axis");
  const [a, b] = call.inputs;
  const rankB = workshop.fact(b).shape?.length;
  if (axis === null || rankB === 0 || !b) return plain;
  const rankA = workshop.fact(a).shape?.length;
  if (rankA === undefined || rankB === undefined) {
    throw unsupported(workshop, "the rank of an input is unknown, which its axis needs");
  }
  const trailing = rankA - (axis < 0 ? axis + rankA : axis) - rankB;
  if (trailing < 0) throw unsupported(workshop, `its axis ${axis} does not fit ranks ${rankA} and ${rankB}`);
  return { ...plain, inputs: [a ?? null, appendAxes(b, rankB, trailing, workshop)] };
}

/** The slope was one number or one per channel (axis 1). */
function alignSlope(call: Call, workshop: Workshop): Call {
  const [x, slope] = call.inputs;
  const shape = workshop.fact(slope).shape;
  const rank = workshop.fact(x).shape?.length;
  if (!slope || shape?.length !== 1 || shape[0] === 1) return call;
  if (rank === undefined) throw unsupported(workshop, "the rank of its input is unknown");
  return { ...call, inputs: [x ?? null, appendAxes(slope, 1, Math.max(rank - 2, 0), workshop)] };
}

/** The defaults of opset 1 were rounded otherwise. */
function keepSeluDefaults(call: Call): Call {
  const attributes = new Map(call.attributes);
  if (!attributes.has("alpha")) attributes.set("alpha", { kind: "float", value: 1.6732 });
  if (!attributes.has("gamma")) attributes.set("gamma", { kind: "float", value: 1.0507 });
  return { ...call, attributes };
}
