import { Tensor } from "../ir/index.js";
import { fact } from "./fact.js";
import { defineOp, type EvalCall, type InferCall, type OpName } from "./op.js";
import { axisIn, factOf, operand } from "./operand.js";
import type { FloatArray } from "./pairwise.js";

interface AxisAttribute {
  readonly axis: number;
}

/** `count` values of stride `step` from `at`: one distribution. */
type LineKernel = (x: FloatArray, y: FloatArray, at: number, count: number, step: number) => void;

/**
 * Softmax-like operators: from opset 13 on over one axis; before, over everything from `axis` on, as one row of the
 * matrix the input is flattened to.
 */
function defineSoftmax<N extends OpName>(name: N, kernel: LineKernel) {
  return defineOp(name, {
    infer: (call) => [inferSoftmax(call as unknown as InferCall<AxisAttribute>)],
    evaluate: (call) => [evaluateSoftmax(call as unknown as EvalCall<AxisAttribute>, kernel)],
  });
}

function inferSoftmax(call: InferCall<AxisAttribute>) {
  const { dtype, shape } = factOf(call, 0);
  if (shape) checkedAxis(call, shape.length);
  return fact(dtype, shape);
}

function checkedAxis(call: InferCall<AxisAttribute> | EvalCall<AxisAttribute>, rank: number): number {
  const { axis } = call.attributes;
  // A flattening axis may stand behind the last dimension; a scalar has only that place.
  if (call.opset < 13 && axis === rank) return rank;
  return rank === 0 && (axis === -1 || axis === 0) ? 0 : axisIn(call, axis, rank);
}

function evaluateSoftmax(call: EvalCall<AxisAttribute>, kernel: LineKernel): Tensor {
  const x = operand(call, 0);
  const axis = checkedAxis(call, x.dims.length);
  const until = call.opset < 13 ? x.dims.length : axis + 1;
  const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);
  const count = product(x.dims.slice(axis, until));
  const inner = product(x.dims.slice(until));
  const out = call.allocate(x.dtype, x.size) as FloatArray;
  if (count > 0) {
    const data = x.numbers as FloatArray;
    for (let start = 0; start < x.size; start += count * inner) {
      for (let j = 0; j < inner; j++) kernel(data, out, start + j, count, inner);
    }
  }
  return Tensor.of(x.dtype, x.dims, out);
}

function largest(x: FloatArray, at: number, count: number, step: number): number {
  let most = x[at]!;
  for (let i = 1, p = at + step; i < count; i++, p += step) most = Math.max(most, x[p]!);
  return most;
}

function sumOfExponentials(x: FloatArray, at: number, count: number, step: number, shift: number): number {
  let sum = 0;
  for (let i = 0, p = at; i < count; i++, p += step) sum += Math.exp(x[p]! - shift);
  return sum;
}

export const softmax = defineSoftmax("Softmax", (x, y, at, count, step) => {
  const shift = largest(x, at, count, step);
  const sum = sumOfExponentials(x, at, count, step, shift);
  for (let i = 0, p = at; i < count; i++, p += step) y[p] = Math.exp(x[p]! - shift) / sum;
});

export const logSoftmax = defineSoftmax("LogSoftmax", (x, y, at, count, step) => {
  const shift = largest(x, at, count, step);
  const total = Math.log(sumOfExponentials(x, at, count, step, shift));
  for (let i = 0, p = at; i < count; i++, p += step) y[p] = x[p]! - shift - total;
});

export const hardmax = defineSoftmax("Hardmax", (x, y, at, count, step) => {
  let best = at;
  for (let i = 1, p = at + step; i < count; i++, p += step) if (x[p]! > x[best]!) best = p;
  y[best] = 1;
});
