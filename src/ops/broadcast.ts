import { elementCount, type Dim } from "../ir/index.js";
import { formatShape, shapeError, type Site } from "./operand.js";

/*
 * Multidirectional (numpy) broadcasting. Evaluation walks runs: stretches of the output in which every operand
 * either advances element by element or stands still, so that kernels are plain loops over typed arrays.
 */

/** Shape that operands broadcast to; symbols survive where they are the only candidate. Null when a rank is unknown. */
export function broadcastShape(
  site: Site,
  shapes: readonly (readonly Dim[] | null)[],
): readonly Dim[] | null {
  if (shapes.some((shape) => shape === null)) return null;
  let result: readonly Dim[] = [];
  for (const shape of shapes as readonly (readonly Dim[])[]) result = broadcastPair(site, result, shape);
  return result;
}

function broadcastPair(site: Site, a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length);
  const out: Dim[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const p = a[axis - (rank - a.length)] ?? (axis < rank - a.length ? 1 : null);
    const q = b[axis - (rank - b.length)] ?? (axis < rank - b.length ? 1 : null);
    if (typeof p === "number" && typeof q === "number" && p !== q && p !== 1 && q !== 1) {
      throw shapeError(
        site,
        `shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: ${p} against ${q}`,
      );
    }
    out.push(broadcastDim(p, q));
  }
  return out;
}

/** An unknown dimension beside a number above 1 must be that number or 1; beside 1 it stays what it is. */
function broadcastDim(p: Dim, q: Dim): Dim {
  if (p === q) return p;
  if (p === 1) return q;
  if (q === 1) return p;
  if (typeof p === "number") return p;
  return typeof q === "number" ? q : null;
}

/** Concrete form of {@link broadcastShape}. */
export function broadcastDims(site: Site, shapes: readonly (readonly number[])[]): number[] {
  return broadcastShape(site, shapes) as number[];
}

/**
 * Dimensions of `b` as operators before opset 7 align them with `a`: from `axis` on, as a suffix when there is none.
 * Trailing ones make the result broadcast by today's rules.
 */
export function alignedDims<D extends Dim>(
  site: Site,
  a: readonly D[],
  b: readonly D[],
  axis: number | null | undefined,
): readonly (D | 1)[] {
  if (axis === null || axis === undefined || b.every((dim) => dim === 1)) return b;
  const first = axis < 0 ? axis + a.length : axis;
  const trailing = a.length - first - b.length;
  if (first < 0 || trailing < 0) {
    throw shapeError(
      site,
      `shape ${formatShape(b)} does not fit into ${formatShape(a)} from axis ${axis} on`,
    );
  }
  return [...b, ...Array<1>(trailing).fill(1)];
}

/** Row-major strides, in elements. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length);
  let stride = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= dims[axis]!;
  }
  return strides;
}

/** Strides of an operand seen under a broadcast shape: 0 along the axes it is repeated on. */
export function broadcastStrides(dims: readonly number[], out: readonly number[]): number[] {
  const own = stridesOf(dims);
  const offset = out.length - dims.length;
  return out.map((_, axis) => (axis < offset || dims[axis - offset] === 1 ? 0 : own[axis - offset]!));
}

/** How to walk a broadcast: an odometer over `outer`, and in each position one run of `length` elements. */
export interface RunPlan {
  readonly size: number;
  readonly length: number;
  /** Per operand, its step within a run. */
  readonly steps: readonly number[];
  readonly outer: readonly number[];
  /** Per operand, its strides along `outer`. */
  readonly strides: readonly (readonly number[])[];
}

/**
 * Plans a walk over `dims` (row-major output) for operands with these strides. Neighbouring axes that every operand
 * passes in one stride are merged, axes of length 1 vanish.
 */
export function planRuns(dims: readonly number[], operands: readonly (readonly number[])[]): RunPlan {
  const outer: number[] = [];
  const strides: number[][] = operands.map(() => []);
  for (let axis = 0; axis < dims.length; axis++) {
    const dim = dims[axis]!;
    if (dim === 1) continue;
    const last = outer.length - 1;
    if (last >= 0 && operands.every((own, i) => strides[i]![last] === own[axis]! * dim)) {
      outer[last]! *= dim;
      operands.forEach((own, i) => (strides[i]![last] = own[axis]!));
    } else {
      outer.push(dim);
      operands.forEach((own, i) => strides[i]!.push(own[axis]!));
    }
  }
  const length = outer.pop() ?? 1;
  const steps = strides.map((own) => own.pop() ?? 0);
  return { size: elementCount(dims), length, steps, outer, strides };
}

/** Plan for operands of these shapes broadcast to `out`. */
export function planBroadcast(shapes: readonly (readonly number[])[], out: readonly number[]): RunPlan {
  return planRuns(
    out,
    shapes.map((dims) => broadcastStrides(dims, out)),
  );
}

/** Calls `visit` for each run with where it starts in the output and in each operand. The array is reused. */
export function forEachRun(plan: RunPlan, visit: (at: number, starts: readonly number[]) => void): void {
  if (plan.size === 0) return;
  const { outer, strides, length } = plan;
  const starts = strides.map(() => 0);
  const index = outer.map(() => 0);
  for (let at = 0; at < plan.size; at += length) {
    visit(at, starts);
    for (let axis = outer.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      for (let i = 0; i < starts.length; i++) starts[i]! += strides[i]![axis]!;
      if (index[axis]! < outer[axis]!) break;
      for (let i = 0; i < starts.length; i++) starts[i]! -= strides[i]![axis]! * outer[axis]!;
      index[axis] = 0;
    }
  }
}
