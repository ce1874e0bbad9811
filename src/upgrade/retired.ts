import { Tensor, type DType } from "../ir/index.js";
import {
  floatOf,
  int64Tensor,
  intsOf,
  scalarLike,
  unsupported,
  type Call,
  type Rule,
  type Workshop,
} from "./call.js";

/** Experimental operators that ONNX dropped in 1.5, written with those that stayed. */
export const retiredRules: readonly Rule[] = [
  { ops: ["Affine"], since: 10, apply: affine },
  { ops: ["ImageScaler"], since: 10, apply: imageScaler },
  { ops: ["Crop"], since: 10, apply: crop },
];

/** alpha·x + beta. */
function affine(call: Call, workshop: Workshop): Call {
  const x = call.inputs[0] ?? null;
  const alpha = workshop.add("alpha", scalarLike(x, workshop, floatOf(call, "alpha") ?? 1));
  const beta = workshop.add("beta", scalarLike(x, workshop, floatOf(call, "beta") ?? 0));
  return { op: "Add", inputs: [workshop.op("Mul", [x, alpha]), beta], attributes: new Map() };
}

/** scale·x + bias of the channel. */
function imageScaler(call: Call, workshop: Workshop): Call {
  const x = call.inputs[0] ?? null;
  const attribute = call.attributes.get("bias");
  const bias = attribute?.kind === "floats" ? attribute.value : [];
  const dtype: DType = workshop.fact(x).dtype ?? "float32";
  const scale = workshop.add("scale", scalarLike(x, workshop, floatOf(call, "scale") ?? 1));
  const shift = workshop.add("bias", Tensor.floats(dtype, [bias.length, 1, 1], bias));
  return { op: "Add", inputs: [workshop.op("Mul", [x, scale]), shift], attributes: new Map() };
}

/** `border` is left, top, right, bottom; `scale` the height and width that are left, where given. */
function crop(call: Call, workshop: Workshop): Call {
  const [left, top, right, bottom] = intsOf(call, "border") ?? [];
  if (left === undefined || top === undefined || right === undefined || bottom === undefined) {
    throw unsupported(workshop, "its border has not four entries");
  }
  const size = intsOf(call, "scale");
  const end = (border: number): number => (border === 0 ? Number.MAX_SAFE_INTEGER : -border);
  const ends = size?.length === 2 ? [top + size[0]!, left + size[1]!] : [end(bottom), end(right)];
  const inputs = [
    call.inputs[0] ?? null,
    workshop.add("starts", int64Tensor([top, left])),
    workshop.add("ends", int64Tensor(ends)),
    workshop.add("axes", int64Tensor([2, 3])),
  ];
  return { op: "Slice", inputs, attributes: new Map() };
}
