import { elementCount, Tensor, type Dim, type Values } from "../ir/index.js";
import { fact } from "./fact.js";
import { defineOp, type OpCall } from "./op.js";
import { constantNumbers, factOf, formatShape, integersOf, operand, shapeError } from "./operand.js";
import { stridesOf } from "./broadcast.js";
import { allocateLike } from "./strided.js";
import { axisList, checkElements, windowSteps, type WindowAttributes } from "./window-geometry.js";

/** The shape that MaxPool made its input from: (length − 1) · stride + kernel − pads. */
function unpooledShape<D extends Dim>(
  call: OpCall<WindowAttributes>,
  dims: readonly D[],
): (D | number | null)[] {
  if (dims.length < 3) throw shapeError(call, `the input ${formatShape(dims)} has no spatial axis`);
  const rank = dims.length - 2;
  const kernel = axisList(call, "kernel_shape", call.attributes.kernel_shape, rank, 1);
  const { strides, pads } = windowSteps(call.attributes, rank, call);
  return dims.map((dim, axis) => {
    if (axis < 2) return dim;
    if (typeof dim !== "number") return null;
    const a = axis - 2;
    const length = (dim - 1) * strides[a]! + kernel[a]! - pads[a]! - pads[rank + a]!;
    if (length < 0) throw shapeError(call, `the pads leave nothing along spatial axis ${a}`);
    return length;
  });
}

/** Puts values back where MaxPool's indices say, zeros elsewhere; an output_shape may leave room behind them. */
export const maxUnpool = defineOp("MaxUnpool", {
  infer: (call) => {
    const { dtype, shape } = factOf(call, 0);
    if (call.inputs[2]) return [fact(dtype, constantNumbers(call, 2) ?? shape?.map(() => null) ?? null)];
    return [fact(dtype, shape && unpooledShape(call, shape))];
  },
  evaluate: (call) => {
    const [x, indices] = [operand(call, 0), operand(call, 1)];
    if (indices.size !== x.size) {
      throw shapeError(
        call,
        `the indices ${formatShape(indices.dims)} must match the input ${formatShape(x.dims)}`,
      );
    }
    const inner = unpooledShape(call, x.dims) as number[];
    const dims = call.inputs[2] ? integersOf(call.inputs[2]) : inner;
    if (dims.length !== inner.length || dims.some((dim, axis) => dim < inner[axis]!)) {
      throw shapeError(
        call,
        `output_shape ${formatShape(dims)} must not be smaller than ${formatShape(inner)}`,
      );
    }
    checkElements(call, dims);
    const y: Values = allocateLike(x.data, elementCount(dims));
    const size = elementCount(inner);
    const [from, to] = [stridesOf(inner), stridesOf(dims)];
    integersOf(indices).forEach((index, i) => {
      if (!(index >= 0 && index < size))
        throw shapeError(call, `index ${index} is outside of ${formatShape(inner)}`);
      let [rest, place] = [index, 0];
      for (let axis = 0; axis < dims.length; axis++) {
        const at = Math.floor(rest / from[axis]!);
        rest -= at * from[axis]!;
        place += at * to[axis]!;
      }
      (y as Float64Array)[place] = (x.data as Float64Array)[i]!;
    });
    return [Tensor.of(x.dtype, dims, y)];
  },
});
