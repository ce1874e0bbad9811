import { panelEngine } from "./product.js";
import { columnBlock, depthBlock, rowBlock, tile, wholeTiles, type PanelArray } from "./panels.js";

/**
 * The product kernel under `multiply`, `gram`, Cholesky, QR and the eigensolver: C += α·A·B on strided operands.
 *
 * Blocking after Goto and van de Geijn (2008): a block of B is packed into panels of 4 columns, a block of A into
 * panels of 4 rows, and a 4×4 tile of C is summed in registers. Every entry of C is summed over k in ascending
 * order within a block of `depthBlock` and over the blocks in ascending order, with plain multiplications and additions,
 * so the bytes are the same on every machine, with WebAssembly or without.
 */

/** A strided operand: entry (i, j) is `data[offset + i * row + j * col]`. */
export interface Operand {
  readonly data: Float64Array;
  readonly offset: number;
  readonly row: number;
  readonly col: number;
}

/** Which part of C is wanted; tiles wholly outside are skipped, tiles on the diagonal are computed whole. */
export type Part = "all" | "lower" | "upper";

/**
 * C += alpha · A · B, where A is m × k, B is k × n and C is m × n with row stride `c.row` and column stride 1.
 * C must not overlap A or B.
 */
export function accumulateProduct(
  m: number,
  n: number,
  k: number,
  alpha: number,
  a: Operand,
  b: Operand,
  c: Operand,
  part: Part = "all",
): void {
  if (m === 0 || n === 0 || k === 0) return;
  const engine = panelEngine();
  engine.reserve(wholeTiles(m) * wholeTiles(Math.min(columnBlock, n)));
  for (let j0 = 0; j0 < n; j0 += columnBlock) {
    const cols = Math.min(columnBlock, n - j0);
    const stride = wholeTiles(cols);
    // Rows whose entries in these columns are all outside the wanted part.
    const first = part === "lower" ? Math.floor(j0 / rowBlock) * rowBlock : 0;
    const end = part === "upper" ? Math.min(m, j0 + cols) : m;
    if (first >= end) continue;
    engine.c.fill(0, 0, wholeTiles(end - first) * stride);
    for (let k0 = 0; k0 < k; k0 += depthBlock) {
      const now = Math.min(depthBlock, k - k0);
      pack(engine.b, 0, b.data, b.offset + k0 * b.row + j0 * b.col, b.col, b.row, cols, now, 1);
      for (let i0 = first; i0 < end; i0 += rowBlock) {
        const rows = Math.min(rowBlock, end - i0);
        pack(engine.a, 0, a.data, a.offset + i0 * a.row + k0 * a.col, a.row, a.col, rows, now, alpha);
        engine.multiply(wholeTiles(rows), stride, now, (i0 - first) * stride, 0);
      }
    }
    addBlock(engine.c, stride, c, first, end, j0, cols);
  }
}

function addBlock(
  from: Float64Array,
  stride: number,
  c: Operand,
  first: number,
  end: number,
  j0: number,
  cols: number,
): void {
  const { data } = c;
  for (let i = first; i < end; i++) {
    const at = c.offset + i * c.row + j0;
    const source = (i - first) * stride;
    for (let j = 0; j < cols; j++) data[at + j] = data[at + j]! + from[source + j]!;
  }
}

/** A row-major operand with `cols` columns whose first entry is `data[offset]`. */
export function rowMajor(data: Float64Array, cols: number, offset = 0): Operand {
  return { data, offset, row: cols, col: 1 };
}

/** The transpose of a row-major operand with `cols` columns whose first entry is `data[offset]`. */
export function transposed(data: Float64Array, cols: number, offset = 0): Operand {
  return { data, offset, row: 1, col: cols };
}

/**
 * Packs `lines` lines of `steps` entries into panels of 4 interleaved lines from entry `at` on, times `alpha`; missing
 * lines of the last panel are zeros.
 */
export function pack(
  into: PanelArray,
  at: number,
  from: Float64Array,
  offset: number,
  lineStride: number,
  stepStride: number,
  lines: number,
  steps: number,
  alpha: number,
): void {
  let to = at;
  for (let line = 0; line < lines; line += tile) {
    if (line + tile <= lines) {
      let p0 = offset + line * lineStride;
      for (let step = 0; step < steps; step++, p0 += stepStride, to += tile) {
        into[to] = alpha * from[p0]!;
        into[to + 1] = alpha * from[p0 + lineStride]!;
        into[to + 2] = alpha * from[p0 + 2 * lineStride]!;
        into[to + 3] = alpha * from[p0 + 3 * lineStride]!;
      }
      continue;
    }
    for (let step = 0; step < steps; step++) {
      for (let r = 0; r < tile; r++, to++) {
        into[to] = line + r < lines ? alpha * from[offset + (line + r) * lineStride + step * stepStride]! : 0;
      }
    }
  }
}
