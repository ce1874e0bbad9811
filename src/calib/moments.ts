import type { ConvSpec } from "../forms/form.js";
import { InvariantError } from "../ir/index.js";
import {
  accumulateTransposed,
  matrix,
  seededRandom,
  type Gemm,
  type Matrix,
  type Random,
} from "../linalg/index.js";
import {
  imagesOf,
  patchGeometry,
  tapSources,
  type Activations,
  type PatchGeometry,
} from "./patch-geometry.js";
import { writePatches, writePixels } from "./patches.js";
import { createShiftedGram, gramCosts, type ShiftedGram } from "./shifted-gram.js";

export interface MomentsOptions {
  /** Output positions drawn per image, without repeats; all by default. */
  readonly positions?: number;
  /** Seed of that draw. */
  readonly seed?: number;
  /** Forms the big products, where there is one that is faster than the portable one. */
  readonly gemm?: Gemm | null;
}

/** First and second moments of im2col patches. D is the columns of a group's patch: inChannels/group · taps. */
export interface PatchMoments {
  /** Patches that were summed. */
  readonly count: number;
  /** Mean patch, all groups: group · D. */
  readonly mean: Float64Array;
  /** Covariance (centred, over `count`): D × D, per group stacked along the rows. */
  readonly covariance: Matrix;
}

export interface CrossMoments {
  readonly count: number;
  readonly meanX: Float64Array;
  /** Mean output, outChannels. */
  readonly meanY: Float64Array;
  /** Covariance of the patches, as in {@link PatchMoments}. */
  readonly covX: Matrix;
  /** Cov(y, x̂): outChannels × D; each output channel against the patch of its own group. */
  readonly crossYX: Matrix;
}

export interface MomentsAccumulator {
  /** Adds images of one size: N × inChannels × spatial… */
  add(batch: Activations): Promise<void>;
  result(): PatchMoments;
}

export interface CrossMomentsAccumulator {
  /** Adds outputs N × outChannels × spatial… and the inputs they are to be explained by. */
  add(y: Activations, x: Activations): Promise<void>;
  result(): CrossMoments;
}

/** Numbers per block of patches; a Gemm elsewhere gets bigger ones. */
const blockValues = 1 << 19;
const gemmBlockValues = 1 << 23;

/**
 * Streaming second moments of the patches that a conv sees, columns in the order of the kernel (input channel first,
 * then taps), sums in float64. Convs of stride 1 go through correlations of shifted images when that is cheaper.
 */
export function createMoments(spec: ConvSpec, o: MomentsOptions = {}): MomentsAccumulator {
  const sums = patchSums(spec, o, null);
  return {
    add: (batch) => sums.add(batch, null),
    result: () => sums.moments(),
  };
}

/** The same with the moments between outputs and patches, for Ŵ = crossYX·covX⁻¹. */
export function createCrossMoments(spec: ConvSpec, o: MomentsOptions = {}): CrossMomentsAccumulator {
  const cross = new Float64Array((spec.outChannels * spec.inChannels * taps(spec)) / spec.group);
  const sums = patchSums(spec, o, cross);
  return {
    add: (y, x) => sums.add(x, y),
    result() {
      const { count, mean, covariance } = sums.moments();
      const width = covariance.cols;
      const meanY = sums.sumY.map((sum) => sum / Math.max(1, count));
      const crossYX = matrix(spec.outChannels, width, cross.slice());
      const perGroup = spec.outChannels / spec.group;
      for (let i = 0, at = 0; i < spec.outChannels; i++) {
        const origin = Math.floor(i / perGroup) * width;
        for (let j = 0; j < width; j++, at++) {
          crossYX.data[at] = crossYX.data[at]! / Math.max(1, count) - meanY[i]! * mean[origin + j]!;
        }
      }
      return { count, meanX: mean, meanY, covX: covariance, crossYX };
    },
  };
}

