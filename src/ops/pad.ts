import { elementCount, Tensor, type Dim, type Values } from "../ir/index.js";
import { stridesOf } from "./broadcast.js";
import { entriesOf } from "./entries.js";
import { fact } from "./fact.js";
import { defineOp, type EvalCall, type InferCall } from "./op.js";
import {
  attributeError,
  axesIn,
  constantNumbers,
  factOf,
  formatShape,
  integersOf,
  operand,
  sameDtype,
  scalarOf,
  shapeError,
  type Site,
} from "./operand.js";
import { sliceTensor } from "./slice.js";
import { allocateLike, copyView, slotsOf } from "./strided.js";

interface PadAttributes {
  readonly mode: string;
  readonly paddings: readonly number[] | null;
  readonly pads: readonly number[] | null;
  readonly value: number | null;
}

/** Elements added in front of and behind each axis; negative ones are taken away. */
interface AxisPad<T extends Dim = number> {
  readonly before: T;
  readonly after: T;
}

function padsPerAxis<T extends Dim>(
  site: Site,
  shape: readonly Dim[],
  pads: readonly T[],
  axes: readonly number[] | null,
): AxisPad<T | 0>[] {
  const named = axes ? axesIn(site, axes, shape.length) : shape.map((_, axis) => axis);
  if (pads.length !== 2 * named.length) {
    throw shapeError(
      site,
      `pads has ${pads.length} entries, ${named.length} axes of ${formatShape(shape)} need ${2 * named.length}`,
    );
  }
  const perAxis: AxisPad<T | 0>[] = shape.map(() => ({ before: 0, after: 0 }));
  named.forEach((axis, i) => (perAxis[axis] = { before: pads[i]!, after: pads[i + named.length]! }));
  return perAxis;
}

/** Pads come from `paddings` (opset 1), `pads` (2 to 10) or input 1 with axes in input 3. */
export const pad = defineOp("Pad", {
  infer: (call) => [inferPad(call as InferCall<PadAttributes>)],
  evaluate: (call) => [evaluatePad(call as EvalCall<PadAttributes>)],
});

function inferPad(call: InferCall<PadAttributes>) {
  const x = factOf(call, 0);
  if (!x.shape) return fact(x.dtype, null);
  const given = call.inputs[1]
    ? entriesOf(call.inputs[1])
    : (call.attributes.pads ?? call.attributes.paddings);
  const axes = call.inputs[3] ? constantNumbers(call, 3) : null;
  if (!given || (call.inputs[3] && !axes))
    return fact(
      x.dtype,
      x.shape.map(() => null),
    );
  const perAxis = padsPerAxis<Dim>(call, x.shape, given, axes);
  const shape = x.shape.map((dim, axis): Dim => {
    const { before, after } = perAxis[axis]!;
    if (before === 0 && after === 0) return dim;
    if (typeof dim !== "number" || typeof before !== "number" || typeof after !== "number") return null;
    if (dim + before + after < 0) throw tooMuchRemoved(call, x.shape!, axis, before, after);
    return dim + before + after;
  });
  return fact(x.dtype, shape);
}

function tooMuchRemoved(
  site: Site,
  shape: readonly Dim[],
  axis: number,
  before: number,
  after: number,
): Error {
  return shapeError(
    site,
    `pads ${before} and ${after} take more from axis ${axis} than ${formatShape(shape)} has`,
  );
}

function evaluatePad(call: EvalCall<PadAttributes>): Tensor {
  const x = operand(call, 0);
  const given = call.inputs[1]
    ? integersOf(call.inputs[1])
    : (call.attributes.pads ?? call.attributes.paddings);
  if (!given) throw shapeError(call, "pads are missing");
  const axes = call.inputs[3] ? integersOf(call.inputs[3]) : null;
  return padTensor(call, x, padsPerAxis(call, x.dims, given, axes), call.attributes.mode, fillOf(call, x));
}

/** The padding value as an array of one element's slots, null for zero (or the empty string). */
function fillOf(call: EvalCall<PadAttributes>, x: Tensor): ArrayLike<number | bigint | string> | null {
  const constant = call.inputs[2];
  if (constant) {
    sameDtype(call, [x, constant]);
    if (constant.size !== 1) scalarOf(call, constant, "constant_value");
    return constant.data as ArrayLike<number | bigint | string>;
  }
  const { value } = call.attributes;
  return value === null || value === undefined || value === 0 ? null : [value];
}

/** `tensor` with each axis cropped by its negative pads and then extended by its positive ones. */
export function padTensor(
  site: Site,
  tensor: Tensor,
  pads: readonly AxisPad[],
  mode: string,
  fill: ArrayLike<number | bigint | string> | null,
): Tensor {
  const cropped = cropTensor(site, tensor, pads);
  const grown = pads.map(({ before, after }) => ({ before: Math.max(before, 0), after: Math.max(after, 0) }));
  if (grown.every(({ before, after }) => before === 0 && after === 0)) return cropped;
  if (mode === "constant") return padConstant(cropped, grown, fill);
  const indexOf = borderIndex(site, mode);
  return padBorder(site, cropped, grown, indexOf);
}

