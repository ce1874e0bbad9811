import {
  add,
  dot,
  matrix,
  multiply,
  multiplyHeld,
  multiplySparse,
  multiplySparseTransposed,
  scale,
  scaleCols,
  solveSpd,
  subtract,
  takeCols,
  type Matrix,
  type SparseRows,
} from "../linalg/index.js";

/**
 * Centred second moments C of a layer's inputs, D × D with D = inChannels · taps: the metric of its fits. Whole, or as the
 * patches themselves where there are fewer of them than inputs.
 */
export type Covariance = WholeCovariance | SampledCovariance;

/** What a metric is asked for. */
interface SecondMoments {
  /** D. */
  readonly size: number;
  isFinite(): boolean;
  /** E · C for E of so many rows × D. */
  times(rows: Matrix): Matrix;
  /** The same for rows that are mostly zeros. */
  timesSparse(rows: SparseRows): Matrix;
  /** The same with C as the images have it, where fits shrink it. */
  timesObserved(rows: Matrix): Matrix;
  /** C[rows, cols]. */
  block(rows: ArrayLike<number>, cols: ArrayLike<number>): Matrix;
  /**
   * The best kernel for outputs whose cross covariance with the inputs is `cross` (O × D): W* = (M + λW)(C + λI)⁻¹, a ridge
   * towards the kernel W; λ is `ridge` times the mean variance of an input.
   */
  refit(kernel: Matrix, cross: Matrix, ridge: number): Matrix;
}

/** All D × D entries. */
export class WholeCovariance implements SecondMoments {
  /** `matrix` is C* = (1 − ρ) C + ρ diag(C), with the intensity ρ that covariances were shrunk by, 0 for none. */
  constructor(
    readonly matrix: Matrix,
    readonly intensity = 0,
  ) {}

  /** The covariance of N patches, shrunk by what chance makes of it; `sample` is some of them, centred. Takes `observed` over. */
  static shrunk(observed: Matrix, count: number, sample: Matrix): WholeCovariance {
    const { rows: d, data } = observed;
    let squares = 0;
    for (let i = 0, at = 0; i < d; i++)
      for (let j = 0; j < d; j++, at++) if (i !== j) squares += data[at]! ** 2;
    const intensity = Math.min(mostWhole, shrinkage(count, fourthMoment(sample), squares));
    for (let i = 0, at = 0; i < d; i++)
      for (let j = 0; j < d; j++, at++) if (i !== j) data[at]! *= 1 - intensity;
    return new WholeCovariance(observed, intensity);
  }

  get size(): number {
    return this.matrix.rows;
  }

  isFinite(): boolean {
    return this.matrix.data.every(Number.isFinite);
  }

  times(rows: Matrix): Matrix {
    return multiplyHeld(rows, this.matrix);
  }

  timesSparse(rows: SparseRows): Matrix {
    return multiplySparse(rows, this.matrix);
  }

  timesObserved(rows: Matrix): Matrix {
    return this.#observed(rows, multiply(rows, this.matrix));
  }

  /** E · C from E · C*. */
  #observed(rows: Matrix, shrunk: Matrix): Matrix {
    const { intensity, size } = this;
    if (intensity === 0) return shrunk;
    const product = matrix(shrunk.rows, shrunk.cols);
    for (let i = 0, at = 0; i < rows.rows; i++)
      for (let q = 0; q < size; q++, at++) {
        const own = intensity * this.matrix.data[q * size + q]! * rows.data[at]!;
        product.data[at] = (shrunk.data[at]! - own) / (1 - intensity);
      }
    return product;
  }

  block(rows: ArrayLike<number>, cols: ArrayLike<number>): Matrix {
    const { cols: stride, data } = this.matrix;
    const result = matrix(rows.length, cols.length);
    for (let p = 0, at = 0; p < rows.length; p++) {
      const row = rows[p]! * stride;
      for (let q = 0; q < cols.length; q++) result.data[at++] = data[row + cols[q]!]!;
    }
    return result;
  }

  refit(kernel: Matrix, cross: Matrix, ridge: number): Matrix {
    const d = this.size;
    let mean = 0;
    for (let i = 0; i < d; i++) mean += this.matrix.data[i * d + i]! / d;
    const lambda = ridge * mean;
    // Where covariances are shrunk, those with the outputs are too: by as much of them as the kernel explains.
    const wanted = this.intensity === 0 ? cross : this.#shrunkCross(kernel, cross);
    // Right-hand side as columns: D × O.
    const right = matrix(d, cross.rows);
    const damped = matrix(d, d, this.matrix.data.slice());
    for (let i = 0; i < d; i++) {
      damped.data[i * d + i]! += lambda;
      for (let o = 0; o < cross.rows; o++)
        right.data[i * cross.rows + o] = wanted.data[o * d + i]! + lambda * kernel.data[o * d + i]!;
    }
    const solution = solveSpd(damped, right);
    const refitted = matrix(cross.rows, d);
    for (let o = 0; o < cross.rows; o++)
      for (let i = 0; i < d; i++) refitted.data[o * d + i] = solution.data[i * cross.rows + o]!;
    return refitted;
  }

  /** M + W (C* − C). */
  #shrunkCross(kernel: Matrix, cross: Matrix): Matrix {
    const shrunk = multiply(kernel, this.matrix);
    return add(cross, subtract(shrunk, this.#observed(kernel, shrunk)));
  }
}

/**
 * The covariance of N patches of D > N entries, kept as the patches: products take 2·N·D in place of D² per row, and a
 * layer of 25,088 inputs needs no matrix of 5 GB. Shrunk as {@link shrinkage} says.
 */