interface PatchSums {
  readonly sumY: Float64Array;
  add(x: Activations, y: Activations | null): Promise<void>;
  moments(): PatchMoments;
}

/** What depends on the size of the images; one at a time is kept. */
interface Sized {
  readonly geometry: PatchGeometry;
  readonly sources: Int32Array;
  readonly shifted: ShiftedGram | null;
}

function patchSums(spec: ConvSpec, o: MomentsOptions, cross: Float64Array | null): PatchSums {
  const { group, inChannels, outChannels } = spec;
  const width = (inChannels / group) * taps(spec);
  const sumX = new Float64Array(group * width);
  const sumY = new Float64Array(outChannels);
  const sumXX = Array.from({ length: group }, () => new Float64Array(width * width));
  const gemm = o.gemm ?? null;
  const random = seededRandom(o.seed ?? 0).fork("positions");
  const retired: ShiftedGram[] = [];
  let sized: Sized | null = null;
  let count = 0;

  const sizedFor = (spatial: readonly number[]): Sized => {
    if (sized && sized.geometry.input.every((size, axis) => size === spatial[axis])) return sized;
    if (sized?.shifted) retired.push(sized.shifted);
    // Sums of other image sizes are folded away, so that few accumulators are alive.
    for (const old of retired.splice(0)) fold(old);
    const geometry = patchGeometry(spec, spatial);
    const costs = gramCosts(geometry);
    const faster = costs.shifted < costs.plain && gemm === null;
    const shiftable =
      spec.strides.every((stride) => stride === 1) && geometry.taps > 1 && geometry.positions > 0;
    const whole = (o.positions ?? Infinity) >= geometry.positions;
    const shifted = shiftable && whole && faster ? createShiftedGram(geometry) : null;
    sized = { geometry, sources: tapSources(geometry), shifted };
    return sized;
  };
  const fold = (gram: ShiftedGram): void => {
    for (let g = 0; g < group; g++) addTo(sumXX[g]!, gram.collect(g));
  };

  /** Adds `rows` patches (rows × group·width) and the outputs at the same places. */
  const addBlock = async (
    patches: Float64Array,
    outputs: Float64Array | null,
    rows: number,
    withGram: boolean,
  ): Promise<void> => {
    addColumns(sumX, patches, rows);
    if (outputs) addColumns(sumY, outputs, rows);
    const perGroup = outChannels / group;
    for (let g = 0; g < group; g++) {
      const x = { data: patches, offset: g * width, stride: group * width, cols: width };
      const y = outputs && { data: outputs, offset: g * perGroup, stride: outChannels, cols: perGroup };
      if (gemm && group === 1) {
        const a = matrix(rows, width, patches.subarray(0, rows * width));
        if (withGram) addTo(sumXX[0]!, (await gemm.multiply(a, a, { transA: true })).data);
        if (outputs && cross) {
          const b = matrix(rows, outChannels, outputs.subarray(0, rows * outChannels));
          addTo(cross, (await gemm.multiply(b, a, { transA: true })).data);
        }
        continue;
      }
      if (withGram) accumulateTransposed(rows, x, x, sumXX[g]!, true);
      if (y && cross) {
        accumulateTransposed(rows, y, x, cross.subarray(g * perGroup * width, (g + 1) * perGroup * width));
      }
    }
  };

  return {
    sumY,
    async add(x, y) {
      const images = imagesOf(x, inChannels);
      const { geometry, sources, shifted } = sizedFor(images.spatial);
      const { positions, columns } = geometry;
      const outputs = y && imagesOf(y, outChannels);
      if (outputs && (outputs.count !== images.count || area(outputs.spatial) !== positions)) {
        throw new InvariantError(`outputs of ${outputs.spatial.join("×")} are not those of this conv`);
      }
      if (positions === 0 || images.count === 0) return;
      const inputSize = inChannels * area(images.spatial);
      const picks = Math.min(positions, o.positions ?? positions);
      count += picks * images.count;
      if (shifted) {
        shifted.add(images.data, 0, images.count);
        if (!outputs) {
          addShiftedSums(geometry, sources, images.data, images.count, sumX);
          return;
        }
      }
      const limit = gemm ? gemmBlockValues : blockValues;
      const blockRows = Math.max(64, Math.floor(limit / (columns + outChannels)));
      const patches = new Float64Array(Math.min(blockRows, picks * images.count) * columns);
      const pixels = outputs ? new Float64Array((patches.length / columns) * outChannels) : null;
      const capacity = patches.length / columns;
      let rows = 0;
      for (let n = 0; n < images.count; n++) {
        const chosen = choose(positions, picks, random);
        for (let from = 0; from < picks;) {
          const part = chosen.subarray(from, Math.min(picks, from + capacity - rows));
          writePatches(geometry, sources, images.data, n * inputSize, part, patches, rows);
          if (outputs && pixels) {
            writePixels(
              outputs.data,
              n * outChannels * positions,
              outChannels,
              positions,
              part,
              pixels,
              rows,
            );
          }
          rows += part.length;
          from += part.length;
          if (rows === capacity) {
            await addBlock(patches, pixels, rows, !shifted);
            rows = 0;
          }
        }
      }
      if (rows > 0) await addBlock(patches, pixels, rows, !shifted);
    },
    moments() {
      const mean = sumX.map((sum) => sum / Math.max(1, count));
      const covariance = matrix(group * width, width);
      for (let g = 0; g < group; g++) {
        const raw = sumXX[g]!;
        const open = sized?.shifted?.collect(g);
        for (let i = 0; i < width; i++) {
          for (let j = i; j < width; j++) {
            const sum = raw[i * width + j]! + (open ? open[i * width + j]! : 0);
            const centred = sum / Math.max(1, count) - mean[g * width + i]! * mean[g * width + j]!;
            covariance.data[(g * width + i) * width + j] = centred;
            covariance.data[(g * width + j) * width + i] = centred;
          }
        }
      }
      return { count, mean, covariance };
    },
  };
}

