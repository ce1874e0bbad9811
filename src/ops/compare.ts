import { isFloat, Tensor, type Dim, type Values } from "../ir/index.js";
import { broadcastDims, broadcastShape, forEachRun, planBroadcast } from "./broadcast.js";
import { entriesFact, entriesOf } from "./entries.js";
import { fact, type Fact } from "./fact.js";
import { defineOp, type EvalCall, type InferCall, type OpName } from "./op.js";
import { attributeError, commonDtype, dtypeError, factOf, operand, sameDtype } from "./operand.js";
import { inferPairShape, pairRuns, unsupportedDtype, type FloatArray, type RunKernel } from "./pairwise.js";

/** JavaScript compares numbers, bigints and strings with the same operators; kernels are typed for the common case. */
type CompareKernel = RunKernel<FloatArray, Uint8Array>;

function evaluateComparison(call: EvalCall<unknown>, kernel: CompareKernel): Tensor {
  const [a, b] = [operand(call, 0), operand(call, 1)];
  const dtype = sameDtype(call, [a, b]);
  if (dtype.startsWith("complex")) throw unsupportedDtype(call, dtype);
  const { dims, plan } = pairRuns(call, a, b);
  const out = new Uint8Array(plan.size);
  const [aStep, bStep] = plan.steps as [number, number];
  const [p, q] = [a.data as unknown as FloatArray, b.data as unknown as FloatArray];
  forEachRun(plan, (at, starts) => kernel(p, starts[0]!, aStep, q, starts[1]!, bStep, out, at, plan.length));
  return Tensor.of("bool", dims, out);
}

function defineComparison<N extends OpName>(name: N, kernel: CompareKernel) {
  return defineOp(name, {
    infer: (call) => [inferComparison(call)],
    evaluate: (call) => [evaluateComparison(call, kernel)],
  });
}

function inferComparison(call: InferCall<unknown>): Fact {
  commonDtype(call, [factOf(call, 0), factOf(call, 1)]);
  return fact("bool", inferPairShape(call));
}

export const equal = defineComparison("Equal", (a, p, pStep, b, q, qStep, out, at, count) => {
  for (let i = at; i < at + count; i++, p += pStep, q += qStep) out[i] = a[p] === b[q] ? 1 : 0;
});

export const greater = defineComparison("Greater", (a, p, pStep, b, q, qStep, out, at, count) => {
  for (let i = at; i < at + count; i++, p += pStep, q += qStep) out[i] = a[p]! > b[q]! ? 1 : 0;
});

export const less = defineComparison("Less", (a, p, pStep, b, q, qStep, out, at, count) => {
  for (let i = at; i < at + count; i++, p += pStep, q += qStep) out[i] = a[p]! < b[q]! ? 1 : 0;
});

export const greaterOrEqual = defineComparison(
  "GreaterOrEqual",
  (a, p, pStep, b, q, qStep, out, at, count) => {
    for (let i = at; i < at + count; i++, p += pStep, q += qStep) out[i] = a[p]! >= b[q]! ? 1 : 0;
  },
);

export const lessOrEqual = defineComparison("LessOrEqual", (a, p, pStep, b, q, qStep, out, at, count) => {
  for (let i = at; i < at + count; i++, p += pStep, q += qStep) out[i] = a[p]! <= b[q]! ? 1 : 0;
});

function defineLogic<N extends OpName>(name: N, kernel: RunKernel<Uint8Array, Uint8Array>) {
  return defineOp(name, {
    infer: (call) => [inferComparison(call)],
    evaluate: (call) => {
      const [a, b] = [operand(call, 0), operand(call, 1)];
      for (const { dtype } of [a, b]) {
        if (dtype !== "bool") throw dtypeError(call, `operands must be bool, not ${dtype}`);
      }
      const { dims, plan } = pairRuns(call, a, b);
      const out = new Uint8Array(plan.size);
      const [aStep, bStep] = plan.steps as [number, number];
      const [p, q] = [a.data as Uint8Array, b.data as Uint8Array];
      forEachRun(plan, (at, starts) =>
        kernel(p, starts[0]!, aStep, q, starts[1]!, bStep, out, at, plan.length),
      );
      return [Tensor.of("bool", dims, out)];
    },
  });
}

export const and = defineLogic("And", (a, p, pStep, b, q, qStep, out, at, count) => {
  for (let i = at; i < at + count; i++, p += pStep, q += qStep) out[i] = a[p]! & b[q]!;
});
export const or = defineLogic("Or", (a, p, pStep, b, q, qStep, out, at, count) => {
  for (let i = at; i < at + count; i++, p += pStep, q += qStep) out[i] = a[p]! | b[q]!;
});
export const xor = defineLogic("Xor", (a, p, pStep, b, q, qStep, out, at, count) => {
  for (let i = at; i < at + count; i++, p += pStep, q += qStep) out[i] = a[p]! ^ b[q]!;
});

