import { isBigInt, Tensor, type Dim } from "../ir/index.js";
import { alignedDims, broadcastDims, broadcastShape } from "./broadcast.js";
import { fact } from "./fact.js";
import { defineOp, type EvalCall } from "./op.js";
import {
  commonDtype,
  factOf,
  formatShape,
  operand,
  sameDtype,
  scalarOf,
  shapeError,
  type Site,
} from "./operand.js";
import { combinePair, type FloatArray, type PairKernels } from "./pairwise.js";
import { inferSame, mapUnary } from "./unary.js";

/* Activations with operands beside the one they act on: PRelu's slope, Clip's bounds, SwiGLU's value. */

const preluKernels: PairKernels = {
  floats: (x, p, pStep, slope, q, qStep, y, at, count) => {
    for (let i = at; i < at + count; i++, p += pStep, q += qStep) {
      y[i] = x[p]! < 0 ? x[p]! * slope[q]! : x[p]!;
    }
  },
  integers: (x, slope) => (x < 0 ? Math.imul(x, slope) : x),
  bigints: (x, slope) => (x < 0n ? x * slope : x),
};

/** Before opset 7 a slope vector runs along the channel axis, whatever the input's rank. */
function slopeDims<D extends Dim>(
  site: Site & { readonly opset: number },
  x: readonly D[],
  slope: readonly D[],
): readonly (D | 1)[] {
  return site.opset < 7 && slope.length === 1 && x.length > 1 ? alignedDims(site, x, slope, 1) : slope;
}

function checkUnidirectional(
  site: Site,
  x: readonly Dim[] | null,
  slope: readonly Dim[],
  out: readonly Dim[] | null,
): void {
  if (!x || !out) return;
  const grown =
    out.length > x.length || out.some((dim, i) => typeof dim === "number" && x[i] === 1 && dim !== 1);
  if (grown) {
    throw shapeError(site, `slope ${formatShape(slope)} does not broadcast to the input's ${formatShape(x)}`);
  }
}

export const prelu = defineOp("PRelu", {
  infer: (call) => {
    const [x, slope] = [factOf(call, 0), factOf(call, 1)];
    const dtype = commonDtype(call, [x, slope]);
    if (x.shape && slope.shape) {
      const aligned = slopeDims(call, x.shape, slope.shape);
      checkUnidirectional(call, x.shape, slope.shape, broadcastShape(call, [x.shape, aligned]));
    }
    return [fact(dtype, x.shape)];
  },
  evaluate: (call) => {
    const [x, slope] = [operand(call, 0), operand(call, 1)];
    const dims = slopeDims(call, x.dims, slope.dims);
    checkUnidirectional(call, x.dims, slope.dims, broadcastDims(call, [x.dims, dims]));
    return [combinePair(call, x, slope.reshape(dims), preluKernels)];
  },
});

function clip(call: EvalCall<{ readonly min?: number | null; readonly max?: number | null }>): Tensor {
  const x = operand(call, 0);
  const [low, high] = [call.inputs[1] ?? null, call.inputs[2] ?? null];
  sameDtype(
    call,
    [x, low, high].filter((tensor) => tensor !== null),
  );
  for (const [name, bound] of [
    ["min", low],
    ["max", high],
  ] as const)
    if (bound) scalarOf(call, bound, name);
  if (isBigInt(x.dtype)) {
    const bound = (tensor: Tensor | null): bigint | null =>
      tensor ? (tensor.data as BigInt64Array)[0]! : null;
    const [least, most] = [bound(low), bound(high)];
    return mapUnary(call, x, {
      bigints: (value) => {
        const raised = least !== null && value < least ? least : value;
        return most !== null && raised > most ? most : raised;
      },
    });
  }
  const least = low ? low.numbers[0]! : (call.attributes.min ?? -Infinity);
  const most = high ? high.numbers[0]! : (call.attributes.max ?? Infinity);
  return mapUnary(call, x, {
    floats: (values, y) => clipRun(values, y, least, most),
    integers: (value) => Math.min(most, Math.max(least, value)),
  });
}

function clipRun(x: FloatArray, y: FloatArray, least: number, most: number): void {
  for (let i = 0; i < y.length; i++) {
    const raised = x[i]! < least ? least : x[i]!;
    y[i] = raised > most ? most : raised;
  }
}

/** Bounds are attributes before opset 11, inputs from then on; min above max gives max. */
export const clipOp = defineOp("Clip", {
  infer: (call) => {
    commonDtype(call, call.inputs);
    return [inferSame(call)];
  },
  evaluate: (call) => [clip(call)],
});

/** a·sigmoid(alpha·a)·b on operands of one shape. */
export const swiglu = defineOp("SwiGLU", {
  infer: (call) => {
    const [a, b] = [factOf(call, 0), factOf(call, 1)];
    const dtype = commonDtype(call, [a, b]);
    if (a.shape && b.shape) checkSameShape(call, a.shape, b.shape);
    return [fact(dtype, a.shape ?? b.shape)];
  },
  evaluate: (call) => {
    const [a, b] = [operand(call, 0), operand(call, 1)];
    const dtype = sameDtype(call, [a, b]);
    checkSameShape(call, a.dims, b.dims);
    const { alpha } = call.attributes;
    const out = call.allocate(dtype, a.size) as FloatArray;
    const [gate, value] = [a.numbers, b.numbers];
    for (let i = 0; i < out.length; i++) out[i] = (gate[i]! / (1 + Math.exp(-alpha * gate[i]!))) * value[i]!;
    return [Tensor.of(dtype, a.dims, out)];
  },
});

function checkSameShape(site: Site, a: readonly Dim[], b: readonly Dim[]): void {
  const differ = a.some((dim, i) => typeof dim === "number" && typeof b[i] === "number" && dim !== b[i]);
  if (a.length !== b.length || differ) {
    throw shapeError(site, `shapes ${formatShape(a)} and ${formatShape(b)} must be the same`);
  }
}
