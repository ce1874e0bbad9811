import { elementCount, type NumberArray } from "../../ir/index.js";
import type { KnownConvGeometry } from "../conv-geometry.js";
import { stridesOf } from "../broadcast.js";
import { packGathered, packStrided, product, type PackableArray } from "../../linalg/product.js";
import { convolveChecked } from "./checked-convolution.js";
import { addWindows, type Windows } from "./window-sums.js";

export type FloatArray = Float32Array | Float64Array;

/** A convolution's operands: x is N × C × spatial, weight O × C/group × kernel, bias O or null; y is filled. */
export interface ConvolutionOperands {
  readonly geometry: KnownConvGeometry;
  readonly x: NumberArray;
  readonly xDims: readonly number[];
  readonly weight: NumberArray;
  readonly bias: NumberArray | null;
  readonly y: NumberArray;
}

/** Padded input held at a time, in elements; one row of windows may take more, up to `mostBand`. */
const bandElements = 2 ** 20;
const mostBand = 2 ** 25;

/** Output channels per group up to which patches are summed in place instead of being packed. */
const fewChannels = 2;

/**
 * y = conv(x, weight) + bias in float64, for any number of spatial axes. The input is widened and padded band by band
 * along the first spatial axis; each patch is then a table of starts plus a table of offsets, without bounds checks.
 */
export function convolve(operands: ConvolutionOperands): void {
  const { geometry, x, xDims, weight, bias, y } = operands;
  if (y.length === 0) return;
  if (isPointwise(geometry, xDims) && geometry.outChannels / geometry.group > fewChannels) {
    convolvePointwise(operands);
    return;
  }
  const plan = planBands(geometry, xDims);
  if (plan.channelStride * plan.channels > mostBand) {
    convolveChecked(operands);
    return;
  }
  const { group, outChannels } = geometry;
  const samples = xDims[0]!;
  const perGroup = outChannels / group;
  const depth = plan.offsets.length;
  const positions = elementCount(geometry.outputShape.slice(2));
  const width = positions / plan.rows;
  const band = scratch(plan.channelStride * plan.channels);
  const fill = bandFiller(band, x, plan);
  const few = perGroup <= fewChannels;
  const windows = few ? windowsOf(geometry, plan, width) : null;
  const taps = new Float64Array(few ? depth : 0);
  const sums = new Float64Array(few ? plan.bandRows * width : 0);
  for (let n = 0; n < samples; n++) {
    for (let g = 0; g < group; g++) {
      const channel = n * group * plan.channels + g * plan.channels;
      for (let row = 0; row < plan.rows; row += plan.bandRows) {
        const rows = Math.min(plan.bandRows, plan.rows - row);
        fill(channel, row);
        const cols = rows * width;
        const out = g * perGroup;
        const at = (n * outChannels + out) * positions + row * width;
        if (few) {
          for (let o = 0; o < perGroup; o++) {
            const start = bias ? bias[out + o]! : 0;
            for (let k = 0; k < depth; k++) taps[k] = weight[(out + o) * depth + k]!;
            if (windows) {
              sums.fill(start, 0, cols);
              for (let c = 0; c < plan.channels; c++)
                addWindows(band, c * plan.channelStride, windows, rows, taps, 9 * c, sums);
            } else {
              sumPatches(band, plan.starts(), plan.offsets, taps, start, sums, cols);
            }
            y.set(cols === sums.length ? sums : sums.subarray(0, cols), at + o * positions);
          }
          continue;
        }
        product({
          rows: perGroup,
          cols,
          depth,
          packA: packStrided(weight, out * depth, depth, 1),
          packB: packGathered(band, plan.starts(), plan.offsets),
          store: (c, stride, firstRow, count, column, wide) => {
            for (let r = 0; r < count; r++) {
              const add = bias ? bias[out + firstRow + r]! : 0;
              storeRow(c, r * stride, y, at + (firstRow + r) * positions + column, wide, add);
            }
          },
        });
      }
    }
  }
}

/** A window is one element, and there is one for every element. */
function isPointwise(
  { kernel, strides, pads, outputShape }: KnownConvGeometry,
  xDims: readonly number[],
): boolean {
  return (
    [...kernel, ...strides].every((one) => one === 1) &&
    pads.every((pad) => pad === 0) &&
    xDims.slice(2).every((dim, axis) => dim === outputShape[axis + 2])
  );
}

