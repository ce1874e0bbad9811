import { elementCount, isBigInt, isFloat, Tensor, type Dim, type NumberArray } from "../ir/index.js";
import { fact, type Fact } from "./fact.js";
import {
  combineMax,
  combineSum,
  maxWithIndices,
  poolPlanes,
  poolScratch,
  tapsInside,
  type PoolAxis,
} from "./kernels/pooling.js";
import { defineOp, type EvalCall, type InferCall, type OpCall } from "./op.js";
import { factOf, formatShape, operand, shapeError, unsupported, type Site } from "./operand.js";
import {
  axisList,
  checkElements,
  resolveWindows,
  windowSteps,
  type WindowAttributes,
} from "./window-geometry.js";

export interface PoolAttributes extends WindowAttributes {
  readonly ceil_mode?: number | null;
}

/** Pads (begins, then ends; null when unknown) and output shape of a pool over an N × C × spatial input. */
export interface PoolGeometry {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[] | null;
  readonly outputShape: readonly Dim[];
}

/** The one source for pools' output shapes and pads; a ModelError when kernel and input can't go together. */
export function resolvePool(attributes: PoolAttributes, input: readonly Dim[], site?: Site): PoolGeometry {
  const rank = Math.max(0, input.length - 2);
  const kernel = axisList(site, "kernel_shape", attributes.kernel_shape, rank, 1);
  const steps = windowSteps(attributes, rank, site);
  const ceilMode = attributes.ceil_mode === 1;
  const { pads, counts } = resolveWindows(steps, input.slice(2), kernel, ceilMode, site);
  const outputShape = [...input.slice(0, 2), ...counts];
  checkElements(site, outputShape);
  return { kernel, strides: steps.strides, dilations: steps.dilations, pads, outputShape };
}

function inferPool(call: InferCall<PoolAttributes>): Fact {
  const { dtype, shape } = factOf(call, 0);
  return fact(dtype, shape && checkedGeometry(call, shape).outputShape);
}

function checkedGeometry(call: OpCall<PoolAttributes>, dims: readonly Dim[]): PoolGeometry {
  if (dims.length < 3)
    throw shapeError(call, `the input ${formatShape(dims)} has no spatial axis to pool over`);
  return resolvePool(call.attributes, dims, call);
}

interface PoolPlan {
  readonly dims: readonly number[];
  readonly planes: number;
  readonly axes: readonly PoolAxis[];
  readonly ends: readonly number[];
}

function planPool(call: EvalCall<PoolAttributes>, dims: readonly number[]): PoolPlan {
  const { kernel, strides, dilations, pads, outputShape } = checkedGeometry(call, dims);
  const axes = kernel.map((k, axis) => ({
    length: dims[axis + 2]!,
    count: outputShape[axis + 2] as number,
    kernel: k,
    stride: strides[axis]!,
    dilation: dilations[axis]!,
    begin: pads![axis]!,
  }));
  checkElements(call, [poolScratch(axes)]);
  return {
    dims: outputShape as number[],
    planes: dims[0]! * dims[1]!,
    axes,
    ends: pads!.slice(kernel.length),
  };
}

/** Element types without 64-bit integers. */
function plainNumbers(call: EvalCall<unknown>, x: Tensor): NumberArray {
  if (isBigInt(x.dtype) || x.dtype === "string" || x.dtype.startsWith("complex")) {
    throw unsupported(call, `${call.node.op} of ${x.dtype} is not evaluated`);
  }
  return x.numbers;
}

function floatNumbers(call: EvalCall<unknown>, x: Tensor): NumberArray {
  if (!isFloat(x.dtype)) throw unsupported(call, `${call.node.op} of ${x.dtype} is not evaluated`);
  return x.numbers;
}

/** Maxima; the optional second output says where in the whole input each one stands. */
export const maxPool = defineOp("MaxPool", {
  infer: (call) => {
    const pooled = inferPool(call);
    return call.node.outputs.length > 1 ? [pooled, fact("int64", pooled.shape)] : [pooled];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    const data = plainNumbers(call, x);
    const plan = planPool(call, x.dims);
    const count = elementCount(plan.dims);
    const y = call.allocate(x.dtype, count) as NumberArray;
    if (call.node.outputs[1]) {
      const indices = maxIndices(data, plan, call.attributes.storage_order === 1, y);
      return [Tensor.of(x.dtype, plan.dims, y), Tensor.of("int64", plan.dims, indices)];
    }
    const size = plan.planes === 0 ? 0 : count / plan.planes;
    poolPlanes(data, plan.planes, plan.axes, combineMax, (values, from, plane) => {
      y.set(values.subarray(from, from + size), plane * size);
    });
    return [Tensor.of(x.dtype, plan.dims, y)];
  },
});

/** Fills y with maxima; returns their flat indices, within each plane column-major under storage_order 1. */
function maxIndices(x: NumberArray, plan: PoolPlan, columnMajor: boolean, y: NumberArray): BigInt64Array {
  const lengths = plan.axes.map(({ length }) => length);
  const size = elementCount(lengths);
  const indices = new BigInt64Array(y.length);
  let at = 0;
  for (let plane = 0; plane < plan.planes; plane++) {
    maxWithIndices(x, plane * size, plan.axes, (value, index) => {
      y[at] = value;
      const within = columnMajor ? transposedIndex(Math.max(index, 0), lengths) : Math.max(index, 0);
      indices[at++] = BigInt(plane * size + within);
    });
  }
  return indices;
}

