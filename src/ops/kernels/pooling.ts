import type { NumberArray } from "../../ir/index.js";

/** Windows along one axis: window `o` has taps `o · stride − begin + t · dilation`, t < kernel, of which some lie inside. */
export interface PoolAxis {
  readonly length: number;
  readonly count: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly begin: number;
}

/** First tap of window `o` inside the input, and the tap after the last one. */
export function tapsInside(
  { length, kernel, stride, dilation, begin }: PoolAxis,
  o: number,
): [number, number] {
  const start = o * stride - begin;
  const low = start >= 0 ? 0 : Math.ceil(-start / dilation);
  const high = Math.min(kernel, Math.floor((length - 1 - start) / dilation) + 1);
  return [low, Math.max(low, high)];
}

/** Combines one window's taps: reads `x` from `at`, `taps` times `step` apart, `inner` neighbours each, into `y`. */
type Combine = (
  x: NumberArray,
  at: number,
  taps: number,
  step: number,
  y: Float64Array,
  to: number,
  inner: number,
) => void;

/**
 * Pools a stack of `planes` planes along every axis in turn, the last one first: sums and maxima over boxes are
 * separable. Values go to `store` plane by plane, row-major.
 */
export function poolPlanes(
  x: NumberArray,
  planes: number,
  axes: readonly PoolAxis[],
  combine: Combine,
  store: (values: NumberArray, from: number, plane: number) => void,
): void {
  const size = axes.reduce((product, { length }) => product * length, 1);
  const stages = stagesOf(axes);
  const buffers = stages.map(({ outer, axis, inner }) => new Float64Array(outer * axis.count * inner));
  for (let plane = 0; plane < planes; plane++) {
    let source: NumberArray = x;
    let from = plane * size;
    stages.forEach(({ outer, axis, inner }, i) => {
      const target = buffers[i]!;
      for (let o = 0; o < axis.count; o++) {
        const [low, high] = tapsInside(axis, o);
        const first = (o * axis.stride - axis.begin + low * axis.dilation) * inner;
        for (let r = 0; r < outer; r++) {
          combine(
            source,
            from + r * axis.length * inner + first,
            high - low,
            axis.dilation * inner,
            target,
            (r * axis.count + o) * inner,
            inner,
          );
        }
      }
      source = target;
      from = 0;
    });
    store(source, from, plane);
  }
}

interface Stage {
  readonly outer: number;
  readonly axis: PoolAxis;
  readonly inner: number;
}

/** One stage per axis that isn't passed unchanged, the last axis first. */
function stagesOf(axes: readonly PoolAxis[]): Stage[] {
  const stages: Stage[] = [];
  let inner = 1;
  for (let a = axes.length - 1; a >= 0; a--) {
    const axis = axes[a]!;
    const outer = axes.slice(0, a).reduce((product, { length }) => product * length, 1);
    const unchanged =
      axis.kernel === 1 && axis.stride === 1 && axis.begin === 0 && axis.count === axis.length;
    if (!unchanged) stages.push({ outer, axis, inner });
    inner *= axis.count;
  }
  return stages;
}

/** Elements of the largest buffer that {@link poolPlanes} holds. */
export function poolScratch(axes: readonly PoolAxis[]): number {
  return stagesOf(axes).reduce(
    (most, { outer, axis, inner }) => Math.max(most, outer * axis.count * inner),
    0,
  );
}

/** What a window without any tap inside the input gives: the lowest float32, as ONNX Runtime does. */
export const lowest = -3.4028234663852886e38;

export const combineMax: Combine = (x, at, taps, step, y, to, inner) => {
  if (inner === 1) {
    if (taps === 0) {
      y[to] = lowest;
      return;
    }
    let most = x[at]!;
    for (let t = 1, p = at + step; t < taps; t++, p += step) if (x[p]! > most) most = x[p]!;
    y[to] = most;
    return;
  }
  if (taps === 0) {
    y.fill(lowest, to, to + inner);
    return;
  }
  for (let i = 0; i < inner; i++) {
    let most = x[at + i]!;
    for (let t = 1, p = at + i + step; t < taps; t++, p += step) if (x[p]! > most) most = x[p]!;
    y[to + i] = most;
  }
};

export const combineSum: Combine = (x, at, taps, step, y, to, inner) => {
  if (inner === 1) {
    let sum = 0;
    for (let t = 0, p = at; t < taps; t++, p += step) sum += x[p]!;
    y[to] = sum;
    return;
  }
  for (let i = 0; i < inner; i++) {
    let sum = 0;
    for (let t = 0, p = at + i; t < taps; t++, p += step) sum += x[p]!;
    y[to + i] = sum;
  }
};

/**
 * Maxima of boxes of one plane and the plane elements they stand at (row-major, the first of equals), −1 for a box
 * without any tap inside. `visit` gets each box in row-major order.
 */
export function maxWithIndices(
  x: NumberArray,
  from: number,
  axes: readonly PoolAxis[],
  visit: (value: number, index: number) => void,
): void {
  const rank = axes.length;
  const total = axes.reduce((product, { count }) => product * count, 1);
  const index = new Array<number>(rank).fill(0);
  let most = lowest;
  let where = -1;
  const descend = (axis: number, base: number): void => {
    if (axis === rank) {
      const value = x[from + base]!;
      if (where < 0 || value > most) {
        most = value;
        where = base;
      }
      return;
    }
    const along = axes[axis]!;
    const [low, high] = tapsInside(along, index[axis]!);
    const start = index[axis]! * along.stride - along.begin;
    for (let t = low; t < high; t++) descend(axis + 1, base * along.length + start + t * along.dilation);
  };
  for (let p = 0; p < total; p++) {
    most = lowest;
    where = -1;
    descend(0, 0);
    visit(most, where);
    for (let axis = rank - 1; axis >= 0 && ++index[axis]! === axes[axis]!.count; axis--) index[axis] = 0;
  }
}
