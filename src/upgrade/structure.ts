import { dtypes, type DType } from "../ir/index.js";
import { unsupported, withAttribute, without, type Call, type Rule, type Workshop } from "./call.js";

/** Defaults that became required, names that became codes, operators that were renamed or can't be carried over. */
export const structureRules: readonly Rule[] = [
  { ops: ["Concat"], since: 4, apply: nameAxis },
  { ops: ["Cast"], since: 6, apply: typeCode },
  { ops: ["GlobalLpPool", "LpPool"], since: 2, apply: wholeOrder },
  { ops: ["RNN", "LSTM", "GRU"], since: 7, apply: (call) => without(call, "output_sequence") },
  { ops: ["GRU"], since: 3, apply: (call) => call },
  { ops: ["Scatter"], since: 11, apply: (call) => ({ ...call, op: "ScatterElements" }) },
  { ops: ["Scan"], since: 9, apply: refuse("Scan lost its batch axis in opset 9") },
  { ops: ["GroupNormalization"], since: 21, apply: refuse("scale and bias became per channel in opset 21") },
];

function refuse(why: string): Rule["apply"] {
  return (_call, workshop: Workshop) => {
    throw unsupported(workshop, why);
  };
}

function nameAxis(call: Call): Call {
  return call.attributes.has("axis") ? call : withAttribute(call, "axis", { kind: "int", value: 1 });
}

/** Names of `TensorProto.DataType` that differ from the dtype's own in upper case. */
const typeNames: Readonly<Record<string, DType>> = { FLOAT: "float32", DOUBLE: "float64" };

function typeCode(call: Call, workshop: Workshop): Call {
  const to = call.attributes.get("to");
  if (to?.kind !== "string") return call;
  const name = to.value.toUpperCase();
  const dtype = typeNames[name] ?? (Object.keys(dtypes) as DType[]).find((key) => key.toUpperCase() === name);
  if (!dtype) throw unsupported(workshop, `the type ${JSON.stringify(to.value)} is unknown`);
  return withAttribute(call, "to", { kind: "int", value: dtypes[dtype].code });
}

function wholeOrder(call: Call, workshop: Workshop): Call {
  const order = call.attributes.get("p");
  if (order?.kind !== "float") return call;
  if (!Number.isInteger(order.value)) throw unsupported(workshop, `its p is ${order.value}, no integer`);
  return withAttribute(call, "p", { kind: "int", value: order.value });
}
