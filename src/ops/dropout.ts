import { Tensor, type DType } from "../ir/index.js";
import { fact } from "./fact.js";
import { defineOp, type EvalCall, type InferCall } from "./op.js";
import { factOf, operand, scalarOf } from "./operand.js";

/** From opset 10 on the mask is bool; before, it has the input's type. */
function maskDtype(call: InferCall<unknown> | EvalCall<unknown>, dtype: DType | null): DType | null {
  return call.opset >= 10 ? "bool" : dtype;
}

/** The identity, but under `training_mode` of opset 12: zeroes elements with probability `ratio`, scales the rest. */
export const dropout = defineOp("Dropout", {
  infer: (call) => {
    const x = factOf(call, 0);
    return [fact(x.dtype, x.shape), fact(maskDtype(call, x.dtype), x.shape)];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    const dtype = maskDtype(call, x.dtype)!;
    const mask = call.allocate(dtype, x.size) as Uint8Array;
    const training = call.inputs[2] ? scalarOf(call, call.inputs[2], "training_mode") !== 0 : false;
    const ratio = call.inputs[1] ? scalarOf(call, call.inputs[1], "ratio") : (call.attributes.ratio ?? 0.5);
    if (!training || ratio === 0) return [x, Tensor.of(dtype, x.dims, mask.fill(1))];
    const out = call.allocate(x.dtype, x.size) as Float64Array;
    const scale = 1 / (1 - ratio);
    for (let i = 0; i < out.length; i++) {
      mask[i] = call.random() >= ratio ? 1 : 0;
      if (mask[i]) out[i] = x.numbers[i]! * scale;
    }
    return [Tensor.of(x.dtype, x.dims, out), Tensor.of(dtype, x.dims, mask)];
  },
});
