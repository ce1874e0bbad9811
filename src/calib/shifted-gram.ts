import { accumulateTransposed } from "../linalg/index.js";
import type { NumberArray } from "../ir/index.js";
import { advance, type PatchGeometry } from "./patch-geometry.js";

/**
 * Σ x̂·x̂ᵀ over all im2col patches of a conv of stride 1, from correlations of the padded image with shifts of itself:
 * the block of taps (s, t) is Σ x(q)·x(q + t − s)ᵀ over a window of positions that starts at s. Windows of the
 * same shift differ at the border only, so each position's product is formed once per shift and added to every window
 * it lies in. Sums are kept per pair of taps s ≤ t (row-major) and group.
 */
export interface ShiftedGram {
  /** Adds `count` images. */
  add(data: NumberArray, offset: number, count: number): void;
  /** The upper triangle (mirrored) of group g's sums, columns over channel first, then taps. */
  collect(group: number): Float64Array;
}

/** A run of positions along one axis that lie in the windows of the taps first … last. */
interface Segment {
  readonly from: number;
  readonly to: number;
  readonly first: number;
  readonly last: number;
}

/** A box of positions whose products go to the same pairs of taps. */
interface Box {
  readonly segments: readonly Segment[];
  /** Pairs of taps as indices of the sums. */
  readonly pairs: readonly number[];
}

interface Shift {
  /** Distance in padded positions, per axis. */
  readonly distance: readonly number[];
  readonly boxes: readonly Box[];
}

/** Values held at once, in numbers. */
const chunkValues = 1 << 21;

export function createShiftedGram(g: PatchGeometry): ShiftedGram {
  const { spec, taps, input } = g;
  const axes = input.length;
  const channels = spec.inChannels;
  const width = channels / spec.group;
  const padded = input.map((size, axis) => size + spec.pads[axis]! + spec.pads[axes + axis]!);
  const places = padded.reduce((product, size) => product * size, 1);
  const shifts = shiftsOf(g);
  const pairCount = (taps * (taps + 1)) / 2;
  const sums = Array.from({ length: spec.group }, () => new Float64Array(pairCount * width * width));
  const scratch = new Float64Array(width * width);
  const perChunk = Math.max(1, Math.floor(chunkValues / Math.max(1, places * channels)));
  let buffer = new Float64Array(0);

  const addBox = (group: number, distance: readonly number[], box: Box, images: number): void => {
    const lead = box.segments.slice(0, -1).map(({ from, to }) => to - from);
    const { from, to } = box.segments[axes - 1]!;
    const rows = (to - from) * images;
    const index = lead.map(() => 0);
    const runs = lead.reduce((product, size) => product * size, 1);
    scratch.fill(0);
    for (let run = 0; run < runs; run++) {
      let a = 0;
      let b = 0;
      for (let axis = 0; axis < axes; axis++) {
        const at = axis === axes - 1 ? from : box.segments[axis]!.from + index[axis]!;
        a = a * padded[axis]! + at;
        b = b * padded[axis]! + at + distance[axis]!;
      }
      const block = { data: buffer, stride: channels, cols: width };
      const origin = group * width;
      accumulateTransposed(
        rows,
        { ...block, offset: a * images * channels + origin },
        { ...block, offset: b * images * channels + origin },
        scratch,
      );
      advance(index, lead);
    }
    const into = sums[group]!;
    for (const pair of box.pairs) {
      for (let i = 0, at = pair * width * width; i < scratch.length; i++, at++)
        into[at] = into[at]! + scratch[i]!;
    }
  };

  return {
    add(data, offset, count) {
      const size = channels * input.reduce((product, length) => product * length, 1);
      for (let done = 0; done < count; done += perChunk) {
        const images = Math.min(perChunk, count - done);
        if (buffer.length !== places * images * channels)
          buffer = new Float64Array(places * images * channels);
        scatter(g, padded, data, offset + done * size, images, buffer);
        for (let group = 0; group < spec.group; group++) {
          for (const { distance, boxes } of shifts) {
            for (const box of boxes) addBox(group, distance, box, images);
          }
        }
      }
    },
    collect(group) {
      const n = width * taps;
      const result = new Float64Array(n * n);
      const from = sums[group]!;
      for (let s = 0, at = 0; s < taps; s++) {
        for (let t = s; t < taps; t++) {
          for (let c = 0; c < width; c++) {
            for (let d = 0; d < width; d++, at++) {
              const row = c * taps + s;
              const col = d * taps + t;
              result[row * n + col] = from[at]!;
              result[col * n + row] = from[at]!;
            }
          }
        }
      }
      return result;
    },
  };
}

