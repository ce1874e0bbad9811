import { norm } from "./matrix.js";

const maxSweeps = 40;

/**
 * One-sided Jacobi (Hestenes 1958; de Rijk's ordering is left to the caller): rotates pairs of rows of `rows`
 * (count × length, row-major) until all of them are orthogonal, in place, and the rows of `basis` (count × count)
 * along with them. Rows no longer than rounding of the longest take no part. Returns the lengths of the rows. Entries must be
 * of magnitude ≤ 1 or so.
 */
export function orthogonaliseRows(
  rows: Float64Array,
  basis: Float64Array,
  count: number,
  length: number,
): Float64Array {
  const tolerance = Number.EPSILON * Math.sqrt(length);
  const squares = new Float64Array(count);
  const measure = (): number => {
    let largest = 0;
    for (let i = 0; i < count; i++) {
      squares[i] = squaredLength(rows, i * length, length);
      largest = Math.max(largest, squares[i]!);
    }
    return largest;
  };
  for (let sweep = 0; sweep < maxSweeps; sweep++) {
    const noise = Number.EPSILON * Number.EPSILON * measure();
    let rotated = false;
    for (let p = 0; p < count; p++) {
      for (let q = p + 1; q < count; q++) {
        const a = squares[p]!;
        const b = squares[q]!;
        if (!(a > noise && b > noise)) continue;
        const g = product(rows, p * length, q * length, length);
        if (!(Math.abs(g) > tolerance * Math.sqrt(a * b))) continue;
        const zeta = (b - a) / (2 * g);
        const root = Math.abs(zeta) > 1e150 ? Math.abs(zeta) : Math.sqrt(1 + zeta * zeta);
        const t = 1 / (zeta < 0 ? zeta - root : zeta + root);
        const c = 1 / Math.sqrt(1 + t * t);
        const s = c * t;
        if (s === 0) continue;
        rotated = true;
        rotate(rows, p * length, q * length, length, c, s);
        rotate(basis, p * count, q * count, count, c, s);
        squares[p] = squaredLength(rows, p * length, length);
        squares[q] = squaredLength(rows, q * length, length);
      }
    }
    if (!rotated) break;
  }
  const lengths = new Float64Array(count);
  for (let i = 0; i < count; i++) lengths[i] = norm(rows.subarray(i * length, (i + 1) * length));
  return lengths;
}

function squaredLength(x: Float64Array, at: number, length: number): number {
  return product(x, at, at, length);
}

/** Four partial sums, added in a fixed order. */
function product(x: Float64Array, p: number, q: number, length: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    s0 += x[p + i]! * x[q + i]!;
    s1 += x[p + i + 1]! * x[q + i + 1]!;
    s2 += x[p + i + 2]! * x[q + i + 2]!;
    s3 += x[p + i + 3]! * x[q + i + 3]!;
  }
  for (; i < length; i++) s0 += x[p + i]! * x[q + i]!;
  return s0 + s1 + (s2 + s3);
}

function rotate(x: Float64Array, p: number, q: number, length: number, c: number, s: number): void {
  for (let i = 0; i < length; i++) {
    const xp = x[p + i]!;
    const xq = x[q + i]!;
    x[p + i] = c * xp - s * xq;
    x[q + i] = s * xp + c * xq;
  }
}
