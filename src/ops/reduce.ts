import { isBigInt, isFloat, Tensor, type DType, type Dim, type NumberArray } from "../ir/index.js";
import { forEachRun, planRuns, stridesOf } from "./broadcast.js";
import { entriesFact, entriesOf, productOf } from "./entries.js";
import { fact, type Fact } from "./fact.js";
import { integerRange } from "./integer-range.js";
import { defineOp, type EvalCall, type InferCall, type OpName } from "./op.js";
import { axesIn, constantNumbers, factOf, integerOperand, operand } from "./operand.js";
import { unsupportedDtype } from "./pairwise.js";

interface ReduceAttributes {
  readonly axes: readonly number[] | null;
  readonly keepdims: number;
  readonly noop_with_empty_axes: number | null;
}

/** Folds `count` values from `at` on into the accumulators from `to` on, which advance by `step` (0 or 1). */
type FoldRun = (
  x: NumberArray,
  at: number,
  stride: number,
  count: number,
  acc: Float64Array,
  to: number,
  step: number,
) => void;

interface Reduction {
  /** Value of an empty reduction, in floats. */
  readonly empty: number;
  readonly fold: FoldRun;
  /** From the accumulator to the result, given how many values went in. */
  readonly finish?: (acc: number, count: number) => number;
  /** Integers beyond 2^53 stay exact; absent = computed in floats and truncated. */
  readonly bigints?: { readonly empty: bigint; readonly fold: (acc: bigint, x: bigint) => bigint };
}

/** Which axes go; all of them when none are named, none under `noop_with_empty_axes`. */
function reducedAxes(
  call: InferCall<ReduceAttributes> | EvalCall<ReduceAttributes>,
  named: readonly number[] | null,
  rank: number,
): readonly boolean[] {
  if (!named || named.length === 0) {
    const noop = call.attributes.noop_with_empty_axes === 1;
    return Array<boolean>(rank).fill(!noop);
  }
  const gone = new Set(axesIn(call, named, rank));
  return Array.from({ length: rank }, (_, axis) => gone.has(axis));
}

function reducedShape<D extends Dim>(dims: readonly D[], gone: readonly boolean[], keep: boolean): (D | 1)[] {
  const kept = dims.map((dim, axis): D | 1 => (gone[axis] ? 1 : dim));
  return keep ? kept : kept.filter((_, axis) => !gone[axis]);
}

function inferReduce(call: InferCall<ReduceAttributes>, name: string): Fact {
  const x = factOf(call, 0);
  const keep = call.attributes.keepdims !== 0;
  const named = call.inputs[1] ? constantNumbers(call, 1) : call.attributes.axes;
  if (!x.shape) return fact(x.dtype, null);
  if (call.inputs[1] && !named) return fact(x.dtype, keep ? x.shape.map(() => null) : null);
  const gone = reducedAxes(call, named, x.shape.length);
  const shape = reducedShape(x.shape, gone, keep);
  const entries = name === "ReduceProd" && x.shape.length === 1 && gone[0] ? entriesOf(x) : null;
  return entriesFact(x.dtype, shape, entries ? [productOf(entries)] : null);
}

/** `tensor` reduced over the marked axes, kept as ones. */
function reduceTensor(
  call: EvalCall<unknown>,
  x: Tensor,
  gone: readonly boolean[],
  reduction: Reduction,
): Tensor {
  const dims = reducedShape(x.dims, gone, true) as number[];
  const own = stridesOf(dims);
  const plan = planRuns(x.dims, [stridesOf(x.dims), own.map((stride, axis) => (gone[axis] ? 0 : stride))]);
  const count = dims.reduce((a, b) => a * b, 1);
  const each = x.dims.reduce((product, dim, axis) => (gone[axis] ? product * dim : product), 1);
  const [stride, step] = plan.steps as [number, number];
  if (isBigInt(x.dtype) && reduction.bigints) {
    const { empty, fold } = reduction.bigints;
    const out = call.allocate(x.dtype, count) as BigInt64Array;
    const data = x.data as BigInt64Array;
    out.fill(empty);
    forEachRun(plan, (_, starts) => {
      for (let i = 0; i < plan.length; i++) {
        const to = starts[1]! + i * step;
        out[to] = fold(out[to]!, data[starts[0]! + i * stride]!);
      }
    });
    return Tensor.of(x.dtype, dims, out);
  }
  if (x.dtype === "string" || x.dtype.startsWith("complex")) throw unsupportedDtype(call, x.dtype);
  const data = isBigInt(x.dtype) ? Float64Array.from(x.data as BigInt64Array, Number) : x.numbers;
  const acc = new Float64Array(count).fill(emptyValue(reduction, x.dtype));
  forEachRun(plan, (_, starts) =>
    reduction.fold(data, starts[0]!, stride, plan.length, acc, starts[1]!, step),
  );
  return Tensor.of(x.dtype, dims, finished(call, x.dtype, acc, each, reduction));
}