/** `picks` of the positions in ascending order; all of them when that is their number. */
function choose(positions: number, picks: number, random: Random): Int32Array {
  const all = Int32Array.from({ length: positions }, (_, p) => p);
  return picks === positions ? all : random.shuffle(all).slice(0, picks).sort();
}

/** Column sums of the patches of whole images, tap by tap. */
function addShiftedSums(
  g: PatchGeometry,
  sources: Int32Array,
  data: ArrayLike<number>,
  count: number,
  sums: Float64Array,
): void {
  const { taps, positions, spec } = g;
  const size = area(g.input);
  const total = new Float64Array(size);
  for (let c = 0; c < spec.inChannels; c++) {
    total.fill(0);
    for (let n = 0; n < count; n++) {
      const from = (n * spec.inChannels + c) * size;
      for (let i = 0; i < size; i++) total[i] = total[i]! + data[from + i]!;
    }
    for (let t = 0; t < taps; t++) {
      let sum = 0;
      for (let p = t * positions; p < (t + 1) * positions; p++)
        if (sources[p]! >= 0) sum += total[sources[p]!]!;
      sums[c * taps + t] = sums[c * taps + t]! + sum;
    }
  }
}

function addColumns(sums: Float64Array, rows: Float64Array, count: number): void {
  for (let r = 0, at = 0; r < count; r++) {
    for (let j = 0; j < sums.length; j++, at++) sums[j] = sums[j]! + rows[at]!;
  }
}

function addTo(sums: Float64Array, values: ArrayLike<number>): void {
  for (let i = 0; i < sums.length; i++) sums[i] = sums[i]! + values[i]!;
}

function area(spatial: readonly number[]): number {
  return spatial.reduce((product, size) => product * size, 1);
}

function taps(spec: ConvSpec): number {
  return area(spec.kernel);
}
