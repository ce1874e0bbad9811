import { Tensor, type Dim } from "../ir/index.js";
import { stridesOf } from "./broadcast.js";
import { dimsConflict, entriesFact, entriesOf, mergeDims } from "./entries.js";
import { fact, type Fact } from "./fact.js";
import { defineOp, type EvalCall, type InferCall } from "./op.js";
import {
  axisIn,
  commonDtype,
  factOf,
  formatShape,
  integersOf,
  operand,
  sameDtype,
  shapeError,
  type Site,
} from "./operand.js";
import { allocateLike, copyView, gatherView, slotsOf } from "./strided.js";

/** Shape of tensors joined along `axis`; all other dimensions must agree. */
export function concatShape(site: Site, shapes: readonly (readonly Dim[])[], axis: number): Dim[] {
  const first = shapes[0]!;
  const out = [...first];
  for (const shape of shapes.slice(1)) {
    const conflict = shape.some((dim, i) => i !== axis && dimsConflict(out[i]!, dim));
    if (shape.length !== first.length || conflict) {
      throw shapeError(
        site,
        `shapes ${formatShape(first)} and ${formatShape(shape)} must agree but for axis ${axis}`,
      );
    }
    for (let i = 0; i < out.length; i++) {
      out[i] = i === axis ? addDims(out[i]!, shape[i]!) : mergeDims(out[i]!, shape[i]!);
    }
  }
  return out;
}

function addDims(a: Dim, b: Dim): Dim {
  if (a === 0) return b;
  if (b === 0) return a;
  return typeof a === "number" && typeof b === "number" ? a + b : null;
}

/** Joins tensors of one type along `axis` (counted from the front). */
export function concatTensors(site: Site, tensors: readonly Tensor[], axis: number): Tensor {
  const dtype = sameDtype(site, tensors);
  const dims = concatShape(
    site,
    tensors.map((tensor) => tensor.dims),
    axis,
  ) as number[];
  const strides = stridesOf(dims);
  const count = dims.reduce((a, b) => a * b, 1) * slotsOf(dtype);
  // One float64 operand makes the whole float64: nothing it holds is rounded.
  const widest = tensors.find((tensor) => tensor.data instanceof Float64Array) ?? tensors[0]!;
  const values = allocateLike(widest.data, count);
  let at = 0;
  for (const tensor of tensors) {
    const from = { values: tensor.data, at: 0, strides: stridesOf(tensor.dims) };
    copyView(from, { values, at, strides }, tensor.dims, dtype);
    at += tensor.dims[axis]! * strides[axis]!;
  }
  return Tensor.of(dtype, dims, values);
}

/** Entries of joined shape-like vectors; one whose entries aren't tracked still counts its places. */
function concatEntries(inputs: readonly (Fact | null)[]): readonly Dim[] | null {
  const entries: Dim[] = [];
  for (const input of inputs) {
    const own = entriesOf(input);
    const length = input?.shape?.length === 1 ? input.shape[0] : null;
    if (own) entries.push(...own);
    else if (typeof length === "number" && length <= 64) entries.push(...Array<null>(length).fill(null));
    else return null;
  }
  return entries;
}

function concatAxis(call: { readonly attributes: { readonly axis: number | null } }): number {
  return call.attributes.axis ?? 1;
}

export const concat = defineOp("Concat", {
  infer: (call) => {
    const { inputs } = call;
    if (inputs.length === 0) throw shapeError(call, "at least one input is needed, got none");
    const dtype = commonDtype(call, inputs);
    const ranked = inputs.find((input) => input?.shape);
    if (!ranked?.shape) return [fact(dtype, null)];
    const rank = ranked.shape.length;
    const axis = axisIn(call, concatAxis(call), rank);
    const shapes = inputs.map((input) => input?.shape ?? Array<null>(rank).fill(null));
    const shape = concatShape(call, shapes, axis);
    return [entriesFact(dtype, shape, rank === 1 ? concatEntries(inputs) : null)];
  },
  evaluate: (call) => {
    const tensors = call.inputs.map((_, index) => operand(call, index));
    if (tensors.length === 0) throw shapeError(call, "at least one input is needed, got none");
    return [concatTensors(call, tensors, axisIn(call, concatAxis(call), tensors[0]!.dims.length))];
  },
});

interface SplitAttributes {
  readonly axis: number | null;
  readonly split: readonly number[] | null;
  readonly num_outputs: number | null;
}

/** Lengths of the parts: named by attribute (before opset 13) or input, or equal, the last one smaller from opset 18 on. */
function partLengths(
  call: InferCall<SplitAttributes> | EvalCall<SplitAttributes>,
  length: Dim,
  named: readonly Dim[] | null,
): readonly Dim[] {
  const count = call.node.outputs.length;
  if (named) {
    const total = named.every((part) => typeof part === "number")
      ? (named as number[]).reduce((a, b) => a + b, 0)
      : null;
    const negative = named.some((part) => typeof part === "number" && part < 0);
    if (
      named.length !== count ||
      negative ||
      (typeof length === "number" && total !== null && total !== length)
    ) {
      throw shapeError(
        call,
        `split ${formatShape(named)} must have ${count} non-negative entries that sum to ${length ?? "?"}`,
      );
    }
    return named;
  }
  if (typeof length !== "number") return Array<Dim>(count).fill(count === 1 ? length : null);
  const parts = call.attributes.num_outputs ?? count;
  if (parts !== count) throw shapeError(call, `num_outputs is ${parts}, the node has ${count} outputs`);
  if (call.opset < 18 && length % count !== 0) {
    throw shapeError(call, `axis of length ${length} cannot be split into ${count} equal parts`);
  }
  const part = Math.ceil(length / count);
  return Array.from({ length: count }, (_, i) => Math.max(0, Math.min(part, length - i * part)));
}

export const split = defineOp("Split", {
  infer: (call) => {
    const x = factOf(call, 0);
    const count = call.node.outputs.length;
    if (!x.shape) return Array.from({ length: count }, () => fact(x.dtype, null));
    const axis = axisIn(call, call.attributes.axis ?? 0, x.shape.length);
    const named = call.inputs[1] ? entriesOf(call.inputs[1]) : call.attributes.split;
    const unknown = Boolean(call.inputs[1]) && !named;
    const lengths = unknown ? Array<null>(count).fill(null) : partLengths(call, x.shape[axis]!, named);
    const entries =
      x.shape.length === 1 && lengths.every((part) => typeof part === "number") ? entriesOf(x) : null;
    let at = 0;
    return lengths.map((length) => {
      const shape = x.shape!.map((dim, i) => (i === axis ? length : dim));
      if (!entries) return fact(x.dtype, shape);
      const from = at;
      at += length as number;
      return entriesFact(x.dtype, shape, entries.slice(from, at));
    });
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    const axis = axisIn(call, call.attributes.axis ?? 0, x.dims.length);
    const named = call.inputs[1] ? integersOf(call.inputs[1]) : call.attributes.split;
    const lengths = partLengths(call, x.dims[axis]!, named) as number[];
    const strides = stridesOf(x.dims);
    let at = 0;
    return lengths.map((length) => {
      const part = gatherView(
        x,
        x.dims.map((dim, i) => (i === axis ? length : dim)),
        at * strides[axis]!,
        strides,
      );
      at += length;
      return part;
    });
  },
});
