import { elementCount, type NumberArray } from "../../ir/index.js";
import { stridesOf } from "../broadcast.js";
import type { KnownConvGeometry } from "../conv-geometry.js";

/** Padded input held at a time, in elements; one row of windows may take more, up to `mostBand`. */
export const bandElements = 2 ** 20;
export const mostBand = 2 ** 25;

/** How the padded input of one group is cut into bands, and where patches start and reach in a band. */
export interface BandPlan {
  readonly channels: number;
  /** Output rows (positions along the first spatial axis), and how many one band serves. */
  readonly rows: number;
  readonly bandRows: number;
  /** Elements from a channel to the next within a band. */
  readonly channelStride: number;
  /** Of the band's rows: the first padded row of output row r is r · step. */
  readonly step: number;
  readonly height: number;
  readonly spatial: readonly number[];
  readonly padded: readonly number[];
  readonly begins: readonly number[];
  /** Per position of a band; made on first use, since 3×3 windows do without. */
  starts(): Int32Array;
  /** Per channel and tap, in the weight's order. */
  readonly offsets: Int32Array;
}

export function planBands(geometry: KnownConvGeometry, xDims: readonly number[]): BandPlan {
  const flat = geometry.kernel.length === 0;
  const spatial = flat ? [1] : xDims.slice(2);
  const outs = flat ? [1] : geometry.outputShape.slice(2);
  const kernel = flat ? [1] : geometry.kernel;
  const strides = flat ? [1] : geometry.strides;
  const dilations = flat ? [1] : geometry.dilations;
  const pads = flat ? [0, 0] : geometry.pads;
  const rank = spatial.length;
  const channels = geometry.inChannels / geometry.group;
  // What no window reaches need not be held.
  const padded = outs.map(
    (out, axis) => (out - 1) * strides[axis]! + (kernel[axis]! - 1) * dilations[axis]! + 1,
  );
  const rowStride = elementCount(padded.slice(1));
  const extent = (kernel[0]! - 1) * dilations[0]! + 1;
  const fit = Math.floor((bandElements / (channels * rowStride) - extent) / strides[0]!) + 1;
  const bandRows = Math.max(1, Math.min(outs[0]!, fit));
  const height = (bandRows - 1) * strides[0]! + extent;
  const channelStride = height * rowStride;
  const reach = stridesOf([height, ...padded.slice(1)]);
  const tooMuch = channelStride * channels > mostBand;
  let starts: Int32Array | null = null;
  const offsets = tooMuch
    ? new Int32Array(0)
    : tableOf([channels, ...kernel], [channelStride, ...reach.map((r, axis) => r * dilations[axis]!)]);
  return {
    channels,
    rows: outs[0]!,
    bandRows,
    channelStride,
    step: strides[0]!,
    height,
    spatial,
    padded,
    begins: pads.slice(0, rank),
    starts: () =>
      (starts ??= tableOf(
        [bandRows, ...outs.slice(1)],
        reach.map((r, axis) => r * strides[axis]!),
      )),
    offsets,
  };
}

/** Σ index · stride for every index of `dims`, row-major. */
export function tableOf(dims: readonly number[], strides: readonly number[]): Int32Array {
  let table = new Int32Array(1);
  dims.forEach((dim, axis) => {
    const next = new Int32Array(table.length * dim);
    let to = 0;
    for (const base of table) for (let i = 0; i < dim; i++) next[to++] = base + i * strides[axis]!;
    table = next;
  });
  return table;
}

/**
 * Fills a band with the input rows that output rows from `row` on see, widened, zeros where there is padding. Channels of
 * one row have their padding in the same places, so that it is zeroed once.
 */
export function bandFiller(
  band: Float64Array,
  x: NumberArray,
  plan: BandPlan,
): (channel: number, row: number) => void {
  let filled = -1;
  let runs: BandRuns | null = null;
  const size = elementCount(plan.spatial);
  return (channel, row) => {
    if (row !== filled) {
      runs = runsOf(plan, row);
      filled = row;
      if (runs.padded) band.fill(0, 0, plan.channelStride * plan.channels);
    }
    const { sources, targets, length } = runs!;
    for (let c = 0; c < plan.channels; c++) {
      const from = (channel + c) * size;
      const to = c * plan.channelStride;
      // A loop of its own for the common type: one for several types is slower for all of them.
      if (x instanceof Float32Array) {
        for (let r = 0; r < sources.length; r++)
          copyFloats(x, from + sources[r]!, band, to + targets[r]!, length);
      } else {
        for (let r = 0; r < sources.length; r++)
          copyRun(x, from + sources[r]!, band, to + targets[r]!, length);
      }
    }
  };
}

/** Neighbouring elements of a channel that lie in a band: from where in the channel, to where in the band. */
interface BandRuns {
  readonly sources: Int32Array;
  readonly targets: Int32Array;
  readonly length: number;
  /** Whether anything of the band is not covered. */
  readonly padded: boolean;
}

function runsOf({ spatial, padded, begins, height, channelStride, step }: BandPlan, row: number): BandRuns {
  const first = row * step - begins[0]!;
  const inner = spatial.slice(1);
  const whole =
    first >= 0 &&
    first + height <= spatial[0]! &&
    inner.every((n, i) => n === padded[i + 1]! && begins[i + 1] === 0);
  if (whole) {
    const sources = Int32Array.of(first * elementCount(inner));
    return { sources, targets: new Int32Array(1), length: channelStride, padded: false };
  }
  const rank = spatial.length;
  // Runs along the last axis: the part of the input that lies inside of the band.
  const low = begins.map((begin, axis) => (axis === 0 ? Math.max(0, first) : Math.max(0, -begin)));
  const high = spatial.map((n, axis) =>
    axis === 0 ? Math.min(n, first + height) : Math.min(n, padded[axis]! - begins[axis]!),
  );
  const counts = high.map((end, axis) => end - low[axis]!);
  const none = new Int32Array(0);
  if (counts.some((count) => count <= 0)) return { sources: none, targets: none, length: 0, padded: true };
  const shift = begins.map((begin, axis) => (axis === 0 ? -first : begin));
  const sourceStrides = stridesOf(spatial);
  const bandStrides = stridesOf([height, ...padded.slice(1)]);
  let source = 0;
  let target = 0;
  for (let axis = 0; axis < rank; axis++) {
    source += low[axis]! * sourceStrides[axis]!;
    target += (low[axis]! + shift[axis]!) * bandStrides[axis]!;
  }
  const outer = counts.slice(0, -1);
  return {
    sources: tableOf(outer, sourceStrides).map((at) => at + source),
    targets: tableOf(outer, bandStrides).map((at) => at + target),
    length: counts[rank - 1]!,
    padded: true,
  };
}

/** Elements from which on the platform's own copy is worth its call. */
const longRun = 64;

function copyFloats(from: Float32Array, p: number, to: Float64Array, q: number, count: number): void {
  if (count >= longRun) {
    to.set(from.subarray(p, p + count), q);
    return;
  }
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const [a, b] = [p + i, q + i];
    to[b] = from[a]!;
    to[b + 1] = from[a + 1]!;
    to[b + 2] = from[a + 2]!;
    to[b + 3] = from[a + 3]!;
  }
  for (; i < count; i++) to[q + i] = from[p + i]!;
}

function copyRun(from: NumberArray, p: number, to: Float64Array, q: number, count: number): void {
  for (let i = 0; i < count; i++) to[q + i] = from[p + i]!;
}