export class SampledCovariance implements SecondMoments {
  /** ρ: how far the covariances are shrunk to nothing, 0 … 1. */
  readonly intensity: number;
  /** ρ times the variance of each input. */
  readonly diagonal: Float64Array;
  /** √(1 − ρ) times the patches: C* = `rows`ᵀ · `rows` + diag(`diagonal`). */
  readonly rows: Matrix;
  readonly #totalVariance: number;

  /** `patches` is N × D, centred and divided by √N: C is its Gram matrix. */
  constructor(private readonly patches: Matrix) {
    const variances = variancesOf(patches);
    this.#totalVariance = variances.reduce((sum, variance) => sum + variance, 0);
    const between = multiply(patches, patches, { transB: true });
    const squares = dot(between.data, between.data) - dot(variances, variances);
    const count = patches.rows;
    // Patches are divided by √N: fourth powers are N² times less.
    this.intensity = shrinkage(count, fourthMoment(patches) * count ** 2, squares);
    this.diagonal = variances.map((variance) => variance * this.intensity);
    this.rows = scale(patches, Math.sqrt(1 - this.intensity));
  }

  get size(): number {
    return this.patches.cols;
  }

  isFinite(): boolean {
    return this.patches.data.every(Number.isFinite);
  }

  times(rows: Matrix): Matrix {
    const product = multiply(multiply(rows, this.rows, { transB: true }), this.rows);
    for (let i = 0, at = 0; i < rows.rows; i++)
      for (let q = 0; q < rows.cols; q++, at++) product.data[at]! += rows.data[at]! * this.diagonal[q]!;
    return product;
  }

  timesSparse(rows: SparseRows): Matrix {
    const product = multiply(multiplySparseTransposed(this.rows, rows), this.rows, { transA: true });
    for (let i = 0; i < rows.rows; i++)
      for (let entry = rows.starts[i]!; entry < rows.starts[i + 1]!; entry++) {
        const column = rows.columns[entry]!;
        product.data[i * rows.cols + column]! += rows.values[entry]! * this.diagonal[column]!;
      }
    return product;
  }

  timesObserved(rows: Matrix): Matrix {
    return multiply(multiply(rows, this.patches, { transB: true }), this.patches);
  }

  block(rows: ArrayLike<number>, cols: ArrayLike<number>): Matrix {
    const result = multiply(takeCols(this.rows, rows), takeCols(this.rows, cols), { transA: true });
    for (let p = 0, at = 0; p < rows.length; p++)
      for (let q = 0; q < cols.length; q++, at++)
        if (rows[p] === cols[q]) result.data[at]! += this.diagonal[rows[p]!]!;
    return result;
  }

  /** W + (M − W C)(C* + λI)⁻¹, the inverse by Woodbury's identity from an N × N system. */
  refit(kernel: Matrix, cross: Matrix, ridge: number): Matrix {
    const { rows, diagonal, size } = this;
    const lambda = (ridge * this.#totalVariance) / size;
    if (lambda === 0) return kernel;
    const inverse = diagonal.map((variance) => 1 / (variance + lambda));
    const lost = subtract(cross, this.timesObserved(kernel));
    const scaledRows = scaleCols(rows, inverse);
    const system = multiply(scaledRows, rows, { transB: true });
    for (let k = 0; k < rows.rows; k++) system.data[k * rows.rows + k]! += 1;
    const solution = solveSpd(system, multiply(scaledRows, lost, { transB: true }));
    const seen = multiply(solution, scaledRows, { transA: true });
    const refitted = matrix(kernel.rows, size);
    for (let o = 0, at = 0; o < kernel.rows; o++)
      for (let q = 0; q < size; q++, at++)
        refitted.data[at] = kernel.data[at]! + lost.data[at]! * inverse[q]! - seen.data[at]!;
    return refitted;
  }
}

function variancesOf({ rows, cols, data }: Matrix): Float64Array {
  const variances = new Float64Array(cols);
  for (let k = 0, at = 0; k < rows; k++) for (let q = 0; q < cols; q++, at++) variances[q]! += data[at]! ** 2;
  return variances;
}

/** The intensity of a whole covariance stays below 1, so that what was observed can be told from it. */
const mostWhole = 0.95;

/**
 * What so few patches say of pairs of inputs is partly chance: covariances are shrunk to C* = (1 − ρ) C + ρ diag(C) with
 * ρ = Σ Var(cᵢⱼ) / Σ cᵢⱼ² over i ≠ j (Schäfer and Strimmer 2005, target D, after Ledoit and Wolf). `fourth` is the mean of
 * Σ (xᵢxⱼ)² over patches x, `squares` Σ cᵢⱼ².
 */
function shrinkage(count: number, fourth: number, squares: number): number {
  if (!(squares > 0) || count < 2) return 1;
  return Math.min(1, Math.max(0, fourth - squares) / ((count - 1) * squares));
}

/** Mean over centred patches x of Σ (xᵢxⱼ)² over i ≠ j, which is ‖x‖⁴ − Σ xᵢ⁴. */
function fourthMoment({ rows, cols, data }: Matrix): number {
  let sum = 0;
  for (let k = 0, at = 0; k < rows; k++) {
    let [norm, own] = [0, 0];
    for (let q = 0; q < cols; q++, at++) {
      const square = data[at]! ** 2;
      norm += square;
      own += square ** 2;
    }
    sum += norm ** 2 - own;
  }
  return sum / Math.max(1, rows);
}
