import type { DType, Model, Tensor } from "../ir/index.js";
import { matrix, multiply, scale, type Matrix } from "../linalg/index.js";
import {
  SampledCovariance,
  patchWidth,
  WholeCovariance,
  type ConvSpec,
  type Covariance,
} from "../forms/index.js";
import type { Executor } from "../runtime/index.js";
import { rowsModel, sumsModel, type BatchModel } from "./patch-models.js";

/** Sums over patches x (per group: D = inChannels/group · taps, channel first) and over the outputs y of the same positions. */
export interface LayerMoments {
  readonly count: number;
  /** Per group. */
  readonly groups: readonly GroupMoments[];
}

/** Centred second moments of one group: covariance D × D, cross covariance of (y, x) O/group × D, and the means. */
export interface GroupMoments {
  readonly covariance: Covariance;
  readonly cross: Matrix;
  readonly meanIn: Float64Array;
  readonly meanOut: Float64Array;
  /** Variance of each output channel. */
  readonly varianceOut: Float64Array;
}

/** Mean patch and mean output of every group of a layer. */
export interface LayerMeans {
  readonly groups: readonly Pick<GroupMoments, "meanIn" | "meanOut">[];
}

/** Where the moments of a layer come from. */
export interface MomentSource {
  readonly spec: ConvSpec;
  readonly dtype: DType;
  readonly open: (model: Model) => Promise<Executor>;
  /** Positions: every so many-th along each spatial axis, with a phase that moves from batch to batch; 1 when not given. */
  readonly thinning?: number;
}

/**
 * An input whose variance is at most this share of its mean square doesn't vary: what is left of sums in float32 is
 * rounding, of either sign.
 */
const constantShare = 1e-6;

/** Patches per input up to which their covariance is shrunk, and how many of them it takes to tell by how much. */
const fewPerInput = 10;
const sampled = 256;

/** Inputs from which on patches are kept in place of their covariance, where they are at most half as many. */
const fewestSampled = 1024;

/** Streams batches of (input, output) of a layer into its second moments; `patches` is how many there will be in all. */
export function momentStream(source: MomentSource, patches: number): MomentStream {
  const width = patchWidth(source.spec);
  return width >= fewestSampled && 2 * patches <= width
    ? new PatchRows(source)
    : new PatchSums(source, patches);
}

/** What a batch makes of the moments runs as a small model, so that it runs wherever models run. */
export abstract class MomentStream {
  readonly #executors = new Map<string, Promise<Executor>>();
  #batches = 0;
  protected readonly width: number;
  protected readonly outputs: number;

  constructor(protected readonly source: MomentSource) {
    const { spec } = source;
    this.width = patchWidth(spec);
    this.outputs = spec.outChannels / spec.group;
  }

  abstract result(): LayerMoments;
  protected abstract model(batch: BatchModel): Model;
  protected abstract take(answers: ReadonlyMap<string, Tensor>): void;

  /** Adds a batch: x is N × inChannels × spatial, y N × outChannels × spatial. */
  async add(x: Tensor, y: Tensor): Promise<void> {
    const { spec, dtype, open, thinning = 1 } = this.source;
    const phase = thinning > 1 ? this.#batches % thinning : 0;
    this.#batches++;
    const [inputShape, outputShape] = [x.dims.slice(2), y.dims.slice(2)];
    const key = `${x.dims.slice(1).join("x")}/${phase}`;
    const known = this.#executors.get(key);
    const executor = known ?? open(this.model({ spec, dtype, inputShape, outputShape, thinning, phase }));
    if (!known) this.#executors.set(key, executor);
    const feeds = new Map([
      ["x", x],
      ["y", y],
    ]);
    this.take(await (await executor).run(feeds));
  }

  async dispose(): Promise<void> {
    for (const executor of this.#executors.values()) await (await executor).dispose();
  }
}

/** Totals over all patches, in float64; those of each batch are products of a Gemm. */
export class PatchSums extends MomentStream {
  #count = 0;
  readonly #gram: Float64Array;
  readonly #cross: Float64Array;
  readonly #sumIn: Float64Array;
  readonly #sumOut: Float64Array;
  readonly #squares: Float64Array;
  /** Every so many-th patch is kept, where they are so few that their covariance is shrunk. */
  readonly #every: number | null;
  readonly #sample: Matrix[][] = [];

  constructor(source: MomentSource, patches = Infinity) {
    super(source);
    this.#every = patches <= fewPerInput * this.width ? Math.max(1, Math.floor(patches / sampled)) : null;
    const { outChannels, group } = source.spec;
    const { width, outputs } = this;
    this.#gram = new Float64Array(group * width * width);
    this.#cross = new Float64Array(group * outputs * width);
    this.#sumIn = new Float64Array(group * width);
    this.#sumOut = new Float64Array(outChannels);
    this.#squares = new Float64Array(outChannels);
  }