/** Integers have no infinity: the least or largest value stands in for it. */
function emptyValue({ empty }: Reduction, dtype: DType): number {
  if (Number.isFinite(empty) || isFloat(dtype)) return empty;
  if (dtype === "bool") return empty < 0 ? 0 : 1;
  return integerRange(dtype)[empty < 0 ? 0 : 1];
}

function finished(
  call: EvalCall<unknown>,
  dtype: DType,
  acc: Float64Array,
  each: number,
  { finish }: Reduction,
) {
  const out = call.allocate(dtype, acc.length);
  if (isBigInt(dtype)) {
    const big = out as BigInt64Array;
    for (let i = 0; i < big.length; i++)
      big[i] = BigInt(Math.trunc(finish ? finish(acc[i]!, each) : acc[i]!) || 0);
  } else {
    const numbers = out as Float64Array;
    for (let i = 0; i < numbers.length; i++) numbers[i] = finish ? finish(acc[i]!, each) : acc[i]!;
  }
  return out;
}

function evaluateReduce(
  call: EvalCall<ReduceAttributes>,
  evaluate: (x: Tensor, gone: readonly boolean[]) => Tensor,
): Tensor {
  const x = operand(call, 0);
  const named = call.inputs[1] ? integerOperand(call, 1) : call.attributes.axes;
  const noop = (!named || named.length === 0) && call.attributes.noop_with_empty_axes === 1;
  const gone = reducedAxes(call, named, x.dims.length);
  const result = evaluate(x, gone);
  const keep = call.attributes.keepdims !== 0 || noop;
  return result.reshape(reducedShape(x.dims, gone, keep) as number[]);
}

function defineReduce<N extends OpName>(name: N, reduction: Reduction) {
  return defineOp(name, {
    infer: (call) => [inferReduce(call as unknown as InferCall<ReduceAttributes>, name)],
    evaluate: (call) => [
      evaluateReduce(call as unknown as EvalCall<ReduceAttributes>, (x, gone) =>
        reduceTensor(call, x, gone, reduction),
      ),
    ],
  });
}

const foldSum: FoldRun = (x, at, stride, count, acc, to, step) => {
  if (step === 0) {
    let sum = 0;
    for (let i = 0; i < count; i++, at += stride) sum += x[at]!;
    acc[to]! += sum;
  } else for (let i = 0; i < count; i++, at += stride, to += step) acc[to]! += x[at]!;
};

const sumOf: Pick<Reduction, "empty" | "bigints"> = {
  empty: 0,
  bigints: { empty: 0n, fold: (acc, x) => acc + x },
};

export const reduceSum = defineReduce("ReduceSum", { ...sumOf, fold: foldSum });

export const reduceMean = defineReduce("ReduceMean", {
  empty: 0,
  fold: foldSum,
  finish: (acc, count) => acc / count,
});

export const reduceProd = defineReduce("ReduceProd", {
  empty: 1,
  fold: (x, at, stride, count, acc, to, step) => {
    for (let i = 0; i < count; i++, at += stride, to += step) acc[to]! *= x[at]!;
  },
  bigints: { empty: 1n, fold: (acc, x) => BigInt.asIntN(64, acc * x) },
});

