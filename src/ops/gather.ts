import { elementCount, Tensor, type Dim } from "../ir/index.js";
import { stridesOf } from "./broadcast.js";
import { entriesFact, entriesOf, mergeDims } from "./entries.js";
import { fact } from "./fact.js";
import { defineOp } from "./op.js";
import {
  axisIn,
  constantNumbers,
  factOf,
  formatShape,
  integersOf,
  operand,
  shapeError,
  type Site,
} from "./operand.js";
import { allocateLike, copyBlock, slotsOf, splitAt } from "./strided.js";

/** `index` counted from the front of an axis; outside [-length, length-1] is an `E_SHAPE`. */
export function indexIn(site: Site, index: number, length: number): number {
  if (index >= -length && index < length) return index < 0 ? index + length : index;
  throw shapeError(site, `index ${index} is outside [-${length}, ${length - 1}]`);
}

/** Slices of `data` along an axis, in the order of `indices`. */
export function gatherAxis(site: Site, data: Tensor, indices: Tensor, axis: number): Tensor {
  const { outer, length, inner } = splitAt(data.dims, axis);
  const places = integersOf(indices).map((index) => indexIn(site, index, length));
  const slots = slotsOf(data.dtype);
  const dims = [...data.dims.slice(0, axis), ...indices.dims, ...data.dims.slice(axis + 1)];
  const values = allocateLike(data.data, elementCount(dims) * slots);
  const block = inner * slots;
  let at = 0;
  for (let i = 0; i < outer; i++) {
    for (const place of places) {
      copyBlock(data.data, (i * length + place) * block, values, at, block);
      at += block;
    }
  }
  return Tensor.of(data.dtype, dims, values);
}

export const gather = defineOp("Gather", {
  infer: (call) => {
    const [data, indices] = [factOf(call, 0), factOf(call, 1)];
    if (!data.shape || !indices.shape) return [fact(data.dtype, null)];
    const axis = axisIn(call, call.attributes.axis, data.shape.length);
    const shape = [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)];
    const entries = data.shape.length === 1 && indices.shape.length <= 1 ? entriesOf(data) : null;
    const places = entries ? constantNumbers(call, 1) : null;
    if (!entries || !places) return [fact(data.dtype, shape)];
    const picked = places.map((place) => entries[indexIn(call, place, entries.length)]!);
    return [entriesFact(data.dtype, shape, picked)];
  },
  evaluate: (call) => {
    const [data, indices] = [operand(call, 0), operand(call, 1)];
    return [gatherAxis(call, data, indices, axisIn(call, call.attributes.axis, data.dims.length))];
  },
});

/** Calls `visit` with the flat position and the coordinates of every element of `dims`. The array is reused. */
export function forEachIndex(
  dims: readonly number[],
  visit: (at: number, index: readonly number[]) => void,
): void {
  const size = elementCount(dims);
  const index = dims.map(() => 0);
  for (let at = 0; at < size; at++) {
    visit(at, index);
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      if (index[axis]! < dims[axis]!) break;
      index[axis] = 0;
    }
  }
}

/** Where each element of `indices` points to in a tensor of `dims`: its own coordinates but for `axis`. */
export function elementTargets(
  site: Site,
  dims: readonly number[],
  indices: Tensor,
  axis: number,
): Int32Array | Float64Array {
  if (indices.dims.length !== dims.length) {
    throw shapeError(site, `indices ${formatShape(indices.dims)} must have the rank of ${formatShape(dims)}`);
  }
  const exceeding = indices.dims.findIndex((dim, i) => i !== axis && dim > dims[i]!);
  if (exceeding >= 0) {
    throw shapeError(
      site,
      `indices ${formatShape(indices.dims)} exceed ${formatShape(dims)} along axis ${exceeding}`,
    );
  }
  const strides = stridesOf(dims);
  const places = integersOf(indices);
  const targets = new Float64Array(indices.size);
  forEachIndex(indices.dims, (at, index) => {
    let target = indexIn(site, places[at]!, dims[axis]!) * strides[axis]!;
    for (let i = 0; i < index.length; i++) if (i !== axis) target += index[i]! * strides[i]!;
    targets[at] = target;
  });
  return targets;
}

