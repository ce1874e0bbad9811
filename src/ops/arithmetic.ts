import { isBigInt, isFloat, Tensor, type DType, type Dim, type NumberArray } from "../ir/index.js";
import { forEachRun } from "./broadcast.js";
import { entriesFact, entriesOf } from "./entries.js";
import { fact, type Fact } from "./fact.js";
import { defineOp, type EvalCall, type InferCall, type OpName } from "./op.js";
import { factOf, operand } from "./operand.js";
import {
  evaluatePair,
  inferPair,
  inferPairShape,
  pairRuns,
  unsupportedDtype,
  type FloatArray,
  type PairKernels,
  type RunKernel,
} from "./pairwise.js";

/** Result of an operator on two entries of a shape; null when it can't be told. */
type EntryRule = (a: Dim, b: Dim) => Dim;

/** {@link inferPair} that also follows shape arithmetic: numbers are computed, a symbol survives an identity. */
export function inferEntries(call: InferCall<unknown>, rule: EntryRule): Fact {
  const plain = inferPair(call);
  const [a, b] = [entriesOf(factOf(call, 0)), entriesOf(factOf(call, 1))];
  if (!a || !b || !plain.shape || plain.shape.length > 1) return plain;
  const count = Math.max(a.length, b.length);
  if ((a.length !== count && a.length !== 1) || (b.length !== count && b.length !== 1)) return plain;
  if (a.length === 0 || b.length === 0) return plain;
  const entries = Array.from({ length: count }, (_, i) =>
    rule(a[a.length === 1 ? 0 : i]!, b[b.length === 1 ? 0 : i]!),
  );
  return entriesFact(plain.dtype, plain.shape, entries);
}

function entryRule(compute: (a: number, b: number) => number | null, identity: EntryRule): EntryRule {
  return (a, b) => {
    if (typeof a === "number" && typeof b === "number") return compute(a, b);
    return identity(a, b);
  };
}

function defineArithmetic<N extends OpName>(name: N, kernels: PairKernels, rule: EntryRule) {
  return defineOp(name, {
    infer: (call) => [inferEntries(call, rule)],
    evaluate: (call) => [evaluatePair(call, kernels)],
  });
}

const addRuns: RunKernel<FloatArray, FloatArray> = (a, p, pStep, b, q, qStep, out, at, count) => {
  for (let i = at; i < at + count; i++, p += pStep, q += qStep) out[i] = a[p]! + b[q]!;
};
const subtractRuns: RunKernel<FloatArray, FloatArray> = (a, p, pStep, b, q, qStep, out, at, count) => {
  for (let i = at; i < at + count; i++, p += pStep, q += qStep) out[i] = a[p]! - b[q]!;
};
const multiplyRuns: RunKernel<FloatArray, FloatArray> = (a, p, pStep, b, q, qStep, out, at, count) => {
  for (let i = at; i < at + count; i++, p += pStep, q += qStep) out[i] = a[p]! * b[q]!;
};
const divideRuns: RunKernel<FloatArray, FloatArray> = (a, p, pStep, b, q, qStep, out, at, count) => {
  for (let i = at; i < at + count; i++, p += pStep, q += qStep) out[i] = a[p]! / b[q]!;
};

export const addKernels: PairKernels = {
  floats: addRuns,
  integers: (a, b) => a + b,
  bigints: (a, b) => a + b,
};

export const multiplyKernels: PairKernels = {
  floats: multiplyRuns,
  // The low 32 bits; the store into a narrower array keeps its own.
  integers: (a, b) => Math.imul(a, b),
  bigints: (a, b) => a * b,
};

export const add = defineArithmetic(
  "Add",
  addKernels,
  entryRule(
    (a, b) => a + b,
    (a, b) => (a === 0 ? b : b === 0 ? a : null),
  ),
);

export const sub = defineArithmetic(
  "Sub",
  { floats: subtractRuns, integers: (a, b) => a - b, bigints: (a, b) => a - b },
  entryRule(
    (a, b) => a - b,
    (a, b) => (b === 0 ? a : a !== null && a === b ? 0 : null),
  ),
);

export const mul = defineArithmetic(
  "Mul",
  multiplyKernels,
  entryRule(
    (a, b) => a * b + 0,
    (a, b) => (a === 0 || b === 0 ? 0 : a === 1 ? b : b === 1 ? a : null),
  ),
);

/** Integer division truncates; by zero it gives 0, as numpy does. */
export const div = defineArithmetic(
  "Div",
  { floats: divideRuns, integers: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)), bigints: divideBigInts },
  entryRule(
    (a, b) => (b === 0 ? null : Math.trunc(a / b) + 0),
    (a, b) => (b === 1 ? a : null),
  ),
);

function divideBigInts(a: bigint, b: bigint): bigint {
  return b === 0n ? 0n : a / b;
}

const remainderRuns: RunKernel<FloatArray, FloatArray> = (a, p, pStep, b, q, qStep, out, at, count) => {
  for (let i = at; i < at + count; i++, p += pStep, q += qStep) out[i] = a[p]! % b[q]!;
};
const moduloRuns: RunKernel<FloatArray, FloatArray> = (a, p, pStep, b, q, qStep, out, at, count) => {
  for (let i = at; i < at + count; i++, p += pStep, q += qStep) out[i] = floorModulo(a[p]!, b[q]!);
};

