import { type Dim, type Tensor } from "../ir/index.js";
import { stridesOf } from "./broadcast.js";
import { entriesFact, entriesOf } from "./entries.js";
import { fact } from "./fact.js";
import { defineOp, type EvalCall, type InferCall } from "./op.js";
import {
  axesIn,
  constantNumbers,
  factOf,
  formatShape,
  integersOf,
  operand,
  shapeError,
  type Site,
} from "./operand.js";
import { gatherView } from "./strided.js";

/** One axis of a slice. */
interface Range {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/** Resolves a range against an axis of this length: negative counts from the back, out of range is clamped. */
export function resolveRange(length: number, start: number, end: number, step: number): Range {
  const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);
  const fromBack = (x: number): number => (x < 0 ? x + length : x);
  const backwards = step < 0;
  const from = clamp(fromBack(start), 0, backwards ? length - 1 : length);
  const to = clamp(fromBack(end), backwards ? -1 : 0, backwards ? length - 1 : length);
  return { start: from, step, count: Math.max(0, Math.ceil((to - from) / step)) };
}

/** A slice of `tensor`, one range per axis. */
export function sliceTensor(tensor: Tensor, ranges: readonly Range[]): Tensor {
  const strides = stridesOf(tensor.dims);
  return gatherView(
    tensor,
    ranges.map(({ count }) => count),
    ranges.reduce((at, { start }, axis) => at + (ranges[axis]!.count > 0 ? start * strides[axis]! : 0), 0),
    ranges.map(({ step }, axis) => step * strides[axis]!),
  );
}

export function wholeRange(length: number): Range {
  return { start: 0, step: 1, count: length };
}

interface SliceAttributes {
  readonly starts: readonly number[] | null;
  readonly ends: readonly number[] | null;
  readonly axes: readonly number[] | null;
}

function checkLengths(
  site: Site,
  starts: readonly unknown[],
  ends: readonly unknown[],
  axes: readonly unknown[],
  steps: readonly unknown[],
): void {
  if (starts.length !== ends.length || axes.length !== starts.length || steps.length !== starts.length) {
    throw shapeError(
      site,
      `starts (${starts.length}), ends (${ends.length}), axes (${axes.length}) and steps (${steps.length}) must be equally many`,
    );
  }
  if (steps.includes(0)) throw shapeError(site, "a step is 0");
}

function firstAxes(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** Dimension left by a range whose bounds or length may be symbols. */
function slicedDim(dim: Dim, start: Dim, end: Dim, step: number): Dim {
  if (typeof dim === "number" && typeof start === "number" && typeof end === "number") {
    return resolveRange(dim, start, end, step).count;
  }
  if (step === -1 && start === -1 && typeof end === "number" && end < -(2 ** 31) + 2) return dim;
  const untouched = step === 1 && start === 0;
  if (untouched && (end === dim || (typeof end === "number" && end >= 2 ** 31 - 1))) return dim;
  return null;
}

function inferSlice(call: InferCall<SliceAttributes>) {
  const x = factOf(call, 0);
  if (!x.shape) return fact(x.dtype, null);
  const shape = [...x.shape];
  const given = call.inputs[1] !== undefined && call.inputs[1] !== null;
  const starts = given ? entriesOf(call.inputs[1]) : call.attributes.starts;
  const ends = given ? entriesOf(factOf(call, 2)) : call.attributes.ends;
  const steps = call.inputs[4] ? constantNumbers(call, 4) : null;
  const axes = call.inputs[3] ? constantNumbers(call, 3) : call.attributes.axes;
  const count = starts?.length ?? ends?.length ?? axes?.length;
  if ((call.inputs[3] && !axes) || count === undefined)
    return fact(
      x.dtype,
      shape.map(() => null),
    );
  const named = axes ?? firstAxes(count);
  const unknownSteps = Boolean(call.inputs[4]) && !steps;
  const strides = steps ?? Array<number>(count).fill(1);
  checkLengths(call, starts ?? named, ends ?? named, named, strides);
  const normal = axesIn(call, named, shape.length);
  normal.forEach((axis, i) => {
    shape[axis] = unknownSteps
      ? null
      : slicedDim(shape[axis]!, starts?.[i] ?? null, ends?.[i] ?? null, strides[i]!);
  });
  const entries = shape.length === 1 && typeof shape[0] === "number" ? entriesOf(x) : null;
  const [start, end] = [starts?.[0], ends?.[0]];
  if (
    !entries ||
    normal.length !== 1 ||
    typeof start !== "number" ||
    typeof end !== "number" ||
    unknownSteps
  ) {
    return fact(x.dtype, shape);
  }
  const range = resolveRange(entries.length, start, end, strides[0]!);
  const picked = Array.from({ length: range.count }, (_, i) => entries[range.start + i * range.step]!);
  return entriesFact(x.dtype, shape, picked);
}

/** Starts, ends and axes are attributes before opset 10, inputs from then on, with steps. */
export const slice = defineOp("Slice", {
  infer: (call) => [inferSlice(call as InferCall<SliceAttributes>)],
  evaluate: (call) => [evaluateSlice(call as EvalCall<SliceAttributes>)],
});

function evaluateSlice(call: EvalCall<SliceAttributes>): Tensor {
  const x = operand(call, 0);
  const starts = call.inputs[1] ? integersOf(call.inputs[1]) : call.attributes.starts;
  const ends = call.inputs[2] ? integersOf(call.inputs[2]) : call.attributes.ends;
  if (!starts || !ends) throw shapeError(call, "starts or ends are missing");
  const axes =
    (call.inputs[3] ? integersOf(call.inputs[3]) : call.attributes.axes) ?? firstAxes(starts.length);
  const steps = call.inputs[4] ? integersOf(call.inputs[4]) : Array<number>(starts.length).fill(1);
  checkLengths(call, starts, ends, axes, steps);
  if (axes.length > x.dims.length) {
    throw shapeError(
      call,
      `${axes.length} axes are sliced, the input ${formatShape(x.dims)} has ${x.dims.length}`,
    );
  }
  const ranges = x.dims.map(wholeRange);
  axesIn(call, axes, x.dims.length).forEach((axis, i) => {
    ranges[axis] = resolveRange(x.dims[axis]!, starts[i]!, ends[i]!, steps[i]!);
  });
  return sliceTensor(x, ranges);
}
