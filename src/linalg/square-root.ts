import { symmetricEigen } from "./eigen.js";
import { gram } from "./gemm.js";
import { scaleRows, transpose, type Matrix } from "./matrix.js";

/** A symmetric positive definite square root and its inverse: root·root ≈ a, root·inverse ≈ I. */
export interface SquareRoots {
  readonly root: Matrix;
  readonly inverse: Matrix;
}

/**
 * The symmetric square root of a symmetric positive semidefinite matrix and its inverse. Eigenvalues below
 * `floor` times the largest are raised to that before both roots, so that they stay inverse to one another.
 * For a zero matrix both are zero. Throws RangeError like `symmetricEigen`, and for a floor outside (0, 1].
 */
export function squareRoots(a: Matrix, floor = 1e-12): SquareRoots {
  if (!(floor > 0 && floor <= 1))
    throw new RangeError(`squareRoots: the floor must be in (0, 1], got ${floor}`);
  const { values, vectors } = symmetricEigen(a);
  const rows = transpose(vectors);
  const lowest = Math.max(0, (values[0] ?? 0) * floor);
  const fourth = values.map((value) => Math.sqrt(Math.sqrt(Math.max(value, lowest))));
  return {
    root: gram(scaleRows(rows, fourth)),
    inverse: gram(scaleRows(rows, fourth.map(reciprocal))),
  };
}

/** The symmetric square root alone; see {@link squareRoots}. Negative eigenvalues count as 0 and no floor applies. */
export function sqrtSpd(a: Matrix): Matrix {
  const { values, vectors } = symmetricEigen(a);
  const fourth = values.map((value) => Math.sqrt(Math.sqrt(Math.max(value, 0))));
  return gram(scaleRows(transpose(vectors), fourth));
}

/** The inverse of the symmetric square root; see {@link squareRoots}. */
export function invSqrtSpd(a: Matrix, floor = 1e-12): Matrix {
  return squareRoots(a, floor).inverse;
}

function reciprocal(x: number): number {
  return x === 0 ? 0 : 1 / x;
}
