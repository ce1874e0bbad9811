import { isBigInt, isFloat, Tensor, type DType, type NumberArray } from "../ir/index.js";
import { entriesFact, entriesOf } from "./entries.js";
import { fact, type Fact } from "./fact.js";
import type { OpAttributes } from "./generated/attributes.js";
import { defineOp, type EvalCall, type InferCall, type OpName } from "./op.js";
import { factOf, operand } from "./operand.js";
import { unsupportedDtype, type FloatArray } from "./pairwise.js";

/** A function of one operand per element family. Every operator brings its own loop over floats. */
export interface UnaryKernels {
  readonly floats?: (x: FloatArray, y: FloatArray) => void;
  /** Integers up to 32 bits; the result wraps around when it is stored. */
  readonly integers?: (x: number) => number;
  readonly bigints?: (x: bigint) => bigint;
}

/** Same type and shape as input 0; a shape-like input keeps its entries only if `entry` says how. */
export function inferSame(
  call: InferCall<unknown>,
  entry?: (dim: number | string | null) => number | string | null,
): Fact {
  const x = factOf(call, 0);
  const entries = entry ? entriesOf(x) : null;
  return entries && entry ? entriesFact(x.dtype, x.shape, entries.map(entry)) : fact(x.dtype, x.shape);
}

export function mapUnary(call: EvalCall<unknown>, x: Tensor, kernels: UnaryKernels): Tensor {
  const out = call.allocate(x.dtype, x.size, "anything");
  if (isFloat(x.dtype) && kernels.floats) {
    kernels.floats(x.data as FloatArray, out as FloatArray);
  } else if (isBigInt(x.dtype) && kernels.bigints) {
    const [p, q] = [x.data as BigInt64Array, out as BigInt64Array];
    for (let i = 0; i < q.length; i++) q[i] = kernels.bigints(p[i]!);
  } else if (holdsSmallIntegers(x.dtype) && kernels.integers) {
    const [p, q] = [x.numbers, out as NumberArray];
    for (let i = 0; i < q.length; i++) q[i] = kernels.integers(p[i]!);
  } else {
    throw unsupportedDtype(call, x.dtype);
  }
  return Tensor.of(x.dtype, x.dims, out);
}

function holdsSmallIntegers(dtype: DType): boolean {
  return !isFloat(dtype) && !isBigInt(dtype) && dtype !== "string" && !dtype.startsWith("complex");
}

/** An operator that maps each element of its one input. */
export function defineUnary<N extends OpName>(name: N, kernels: UnaryKernels) {
  return defineOp(name, {
    infer: (call) => [inferSame(call)],
    evaluate: (call) => [mapUnary(call, operand(call, 0), kernels)],
  });
}

/** A {@link defineUnary} whose kernel takes the attributes. */
export function defineUnaryWith<N extends OpName>(
  name: N,
  kernels: (call: EvalCall<OpAttributes[N]>) => UnaryKernels,
) {
  return defineOp(name, {
    infer: (call) => [inferSame(call)],
    evaluate: (call) => [mapUnary(call, operand(call, 0), kernels(call))],
  });
}
