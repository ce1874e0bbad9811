import {
  dot,
  identity,
  matrix,
  multiply,
  multiplySparseTransposed,
  sparseRows,
  squareRoots,
  symmetricEigen,
  topEigen,
  type Matrix,
  type SquareRoots,
  type SymmetricEigen,
} from "../linalg/index.js";
import { tapCount } from "./chain.js";
import type { Covariance } from "./covariance.js";
import type { ConvSpec, Target } from "./form.js";

/** Smallest eigenvalue of a square root, relative to the largest: directions below carry no signal. */
const eigenFloor = 1e-8;

/** Sizes from which on eigenproblems are solved in part, and for how small a share of their vectors. */
const fewestPartial = 1025;
const partialShare = 16;
/** Starts of fits need no more. */
const partialTolerance = 1e-8;

/** Products of a fit computed elsewhere, for big layers. */
export interface Products {
  /** E · C for the target's covariance. */
  inMetric(error: Matrix): Promise<Matrix>;
  /** a · bᵀ. */
  multiplyTransposed(a: Matrix, b: Matrix): Promise<Matrix>;
  /** Lets go of what they hold of the covariance, until they are asked for again. */
  release(): Promise<void>;
}

/**
 * A fit's target with what the starts and fits of all candidates share, worked out on first use.
 * W is outChannels × D with D = inChannels · taps; C is D × D, null for the data-free metric.
 */
export class FitTarget implements Target {
  readonly taps: number;
  #product: Matrix | null = null;
  #power: number | null = null;
  readonly #memo = new Map<string, unknown>();
  /** What depends on the metric only; shared by targets of other kernels in the same metric. */
  #metricMemo = new Map<string, unknown>();

  /**
   * `residual` is the part of the original output's variance that no kernel can explain from these inputs (0 when the
   * kernel is the original one); it is part of every reported error.
   */
  constructor(
    readonly layer: ConvSpec,
    readonly kernel: Matrix,
    readonly covariance: Covariance | null,
    readonly residual = 0,
    readonly products: Products | null = null,
  ) {
    this.taps = tapCount(layer);
  }

  /** Lets go of all that can be worked out again: in wide layers it is many times what the weights take. */
  async release(): Promise<void> {
    this.#product = null;
    this.#memo.clear();
    this.#metricMemo.clear();
    await this.products?.release();
  }

  /** The same metric around another kernel of the layer, e.g. what a first form leaves over. */
  withKernel(kernel: Matrix): FitTarget {
    const other = new FitTarget(this.layer, kernel, this.covariance, 0, this.products);
    other.#metricMemo = this.#metricMemo;
    return other;
  }

