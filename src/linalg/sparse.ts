import { matrix, type Matrix } from "./matrix.js";

/** A matrix whose rows are mostly zeros: the entries of row i are `starts[i]` … `starts[i + 1] − 1` of `columns` and `values`. */
export interface SparseRows {
  readonly rows: number;
  readonly cols: number;
  readonly starts: Int32Array;
  readonly columns: Int32Array;
  readonly values: Float64Array;
}

/** The entries of a matrix of which no larger share than `density` differs from zero; null for any other. */
export function sparseRows({ rows, cols, data }: Matrix, density = 1 / 8): SparseRows | null {
  const most = Math.floor(density * rows * cols);
  const starts = new Int32Array(rows + 1);
  let count = 0;
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++, at++) if (data[at] !== 0) count++;
    if (count > most) return null;
    starts[i + 1] = count;
  }
  const columns = new Int32Array(count);
  const values = new Float64Array(count);
  for (let i = 0, at = 0, next = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++, at++) {
      if (data[at] === 0) continue;
      columns[next] = j;
      values[next++] = data[at]!;
    }
  }
  return { rows, cols, starts, columns, values };
}

/** a · b; throws RangeError when the inner sizes differ. */
export function multiplySparse(a: SparseRows, b: Matrix): Matrix {
  requireInner(a.cols, b.rows);
  const result = matrix(a.rows, b.cols);
  for (let i = 0; i < a.rows; i++) {
    const row = result.data.subarray(i * b.cols, (i + 1) * b.cols);
    for (let entry = a.starts[i]!; entry < a.starts[i + 1]!; entry++) {
      const value = a.values[entry]!;
      const from = a.columns[entry]! * b.cols;
      for (let j = 0; j < row.length; j++) row[j]! += value * b.data[from + j]!;
    }
  }
  return result;
}

/** a · bᵀ; throws RangeError when the inner sizes differ. */
export function multiplySparseTransposed(a: Matrix, b: SparseRows): Matrix {
  requireInner(a.cols, b.cols);
  const result = matrix(a.rows, b.rows);
  for (let i = 0, at = 0; i < a.rows; i++) {
    const row = i * a.cols;
    for (let o = 0; o < b.rows; o++) {
      let sum = 0;
      for (let entry = b.starts[o]!; entry < b.starts[o + 1]!; entry++)
        sum += a.data[row + b.columns[entry]!]! * b.values[entry]!;
      result.data[at++] = sum;
    }
  }
  return result;
}

function requireInner(a: number, b: number): void {
  if (a !== b) throw new RangeError(`cannot multiply: the inner sizes ${a} and ${b} differ`);
}
