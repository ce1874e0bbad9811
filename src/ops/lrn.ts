import { elementCount, isFloat, Tensor, type Dim } from "../ir/index.js";
import { fact } from "./fact.js";
import { defineOp, type OpCall } from "./op.js";
import { factOf, formatShape, operand, shapeError, unsupported } from "./operand.js";

function checkLrn(call: OpCall<{ readonly size: number }>, dims: readonly Dim[]): void {
  const { size } = call.attributes;
  if (dims.length < 2) throw shapeError(call, `the input ${formatShape(dims)} has no channels`);
  if (!Number.isSafeInteger(size) || size < 1) throw shapeError(call, `size ${size} must be at least 1`);
}

/** Local response normalization (Krizhevsky et al. 2012): divides by a power of the squares of nearby channels. */
export const lrn = defineOp("LRN", {
  infer: (call) => {
    const { dtype, shape } = factOf(call, 0);
    if (shape) checkLrn(call, shape);
    return [fact(dtype, shape)];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    if (!isFloat(x.dtype)) throw unsupported(call, `LRN of ${x.dtype} is not evaluated`);
    checkLrn(call, x.dims);
    const { size, alpha, beta, bias } = call.attributes;
    const channels = x.dims[1]!;
    const length = elementCount(x.dims.slice(2));
    const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
    const data = x.numbers;
    const y = call.floats(x.size);
    const squares = new Float64Array(length);
    for (let n = 0; n < x.dims[0]!; n++) {
      for (let c = 0; c < channels; c++) {
        squares.fill(0);
        for (let near = Math.max(0, c - before); near <= Math.min(channels - 1, c + after); near++) {
          const from = (n * channels + near) * length;
          for (let i = 0; i < length; i++) squares[i] = squares[i]! + data[from + i]! * data[from + i]!;
        }
        const at = (n * channels + c) * length;
        for (let i = 0; i < length; i++)
          y[at + i] = data[at + i]! / (bias + (alpha / size) * squares[i]!) ** beta;
      }
    }
    return [Tensor.of(x.dtype, x.dims, y)];
  },
});