  /** What `make` gives, computed once per key: decompositions that candidates of all sizes share. */
  memo<T>(key: string, make: () => T): T {
    return remembered(this.#memo, key, make);
  }

  /** What `make` gave for this rank or a larger one: of factors whose first rows are those of a smaller rank. */
  ofRank<T>(key: string, rank: number, make: () => T): T {
    const known = this.#memo.get(key) as { readonly rank: number; readonly value: T } | undefined;
    if (known && known.rank >= rank) return known.value;
    const value = make();
    this.#memo.set(key, { rank, value });
    return value;
  }

  /** As {@link memo}, for what depends on the metric alone, for whatever kernel. */
  metricMemo<T>(key: string, make: () => T): T {
    return remembered(this.#metricMemo, key, make);
  }

  /** E · C for an O × D matrix; those of depthwise stages are nearly empty, which tells in big layers. */
  async inMetric(error: Matrix): Promise<Matrix> {
    if (!this.covariance) return error;
    if (!this.products) return this.covariance.times(error);
    const sparse = sparseRows(error);
    return sparse ? this.covariance.timesSparse(sparse) : this.products.inMetric(error);
  }

  /** a · bᵀ. */
  async multiply(a: Matrix, b: Matrix): Promise<Matrix> {
    if (!this.products) return multiply(a, b, { transB: true });
    const sparse = sparseRows(b);
    return sparse ? multiplySparseTransposed(a, sparse) : this.products.multiplyTransposed(a, b);
  }

  /** W · C. */
  get product(): Matrix {
    this.#product ??= this.covariance?.times(this.kernel) ?? this.kernel;
    return this.#product;
  }

  /** ‖W C^{1/2}‖² plus the residual: the variance of the original output, summed over channels and one position. */
  get power(): number {
    this.#power ??= dot(this.product.data, this.kernel.data) + this.residual;
    return this.#power;
  }

  /** Eigenvectors of the output covariance W C Wᵀ, `rank` of them at least, and the sum of the eigenvalues behind these. */
  output(rank: number): { readonly vectors: Matrix; readonly rest: number } {
    const { rows } = this.kernel;
    const { values, vectors } = this.leading("output", rank, rows, () =>
      multiply(this.product, this.kernel, { transB: true }),
    );
    const sum = (some: Float64Array): number => some.reduce((total, value) => total + Math.max(0, value), 0);
    // All of them sum to the power; but the difference of two large numbers says nothing about a small one.
    const rest =
      values.length === rows
        ? sum(values.subarray(rank))
        : Math.max(0, this.power - this.residual - sum(values.subarray(0, rank)));
    return { vectors, rest };
  }

  /**
   * Leading eigenvectors of a symmetric matrix of so many rows, known by a key and made when needed: all of them, or as
   * many as are asked for of a large matrix with few of interest.
   */
  leading(key: string, rank: number, size: number, make: () => Matrix): SymmetricEigen {
    const whole = `${key}/eigen`;
    if (this.#memo.has(whole)) return this.#memo.get(whole) as SymmetricEigen;
    return size >= fewestPartial && partialShare * rank <= size
      ? this.memo(`${whole}/${rank}`, () => topEigen(make(), rank, { tolerance: partialTolerance }))
      : this.memo(whole, () => symmetricEigen(make()));
  }

  /** Square root and inverse square root of the input channels' covariance, averaged over the taps. */
  get inputRoots(): SquareRoots {
    return this.metricMemo("input", () =>
      rootsOf(this.sliceCovariance(this.channelIndex, this.taps), this.layer.inChannels),
    );
  }

  private readonly channelIndex = (channel: number, sample: number): number => channel * this.taps + sample;

  /**
   * Covariance of a subset of the patch's entries, averaged over `samples`: entry (p, q) is the mean over s of
   * C[index(p, s), index(q, s)].
   */
  sliceCovariance(
    index: (p: number, sample: number) => number,
    samples: number,
    size = this.layer.inChannels,
  ): Matrix | null {
    const { covariance } = this;
    if (!covariance) return null;
    const result = matrix(size, size);
    for (let s = 0; s < samples; s++) {
      const entries = Int32Array.from({ length: size }, (_, p) => index(p, s));
      const block = covariance.block(entries, entries).data;
      for (let i = 0; i < block.length; i++) result.data[i]! += block[i]! / samples;
    }
    return result;
  }
}

function remembered<T>(memo: Map<string, unknown>, key: string, make: () => T): T {
  if (!memo.has(key)) memo.set(key, make());
  return memo.get(key) as T;
}

/** Square root of a covariance and its inverse; null, the data-free metric, stands for the identity. */
export function rootsOf(covariance: Matrix | null, size: number): SquareRoots {
  return covariance ? squareRoots(covariance, eigenFloor) : { root: identity(size), inverse: identity(size) };
}

/** Rows of `a` gathered by an index function: result[p][q] = a[index(p, q)]. */
export function unfold(
  rows: number,
  cols: number,
  data: Float64Array,
  index: (p: number, q: number) => number,
): Matrix {
  const result = matrix(rows, cols);
  for (let p = 0; p < rows; p++) {
    for (let q = 0; q < cols; q++) result.data[p * cols + q] = data[index(p, q)]!;
  }
  return result;
}