export const reduceMax = defineReduce("ReduceMax", {
  empty: -Infinity,
  fold: (x, at, stride, count, acc, to, step) => {
    for (let i = 0; i < count; i++, at += stride, to += step) acc[to] = Math.max(acc[to]!, x[at]!);
  },
  bigints: { empty: -(2n ** 63n), fold: (acc, x) => (acc > x ? acc : x) },
});

export const reduceMin = defineReduce("ReduceMin", {
  empty: Infinity,
  fold: (x, at, stride, count, acc, to, step) => {
    for (let i = 0; i < count; i++, at += stride, to += step) acc[to] = Math.min(acc[to]!, x[at]!);
  },
  bigints: { empty: 2n ** 63n - 1n, fold: (acc, x) => (acc < x ? acc : x) },
});

export const reduceL1 = defineReduce("ReduceL1", {
  empty: 0,
  fold: (x, at, stride, count, acc, to, step) => {
    for (let i = 0; i < count; i++, at += stride, to += step) acc[to]! += Math.abs(x[at]!);
  },
  bigints: { empty: 0n, fold: (acc, x) => acc + (x < 0n ? -x : x) },
});

const foldSquares: FoldRun = (x, at, stride, count, acc, to, step) => {
  for (let i = 0; i < count; i++, at += stride, to += step) acc[to]! += x[at]! * x[at]!;
};

export const reduceSumSquare = defineReduce("ReduceSumSquare", {
  empty: 0,
  fold: foldSquares,
  bigints: { empty: 0n, fold: (acc, x) => BigInt.asIntN(64, acc + x * x) },
});

export const reduceL2 = defineReduce("ReduceL2", { empty: 0, fold: foldSquares, finish: Math.sqrt });

export const reduceLogSum = defineReduce("ReduceLogSum", { empty: 0, fold: foldSum, finish: Math.log });

/** log Σ e^x, with the largest value taken out first so that nothing overflows. */
export const reduceLogSumExp = defineOp("ReduceLogSumExp", {
  infer: (call) => [inferReduce(call, "ReduceLogSumExp")],
  evaluate: (call) => [evaluateReduce(call, (x, gone) => logSumExp(call, x, gone))],
});

function logSumExp(call: EvalCall<unknown>, x: Tensor, gone: readonly boolean[]): Tensor {
  if (x.dtype === "string" || x.dtype.startsWith("complex")) throw unsupportedDtype(call, x.dtype);
  const dims = reducedShape(x.dims, gone, true) as number[];
  const own = stridesOf(dims);
  const plan = planRuns(x.dims, [stridesOf(x.dims), own.map((stride, axis) => (gone[axis] ? 0 : stride))]);
  const data = isBigInt(x.dtype) ? Float64Array.from(x.data as BigInt64Array, Number) : x.numbers;
  const count = dims.reduce((a, b) => a * b, 1);
  const largest = new Float64Array(count).fill(-Infinity);
  const [stride, step] = plan.steps as [number, number];
  forEachRun(plan, (_, [p, q]) => {
    for (let i = 0; i < plan.length; i++) {
      const to = q! + i * step;
      largest[to] = Math.max(largest[to]!, data[p! + i * stride]!);
    }
  });
  const sums = new Float64Array(count);
  forEachRun(plan, (_, [p, q]) => {
    for (let i = 0; i < plan.length; i++) {
      const shift = largest[q! + i * step]!;
      sums[q! + i * step]! += Math.exp(data[p! + i * stride]! - (Number.isFinite(shift) ? shift : 0));
    }
  });
  const out = call.allocate(x.dtype, count) as Float64Array;
  for (let i = 0; i < count; i++) {
    const shift = largest[i]!;
    const value = Math.log(sums[i]!) + (Number.isFinite(shift) ? shift : 0);
    if (isBigInt(x.dtype)) (out as unknown as BigInt64Array)[i] = BigInt(Math.trunc(value) || 0);
    else out[i] = value;
  }
  return Tensor.of(x.dtype, dims, out);
}
