import { isBigInt, isFloat, Tensor, type DType, type NumberArray, type Values } from "../ir/index.js";
import { alignedDims, broadcastDims, broadcastShape, forEachRun, planBroadcast } from "./broadcast.js";
import { fact, type Fact } from "./fact.js";
import type { EvalCall, InferCall } from "./op.js";
import { commonDtype, factOf, operand, sameDtype, unsupported, type Site } from "./operand.js";

export type FloatArray = Float32Array | Float64Array;

/**
 * One run of a function of two operands: `count` elements from `aAt`, `bAt` (advancing by 0 or 1) to `outAt`.
 * Every operator brings its own loop, so that the engine compiles each for the arrays it meets.
 */
export type RunKernel<In, Out> = (
  a: In,
  aAt: number,
  aStep: number,
  b: In,
  bAt: number,
  bStep: number,
  out: Out,
  outAt: number,
  count: number,
) => void;

/** A function of two operands per element family; a family that is absent is not supported. */
export interface PairKernels {
  readonly floats?: RunKernel<FloatArray, FloatArray>;
  /** Integers up to 32 bits; the result wraps around when it is stored. */
  readonly integers?: (a: number, b: number) => number;
  readonly bigints?: (a: bigint, b: bigint) => bigint;
}

/** Attributes that operators before opset 7 broadcast by. */
export interface LegacyBroadcast {
  readonly axis?: number | null;
  readonly broadcast?: number | null;
}

function legacyAxis(attributes: unknown): number | null {
  const { axis, broadcast } = attributes as LegacyBroadcast;
  return broadcast === 1 ? (axis ?? null) : null;
}

/** Shape of an operator with two broadcast operands, legacy attributes included. */
export function inferPairShape(call: InferCall<unknown>): Fact["shape"] {
  const [a, b] = [factOf(call, 0).shape, factOf(call, 1).shape];
  if (!a || !b) return null;
  const axis = legacyAxis(call.attributes);
  return broadcastShape(call, [a, axis === null ? b : alignedDims(call, a, b, axis)]);
}

/** Type and shape of an operator with two operands of one type. */
export function inferPair(call: InferCall<unknown>): Fact {
  return fact(commonDtype(call, [factOf(call, 0), factOf(call, 1)]), inferPairShape(call));
}

/** Broadcasts two operands, for kernels that read them by runs. */
export function pairRuns(
  call: EvalCall<unknown>,
  a: Tensor,
  b: Tensor,
): { readonly dims: number[]; readonly plan: ReturnType<typeof planBroadcast> } {
  const axis = legacyAxis(call.attributes);
  const bDims = axis === null ? b.dims : alignedDims(call, a.dims, b.dims, axis);
  const dims = broadcastDims(call, [a.dims, bDims]);
  return { dims, plan: planBroadcast([a.dims, bDims], dims) };
}

/** Evaluates an operator of two operands of one type. */
export function evaluatePair(call: EvalCall<unknown>, kernels: PairKernels): Tensor {
  return combinePair(call, operand(call, 0), operand(call, 1), kernels);
}

/** {@link evaluatePair} on given tensors, for variadic operators. */
export function combinePair(call: EvalCall<unknown>, a: Tensor, b: Tensor, kernels: PairKernels): Tensor {
  const dtype = sameDtype(call, [a, b]);
  const { dims, plan } = pairRuns(call, a, b);
  const out = call.allocate(dtype, plan.size, "anything");
  const [aStep, bStep] = plan.steps as [number, number];
  const { length } = plan;
  if (isFloat(dtype) && kernels.floats) {
    const kernel = kernels.floats;
    const [p, q, r] = [a.data as FloatArray, b.data as FloatArray, out as FloatArray];
    forEachRun(plan, (at, starts) => kernel(p, starts[0]!, aStep, q, starts[1]!, bStep, r, at, length));
  } else if (isBigInt(dtype) && kernels.bigints) {
    const kernel = kernels.bigints;
    const [p, q, r] = [a.data as BigInt64Array, b.data as BigInt64Array, out as BigInt64Array];
    forEachRun(plan, (at, starts) => {
      for (let i = 0; i < length; i++) {
        r[at + i] = kernel(p[starts[0]! + i * aStep]!, q[starts[1]! + i * bStep]!);
      }
    });
  } else if (holdsIntegers(dtype) && kernels.integers) {
    const kernel = kernels.integers;
    const [p, q, r] = [a.numbers, b.numbers, out as NumberArray];
    forEachRun(plan, (at, starts) => {
      for (let i = 0; i < length; i++) {
        r[at + i] = kernel(p[starts[0]! + i * aStep]!, q[starts[1]! + i * bStep]!);
      }
    });
    wrapNarrow(r, dtype);
  } else {
    throw unsupportedDtype(call, dtype);
  }
  return Tensor.of(dtype, dims, out);
}

function holdsIntegers(dtype: DType): boolean {
  return !isFloat(dtype) && !isBigInt(dtype) && dtype !== "string" && !dtype.startsWith("complex");
}

/** 4- and 2-bit integers sit in bytes, whose wraparound is not theirs. */
function wrapNarrow(values: Values, dtype: DType): void {
  const bits = dtype.endsWith("int4") ? 4 : dtype.endsWith("int2") ? 2 : 0;
  if (bits === 0) return;
  const numbers = values as Int8Array | Uint8Array;
  const shift = 32 - bits;
  for (let i = 0; i < numbers.length; i++) {
    numbers[i] =
      numbers instanceof Int8Array ? (numbers[i]! << shift) >> shift : numbers[i]! & (2 ** bits - 1);
  }
}

export function unsupportedDtype(site: Site, dtype: DType): Error {
  return unsupported(site, `${site.node.op} of ${dtype} is not evaluated`);
}