function transposedIndex(index: number, lengths: readonly number[]): number {
  let [rest, place] = [index, 0];
  for (let axis = lengths.length - 1; axis >= 0; axis--) {
    const length = lengths[axis]!;
    const stride = elementCount(lengths.slice(0, axis));
    place += (rest % length) * stride;
    rest = Math.floor(rest / length);
  }
  return place;
}

/**
 * Means. Padding counts under count_include_pad, but not what the last window of ceil_mode has beyond the pads:
 * ONNX says so from opset 19 on, ONNX Runtime does it in every version.
 */
export const averagePool = defineOp("AveragePool", {
  infer: (call) => [inferPool(call)],
  evaluate: (call) => {
    const x = operand(call, 0);
    const data = floatNumbers(call, x);
    const plan = planPool(call, x.dims);
    const include = call.attributes.count_include_pad === 1;
    const divisors = plan.axes.map((axis, a) => tapCounts(axis, include, plan.ends[a]!));
    const y = call.floats(elementCount(plan.dims));
    const per = outerProduct(divisors);
    poolPlanes(data, plan.planes, plan.axes, combineSum, (values, from, plane) => {
      for (let i = 0, to = plane * per.length; i < per.length; i++) {
        y[to + i] = per[i] === 0 ? 0 : values[from + i]! / per[i]!;
      }
    });
    return [Tensor.of(x.dtype, plan.dims, y)];
  },
});

/** What a sum is divided by along one axis, per window. */
function tapCounts(axis: PoolAxis, includePad: boolean, end: number): number[] {
  return Array.from({ length: axis.count }, (_, o) => {
    if (!includePad) {
      const [low, high] = tapsInside(axis, o);
      return high - low;
    }
    const start = o * axis.stride - axis.begin;
    return Math.min(axis.kernel, Math.floor((axis.length + end - 1 - start) / axis.dilation) + 1);
  });
}

function outerProduct(factors: readonly (readonly number[])[]): Float64Array {
  let product: readonly number[] = [1];
  for (const list of factors) product = product.flatMap((a) => list.map((b) => a * b));
  return Float64Array.from(product);
}

/** The exponent of LpPool and its kin, at least 1. */
function exponentOf(call: OpCall<{ readonly p: number }>): number {
  const { p } = call.attributes;
  if (!(p >= 1)) throw shapeError(call, `p ${p} must be at least 1`);
  return p;
}

/** p-norms of the windows. */
export const lpPool = defineOp("LpPool", {
  infer: (call) => [inferPool(call)],
  evaluate: (call) => {
    const x = operand(call, 0);
    const plan = planPool(call, x.dims);
    const p = exponentOf(call);
    const powers = Float64Array.from(floatNumbers(call, x), (value) => Math.abs(value) ** p);
    const count = elementCount(plan.dims);
    const y = call.floats(count);
    const size = plan.planes === 0 ? 0 : count / plan.planes;
    poolPlanes(powers, plan.planes, plan.axes, combineSum, (values, from, plane) => {
      for (let i = 0; i < size; i++) y[plane * size + i] = values[from + i]! ** (1 / p);
    });
    return [Tensor.of(x.dtype, plan.dims, y)];
  },
});

/** Pools every plane to one element. */
function inferGlobal(call: InferCall<unknown>): Fact {
  const { dtype, shape } = factOf(call, 0);
  if (shape && shape.length < 2)
    throw shapeError(call, `the input ${formatShape(shape)} must have at least 2 axes`);
  return fact(dtype, shape && shape.map((dim, axis) => (axis < 2 ? dim : 1)));
}

function evaluateGlobal(
  call: EvalCall<unknown>,
  reduce: (x: NumberArray, from: number, count: number) => number,
): Tensor {
  const x = operand(call, 0);
  const data = floatNumbers(call, x);
  if (x.dims.length < 2) throw shapeError(call, `the input ${formatShape(x.dims)} must have at least 2 axes`);
  const planes = x.dims[0]! * x.dims[1]!;
  const size = elementCount(x.dims.slice(2));
  const y = call.floats(planes);
  for (let plane = 0; plane < planes; plane++) y[plane] = reduce(data, plane * size, size);
  return Tensor.of(
    x.dtype,
    x.dims.map((dim, axis) => (axis < 2 ? dim : 1)),
    y,
  );
}

export const globalAveragePool = defineOp("GlobalAveragePool", {
  infer: (call) => [inferGlobal(call)],
  evaluate: (call) => [
    evaluateGlobal(call, (x, from, count) => {
      let sum = 0;
      for (let i = from; i < from + count; i++) sum += x[i]!;
      return sum / count;
    }),
  ],
});

export const globalMaxPool = defineOp("GlobalMaxPool", {
  infer: (call) => [inferGlobal(call)],
  evaluate: (call) => [
    evaluateGlobal(call, (x, from, count) => {
      let most = count > 0 ? x[from]! : -Infinity;
      for (let i = from + 1; i < from + count; i++) if (x[i]! > most) most = x[i]!;
      return most;
    }),
  ],
});

export const globalLpPool = defineOp("GlobalLpPool", {
  infer: (call) => [inferGlobal(call)],
  evaluate: (call) => {
    const p = exponentOf(call);
    return [
      evaluateGlobal(call, (x, from, count) => {
        let sum = 0;
        for (let i = from; i < from + count; i++) sum += Math.abs(x[i]!) ** p;
        return sum ** (1 / p);
      }),
    ];
  },
});