function cropTensor(site: Site, tensor: Tensor, pads: readonly AxisPad[]): Tensor {
  if (pads.every(({ before, after }) => before >= 0 && after >= 0)) return tensor;
  const ranges = tensor.dims.map((dim, axis) => {
    const { before, after } = pads[axis]!;
    const start = Math.max(-before, 0);
    const count = dim - start - Math.max(-after, 0);
    if (dim + before + after < 0) throw tooMuchRemoved(site, tensor.dims, axis, before, after);
    return { start, step: 1, count: Math.max(count, 0) };
  });
  return sliceTensor(tensor, ranges);
}

function padConstant(
  tensor: Tensor,
  pads: readonly AxisPad[],
  fill: ArrayLike<number | bigint | string> | null,
): Tensor {
  const dims = tensor.dims.map((dim, axis) => dim + pads[axis]!.before + pads[axis]!.after);
  const slots = slotsOf(tensor.dtype);
  const values = allocateLike(tensor.data, elementCount(dims) * slots);
  if (fill) fillWith(values, fill, slots);
  const strides = stridesOf(dims);
  const at = pads.reduce((sum, { before }, axis) => sum + before * strides[axis]!, 0);
  const from = { values: tensor.data, at: 0, strides: stridesOf(tensor.dims) };
  copyView(from, { values, at, strides }, tensor.dims, tensor.dtype);
  return Tensor.of(tensor.dtype, dims, values);
}

export function fillWith(values: Values, fill: ArrayLike<number | bigint | string>, slots: number): void {
  const target = values as unknown as { fill(value: unknown): void; [index: number]: unknown };
  if (slots === 1) target.fill(fill[0]);
  else for (let i = 0; i < values.length; i++) target[i] = fill[i % slots];
}

/** Where an index outside [0, length) reads from. */
function borderIndex(site: Site, mode: string): (index: number, length: number) => number {
  const modulo = (a: number, b: number): number => ((a % b) + b) % b;
  switch (mode) {
    case "edge":
      return (index, length) => Math.min(Math.max(index, 0), length - 1);
    case "wrap":
      return modulo;
    case "reflect":
      return (index, length) => {
        if (length === 1) return 0;
        const period = 2 * (length - 1);
        const folded = modulo(index, period);
        return folded < length ? folded : period - folded;
      };
    default:
      throw attributeError(site, `mode must be constant, reflect, edge or wrap, not "${mode}"`);
  }
}

/** Axis by axis, each a gather of whole hyperplanes. */
function padBorder(
  site: Site,
  tensor: Tensor,
  pads: readonly AxisPad[],
  indexOf: (index: number, length: number) => number,
): Tensor {
  let current = tensor;
  pads.forEach(({ before, after }, axis) => {
    if (before === 0 && after === 0) return;
    const length = current.dims[axis]!;
    if (length === 0) {
      throw shapeError(
        site,
        `axis ${axis} of ${formatShape(tensor.dims)} is empty: nothing to take its padding from`,
      );
    }
    current = gatherHyperplanes(
      current,
      axis,
      Array.from({ length: length + before + after }, (_, i) => indexOf(i - before, length)),
    );
  });
  return current;
}

function gatherHyperplanes(tensor: Tensor, axis: number, indices: readonly number[]): Tensor {
  const dims = tensor.dims.map((dim, i) => (i === axis ? indices.length : dim));
  const [strides, from] = [stridesOf(dims), stridesOf(tensor.dims)];
  const values = allocateLike(tensor.data, elementCount(dims) * slotsOf(tensor.dtype));
  const plane = tensor.dims.map((dim, i) => (i === axis ? 1 : dim));
  indices.forEach((index, i) => {
    const source = { values: tensor.data, at: index * from[axis]!, strides: from };
    copyView(source, { values, at: i * strides[axis]!, strides }, plane, tensor.dtype);
  });
  return Tensor.of(tensor.dtype, dims, values);
}

/** Crops or zero-pads around the centre; an odd rest is cropped or added at the end. */
export const centerCropPad = defineOp("CenterCropPad", {
  infer: (call) => {
    const x = factOf(call, 0);
    const target = entriesOf(factOf(call, 1));
    if (!x.shape) return [fact(x.dtype, null)];
    const axes = axesIn(call, call.attributes.axes ?? x.shape.map((_, i) => i), x.shape.length);
    const shape = [...x.shape];
    if (target) checkTarget(call, target, axes);
    axes.forEach((axis, i) => (shape[axis] = target?.[i] ?? null));
    return [fact(x.dtype, shape)];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    const target = integersOf(operand(call, 1));
    const axes = axesIn(call, call.attributes.axes ?? x.dims.map((_, i) => i), x.dims.length);
    checkTarget(call, target, axes);
    const pads: AxisPad[] = x.dims.map(() => ({ before: 0, after: 0 }));
    axes.forEach((axis, i) => {
      const extra = target[i]! - x.dims[axis]!;
      // Cropping starts at floor(surplus / 2), padding at floor(deficit / 2): both round towards the front.
      const before = Math.sign(extra) * Math.floor(Math.abs(extra) / 2);
      pads[axis] = { before: before + 0, after: extra - before };
    });
    return [padTensor(call, x, pads, "constant", null)];
  },
});

function checkTarget(site: Site, target: readonly Dim[], axes: readonly number[]): void {
  const negative = target.some((dim) => typeof dim === "number" && dim < 0);
  if (target.length !== axes.length || negative) {
    throw shapeError(
      site,
      `shape ${formatShape(target)} must have a non-negative entry for each of ${axes.length} axes`,
    );
  }
}