/** The product of the weight and the input as it lies. */
function convolvePointwise({ geometry, x, xDims, weight, bias, y }: ConvolutionOperands): void {
  const { group, outChannels, inChannels } = geometry;
  const [rows, depth] = [outChannels / group, inChannels / group];
  const positions = elementCount(xDims.slice(2));
  for (let n = 0; n < xDims[0]!; n++) {
    for (let g = 0; g < group; g++) {
      const out = g * rows;
      const at = (n * outChannels + out) * positions;
      product({
        rows,
        cols: positions,
        depth,
        packA: packStrided(weight as PackableArray, out * depth, depth, 1),
        packB: packStrided(x as PackableArray, (n * inChannels + g * depth) * positions, 1, positions),
        store: (c, stride, firstRow, count, column, wide) => {
          for (let r = 0; r < count; r++) {
            const add = bias ? bias[out + firstRow + r]! : 0;
            storeRow(c, r * stride, y, at + (firstRow + r) * positions + column, wide, add);
          }
        },
      });
    }
  }
}

let kept = new Float64Array(0);

/** An array of at least this length that the next call may use again; what is in it is anything. */
function scratch(length: number): Float64Array {
  if (length > bandElements) return new Float64Array(length);
  if (kept.length < length) kept = new Float64Array(length);
  return kept;
}

/** How 3×3 windows lie in a band; null for others. */
function windowsOf(
  { kernel, strides, dilations }: KnownConvGeometry,
  { padded }: BandPlan,
  width: number,
): Windows | null {
  if (kernel.length !== 2 || kernel.some((size) => size !== 3) || dilations.some((step) => step !== 1))
    return null;
  const rowStride = padded[1]!;
  return { down: strides[0]! * rowStride, across: strides[1]!, rowStride, width };
}

/** y[at …] = c[from …] + add. */
export function storeRow(
  c: Float64Array,
  from: number,
  y: NumberArray,
  at: number,
  count: number,
  add: number,
): void {
  if (y instanceof Float32Array) storeFloats(c, from, y, at, count, add);
  else for (let j = 0; j < count; j++) y[at + j] = c[from + j]! + add;
}

function storeFloats(
  c: Float64Array,
  from: number,
  y: Float32Array,
  at: number,
  count: number,
  add: number,
): void {
  for (let j = 0; j < count; j++) y[at + j] = c[from + j]! + add;
}

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

function planBands(geometry: KnownConvGeometry, xDims: readonly number[]): BandPlan {
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
function bandFiller(
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

function copyFloats(from: Float32Array, p: number, to: Float64Array, q: number, count: number): void {
  for (let i = 0; i < count; i++) to[q + i] = from[p + i]!;
}

function copyRun(from: NumberArray, p: number, to: Float64Array, q: number, count: number): void {
  for (let i = 0; i < count; i++) to[q + i] = from[p + i]!;
}

/** sums = start + Σ weight · patch for one output channel, 4 positions at a time; one entry of `weight` per offset. */
function sumPatches(
  band: Float64Array,
  starts: Int32Array,
  offsets: Int32Array,
  weight: Float64Array,
  start: number,
  sums: Float64Array,
  cols: number,
): void {
  const depth = offsets.length;
  let j = 0;
  for (; j + 4 <= cols; j += 4) {
    const p0 = starts[j]!;
    const p1 = starts[j + 1]!;
    const p2 = starts[j + 2]!;
    const p3 = starts[j + 3]!;
    let s0 = start;
    let s1 = start;
    let s2 = start;
    let s3 = start;
    for (let k = 0; k < depth; k++) {
      const offset = offsets[k]!;
      const v = weight[k]!;
      s0 += v * band[p0 + offset]!;
      s1 += v * band[p1 + offset]!;
      s2 += v * band[p2 + offset]!;
      s3 += v * band[p3 + offset]!;
    }
    sums[j] = s0;
    sums[j + 1] = s1;
    sums[j + 2] = s2;
    sums[j + 3] = s3;
  }
  for (; j < cols; j++) {
    const p = starts[j]!;
    let sum = start;
    for (let k = 0; k < depth; k++) sum += weight[k]! * band[p + offsets[k]!]!;
    sums[j] = sum;
  }
}
