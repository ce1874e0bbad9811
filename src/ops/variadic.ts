import { isFloat, Tensor, type Dim } from "../ir/index.js";
import { broadcastDims, broadcastShape, forEachRun, planBroadcast } from "./broadcast.js";
import { addKernels, inferEntries } from "./arithmetic.js";
import { fact, type Fact } from "./fact.js";
import { defineOp, type EvalCall, type InferCall } from "./op.js";
import { commonDtype, operand, sameDtype, shapeError } from "./operand.js";
import { combinePair, type FloatArray, type PairKernels, type RunKernel } from "./pairwise.js";

function inferVariadic(call: InferCall<unknown>): Fact {
  if (call.inputs.length === 0) throw shapeError(call, "at least one input is needed, got none");
  const shape = broadcastShape(
    call,
    call.inputs.map((input) => input?.shape ?? null),
  );
  return fact(commonDtype(call, call.inputs), shape);
}

/** Folds the inputs from the left. Comparisons round nothing, so intermediate storage doesn't matter. */
function foldPairs(call: EvalCall<unknown>, kernels: PairKernels): Tensor {
  const tensors = call.inputs.map((_, index) => operand(call, index));
  const first = tensors[0]!;
  if (tensors.length === 1) return first;
  return tensors.slice(1).reduce((left, right) => combinePair(call, left, right, kernels), first);
}

/** Sum in float64, divided by `divisor`, stored once. */
function sumOf(call: EvalCall<unknown>, divisor: number): Tensor {
  const tensors = call.inputs.map((_, index) => operand(call, index));
  const dtype = sameDtype(call, tensors);
  if (!isFloat(dtype)) return foldPairs(call, addKernels);
  const dims = broadcastDims(
    call,
    tensors.map((tensor) => tensor.dims),
  );
  const plan = planBroadcast(
    tensors.map((tensor) => tensor.dims),
    dims,
  );
  const out = call.allocate(dtype, plan.size) as FloatArray;
  const sums = new Float64Array(plan.length);
  const arrays = tensors.map((tensor) => tensor.data as FloatArray);
  forEachRun(plan, (at, starts) => {
    sums.fill(0);
    arrays.forEach((array, i) => accumulate(array, starts[i]!, plan.steps[i]!, sums));
    for (let i = 0; i < sums.length; i++) out[at + i] = sums[i]! / divisor;
  });
  return Tensor.of(dtype, dims, out);
}

function accumulate(array: FloatArray, at: number, step: number, sums: Float64Array): void {
  for (let i = 0; i < sums.length; i++, at += step) sums[i]! += array[at]!;
}

/** An operator's entries rule over two shape-like inputs, e.g. the `Max(1, n)` of exporters. */
function inferExtreme(call: InferCall<unknown>, choose: (a: number, b: number) => number): Fact {
  const rule = (a: Dim, b: Dim): Dim => {
    if (typeof a === "number" && typeof b === "number") return choose(a, b);
    return a === b ? a : null;
  };
  return call.inputs.length === 2 ? inferEntries(call, rule) : inferVariadic(call);
}

const maxRuns: RunKernel<FloatArray, FloatArray> = (a, p, pStep, b, q, qStep, out, at, count) => {
  for (let i = at; i < at + count; i++, p += pStep, q += qStep) out[i] = Math.max(a[p]!, b[q]!);
};
const minRuns: RunKernel<FloatArray, FloatArray> = (a, p, pStep, b, q, qStep, out, at, count) => {
  for (let i = at; i < at + count; i++, p += pStep, q += qStep) out[i] = Math.min(a[p]!, b[q]!);
};

/** NaN in either operand gives NaN. */
export const maxKernels: PairKernels = {
  floats: maxRuns,
  integers: Math.max,
  bigints: (a, b) => (a > b ? a : b),
};
export const minKernels: PairKernels = {
  floats: minRuns,
  integers: Math.min,
  bigints: (a, b) => (a < b ? a : b),
};

export const max = defineOp("Max", {
  infer: (call) => [inferExtreme(call, Math.max)],
  evaluate: (call) => [foldPairs(call, maxKernels)],
});

export const min = defineOp("Min", {
  infer: (call) => [inferExtreme(call, Math.min)],
  evaluate: (call) => [foldPairs(call, minKernels)],
});

export const sum = defineOp("Sum", {
  infer: (call) => [inferVariadic(call)],
  evaluate: (call) => [sumOf(call, 1)],
});

export const mean = defineOp("Mean", {
  infer: (call) => [inferVariadic(call)],
  evaluate: (call) => [sumOf(call, call.inputs.length)],
});
