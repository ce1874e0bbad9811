import { multiply } from "./gemm.js";
import { implicitQl } from "./implicit-ql.js";
import {
  matrix,
  norm,
  requireFinite,
  requireSquare,
  subtract,
  takeCols,
  takeRows,
  transpose,
  type Matrix,
} from "./matrix.js";
import { qr } from "./qr.js";
import { seededRandom } from "./random.js";
import { binaryExponent, ldexpAll } from "./scaling.js";
import { tridiagonalise } from "./tridiagonal.js";

/** A·vectors = vectors·diag(values), vectorsᵀ·vectors = I. */
export interface SymmetricEigen {
  /** Eigenvalues, descending. */
  readonly values: Float64Array;
  /** Column j belongs to values[j]; its entry of the largest magnitude is positive. */
  readonly vectors: Matrix;
}

/** How `topEigen` searches. */
export interface TopEigenOptions {
  /** Seed of the starting block. */
  readonly seed?: number;
  /** Accepted residual ‖A·v − λ·v‖ against the largest magnitude among the eigenvalues; 1e-12 when not given. */
  readonly tolerance?: number;
  /** Restarts before the full solver takes over; 8 when not given. */
  readonly maxIterations?: number;
  /** Columns of the block beyond k; max(8, k / 8) when not given. */
  readonly oversample?: number;
  /** Sizes up to this go to the full solver; 512 when not given. */
  readonly fullBelow?: number;
}

/**
 * All eigenvalues and eigenvectors of a real symmetric matrix, by Householder tridiagonalisation and implicit QL.
 * Errors are of the order of rounding times the largest eigenvalue; any scale is fine, subnormals included. The two
 * triangles are averaged. Throws RangeError for a matrix that is not square, not finite, or not symmetric to 1e-4 of
 * its largest entry.
 */
export function symmetricEigen(a: Matrix): SymmetricEigen {
  requireSquare("symmetricEigen", a);
  const { work, exponent } = scaledSymmetric("symmetricEigen", a);
  const n = a.rows;
  const { diagonal, offDiagonal, basis } = tridiagonalise(work, n);
  implicitQl(diagonal, offDiagonal, basis);
  const order = descendingOrder(diagonal);
  const values = Float64Array.from(order, (j) => diagonal[j]!);
  ldexpAll(values, exponent);
  const vectors = takeCols({ rows: n, cols: n, data: basis }, order);
  orientColumns(vectors);
  return { values, vectors };
}

/**
 * The k algebraically largest eigenvalues of a real symmetric matrix with their eigenvectors (n × k). Large matrices
 * with k ≪ n go through restarted block Krylov iteration with Rayleigh–Ritz (Musco and Musco 2015) from a seeded
 * random block wider than k; when that isn't cheaper, or hasn't reached the tolerance, the full solver answers.
 * Throws RangeError like `symmetricEigen`, and for a k outside 0 … n.
 */
export function topEigen(a: Matrix, k: number, opts: TopEigenOptions = {}): SymmetricEigen {
  requireSquare("topEigen", a);
  const n = a.rows;
  if (!Number.isInteger(k) || k < 0 || k > n) throw new RangeError(`topEigen: k = ${k} is not in 0 … ${n}`);
  const width = k + (opts.oversample ?? Math.max(8, Math.ceil(k / 8)));
  const depth = Math.min(6, Math.floor(n / (2 * width)));
  if (n > (opts.fullBelow ?? 512) && k > 0 && depth >= 3) {
    const { work, exponent } = scaledSymmetric("topEigen", a);
    const found = krylovRitz({ rows: n, cols: n, data: work }, k, width, depth, opts);
    if (found) {
      ldexpAll(found.values, exponent);
      return found;
    }
  }
  const { values, vectors } = symmetricEigen(a);
  return { values: values.slice(0, k), vectors: takeCols(vectors, k) };
}

/**
 * Ritz pairs of the symmetric `a` for its k largest eigenvalues, or undefined when they can't be had to the tolerance
 * within the restarts. Blocks are held as rows: `basis` is orthonormal, `image` is its product with `a`.
 */
