import { elementCount, isBigInt, Tensor, type Dim, type Values } from "../ir/index.js";
import { stridesOf } from "./broadcast.js";
import { entriesOf } from "./entries.js";
import { fact } from "./fact.js";
import { forEachIndex, gatherAxis } from "./gather.js";
import { defineOp, type EvalCall, type InferCall, type OpName } from "./op.js";
import { axisIn, factOf, integersOf, operand, scalarOf, shapeError } from "./operand.js";
import { allocateLike, splitAt } from "./strided.js";

/* Operators that compare elements with each other: extremes and their places, sorting, distinct values. */

/** Elements of a tensor, whatever their kind: JavaScript compares numbers, bigints and strings alike. */
type Comparable = ArrayLike<number>;

interface ExtremeAttributes {
  readonly axis: number;
  readonly keepdims: number;
  readonly select_last_index: number | null;
}

function defineArgExtreme<N extends Extract<OpName, "ArgMax" | "ArgMin">>(
  name: N,
  beats: (a: number, b: number) => boolean,
) {
  return defineOp(name, {
    infer: (call) => {
      const x = factOf(call, 0);
      const { axis, keepdims } = call.attributes as ExtremeAttributes;
      if (!x.shape) return [fact("int64", null)];
      return [fact("int64", withoutAxis<Dim>(x.shape, axisIn(call, axis, x.shape.length), keepdims !== 0))];
    },
    evaluate: (call) => {
      const x = operand(call, 0);
      const { axis, keepdims, select_last_index: last } = call.attributes as ExtremeAttributes;
      const along = axisIn(call, axis, x.dims.length);
      const { outer, length, inner } = splitAt(x.dims, along);
      const data = x.data as unknown as Comparable;
      const out = new BigInt64Array(outer * inner);
      if (length === 0 && out.length > 0) throw shapeError(call, `axis ${axis} is empty`);
      for (let i = 0; i < outer; i++) {
        for (let j = 0; j < inner; j++) {
          const at = i * length * inner + j;
          let best = 0;
          for (let k = 1; k < length; k++) {
            const [value, leader] = [data[at + k * inner]!, data[at + best * inner]!];
            if (Number.isNaN(leader)) break;
            const first = beats(value, leader) || Number.isNaN(value);
            if (first || (last === 1 && value === leader)) best = k;
          }
          out[i * inner + j] = BigInt(best);
        }
      }
      return [Tensor.of("int64", withoutAxis(x.dims, along, keepdims !== 0) as number[], out)];
    },
  });
}

function withoutAxis<D extends Dim>(dims: readonly D[], axis: number, keep: boolean): (D | 1)[] {
  const kept = dims.map((dim, i): D | 1 => (i === axis ? 1 : dim));
  return keep ? kept : kept.filter((_, i) => i !== axis);
}

/** The first of equal extremes, the last under `select_last_index`; a NaN counts as the extreme. */
export const argMax = defineArgExtreme("ArgMax", (a, b) => a > b);
export const argMin = defineArgExtreme("ArgMin", (a, b) => a < b);

/** The k largest (or smallest) along an axis, best first; of equal ones the lower index. */
export const topK = defineOp("TopK", {
  infer: (call) => {
    const x = factOf(call, 0);
    if (!x.shape) return [fact(x.dtype, null), fact("int64", null)];
    const axis = axisIn(call, call.attributes.axis, x.shape.length);
    const k = call.inputs[1] ? (entriesOf(call.inputs[1])?.[0] ?? null) : call.attributes.k;
    const shape = x.shape.map((dim, i) => (i === axis ? k : dim));
    return [fact(x.dtype, shape), fact("int64", shape)];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    const axis = axisIn(call, call.attributes.axis, x.dims.length);
    const { outer, length, inner } = splitAt(x.dims, axis);
    const k = call.inputs[1] ? scalarOf(call, call.inputs[1], "k") : call.attributes.k;
    if (k === null || k < 0 || k > length) {
      throw shapeError(call, `k is ${k ?? "missing"}, the axis has ${length} elements`);
    }
    const data = x.data as unknown as Comparable;
    const values = allocateLike(x.data, outer * k * inner);
    const indices = new BigInt64Array(outer * k * inner);
    const sign = call.attributes.largest === 0 ? 1 : -1;
    const order = Array.from({ length }, (_, i) => i);
    for (let i = 0; i < outer; i++) {
      for (let j = 0; j < inner; j++) {
        const at = i * length * inner + j;
        for (let n = 0; n < length; n++) order[n] = n;
        order.sort((a, b) => sign * compare(data[at + a * inner]!, data[at + b * inner]!) || a - b);
        for (let n = 0; n < k; n++) {
          const to = (i * k + n) * inner + j;
          (values as Float64Array)[to] = data[at + order[n]! * inner]!;
          indices[to] = BigInt(order[n]!);
        }
      }
    }
    const dims = x.dims.map((dim, i) => (i === axis ? k : dim));
    return [Tensor.of(x.dtype, dims, values), Tensor.of("int64", dims, indices)];
  },
});

/** Ascending order; NaN above everything. */
function compare(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  return (Number.isNaN(a) ? 1 : 0) - (Number.isNaN(b) ? 1 : 0);
}

