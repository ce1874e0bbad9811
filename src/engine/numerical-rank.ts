import { matrix, seededRandom, type Matrix } from "../linalg/index.js";

/** Ranks above this are not looked for: exactly deficient kernels of that size don't occur, and it would take long. */
const largest = 256;

/** Pivots this much smaller than the largest leave the quick test undecided. */
const doubtful = 1e-4;

/** A matrix by its entries, so that a test that looks at few of them need not unfold it. */
export interface Entries {
  readonly rows: number;
  readonly cols: number;
  at(row: number, col: number): number;
}

/**
 * The smallest k ≤ `cap` such that the matrix is within `tolerance`·‖A‖ (Frobenius) of rank k, or null when there is
 * none. A random square submatrix of size cap + 1 that is plainly regular answers most full-rank matrices at once;
 * the others go through row-pivoted Gram–Schmidt.
 */
export function rankUpTo(a: Entries, cap: number, tolerance: number): number | null {
  const wide: Entries =
    a.rows <= a.cols ? a : { rows: a.cols, cols: a.rows, at: (row, col) => a.at(col, row) };
  const most = Math.min(cap, largest, wide.rows);
  if (cap < 1 || (most < wide.rows && isRegular(wide, most + 1))) return null;
  const unfolded = matrix(wide.rows, wide.cols);
  for (let r = 0; r < wide.rows; r++) {
    for (let c = 0; c < wide.cols; c++) unfolded.data[r * wide.cols + c] = wide.at(r, c);
  }
  return rankByGramSchmidt(unfolded, most, tolerance);
}

/** Gaussian elimination of a seeded random square submatrix: true when every pivot is of the size of the largest. */
function isRegular(a: Entries, size: number): boolean {
  const random = seededRandom(size);
  const rows = sample(a.rows, size, () => random.uniform());
  const cols = sample(a.cols, size, () => random.uniform());
  const m = new Float64Array(size * size);
  for (let r = 0; r < size; r++) for (let c = 0; c < size; c++) m[r * size + c] = a.at(rows[r]!, cols[c]!);
  let largest = 0;
  for (let k = 0; k < size; k++) {
    let pivot = k;
    for (let r = k + 1; r < size; r++)
      if (Math.abs(m[r * size + k]!) > Math.abs(m[pivot * size + k]!)) pivot = r;
    const value = m[pivot * size + k]!;
    largest = Math.max(largest, Math.abs(value));
    if (!(Math.abs(value) > doubtful * largest)) return false;
    if (pivot !== k) {
      for (let c = k; c < size; c++) {
        const swap = m[k * size + c]!;
        m[k * size + c] = m[pivot * size + c]!;
        m[pivot * size + c] = swap;
      }
    }
    for (let r = k + 1; r < size; r++) {
      const factor = m[r * size + k]! / value;
      if (factor === 0) continue;
      for (let c = k + 1; c < size; c++) m[r * size + c]! -= factor * m[k * size + c]!;
    }
  }
  return true;
}

/** `count` different indices below `total`. */
function sample(total: number, count: number, uniform: () => number): Int32Array {
  const all = Int32Array.from({ length: total }, (_, i) => i);
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(uniform() * (total - i));
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all.subarray(0, count);
}

/** Takes out the row with the largest residual, one at a time, until what is left is below the tolerance. */
function rankByGramSchmidt(a: Matrix, cap: number, tolerance: number): number | null {
  const { rows, cols } = a;
  const rest = a.data.slice();
  const norms = new Float64Array(rows);
  const total = (): number => norms.reduce((sum, norm) => sum + norm, 0);
  for (let r = 0; r < rows; r++) norms[r] = squareNorm(rest, r, cols);
  const limit = tolerance * tolerance * total();
  for (let k = 0; ; k++) {
    if (total() <= limit) return k;
    if (k === cap) return null;
    let pivot = 0;
    for (let r = 1; r < rows; r++) if (norms[r]! > norms[pivot]!) pivot = r;
    const scale = 1 / Math.sqrt(norms[pivot]!);
    const direction = rest.subarray(pivot * cols, (pivot + 1) * cols).map((value) => value * scale);
    for (let r = 0; r < rows; r++) {
      const at = r * cols;
      let dot = 0;
      for (let c = 0; c < cols; c++) dot += rest[at + c]! * direction[c]!;
      for (let c = 0; c < cols; c++) rest[at + c]! -= dot * direction[c]!;
      norms[r] = squareNorm(rest, r, cols);
    }
  }
}

function squareNorm(values: Float64Array, row: number, cols: number): number {
  let sum = 0;
  for (let i = row * cols; i < (row + 1) * cols; i++) sum += values[i]! * values[i]!;
  return sum;
}