/** a − floor(a / b)·b with the sign of b, exact; ±0 takes the sign of b. */
function floorModulo(a: number, b: number): number {
  const rest = a % b;
  if (rest === 0) return b < 0 ? -0 : 0;
  return rest < 0 !== b < 0 ? rest + b : rest;
}

/** `fmod` 0: the result has the divisor's sign; 1: the dividend's, as C's fmod. A zero divisor of integers gives 0. */
export const mod = defineOp("Mod", {
  infer: (call) => [
    inferEntries(
      call,
      entryRule(
        (a, b) => (b === 0 ? null : (call.attributes.fmod === 1 ? a % b : floorModulo(a, b)) + 0),
        (_, b) => (b === 1 ? 0 : null),
      ),
    ),
  ],
  evaluate: (call) => {
    const truncated = call.attributes.fmod === 1;
    return [
      evaluatePair(call, {
        floats: truncated ? remainderRuns : moduloRuns,
        integers: (a, b) => (b === 0 ? 0 : truncated ? a % b : floorModulo(a, b)),
        bigints: (a, b) => {
          if (b === 0n) return 0n;
          const rest = a % b;
          return !truncated && rest !== 0n && rest < 0n !== b < 0n ? rest + b : rest;
        },
      }),
    ];
  },
});

/** C's pow: 1 to any power and anything to the power 0 are 1, (−1)^±∞ is 1 (JavaScript says NaN). */
export function power(base: number, exponent: number): number {
  if (base === 1 || (base === -1 && (exponent === Infinity || exponent === -Infinity))) return 1;
  return Math.pow(base, exponent);
}

/** base^exponent modulo 2^64 for exponent ≥ 0; below, the truncated real power (0 unless base is ±1). */
function powerBigInt(base: bigint, exponent: bigint): bigint {
  if (exponent < 0n) {
    if (base === 1n) return 1n;
    return base === -1n ? (exponent % 2n === 0n ? 1n : -1n) : 0n;
  }
  let result = 1n;
  let square = BigInt.asIntN(64, base);
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = BigInt.asIntN(64, result * square);
    square = BigInt.asIntN(64, square * square);
  }
  return result;
}

function toBigInt(x: number): bigint {
  return Number.isFinite(x) ? BigInt(Math.trunc(x)) : 0n;
}

/** Base and exponent may differ in type; the result has the base's. */
export const pow = defineOp("Pow", {
  infer: (call) => [fact(factOf(call, 0).dtype, inferPairShape(call))],
  evaluate: (call) => [evaluatePower(call)],
});

function evaluatePower(call: EvalCall<unknown>): Tensor {
  const [a, b] = [operand(call, 0), operand(call, 1)];
  const { dims, plan } = pairRuns(call, a, b);
  const out = call.allocate(a.dtype, plan.size);
  const [aStep, bStep] = plan.steps as [number, number];
  const square = b.size === 1 && Number((b.data as ArrayLike<number | bigint>)[0]) === 2;
  if (isFloat(a.dtype)) {
    const exponents = isBigInt(b.dtype) ? Float64Array.from(b.data as BigInt64Array, Number) : b.numbers;
    const [p, r] = [a.data as FloatArray, out as FloatArray];
    forEachRun(plan, (at, starts) => {
      if (square) multiplyRuns(p, starts[0]!, aStep, p, starts[0]!, aStep, r, at, plan.length);
      else powerRuns(p, starts[0]!, aStep, exponents, starts[1]!, bStep, r, at, plan.length);
    });
    return Tensor.of(a.dtype, dims, out);
  }
  if (a.dtype === "string" || b.dtype === "string") throw unsupportedDtype(call, "string");
  const bases = a.data as ArrayLike<number | bigint>;
  const exponents = b.data as ArrayLike<number | bigint>;
  const store = integerStore(out as NumberArray | BigInt64Array, a.dtype);
  const real = isFloat(b.dtype);
  forEachRun(plan, (at, starts) => {
    for (let i = 0; i < plan.length; i++) {
      const x = bases[starts[0]! + i * aStep]!;
      const y = exponents[starts[1]! + i * bStep]!;
      store(at + i, real ? toBigInt(power(Number(x), Number(y))) : powerBigInt(BigInt(x), BigInt(y)));
    }
  });
  return Tensor.of(a.dtype, dims, out);
}

const powerRuns: RunKernel<NumberArray, FloatArray> = (a, p, pStep, b, q, qStep, out, at, count) => {
  for (let i = at; i < at + count; i++, p += pStep, q += qStep) out[i] = power(a[p]!, b[q]!);
};

function integerStore(
  out: NumberArray | BigInt64Array | BigUint64Array,
  dtype: DType,
): (at: number, value: bigint) => void {
  if (isBigInt(dtype)) return (at, value) => void ((out as BigInt64Array)[at] = value);
  return (at, value) => void ((out as NumberArray)[at] = Number(BigInt.asIntN(32, value)));
}
