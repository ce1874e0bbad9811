import { pack } from "./blocked-product.js";
import { multiply } from "./gemm.js";
import { matrix, type Matrix } from "./matrix.js";
import { columnBlock, depthBlock, rightBlock, rowBlock, wholeTiles, type PanelEngine } from "./panels.js";
import { createPanelEngine } from "./product.js";

/** What is held packed has at most so many entries (8 MB): WebAssembly memory doesn't shrink again. */
const mostEntries = 2 ** 20;

/** An engine of its own, so that other products leave what is held alone. */
let engine: PanelEngine | null = null;
let place = 0;
let held: WeakRef<Matrix> | null = null;

/**
 * a · b for many products with one `b`, which stays packed from one call to the next and must not be changed between
 * them: packing is a third of a product with few rows. The bytes are those of `multiply`.
 * Throws RangeError when the inner sizes differ.
 */
export function multiplyHeld(a: Matrix, b: Matrix): Matrix {
  const length = wholeTiles(b.cols) * b.rows;
  if (length > mostEntries || a.cols !== b.rows || length === 0) return multiply(a, b);
  if (!engine || length > place) {
    place = Math.max(length, rightBlock);
    engine = createPanelEngine(place);
  }
  const [rows, depth] = [a.rows, a.cols];
  engine.reserve(wholeTiles(rows) * wholeTiles(Math.min(columnBlock, b.cols)));
  if (held?.deref() !== b) {
    forBlocks(b, (j0, cols, k0, steps, at) =>
      pack(engine!.b, at, b.data, k0 * b.cols + j0, 1, b.cols, cols, steps, 1),
    );
    held = new WeakRef(b);
  }
  const result = matrix(rows, b.cols);
  forBlocks(b, (j0, cols, k0, steps, at) => {
    const { a: left, c, multiply: accumulate } = engine!;
    const stride = wholeTiles(cols);
    if (k0 === 0) c.fill(0, 0, wholeTiles(rows) * stride);
    for (let i0 = 0; i0 < rows; i0 += rowBlock) {
      const now = Math.min(rowBlock, rows - i0);
      pack(left, 0, a.data, i0 * depth + k0, depth, 1, now, steps, 1);
      accumulate(wholeTiles(now), stride, steps, i0 * stride, at);
    }
    if (k0 + steps < depth) return;
    for (let i = 0; i < rows; i++)
      result.data.set(c.subarray(i * stride, i * stride + cols), i * b.cols + j0);
  });
  return result;
}

/** The blocks of B in their order: their columns and rows, and where their panels begin. */
function forBlocks(
  { rows, cols }: Matrix,
  each: (column: number, columns: number, step: number, steps: number, at: number) => void,
): void {
  let at = 0;
  for (let j0 = 0; j0 < cols; j0 += columnBlock) {
    const columns = Math.min(columnBlock, cols - j0);
    for (let k0 = 0; k0 < rows; k0 += depthBlock) {
      const steps = Math.min(depthBlock, rows - k0);
      each(j0, columns, k0, steps, at);
      at += wholeTiles(columns) * steps;
    }
  }
}