/** Coordinates of the elements that aren't zero, one column each, in row-major order. */
export const nonZero = defineOp("NonZero", {
  infer: (call) => [fact("int64", [factOf(call, 0).shape?.length ?? null, null])],
  evaluate: (call) => {
    const x = operand(call, 0);
    const rank = x.dims.length;
    const data = x.data as ArrayLike<number | bigint | string>;
    const found: number[] = [];
    const zero = isBigInt(x.dtype) ? 0n : x.dtype === "string" ? "" : 0;
    forEachIndex(x.dims, (at, index) => {
      if (data[at] !== zero) found.push(...index);
    });
    const count = rank === 0 ? (data[0] === zero ? 0 : 1) : found.length / rank;
    const out = new BigInt64Array(rank * count);
    found.forEach((place, i) => (out[(i % rank) * count + Math.floor(i / rank)] = BigInt(place)));
    return [Tensor.of("int64", [rank, count], out)];
  },
});

interface UniqueAttributes {
  readonly axis: number | null;
  readonly sorted: number;
}

function inferUnique(call: InferCall<UniqueAttributes>) {
  const x = factOf(call, 0);
  const { axis } = call.attributes;
  const index = fact("int64", [null]);
  if (axis === null) return [fact(x.dtype, [null]), index, index, index];
  if (!x.shape) return [fact(x.dtype, null), index, index, index];
  const along = axisIn(call, axis, x.shape.length);
  return [
    fact(
      x.dtype,
      x.shape.map((dim, i) => (i === along ? null : dim)),
    ),
    index,
    index,
    index,
  ];
}

/** Distinct elements (or slices along an axis), where each first stands, which one each is, and how often. */
export const unique = defineOp("Unique", {
  infer: inferUnique,
  evaluate: (call) => uniqueOf(call),
});

function uniqueOf(call: EvalCall<UniqueAttributes>): Tensor[] {
  const input = operand(call, 0);
  const { axis, sorted } = call.attributes;
  const x = axis === null ? input.reshape([input.size]) : input;
  const along = axis === null ? 0 : axisIn(call, axis, x.dims.length);
  const length = x.dims[along]!;
  const slices = Array.from({ length }, (_, i) => sliceValues(x, along, i));
  const order = Array.from({ length }, (_, i) => i).sort(
    (a, b) => compareSlices(slices[a]!, slices[b]!) || a - b,
  );
  const firsts: number[] = [];
  const counts: number[] = [];
  const inverse = new Array<number>(length);
  order.forEach((place, n) => {
    const fresh = n === 0 || compareSlices(slices[order[n - 1]!]!, slices[place]!) !== 0;
    if (fresh) {
      firsts.push(place);
      counts.push(0);
    }
    counts[counts.length - 1]!++;
    inverse[place] = firsts.length - 1;
  });
  const ranks = firsts.map((_, i) => i);
  if (sorted === 0) ranks.sort((a, b) => firsts[a]! - firsts[b]!);
  const rankOf = new Map(ranks.map((old, now) => [old, now]));
  const picked = ranks.map((rank) => firsts[rank]!);
  const vector = (list: readonly number[]): Tensor => Tensor.i64([list.length], list);
  return [
    gatherAxis(call, x, vector(picked), along),
    vector(picked),
    vector(inverse.map((rank) => rankOf.get(rank)!)),
    vector(ranks.map((rank) => counts[rank]!)),
  ];
}

function sliceValues(x: Tensor, axis: number, place: number): readonly number[] {
  const { outer, length, inner } = splitAt(x.dims, axis);
  const data = x.data as unknown as Comparable;
  return Array.from({ length: outer * inner }, (_, i) => {
    const block = Math.floor(i / inner);
    return data[(block * length + place) * inner + (i % inner)]!;
  });
}

function compareSlices(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) {
    const order = compare(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return 0;
}

/** One-hot vectors along a new axis, from values [off, on]; an index outside the depth gives only `off`. */
export const oneHot = defineOp("OneHot", {
  infer: (call) => {
    const [indices, values] = [factOf(call, 0), factOf(call, 2)];
    if (!indices.shape) return [fact(values.dtype, null)];
    const rank = indices.shape.length + 1;
    const axis = axisIn(call, call.attributes.axis, rank);
    const depth = entriesOf(factOf(call, 1))?.[0] ?? null;
    return [fact(values.dtype, [...indices.shape.slice(0, axis), depth, ...indices.shape.slice(axis)])];
  },
  evaluate: (call) => {
    const [indices, values] = [operand(call, 0), operand(call, 2)];
    const depth = scalarOf(call, operand(call, 1), "depth");
    const axis = axisIn(call, call.attributes.axis, indices.dims.length + 1);
    if (values.size !== 2) throw shapeError(call, `values must have two elements, not ${values.size}`);
    if (!(depth >= 0)) throw shapeError(call, `depth ${depth} is negative`);
    const dims = [...indices.dims.slice(0, axis), Math.trunc(depth), ...indices.dims.slice(axis)];
    const out = call.allocate(values.dtype, elementCount(dims)) as Float64Array;
    const [off, on] = values.data as unknown as [number, number];
    out.fill(off);
    const stride = stridesOf(dims)[axis]!;
    const inner = elementCount(indices.dims.slice(axis));
    integersOf(indices).forEach((index, i) => {
      const place = Math.trunc(index < 0 ? index + depth : index);
      if (place < 0 || place >= depth) return;
      const block = Math.floor(i / inner);
      out[block * dims[axis]! * inner + place * stride + (i % inner)] = on;
    });
    return [Tensor.of(values.dtype, dims, out as Values)];
  },
});
