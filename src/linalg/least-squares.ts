import { rowMajor, transposed } from "./blocked-product.js";
import { solveSpd } from "./cholesky.js";
import { gram, multiply } from "./gemm.js";
import { matrix, norm, requireFinite, scaleRows, transpose, type Matrix } from "./matrix.js";
import { qr } from "./qr.js";
import { pseudoInverse } from "./svd.js";
import { solveTriangular } from "./triangular.js";

export interface RidgeOptions {
  /** One non-negative weight per row of a; 1 by default. */
  readonly weights?: ArrayLike<number>;
  /** Against the mean of the diagonal of aᵀ·W·a; 0 by default. */
  readonly ridge?: number;
}

/**
 * The x of least norm among those that minimise ‖a·x − b‖, one column of x (a.cols × b.cols) per column of b. By QR of
 * a (or of aᵀ when a is wide); by the SVD when a is rank-deficient to rounding, or nearly so. Throws RangeError when
 * the row counts differ or a value is not finite.
 */
export function leastSquares(a: Matrix, b: Matrix): Matrix {
  if (a.rows !== b.rows) {
    throw new RangeError(`leastSquares: a has ${a.rows} rows and b has ${b.rows}`);
  }
  requireFinite("leastSquares", b.data);
  const wide = a.rows < a.cols;
  const { q, r } = qr(wide ? transpose(a) : a);
  const n = r.rows;
  if (n === 0) return matrix(a.cols, b.cols);
  const threshold = Math.max(a.rows, a.cols) * Number.EPSILON;
  if (reciprocalCondition(r) <= threshold) return multiply(pseudoInverse(a, threshold), b);
  if (wide) {
    const y = b.data.slice();
    solveTriangular(transposed(r.data, n), "lower", n, y, b.cols);
    return multiply(q, { rows: n, cols: b.cols, data: y });
  }
  const x = multiply(q, b, { transA: true });
  solveTriangular(rowMajor(r.data, n), "upper", n, x.data, b.cols);
  return x;
}

/**
 * The x that minimises Σᵢ wᵢ·‖aᵢ·x − bᵢ‖² + ρ·‖x‖² by the normal equations, ρ = ridge · tr(aᵀWa) / cols; the ridge
 * grows where the equations are singular (see `solveSpd`). Throws RangeError when the sizes don't fit, a value is not
 * finite, or a weight is negative.
 */
export function ridgeLeastSquares(a: Matrix, b: Matrix, o: RidgeOptions = {}): Matrix {
  if (a.rows !== b.rows) throw new RangeError(`ridgeLeastSquares: a has ${a.rows} rows and b has ${b.rows}`);
  let left = a;
  let right = b;
  if (o.weights) {
    const roots = Float64Array.from(o.weights, (weight) => {
      if (!(weight >= 0)) throw new RangeError(`ridgeLeastSquares: a weight is ${weight}`);
      return Math.sqrt(weight);
    });
    left = scaleRows(a, roots);
    right = scaleRows(b, roots);
  }
  return solveSpd(gram(left), multiply(left, right, { transA: true }), o.ridge ?? 0);
}

/**
 * An estimate of 1 / (‖r‖·‖r⁻¹‖) for an upper triangular r, by a few steps of the power method on r⁻¹r⁻ᵀ; at most a
 * small factor above the true value. 0 when r is singular.
 */
function reciprocalCondition(r: Matrix): number {
  const n = r.rows;
  let smallest = Infinity;
  let largest = 0;
  for (let i = 0; i < n; i++) {
    const pivot = Math.abs(r.data[i * n + i]!);
    smallest = Math.min(smallest, pivot);
    largest = Math.max(largest, norm(r.data.subarray(i * n, (i + 1) * n)));
  }
  if (smallest === 0) return 0;
  const x = new Float64Array(n).fill(1 / Math.sqrt(n));
  let inverse = 0;
  for (let step = 0; step < 4; step++) {
    solveTriangular(transposed(r.data, n), "lower", n, x, 1);
    if (!normalise(x)) return 0;
    solveTriangular(rowMajor(r.data, n), "upper", n, x, 1);
    inverse = norm(x);
    if (!normalise(x)) return 0;
  }
  return Math.min(smallest / largest, 1 / (inverse * largest));
}

function normalise(x: Float64Array): boolean {
  const length = norm(x);
  if (!(length > 0 && length < Infinity)) return false;
  for (let i = 0; i < x.length; i++) x[i] = x[i]! / length;
  return true;
}
