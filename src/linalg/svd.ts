import { descendingOrder, symmetricEigen, topEigen } from "./eigen.js";
import { gram, multiply } from "./gemm.js";
import { orthogonaliseRows } from "./jacobi.js";
import { identity, matrix, requireFinite, scaleCols, takeRows, transpose, type Matrix } from "./matrix.js";
import { qr } from "./qr.js";
import { binaryExponent, ldexpAll } from "./scaling.js";

/** a ≈ u · diag(s) · vᵀ. */
export interface Svd {
  /** rows × k, orthonormal columns; the entry of the largest magnitude in each column is positive. */
  readonly u: Matrix;
  /** The k singular values, descending, ≥ 0. */
  readonly s: Float64Array;
  /** cols × k, orthonormal columns. */
  readonly v: Matrix;
}

export interface TruncatedSvdOptions {
  /** Seed of the starting block for big matrices. */
  readonly seed?: number;
  /** Accepted residual of the block iteration on the Gram matrix, against its largest eigenvalue; 1e-9 by default. */
  readonly tolerance?: number;
}

/** Matrices with a smaller side up to this start the Jacobi sweeps from nothing. */
const small = 24;
/** Smaller sides up to this have their Gram matrix decomposed in full. */
const full = 1024;

/**
 * The thin singular value decomposition, k = min(rows, cols): singular values with an error of the order of rounding
 * times the largest one, singular vectors orthonormal to rounding whatever the rank. One-sided Jacobi on the
 * triangular factor, preconditioned by the eigenvectors of the Gram matrix so that hardly a rotation is left to do
 * (after Drmač and Veselić 2008). Throws RangeError for values that are not finite.
 */
export function svd(a: Matrix): Svd {
  if (a.rows < a.cols) {
    const { u, s, v } = svd(transpose(a));
    return oriented(v, s, u);
  }
  const { rows, cols } = a;
  const exponent = binaryExponent(requireFinite("svd", a.data));
  const scaled = { rows, cols, data: a.data.slice() };
  ldexpAll(scaled.data, -exponent);
  const start = cols > small ? symmetricEigen(gram(scaled)).vectors : null;
  const { q, r } = qr(start ? multiply(scaled, start) : scaled);
  const columns = transpose(r).data;
  const basis = identity(cols).data;
  const lengths = orthogonaliseRows(columns, basis, cols, cols);
  const order = descendingOrder(lengths);
  const s = Float64Array.from(order, (i) => lengths[i]!);
  const y = transpose(takeRows({ rows: cols, cols, data: basis }, order));
  const left = leftVectors({ rows: cols, cols, data: columns }, order, lengths);
  ldexpAll(s, exponent);
  return oriented(multiply(q, left), s, start ? multiply(start, y) : y);
}

/**
 * The k largest singular values with their vectors. Goes through the Gram matrix of the smaller side (in full up to
 * 1024, by seeded block Krylov iteration above), followed by the SVD of the projection on what was found, so u and v
 * are orthonormal to rounding and singular values down to about 1e-8 of the largest come out right.
 * Throws RangeError for values that are not finite and for a k outside 0 … min(rows, cols).
 */
export function truncatedSvd(a: Matrix, k: number, o: TruncatedSvdOptions = {}): Svd {
  const side = Math.min(a.rows, a.cols);
  if (!Number.isInteger(k) || k < 0 || k > side) {
    throw new RangeError(`truncatedSvd: k = ${k} is not in 0 … ${side}`);
  }
  if (a.rows < a.cols) {
    const { u, s, v } = truncatedSvd(transpose(a), k, o);
    return oriented(v, s, u);
  }
  const exponent = binaryExponent(requireFinite("truncatedSvd", a.data));
  const scaled = { rows: a.rows, cols: a.cols, data: a.data.slice() };
  ldexpAll(scaled.data, -exponent);
  const { vectors } = topEigen(gram(scaled), k, {
    seed: o.seed ?? 0,
    tolerance: o.tolerance ?? 1e-9,
    fullBelow: full,
  });
  const { u, s, v } = svd(multiply(scaled, vectors));
  const scaledBack = s.slice();
  ldexpAll(scaledBack, exponent);
  return { u, s: scaledBack, v: multiply(vectors, v) };
}

/**
 * The Moore–Penrose inverse, cols × rows. Singular values up to `tolerance` times the largest count as zero;
 * max(rows, cols) · 2⁻⁵² by default.
 */
export function pseudoInverse(a: Matrix, tolerance = Math.max(a.rows, a.cols) * Number.EPSILON): Matrix {
  const { u, s, v } = svd(a);
  const limit = tolerance * (s[0] ?? 0);
  return multiply(
    scaleCols(
      v,
      s.map((value) => (value > limit ? 1 / value : 0)),
    ),
    u,
    { transB: true },
  );
}

/** The normalised rows as columns, in the given order; what belongs to rows of mere rounding completes the basis. */
function leftVectors(rows: Matrix, order: Int32Array, lengths: Float64Array): Matrix {
  const n = rows.rows;
  const left = matrix(n, n);
  const largest = n === 0 ? 0 : lengths[order[0]!]!;
  let deficient = false;
  for (let j = 0; j < n; j++) {
    const length = lengths[order[j]!]!;
    if (!(length > Number.EPSILON * largest)) {
      deficient = true;
      break;
    }
    for (let i = 0; i < n; i++) left.data[i * n + j] = rows.data[order[j]! * n + i]! / length;
  }
  return deficient ? qr(left).q : left;
}

/** Makes the entry of the largest magnitude, the first of equals, positive in every column of u; v follows. */
function oriented(u: Matrix, s: Float64Array, v: Matrix): Svd {
  const signs = new Float64Array(u.cols);
  const largest = new Float64Array(u.cols);
  for (let i = 0; i < u.rows; i++) {
    for (let j = 0; j < u.cols; j++) {
      const value = u.data[i * u.cols + j]!;
      if (Math.abs(value) <= largest[j]!) continue;
      largest[j] = Math.abs(value);
      signs[j] = value < 0 ? -1 : 1;
    }
  }
  return { u: scaleCols(u, signs), s, v: scaleCols(v, signs) };
}