/** Multiply–accumulates of the shifted form and of the plain Gram matrix, tiles of 4 counted whole, per image. */
export function gramCosts(g: PatchGeometry): { readonly shifted: number; readonly plain: number } {
  const { spec, taps, positions } = g;
  const tile = (size: number): number => Math.ceil(size / 4) * 4;
  const width = spec.inChannels / spec.group;
  let places = 0;
  for (const { boxes } of shiftsOf(g)) {
    for (const { segments } of boxes) {
      places += segments.reduce((product, { from, to }) => product * (to - from), 1);
    }
  }
  // Beside the products, packing two operands of `width` per place and writing a patch per position.
  const shifted = spec.group * places * (tile(width) * tile(width) + 8 * width);
  const n = width * taps;
  return { shifted, plain: spec.group * positions * ((tile(n) * (tile(n) + 4)) / 2 + 8 * n) };
}

/** All shifts between taps s ≤ t with the boxes of positions they sum over. */
function shiftsOf({ spec, output }: PatchGeometry): Shift[] {
  const axes = output.length;
  const { kernel, dilations } = spec;
  const shifts: Shift[] = [];
  const spans = kernel.map((size) => 2 * size - 1);
  const index = spans.map(() => 0);
  const total = spans.reduce((product, size) => product * size, 1);
  for (let i = 0; i < total; i++, advance(index, spans)) {
    const delta = index.map((at, axis) => at - kernel[axis]! + 1);
    const leading = delta.find((step) => step !== 0) ?? 0;
    if (leading < 0) continue;
    const perAxis = delta.map((step, axis) =>
      segmentsOf(kernel[axis]!, dilations[axis]!, output[axis]!, step),
    );
    const counts = perAxis.map((segments) => segments.length);
    const boxes: Box[] = [];
    const pick = counts.map(() => 0);
    const boxCount = counts.reduce((product, size) => product * size, 1);
    for (let b = 0; b < boxCount; b++, advance(pick, counts)) {
      const segments = perAxis.map((list, axis) => list[pick[axis]!]!);
      boxes.push({ segments, pairs: pairsOf(segments, delta, kernel) });
    }
    shifts.push({ distance: delta.map((step, axis) => step * dilations[axis]!), boxes });
  }
  return axes === 0 ? [] : shifts;
}

/** Splits the windows [s·dilation, s·dilation + length) of all taps s with s and s + step in the kernel. */
function segmentsOf(kernel: number, dilation: number, length: number, step: number): Segment[] {
  const lowest = Math.max(0, -step);
  const highest = Math.min(kernel - 1, kernel - 1 - step);
  const cuts = new Set<number>();
  for (let s = lowest; s <= highest; s++) cuts.add(s * dilation).add(s * dilation + length);
  const ordered = [...cuts].sort((a, b) => a - b);
  const segments: Segment[] = [];
  for (let i = 0; i + 1 < ordered.length; i++) {
    const from = ordered[i]!;
    const first = Math.max(lowest, Math.floor((from - length) / dilation) + 1);
    const last = Math.min(highest, Math.floor(from / dilation));
    if (first <= last) segments.push({ from, to: ordered[i + 1]!, first, last });
  }
  return segments;
}

/** Indices of the pairs (s, s + delta) for all taps s that every axis' segment allows. */
function pairsOf(
  segments: readonly Segment[],
  delta: readonly number[],
  kernel: readonly number[],
): number[] {
  const taps = kernel.reduce((product, size) => product * size, 1);
  const counts = segments.map(({ first, last }) => last - first + 1);
  const total = counts.reduce((product, size) => product * size, 1);
  const index = counts.map(() => 0);
  const pairs: number[] = [];
  for (let i = 0; i < total; i++, advance(index, counts)) {
    let s = 0;
    let t = 0;
    for (let axis = 0; axis < kernel.length; axis++) {
      const tap = segments[axis]!.first + index[axis]!;
      s = s * kernel[axis]! + tap;
      t = t * kernel[axis]! + tap + delta[axis]!;
    }
    pairs.push(s * taps - (s * (s - 1)) / 2 + (t - s));
  }
  return pairs;
}

/** Images N × C × spatial → padded position × image × channel; what lies in the pads stays 0. */
function scatter(
  { spec, input }: PatchGeometry,
  padded: readonly number[],
  data: NumberArray,
  offset: number,
  images: number,
  into: Float64Array,
): void {
  const channels = spec.inChannels;
  const area = input.reduce((product, size) => product * size, 1);
  const at = input.map(() => 0);
  for (let p = 0; p < area; p++, advance(at, input)) {
    let place = 0;
    let outside = false;
    for (let axis = 0; axis < input.length; axis++) {
      const i = at[axis]! + spec.pads[axis]!;
      outside ||= i < 0 || i >= padded[axis]!;
      place = place * padded[axis]! + i;
    }
    // Negative pads crop.
    if (outside) continue;
    let to = place * images * channels;
    for (let n = 0; n < images; n++) {
      let from = offset + n * channels * area + p;
      for (let c = 0; c < channels; c++, from += area) into[to++] = data[from]!;
    }
  }
}
