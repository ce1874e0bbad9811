import { elementCount, isComplex, Tensor, type DType, type Values } from "../ir/index.js";
import { forEachRun, planRuns, stridesOf } from "./broadcast.js";

/* Copies between strided views: what transposing, slicing, repeating, joining and padding all come down to. */

/** Storage of the same kind as `values`: float64 stays float64. */
export function allocateLike(values: Values, length: number): Values {
  if (Array.isArray(values)) return new Array<string>(length).fill("");
  return new (values.constructor as new (length: number) => Exclude<Values, string[]>)(length);
}

/** Array slots per element: complex numbers are pairs. */
export function slotsOf(dtype: DType): number {
  return isComplex(dtype) ? 2 : 1;
}

/** A window on an array, in elements: where it starts and how far apart neighbours are along each axis. */
export interface View {
  readonly values: Values;
  readonly at: number;
  readonly strides: readonly number[];
}

/** Copies the elements of `dims` from one view to another; strides may be zero or negative. */
export function copyView(from: View, to: View, dims: readonly number[], dtype: DType): void {
  const slots = slotsOf(dtype);
  const widen = (view: View): number[] =>
    slots === 1 ? [...view.strides] : [...view.strides.map((stride) => stride * slots), 1];
  const plan = planRuns(slots === 1 ? dims : [...dims, slots], [widen(from), widen(to)]);
  const [step, toStep] = plan.steps as [number, number];
  const [source, target] = [from.values, to.values];
  const [fromAt, toAt] = [from.at * slots, to.at * slots];
  const whole = step === 1 && toStep === 1 && plan.length >= 16 && !Array.isArray(source);
  forEachRun(plan, (_, starts) => {
    const p = fromAt + starts[0]!;
    const q = toAt + starts[1]!;
    if (whole) setRange(target, source, p, q, plan.length);
    else if (source instanceof Float32Array && target instanceof Float32Array) {
      copyFloats(source, p, step, target, q, toStep, plan.length);
    } else {
      copyRun(source as Float64Array, p, step, target as Float64Array, q, toStep, plan.length);
    }
  });
}

function setRange(target: Values, source: Values, from: number, to: number, length: number): void {
  // Both arrays hold the same kind of number.
  (target as Float64Array).set((source as Float64Array).subarray(from, from + length), to);
}

function copyFloats(
  source: Float32Array,
  p: number,
  step: number,
  target: Float32Array,
  q: number,
  toStep: number,
  count: number,
): void {
  for (let i = 0; i < count; i++, p += step, q += toStep) target[q] = source[p]!;
}

/** Any pair of arrays whose elements can be assigned to each other. */
function copyRun(
  source: Float64Array,
  p: number,
  step: number,
  target: Float64Array,
  q: number,
  toStep: number,
  count: number,
): void {
  for (let i = 0; i < count; i++, p += step, q += toStep) target[q] = source[p]!;
}

/** A new tensor of `dims` read from a view of `tensor`: `at` and `strides` in elements. */
export function gatherView(
  tensor: Tensor,
  dims: readonly number[],
  at: number,
  strides: readonly number[],
): Tensor {
  const values = allocateLike(tensor.data, elementCount(dims) * slotsOf(tensor.dtype));
  const from: View = { values: tensor.data, at, strides };
  copyView(from, { values, at: 0, strides: stridesOf(dims) }, dims, tensor.dtype);
  return Tensor.of(tensor.dtype, dims, values);
}

/** Axes in another order: output axis i is input axis `order[i]`. */
export function permute(tensor: Tensor, order: readonly number[]): Tensor {
  const strides = stridesOf(tensor.dims);
  return gatherView(
    tensor,
    order.map((axis) => tensor.dims[axis]!),
    0,
    order.map((axis) => strides[axis]!),
  );
}

/** Copies `count` neighbouring array slots; both arrays hold the same kind of value. */
export function copyBlock(source: Values, from: number, target: Values, to: number, count: number): void {
  if (Array.isArray(source) || count < 16) {
    copyRun(source as Float64Array, from, 1, target as Float64Array, to, 1, count);
  } else setRange(target, source, from, to, count);
}

/** A tensor seen as `outer` × `length` × `inner`, where `length` is the dimension of one axis. */
export interface AxisSplit {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

/** Splits `dims` around an axis that is counted from the front. */
export function splitAt(dims: readonly number[], axis: number): AxisSplit {
  return {
    outer: elementCount(dims.slice(0, axis)),
    length: dims[axis]!,
    inner: elementCount(dims.slice(axis + 1)),
  };
}