export const not = defineOp("Not", {
  infer: (call) => [fact("bool", factOf(call, 0).shape)],
  evaluate: (call) => {
    const x = operand(call, 0);
    if (x.dtype !== "bool") throw dtypeError(call, `the operand must be bool, not ${x.dtype}`);
    return [
      Tensor.of(
        "bool",
        x.dims,
        (x.data as Uint8Array).map((bit) => bit ^ 1),
      ),
    ];
  },
});

function mapToBool(call: EvalCall<unknown>, test: (value: number) => boolean): Tensor {
  const x = operand(call, 0);
  if (!isFloat(x.dtype)) throw dtypeError(call, `the operand must be a float, not ${x.dtype}`);
  const data = x.numbers;
  const out = new Uint8Array(x.size);
  for (let i = 0; i < out.length; i++) out[i] = test(data[i]!) ? 1 : 0;
  return Tensor.of("bool", x.dims, out);
}

export const isNaN = defineOp("IsNaN", {
  infer: (call) => [fact("bool", factOf(call, 0).shape)],
  evaluate: (call) => [mapToBool(call, Number.isNaN)],
});

export const isInf = defineOp("IsInf", {
  infer: (call) => [fact("bool", factOf(call, 0).shape)],
  evaluate: (call) => {
    const { detect_positive: positive, detect_negative: negative } = call.attributes;
    if (![0, 1].includes(positive) || ![0, 1].includes(negative)) {
      throw attributeError(call, "detect_positive and detect_negative must be 0 or 1");
    }
    return [
      mapToBool(call, (x) => (positive === 1 && x === Infinity) || (negative === 1 && x === -Infinity)),
    ];
  },
});

/** Where over shape-like inputs: the entry itself when the condition is constant or both branches agree. */
function whereEntries(call: InferCall<unknown>, shape: readonly Dim[] | null): readonly Dim[] | null {
  const [x, y] = [entriesOf(factOf(call, 1)), entriesOf(factOf(call, 2))];
  if (!x || !y || !shape || shape.length > 1) return null;
  const condition = factOf(call, 0).value;
  const count = Math.max(x.length, y.length, condition?.size ?? 1);
  const pick = <T>(list: ArrayLike<T>, i: number): T => list[list.length === 1 ? 0 : i]!;
  if ([x.length, y.length, condition?.size ?? 1].some((n) => n !== 1 && n !== count) || count === 0)
    return null;
  if (!condition && factOf(call, 0).shape?.[0] !== count && count > 1) return null;
  const bits = condition ? (condition.data as Uint8Array) : null;
  return Array.from({ length: count }, (_, i) => {
    const [a, b] = [pick(x, i), pick(y, i)];
    if (bits) return pick(bits, i) !== 0 ? a : b;
    return a === b ? a : null;
  });
}

export const where = defineOp("Where", {
  infer: (call) => {
    const [condition, x, y] = [factOf(call, 0), factOf(call, 1), factOf(call, 2)];
    const shape = broadcastShape(call, [condition.shape, x.shape, y.shape]);
    return [entriesFact(commonDtype(call, [x, y]), shape, whereEntries(call, shape))];
  },
  evaluate: (call) => {
    const [condition, x, y] = [operand(call, 0), operand(call, 1), operand(call, 2)];
    const dtype = sameDtype(call, [x, y]);
    const dims = broadcastDims(call, [condition.dims, x.dims, y.dims]);
    if (dtype.startsWith("complex")) throw unsupportedDtype(call, dtype);
    const plan = planBroadcast([condition.dims, x.dims, y.dims], dims);
    const out = call.allocate(dtype, plan.size);
    const test = condition.data as Uint8Array;
    forEachRun(plan, (at, starts) =>
      selectRun(test, x.data, y.data, out, at, plan.length, starts, plan.steps),
    );
    return [Tensor.of(dtype, dims, out)];
  },
});

function selectRun(
  test: Uint8Array,
  xs: Values,
  ys: Values,
  values: Values,
  at: number,
  count: number,
  starts: readonly number[],
  steps: readonly number[],
): void {
  const [x, y, out] = [xs as FloatArray, ys as FloatArray, values as FloatArray];
  let [t, p, q] = starts as [number, number, number];
  const [tStep, pStep, qStep] = steps as [number, number, number];
  for (let i = at; i < at + count; i++, t += tStep, p += pStep, q += qStep) {
    out[i] = test[t] !== 0 ? x[p]! : y[q]!;
  }
}