export const gatherElements = defineOp("GatherElements", {
  infer: (call) => [fact(factOf(call, 0).dtype, factOf(call, 1).shape)],
  evaluate: (call) => {
    const [data, indices] = [operand(call, 0), operand(call, 1)];
    const axis = axisIn(call, call.attributes.axis, data.dims.length);
    const targets = elementTargets(call, data.dims, indices, axis);
    const slots = slotsOf(data.dtype);
    const values = allocateLike(data.data, indices.size * slots);
    for (let i = 0; i < targets.length; i++) {
      copyBlock(data.data, targets[i]! * slots, values, i * slots, slots);
    }
    return [Tensor.of(data.dtype, indices.dims, values)];
  },
});

/** Offsets in `dims` (from `first` on) of the index tuples that form the last axis of `indices`. */
export function tupleOffsets(site: Site, dims: readonly number[], indices: Tensor, first = 0): number[] {
  const width = indices.dims.at(-1);
  if (width === undefined || first + width > dims.length) {
    throw shapeError(
      site,
      `index tuples of ${formatShape(indices.dims)} are longer than the rank of ${formatShape(dims)}`,
    );
  }
  const strides = stridesOf(dims);
  const places = integersOf(indices);
  const count = elementCount(indices.dims.slice(0, -1));
  return Array.from({ length: count }, (_, i) => {
    let offset = 0;
    for (let k = 0; k < width; k++) {
      offset += indexIn(site, places[i * width + k]!, dims[first + k]!) * strides[first + k]!;
    }
    return offset;
  });
}

export const gatherND = defineOp("GatherND", {
  infer: (call) => {
    const [data, indices] = [factOf(call, 0), factOf(call, 1)];
    const batch = call.attributes.batch_dims ?? 0;
    const width = indices.shape?.at(-1);
    if (!data.shape || !indices.shape || typeof width !== "number") return [fact(data.dtype, null)];
    if (batch >= indices.shape.length || batch + width > data.shape.length) {
      throw shapeError(
        call,
        `indices ${formatShape(indices.shape)} do not fit into ${formatShape(data.shape)}`,
      );
    }
    const head = indices.shape
      .slice(0, -1)
      .map((dim, i): Dim => (i < batch ? mergeDims(dim, data.shape![i]!) : dim));
    return [fact(data.dtype, [...head, ...data.shape.slice(batch + width)])];
  },
  evaluate: (call) => {
    const [data, indices] = [operand(call, 0), operand(call, 1)];
    const batch = call.attributes.batch_dims ?? 0;
    const width = indices.dims.at(-1) ?? 0;
    if (indices.dims.slice(0, batch).some((dim, i) => dim !== data.dims[i])) {
      throw shapeError(
        call,
        `${formatShape(indices.dims)} and ${formatShape(data.dims)} differ in batch dimensions`,
      );
    }
    const offsets = tupleOffsets(call, data.dims, indices, batch);
    const slots = slotsOf(data.dtype);
    const rest = data.dims.slice(batch + width);
    const block = elementCount(rest) * slots;
    const batches = elementCount(data.dims.slice(0, batch));
    const perBatch = elementCount(data.dims.slice(batch));
    const dims = [...indices.dims.slice(0, -1), ...rest];
    const values = allocateLike(data.data, elementCount(dims) * slots);
    const each = offsets.length / Math.max(batches, 1);
    offsets.forEach((offset, i) => {
      const base = Math.floor(i / each) * perBatch;
      copyBlock(data.data, (base + offset) * slots, values, i * block, block);
    });
    return [Tensor.of(data.dtype, dims, values)];
  },
});

/** Slices along an axis (of the flattened input when there is none) where a vector of flags is true. */
export const compress = defineOp("Compress", {
  infer: (call) => {
    const x = factOf(call, 0);
    const { axis } = call.attributes;
    const flags = constantNumbers(call, 1);
    const kept = flags && axis !== null ? flags.filter((flag) => flag !== 0).length : null;
    if (axis === null) return [fact(x.dtype, [kept])];
    if (!x.shape) return [fact(x.dtype, null)];
    const along = axisIn(call, axis, x.shape.length);
    return [
      fact(
        x.dtype,
        x.shape.map((dim, i) => (i === along ? kept : dim)),
      ),
    ];
  },
  evaluate: (call) => {
    const [x, flags] = [operand(call, 0), integersOf(operand(call, 1))];
    const { axis } = call.attributes;
    const data = axis === null ? x.reshape([x.size]) : x;
    const along = axis === null ? 0 : axisIn(call, axis, x.dims.length);
    const kept = flags.flatMap((flag, i) => (flag !== 0 && i < data.dims[along]! ? [i] : []));
    return [gatherAxis(call, data, Tensor.i64([kept.length], kept), along)];
  },
});
