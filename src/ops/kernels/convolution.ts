import { elementCount, type NumberArray } from "../../ir/index.js";
import type { KnownConvGeometry } from "../conv-geometry.js";
import {
  packGathered,
  packStrided,
  product,
  type PackableArray,
  type StoreBlock,
} from "../../linalg/product.js";
import { bandElements, bandFiller, mostBand, planBands, type BandPlan } from "./band.js";
import { convolveChecked } from "./checked-convolution.js";
import { rectify, storeFloats, storeRectified } from "./store.js";
import { convolveSimd } from "./simd-convolution.js";
import { fewChannels } from "./simd-plan.js";
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
  /** Whether y gets the outputs' positive parts instead, as Relu makes them of float32; for a Float32Array only. */
  readonly rectified?: boolean;
}

/** y = conv(x, weight) + bias in float64, for any number of spatial axes, on the fastest kernels that the platform has. */
export function convolve(operands: ConvolutionOperands): void {
  if (operands.y.length === 0 || convolveSimd(operands)) return;
  convolvePortable(operands);
}

/**
 * The same in plain numbers, apart from the product's engine. The input is widened and padded band by band
 * along the first spatial axis; each patch is then a table of starts plus a table of offsets, without bounds checks.
 */
export function convolvePortable(operands: ConvolutionOperands): void {
  const { geometry, x, xDims, weight, bias, y, rectified } = operands;
  if (isPointwise(geometry, xDims) && geometry.outChannels / geometry.group > fewChannels) {
    convolvePointwise(operands);
    return;
  }
  const plan = planBands(geometry, xDims);
  if (plan.channelStride * plan.channels > mostBand) {
    convolveChecked(operands);
    if (rectified && y instanceof Float32Array) rectify(y, y);
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
            if (rectified && y instanceof Float32Array)
              storeRectified(sums, 0, y, at + o * positions, cols, 0);
            else y.set(cols === sums.length ? sums : sums.subarray(0, cols), at + o * positions);
          }
          continue;
        }
        product({
          rows: perGroup,
          cols,
          depth,
          packA: packStrided(weight, out * depth, depth, 1),
          packB: packGathered(band, plan.starts(), plan.offsets),
          store: storeChannels(operands, out, positions, at),
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
function convolvePointwise(operands: ConvolutionOperands): void {
  const { geometry, x, xDims, weight } = operands;
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
        store: storeChannels(operands, out, positions, at),
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

/** Stores a product's rows as output channels from `out` on; the first one's positions are at y[at …]. */
function storeChannels(
  { bias, y, rectified }: ConvolutionOperands,
  out: number,
  positions: number,
  at: number,
): StoreBlock {
  return (c, stride, row, rows, column, cols) => {
    for (let r = 0; r < rows; r++) {
      const add = bias ? bias[out + row + r]! : 0;
      const to = at + (row + r) * positions + column;
      // A loop for each type: one for several types is slower for all of them.
      if (!(y instanceof Float32Array)) storeNumbers(c, r * stride, y, to, cols, add);
      else if (rectified) storeRectified(c, r * stride, y, to, cols, add);
      else storeFloats(c, r * stride, y, to, cols, add);
    }
  };
}

/** y[at …] = c[from …] + add. */
function storeNumbers(
  c: Float64Array,
  from: number,
  y: NumberArray,
  at: number,
  count: number,
  add: number,
): void {
  for (let j = 0; j < count; j++) y[at + j] = c[from + j]! + add;
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
