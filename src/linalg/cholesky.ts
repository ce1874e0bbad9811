import { accumulateProduct, rowMajor, transposed } from "./blocked-product.js";
import { matrix, requireFinite, requireSquare, trace, type Matrix } from "./matrix.js";
import { solveTriangular } from "./triangular.js";

const panel = 48;
/** The first ridge that `solveSpd` tries after a failure without one, against the mean of the diagonal. */
const firstRidge = 1e-14;

/**
 * The lower triangular L with a = L·Lᵀ of a symmetric positive definite matrix, of which only the lower triangle is
 * read. Throws RangeError for a matrix that is not square, not finite or not positive definite to rounding.
 */
export function cholesky(a: Matrix): Matrix {
  requireSquare("cholesky", a);
  requireFinite("cholesky", a.data);
  const l = lowerTriangle(a, 0);
  const failed = factor(l.data, a.rows);
  if (failed >= 0) {
    throw new RangeError(`cholesky: the matrix is not positive definite (pivot ${failed} of ${a.rows})`);
  }
  return l;
}

/** The x of L·Lᵀ·x = b, one column per column of b. Throws RangeError when the sizes don't fit. */
export function choleskySolve(l: Matrix, b: Matrix): Matrix {
  requireSquare("choleskySolve", l);
  if (l.rows !== b.rows) throw new RangeError(`choleskySolve: L has ${l.rows} rows and b has ${b.rows}`);
  const x = b.data.slice();
  solveTriangular(rowMajor(l.data, l.cols), "lower", l.rows, x, b.cols);
  solveTriangular(transposed(l.data, l.cols), "upper", l.rows, x, b.cols);
  return { rows: b.rows, cols: b.cols, data: x };
}

/**
 * The x of (a + ρ·(tr a / n)·I)·x = b for a symmetric positive semidefinite a (its lower triangle is read) and
 * ρ = `ridge`. Where that is not positive definite to rounding, ρ grows tenfold (from 1e-14 on) until it is. A zero
 * matrix has the solution 0. Throws RangeError when the sizes don't fit, a value is not finite, or a is so indefinite
 * that no ρ ≤ 1 helps.
 */
export function solveSpd(a: Matrix, b: Matrix, ridge = 0): Matrix {
  requireSquare("solveSpd", a);
  if (a.rows !== b.rows) throw new RangeError(`solveSpd: a has ${a.rows} rows and b has ${b.rows}`);
  if (!(ridge >= 0 && ridge < Infinity))
    throw new RangeError(`solveSpd: the ridge must be ≥ 0, got ${ridge}`);
  const largest = requireFinite("solveSpd", a.data);
  requireFinite("solveSpd", b.data);
  if (largest === 0) return matrix(a.rows, b.cols);
  const mean = trace(a) / a.rows;
  for (let rho = ridge; rho <= Math.max(1, ridge); rho = rho === 0 ? firstRidge : rho * 10) {
    const l = lowerTriangle(a, rho * mean);
    if (factor(l.data, a.rows) < 0) return choleskySolve(l, b);
  }
  throw new RangeError("solveSpd: the matrix is not positive semidefinite");
}

/** The lower triangle with `shift` added along the diagonal, zeros above. */
function lowerTriangle(a: Matrix, shift: number): Matrix {
  const n = a.rows;
  const l = matrix(n, n);
  for (let i = 0; i < n; i++) {
    l.data.set(a.data.subarray(i * n, i * n + i + 1), i * n);
    l.data[i * n + i] = l.data[i * n + i]! + shift;
  }
  return l;
}

/**
 * Left-looking blocked Cholesky in place. Returns −1, or the index of the first pivot that is not above rounding of
 * the diagonal entry it came from.
 */
function factor(l: Float64Array, n: number): number {
  const floors = new Float64Array(n);
  for (let i = 0; i < n; i++) floors[i] = Number.EPSILON * l[i * n + i]!;
  for (let k0 = 0; k0 < n; k0 += panel) {
    const k1 = Math.min(k0 + panel, n);
    const width = k1 - k0;
    accumulateProduct(
      n - k0,
      width,
      k0,
      -1,
      rowMajor(l, n, k0 * n),
      transposed(l, n, k0 * n),
      rowMajor(l, n, k0 * n + k0),
      "lower",
    );
    for (let j = k0; j < k1; j++) {
      const row = j * n;
      for (let i = k0; i < j; i++)
        l[row + i] = (l[row + i]! - dot(l, row + k0, i * n + k0, i - k0)) / l[i * n + i]!;
      const pivot = l[row + j]! - dot(l, row + k0, row + k0, j - k0);
      if (!(pivot > floors[j]!)) return j;
      l[row + j] = Math.sqrt(pivot);
      l.fill(0, row + j + 1, row + k1);
    }
    for (let r = k1; r < n; r++) {
      const row = r * n;
      for (let i = k0; i < k1; i++)
        l[row + i] = (l[row + i]! - dot(l, row + k0, i * n + k0, i - k0)) / l[i * n + i]!;
    }
  }
  return -1;
}

function dot(x: Float64Array, at: number, other: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += x[at + i]! * x[other + i]!;
  return sum;
}