  protected model(batch: BatchModel): Model {
    return sumsModel(batch, this.#every);
  }

  protected take(sums: ReadonlyMap<string, Tensor>): void {
    const add = (name: string, into: Float64Array): void => {
      const values = sums.get(name)!.numbers;
      for (let i = 0; i < into.length; i++) into[i]! += values[i]!;
    };
    add("gram", this.#gram);
    add("cross", this.#cross);
    add("sum_x", this.#sumIn);
    add("sum_y", this.#sumOut);
    add("squares", this.#squares);
    this.#count += sums.get("count")!.toNumbers()[0]!;
    if (this.#every === null) return;
    for (let g = 0; g < this.source.spec.group; g++)
      (this.#sample[g] ??= []).push(groupOf(sums.get("sample")!, g));
  }

  result(): LayerMoments {
    const n = Math.max(1, this.#count);
    const [d, o] = [this.width, this.outputs];
    const groups = Array.from({ length: this.source.spec.group }, (_, g): GroupMoments => {
      const meanIn = this.#sumIn.slice(g * d, (g + 1) * d).map((sum) => sum / n);
      const meanOut = this.#sumOut.slice(g * o, (g + 1) * o).map((sum) => sum / n);
      const covariance = matrix(d, d, this.#gram.slice(g * d * d, (g + 1) * d * d));
      const cross = matrix(o, d, this.#cross.slice(g * o * d, (g + 1) * o * d));
      const varies = meanIn.map((mean, q) => {
        const square = covariance.data[q * d + q]! / n;
        return square - mean * mean > constantShare * square ? 1 : 0;
      });
      for (let p = 0; p < d; p++) {
        for (let q = 0; q < d; q++) {
          const moment = covariance.data[p * d + q]! / n - meanIn[p]! * meanIn[q]!;
          covariance.data[p * d + q] = varies[p]! * varies[q]! * moment;
        }
      }
      for (let p = 0; p < o; p++) {
        for (let q = 0; q < d; q++)
          cross.data[p * d + q] = varies[q]! * (cross.data[p * d + q]! / n - meanOut[p]! * meanIn[q]!);
      }
      const varianceOut = Float64Array.from(meanOut, (mean, p) =>
        Math.max(0, this.#squares[g * o + p]! / n - mean * mean),
      );
      const sample = this.#sample[g] && stacked(this.#sample[g], d);
      return {
        covariance: sample
          ? WholeCovariance.shrunk(covariance, n, lessMean(sample, meanIn, varies))
          : new WholeCovariance(covariance),
        ...{ cross, meanIn, meanOut, varianceOut },
      };
    });
    return { count: this.#count, groups };
  }
}

/** The patches themselves, where they are so few that their covariance would be larger. */
export class PatchRows extends MomentStream {
  /** Per group and batch: rows × D and rows × O/group. */
  readonly #patches: Matrix[][] = [];
  readonly #outputs: Matrix[][] = [];

  protected model(batch: BatchModel): Model {
    return rowsModel(batch);
  }

  protected take(answers: ReadonlyMap<string, Tensor>): void {
    for (let g = 0; g < this.source.spec.group; g++) {
      (this.#patches[g] ??= []).push(groupOf(answers.get("patches")!, g));
      (this.#outputs[g] ??= []).push(groupOf(answers.get("outputs")!, g));
    }
  }

  result(): LayerMoments {
    let count = 0;
    const groups = this.#patches.map((batches, g): GroupMoments => {
      const patches = centred(stacked(batches, this.width));
      const outputs = centred(stacked(this.#outputs[g]!, this.outputs));
      count = patches.rows.rows;
      return {
        covariance: new SampledCovariance(patches.rows),
        cross: multiply(outputs.rows, patches.rows, { transA: true }),
        meanIn: patches.mean,
        meanOut: outputs.mean,
        varianceOut: outputs.variance,
      };
    });
    return { count, groups };
  }
}

function groupOf({ dims, numbers }: Tensor, g: number): Matrix {
  const [, rows, cols] = dims as [number, number, number];
  return matrix(rows, cols, Float64Array.from(numbers.subarray(g * rows * cols, (g + 1) * rows * cols)));
}

function stacked(parts: readonly Matrix[], cols: number): Matrix {
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const all = matrix(rows, cols);
  let at = 0;
  for (const { data } of parts) {
    all.data.set(data, at);
    at += data.length;
  }
  return all;
}

/** Rows less a mean; columns that don't vary are nothing but zeros. */
function lessMean({ rows, cols, data }: Matrix, mean: Float64Array, varies: Float64Array): Matrix {
  const result = matrix(rows, cols);
  for (let k = 0, at = 0; k < rows; k++)
    for (let q = 0; q < cols; q++, at++) result.data[at] = varies[q]! * (data[at]! - mean[q]!);
  return result;
}

/** Rows less their mean over √N; columns that don't vary are nothing but zeros. */
function centred({ rows, cols, data }: Matrix): {
  readonly rows: Matrix;
  readonly mean: Float64Array;
  readonly variance: Float64Array;
} {
  const mean = new Float64Array(cols);
  const square = new Float64Array(cols);
  for (let k = 0, at = 0; k < rows; k++) {
    for (let q = 0; q < cols; q++, at++) {
      mean[q]! += data[at]! / rows;
      square[q]! += data[at]! ** 2 / rows;
    }
  }
  const variance = square.map((value, q) => {
    const centredValue = value - mean[q]! ** 2;
    return centredValue > constantShare * value ? centredValue : 0;
  });
  const varies = variance.map((value) => Math.sign(value));
  const apart = lessMean({ rows, cols, data }, mean, varies);
  return { rows: scale(apart, 1 / Math.sqrt(rows)), mean, variance };
}
