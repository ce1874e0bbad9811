import { accumulateProduct, rowMajor, type Operand } from "./blocked-product.js";

const block = 64;

/**
 * Solves T·X = B in place for a triangular n × n operand T (only its triangle is read) and the n × cols row-major
 * matrix `x`, which holds B before and X after. Zeros on the diagonal give infinities.
 */
export function solveTriangular(
  t: Operand,
  triangle: "lower" | "upper",
  n: number,
  x: Float64Array,
  cols: number,
): void {
  if (n === 0 || cols === 0) return;
  const down = triangle === "lower";
  for (let done = 0; done < n; done += block) {
    const size = Math.min(block, n - done);
    const from = down ? done : n - done - size;
    solveBlock(t, down, from, size, x, cols);
    const left = n - done - size;
    const to = down ? from + size : 0;
    accumulateProduct(
      left,
      cols,
      size,
      -1,
      { ...t, offset: t.offset + to * t.row + from * t.col },
      rowMajor(x, cols, from * cols),
      rowMajor(x, cols, to * cols),
    );
  }
}

/** Substitution, row by row, within the rows from … from + size − 1. */
function solveBlock(
  t: Operand,
  down: boolean,
  from: number,
  size: number,
  x: Float64Array,
  cols: number,
): void {
  for (let step = 0; step < size; step++) {
    const i = down ? from + step : from + size - 1 - step;
    const row = i * cols;
    for (let earlier = 0; earlier < step; earlier++) {
      const p = down ? from + earlier : from + size - 1 - earlier;
      const factor = t.data[t.offset + i * t.row + p * t.col]!;
      if (factor === 0) continue;
      const other = p * cols;
      for (let j = 0; j < cols; j++) x[row + j] = x[row + j]! - factor * x[other + j]!;
    }
    const pivot = t.data[t.offset + i * t.row + i * t.col]!;
    for (let j = 0; j < cols; j++) x[row + j] = x[row + j]! / pivot;
  }
}
