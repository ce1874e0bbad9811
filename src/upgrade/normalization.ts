import { intOf, unsupported, without, type Call, type Rule, type Workshop } from "./call.js";

/** BatchNormalization and Dropout lost their training flags; softmaxes got a single axis. */
export const normalizationRules: readonly Rule[] = [
  { ops: ["BatchNormalization"], since: 7, apply: inferenceOnly },
  { ops: ["BatchNormalization"], since: 9, apply: perChannel },
  { ops: ["BatchNormalization"], since: 14, apply: oneOutput },
  { ops: ["Dropout"], since: 7, apply: (call) => without(call, "is_test") },
  { ops: ["Dropout"], since: 10, apply: withoutMask },
  { ops: ["Gemm"], since: 7, apply: (call) => without(call, "broadcast") },
  { ops: ["Softmax", "LogSoftmax", "Hardmax"], since: 13, apply: singleAxis },
];

/** `is_test` 0 means training only where the statistics are read; exporters often left it at that. */
function inferenceOnly(call: Call, workshop: Workshop): Call {
  return oneOutput(without(call, "is_test"), workshop);
}

function readsStatistics({ node, isRead }: Workshop): boolean {
  return node.outputs.some((_output, index) => index > 0 && isRead(index));
}

function perChannel(call: Call, workshop: Workshop): Call {
  if ((intOf(call, "spatial") ?? 1) === 0) {
    throw unsupported(workshop, "spatial 0 (statistics of every position) exists no longer");
  }
  return without(call, "spatial");
}

function oneOutput(call: Call, workshop: Workshop): Call {
  if (readsStatistics(workshop)) throw unsupported(workshop, "it is in training mode");
  return { ...call, outputs: 1 };
}

/** The mask became boolean in opset 10; in inference it says nothing. */
function withoutMask(call: Call, workshop: Workshop): Call {
  if (workshop.isRead(1)) throw unsupported(workshop, "its mask, whose type changed, is read");
  return { ...call, outputs: 1 };
}

/**
 * Up to opset 12 everything from `axis` on was one axis. That is a single axis when all but one of those have size 1;
 * otherwise the input is flattened in front and shaped back behind.
 */
function singleAxis(call: Call, workshop: Workshop): Call {
  const axis = intOf(call, "axis") ?? 1;
  const input = call.inputs[0] ?? null;
  const shape = workshop.fact(input).shape;
  const attributes = (value: number): Call["attributes"] =>
    new Map([...call.attributes, ["axis", { kind: "int", value } as const]]);
  if (shape) {
    const from = axis < 0 ? axis + shape.length : axis;
    const wide = shape
      .map((dim, index) => ({ dim, index }))
      .filter(({ dim, index }) => index >= from && dim !== 1);
    if (from === shape.length - 1) return { ...call, attributes: attributes(from) };
    if (wide.length <= 1) return { ...call, attributes: attributes(wide[0]?.index ?? from) };
  }
  const flat = workshop.op("Flatten", [input], { axis });
  const result = workshop.op(call.op, [flat], { axis: 1 });
  return { op: "Reshape", inputs: [result, workshop.op("Shape", [input])], attributes: new Map() };
}