function krylovRitz(
  a: Matrix,
  k: number,
  width: number,
  depth: number,
  opts: TopEigenOptions,
): SymmetricEigen | undefined {
  const n = a.rows;
  const tolerance = opts.tolerance ?? 1e-12;
  const maxIterations = opts.maxIterations ?? 8;
  let block = orthonormalRows(randomNormal(width, n, opts.seed ?? 0));
  let blockImage = multiply(block, a);
  let previous = Infinity;
  for (let iteration = 1; iteration <= maxIterations; iteration++) {
    let basis = block;
    let image = blockImage;
    for (let step = 1; step < depth; step++) {
      // Twice: the first pass leaves directions of mere rounding where the block is nearly invariant.
      const next = orthonormalRows(without(orthonormalRows(without(blockImage, basis)), basis));
      blockImage = multiply(next, a);
      basis = stackRows(basis, next);
      image = stackRows(image, blockImage);
    }
    const ritz = symmetricEigen(multiply(basis, image, { transB: true }));
    const coefficients = takeCols(ritz.vectors, width);
    block = multiply(coefficients, basis, { transA: true });
    blockImage = multiply(coefficients, image, { transA: true });
    const size = Math.max(Math.abs(ritz.values[0]!), Math.abs(ritz.values[ritz.values.length - 1]!));
    let residual = 0;
    for (let i = 0; i < k; i++) {
      const difference = blockImage.data.slice(i * n, (i + 1) * n);
      for (let j = 0; j < n; j++) difference[j] = difference[j]! - ritz.values[i]! * block.data[i * n + j]!;
      residual = Math.max(residual, norm(difference));
    }
    if (residual <= tolerance * size) {
      const vectors = transpose(takeRows(block, k));
      orientColumns(vectors);
      return { values: ritz.values.slice(0, k), vectors };
    }
    // Each restart gains about the same factor; no use in going on when that won't reach the tolerance.
    let reachable = residual;
    for (let left = iteration; left < maxIterations; left++) reachable *= residual / previous;
    if (iteration > 1 && !(reachable <= tolerance * size)) return undefined;
    previous = residual;
  }
  return undefined;
}

function randomNormal(rows: number, cols: number, seed: number): Matrix {
  const random = seededRandom(seed);
  const result = matrix(rows, cols);
  for (let i = 0; i < result.data.length; i++) result.data[i] = random.normal();
  return result;
}

function orthonormalRows(a: Matrix): Matrix {
  return transpose(qr(transpose(a)).q);
}

/** a less its part in the row space of an orthonormal basis. */
function without(a: Matrix, basis: Matrix): Matrix {
  return subtract(a, multiply(multiply(a, basis, { transB: true }), basis));
}

function stackRows(above: Matrix, below: Matrix): Matrix {
  const data = new Float64Array(above.data.length + below.data.length);
  data.set(above.data);
  data.set(below.data, above.data.length);
  return { rows: above.rows + below.rows, cols: above.cols, data };
}

/** The mean of a and aᵀ, scaled to entries below 1 by a power of two: a ≈ work · 2^exponent. */
function scaledSymmetric(caller: string, a: Matrix): { work: Float64Array; exponent: number } {
  const n = a.rows;
  const largest = requireFinite(caller, a.data);
  const exponent = binaryExponent(largest);
  const work = a.data.slice();
  ldexpAll(work, -exponent);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const lower = work[i * n + j]!;
      const upper = work[j * n + i]!;
      if (Math.abs(lower - upper) > 1e-4) {
        throw new RangeError(
          `${caller} needs a symmetric matrix: entry (${i}, ${j}) is ${a.data[i * n + j]}, ` +
            `(${j}, ${i}) is ${a.data[j * n + i]}`,
        );
      }
      work[i * n + j] = work[j * n + i] = 0.5 * (lower + upper);
    }
  }
  return { work, exponent };
}

/** The indices of `values`, largest first; equal ones in their order. */
export function descendingOrder(values: Float64Array): Int32Array {
  return Int32Array.from(values.keys()).sort((i, j) => values[j]! - values[i]! || i - j);
}

/** Flips columns in place so that the entry of the largest magnitude, the first of equals, is positive. */
function orientColumns(a: Matrix): void {
  const { rows, cols, data } = a;
  const largest = new Float64Array(cols);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) {
      if (Math.abs(data[i * cols + j]!) > Math.abs(largest[j]!)) largest[j] = data[i * cols + j]!;
    }
  }
  for (let j = 0; j < cols; j++) {
    if (largest[j]! >= 0) continue;
    for (let i = 0; i < rows; i++) data[i * cols + j] = -data[i * cols + j]!;
  }
}
