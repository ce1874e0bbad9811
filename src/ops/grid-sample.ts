import { elementCount, roundHalfEven, Tensor, type Dim } from "../ir/index.js";
import { stridesOf } from "./broadcast.js";
import { entriesOf, mergeDims } from "./entries.js";
import { fact } from "./fact.js";
import { forEachIndex } from "./gather.js";
import { defineOp, type EvalCall, type InferCall } from "./op.js";
import {
  attributeError,
  commonDtype,
  factOf,
  formatShape,
  integersOf,
  operand,
  shapeError,
  type Site,
} from "./operand.js";

/** A sampled axis: its length and the limits that reflection folds at. */
interface SampledAxis {
  readonly length: number;
  readonly low: number;
  readonly high: number;
}

/** Folds a coordinate into [low, high] as between two mirrors. */
function reflect(x: number, { low, high }: SampledAxis): number {
  const range = high - low;
  if (range <= 0) return low;
  const distance = x < low ? low - x : x > high ? x - high : null;
  if (distance === null) return x;
  const turns = Math.trunc(distance / range);
  const rest = distance - turns * range;
  const atLow = (turns % 2 === 0) === x < low;
  return atLow ? low + rest : high - rest;
}

/** Index that a sample beside the grid reads; -1 for zero. */
function sampleIndex(index: number, axis: SampledAxis, padding: string): number {
  if (index >= 0 && index < axis.length) return index;
  if (padding === "zeros") return -1;
  if (padding === "border") return Math.min(Math.max(index, 0), axis.length - 1);
  return Math.trunc(reflect(index, axis));
}

/** Cubic convolution weights (Keys, a = −0.75) of the four samples around a coordinate with this fraction. */
function cubicWeights(t: number): number[] {
  const a = -0.75;
  const outer = (d: number): number => ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  const inner = (d: number): number => ((a + 2) * d - (a + 3)) * d * d + 1;
  return [outer(t + 1), inner(t), inner(1 - t), outer(2 - t)];
}

interface AxisReads {
  readonly indices: readonly number[];
  readonly weights: readonly number[];
}

function readsAt(coordinate: number, axis: SampledAxis, mode: string, padding: string): AxisReads {
  let x = mode === "nearest" ? roundHalfEven(coordinate) : coordinate;
  if (x < axis.low || x > axis.high) {
    if (padding === "border") x = Math.min(Math.max(x, 0), axis.length - 1);
    else if (padding === "reflection") x = reflect(x, axis);
  }
  const at = (index: number): number => sampleIndex(index, axis, padding);
  if (mode === "nearest") return { indices: [at(Math.trunc(x))], weights: [1] };
  const floor = Math.floor(x);
  if (mode === "linear") return { indices: [at(floor), at(floor + 1)], weights: [floor + 1 - x, x - floor] };
  return { indices: [-1, 0, 1, 2].map((k) => at(floor + k)), weights: cubicWeights(x - floor) };
}

function sampleMode(site: Site, mode: string): string {
  const plain = mode.replace(/^bi(linear|cubic)$/, "$1");
  if (["nearest", "linear", "cubic"].includes(plain)) return plain;
  throw attributeError(site, `mode must be linear, nearest or cubic, not "${mode}"`);
}

