import { elementCount, isFloat, Tensor } from "../ir/index.js";
import { stridesOf } from "./broadcast.js";
import { fact } from "./fact.js";
import { tableOf } from "./kernels/band.js";
import { defineOp, type OpCall } from "./op.js";
import { attributeError, axesIn, axisIn, factOf, operand, unsupported } from "./operand.js";

/** Divides every line along `axis` by its 1- or 2-norm; lines of zeros stay zeros. */
export const lpNormalization = defineOp("LpNormalization", {
  infer: (call) => {
    const { dtype, shape } = factOf(call, 0);
    checkExponent(call);
    if (shape) axisIn(call, call.attributes.axis, shape.length);
    return [fact(dtype, shape)];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    if (!isFloat(x.dtype)) throw unsupported(call, `LpNormalization of ${x.dtype} is not evaluated`);
    checkExponent(call);
    const axis = axisIn(call, call.attributes.axis, x.dims.length);
    const [count, inner] = [x.dims[axis]!, elementCount(x.dims.slice(axis + 1))];
    const data = x.numbers;
    const y = call.floats(x.size);
    for (let line = 0; line < (count === 0 ? 0 : x.size / count); line++) {
      const at = Math.floor(line / inner) * count * inner + (line % inner);
      let sum = 0;
      for (let i = 0, p = at; i < count; i++, p += inner) {
        sum += call.attributes.p === 1 ? Math.abs(data[p]!) : data[p]! * data[p]!;
      }
      const norm = call.attributes.p === 1 ? sum : Math.sqrt(sum);
      for (let i = 0, p = at; i < count; i++, p += inner) y[p] = norm === 0 ? 0 : data[p]! / norm;
    }
    return [Tensor.of(x.dtype, x.dims, y)];
  },
});

function checkExponent(call: OpCall<{ readonly p: number }>): void {
  const { p } = call.attributes;
  if (p !== 1 && p !== 2) throw attributeError(call, `p ${p} must be 1 or 2`);
}

/** What the operator's function body adds to the standard deviation. */
const epsilon = 1e-9;

/** (x − mean) / (standard deviation + 1e-9) over `axes`. */
export const meanVarianceNormalization = defineOp("MeanVarianceNormalization", {
  infer: (call) => {
    const { dtype, shape } = factOf(call, 0);
    if (shape) axesIn(call, call.attributes.axes, shape.length);
    return [fact(dtype, shape)];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    if (!isFloat(x.dtype))
      throw unsupported(call, `MeanVarianceNormalization of ${x.dtype} is not evaluated`);
    const axes = axesIn(call, call.attributes.axes, x.dims.length);
    const strides = stridesOf(x.dims);
    const kept = x.dims.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
    const pick = (list: readonly number[], from: readonly number[]): number[] =>
      list.map((axis) => from[axis]!);
    const starts = tableOf(pick(kept, x.dims), pick(kept, strides));
    const reaches = tableOf(pick(axes, x.dims), pick(axes, strides));
    const data = x.numbers;
    const y = call.floats(x.size);
    for (const start of starts) {
      let [sum, squares] = [0, 0];
      for (const reach of reaches) sum += data[start + reach]!;
      const mean = sum / reaches.length;
      for (const reach of reaches) squares += (data[start + reach]! - mean) ** 2;
      const deviation = Math.sqrt(squares / reaches.length) + epsilon;
      for (const reach of reaches) y[start + reach] = (data[start + reach]! - mean) / deviation;
    }
    return [Tensor.of(x.dtype, x.dims, y)];
  },
});