/** [N, C, D1…Dr] sampled where a grid [N, D1'…Dr', r] of coordinates in [−1, 1] says; the grid's last entry is x. */
export const gridSample = defineOp("GridSample", {
  infer: (call) => {
    const [x, grid] = [factOf(call, 0), factOf(call, 1)];
    if (!x.shape || !grid.shape) return [fact(x.dtype, x.shape ? x.shape.map(() => null) : null)];
    if (x.shape.length < 3 || grid.shape.length !== x.shape.length) {
      throw shapeError(call, `grid ${formatShape(grid.shape)} does not fit ${formatShape(x.shape)}`);
    }
    return [fact(x.dtype, [mergeDims(x.shape[0]!, grid.shape[0]!), x.shape[1]!, ...grid.shape.slice(1, -1)])];
  },
  evaluate: (call) => {
    const [x, grid] = [operand(call, 0), operand(call, 1)];
    const { align_corners: aligned, padding_mode: padding } = call.attributes;
    const mode = sampleMode(call, call.attributes.mode);
    const rank = x.dims.length - 2;
    if (grid.dims.at(-1) !== rank || grid.dims.length !== x.dims.length || grid.dims[0] !== x.dims[0]) {
      throw shapeError(call, `grid ${formatShape(grid.dims)} does not fit ${formatShape(x.dims)}`);
    }
    const axes = x.dims
      .slice(2)
      .map((length): SampledAxis =>
        aligned === 1 ? { length, low: 0, high: length - 1 } : { length, low: -0.5, high: length - 0.5 },
      );
    const [batches, channels] = x.dims as [number, number];
    const spatial = elementCount(x.dims.slice(2));
    const strides = stridesOf(x.dims.slice(2));
    const points = elementCount(grid.dims.slice(1, -1));
    const dims = [batches, channels, ...grid.dims.slice(1, -1)];
    const out = call.allocate(x.dtype, elementCount(dims)) as Float64Array;
    const [data, coordinates] = [x.numbers, grid.numbers];
    for (let n = 0; n < batches; n++) {
      for (let p = 0; p < points; p++) {
        const reads = axes.map((axis, i) => {
          const g = coordinates[(n * points + p) * rank + rank - 1 - i]!;
          const place = aligned === 1 ? ((g + 1) / 2) * (axis.length - 1) : ((g + 1) * axis.length - 1) / 2;
          return readsAt(place, axis, mode, padding);
        });
        const [offsets, weights] = combineReads(reads, strides);
        for (let c = 0; c < channels; c++) {
          const base = (n * channels + c) * spatial;
          let sum = 0;
          for (let k = 0; k < offsets.length; k++) sum += weights[k]! * data[base + offsets[k]!]!;
          out[(n * channels + c) * points + p] = sum;
        }
      }
    }
    return [Tensor.of(x.dtype, dims, out)];
  },
});

/** The product of the axes' reads, without those that read zero padding. */
function combineReads(reads: readonly AxisReads[], strides: readonly number[]): [number[], number[]] {
  const offsets: number[] = [];
  const weights: number[] = [];
  forEachIndex(
    reads.map(({ indices }) => indices.length),
    (_, choice) => {
      let [offset, weight] = [0, 1];
      for (let axis = 0; axis < choice.length; axis++) {
        const index = reads[axis]!.indices[choice[axis]!]!;
        if (index < 0) return;
        offset += index * strides[axis]!;
        weight *= reads[axis]!.weights[choice[axis]!]!;
      }
      offsets.push(offset);
      weights.push(weight);
    },
  );
  return [offsets, weights];
}

/** Coordinates of a grid [N, (D,) H, W, r] under affine maps theta [N, r, r + 1]. */
export const affineGrid = defineOp("AffineGrid", {
  infer: (call) => {
    const size = entriesOf(factOf(call, 1));
    const dtype = commonDtype(call, [factOf(call, 0)]);
    if (!size) {
      const rank = factOf(call, 1).shape?.[0];
      return [fact(dtype, typeof rank === "number" ? [...Array<null>(rank - 1).fill(null), rank - 2] : null)];
    }
    checkGridSize(call, size);
    return [fact(dtype, [size[0]!, ...size.slice(2), size.length - 2])];
  },
  evaluate: (call) => {
    const theta = operand(call, 0);
    const size = integersOf(operand(call, 1));
    checkGridSize(call, size);
    const spatial = size.slice(2);
    const rank = spatial.length;
    const batches = size[0]!;
    if (theta.size !== batches * rank * (rank + 1)) {
      throw shapeError(call, `theta ${formatShape(theta.dims)} must be [${batches}, ${rank}, ${rank + 1}]`);
    }
    const out = call.allocate(theta.dtype, elementCount([batches, ...spatial, rank])) as Float64Array;
    const map = theta.numbers;
    const step = (index: number, length: number): number => {
      if (call.attributes.align_corners === 1) return length > 1 ? -1 + (2 * index) / (length - 1) : 0;
      return (2 * index + 1) / length - 1;
    };
    let at = 0;
    for (let n = 0; n < batches; n++) {
      forEachIndex(spatial, (_, index) => {
        for (let row = 0; row < rank; row++) {
          const base = (n * rank + row) * (rank + 1);
          let sum = map[base + rank]!;
          for (let k = 0; k < rank; k++)
            sum += map[base + k]! * step(index[rank - 1 - k]!, spatial[rank - 1 - k]!);
          out[at++] = sum;
        }
      });
    }
    return [Tensor.of(theta.dtype, [batches, ...spatial, rank], out)];
  },
});

function checkGridSize(call: InferCall<unknown> | EvalCall<unknown>, size: readonly Dim[]): void {
  if (size.length !== 4 && size.length !== 5) {
    throw shapeError(call, `size ${formatShape(size)} must be [N, C, H, W] or [N, C, D, H, W]`);
  }
}
