/**
 * The product kernel under `multiply`, `gram`, Cholesky, QR and the eigensolver: C += α·A·B on strided operands.
 *
 * Blocking after Goto and van de Geijn (2008): a block of B is packed into panels of 4 columns, a block of A into
 * panels of 4 rows, and a 4×4 tile of C is summed in registers. Every entry of C is summed over k in ascending
 * order within a block of `depth` and over the blocks in ascending order, with plain multiplications and additions,
 * so the bytes are the same on every machine.
 */

/** Rows and columns of the register tile. */
const tile = 4;
/** Steps of k per packed block, rows per block of A, columns per block of B. */
const depth = 256;
const blockRows = 64;
const blockCols = 512;

/** A strided operand: entry (i, j) is `data[offset + i * row + j * col]`. */
export interface Operand {
  readonly data: Float64Array;
  readonly offset: number;
  readonly row: number;
  readonly col: number;
}

/** Which part of C is wanted; tiles wholly outside are skipped, tiles on the diagonal are computed whole. */
export type Part = "all" | "lower" | "upper";

let packedA = new Float64Array(0);
let packedB = new Float64Array(0);
const corner = new Float64Array(tile * tile);

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
  const kc = Math.min(depth, k);
  packedA = atLeast(packedA, roundUp(Math.min(blockRows, m)) * kc);
  packedB = atLeast(packedB, roundUp(Math.min(blockCols, n)) * kc);
  for (let j0 = 0; j0 < n; j0 += blockCols) {
    const cols = Math.min(blockCols, n - j0);
    for (let k0 = 0; k0 < k; k0 += depth) {
      const steps = Math.min(depth, k - k0);
      pack(packedB, b.data, b.offset + k0 * b.row + j0 * b.col, b.col, b.row, cols, steps, 1);
      for (let i0 = 0; i0 < m; i0 += blockRows) {
        const rows = Math.min(blockRows, m - i0);
        if (part === "lower" && i0 + rows <= j0) continue;
        if (part === "upper" && j0 + cols <= i0) continue;
        pack(packedA, a.data, a.offset + i0 * a.row + k0 * a.col, a.row, a.col, rows, steps, alpha);
        for (let j = 0; j < cols; j += tile) {
          const width = Math.min(tile, cols - j);
          for (let i = 0; i < rows; i += tile) {
            const height = Math.min(tile, rows - i);
            if (part === "lower" && i0 + i + height <= j0 + j) continue;
            if (part === "upper" && j0 + j + width <= i0 + i) continue;
            const at = c.offset + (i0 + i) * c.row + j0 + j;
            if (height === tile && width === tile) {
              addTile(steps, packedA, i * steps, packedB, j * steps, c.data, at, c.row);
            } else {
              corner.fill(0);
              addTile(steps, packedA, i * steps, packedB, j * steps, corner, 0, tile);
              for (let r = 0; r < height; r++) {
                for (let s = 0; s < width; s++) {
                  c.data[at + r * c.row + s] = c.data[at + r * c.row + s]! + corner[r * tile + s]!;
                }
              }
            }
          }
        }
      }
    }
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

function roundUp(count: number): number {
  return Math.ceil(count / tile) * tile;
}

function atLeast(buffer: Float64Array, length: number): Float64Array<ArrayBuffer> {
  return buffer.length >= length ? (buffer as Float64Array<ArrayBuffer>) : new Float64Array(length);
}

/**
 * Packs `lines` lines of `steps` entries into panels of 4 interleaved lines, times `alpha`; missing lines of the last
 * panel are zeros.
 */
function pack(
  into: Float64Array,
  from: Float64Array,
  offset: number,
  lineStride: number,
  stepStride: number,
  lines: number,
  steps: number,
  alpha: number,
): void {
  let to = 0;
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

/** c += Σ a·b over one panel of each; a and b hold 4 entries per step. */
function addTile(
  steps: number,
  a: Float64Array,
  aFrom: number,
  b: Float64Array,
  bFrom: number,
  c: Float64Array,
  cFrom: number,
  ldc: number,
): void {
  let ap = aFrom;
  let bp = bFrom;
  const end = aFrom + steps * 4;
  let c00 = 0;
  let c01 = 0;
  let c02 = 0;
  let c03 = 0;
  let c10 = 0;
  let c11 = 0;
  let c12 = 0;
  let c13 = 0;
  let c20 = 0;
  let c21 = 0;
  let c22 = 0;
  let c23 = 0;
  let c30 = 0;
  let c31 = 0;
  let c32 = 0;
  let c33 = 0;
  while (ap < end) {
    const b0 = b[bp]!;
    const b1 = b[bp + 1]!;
    const b2 = b[bp + 2]!;
    const b3 = b[bp + 3]!;
    const a0 = a[ap]!;
    c00 += a0 * b0;
    c01 += a0 * b1;
    c02 += a0 * b2;
    c03 += a0 * b3;
    const a1 = a[ap + 1]!;
    c10 += a1 * b0;
    c11 += a1 * b1;
    c12 += a1 * b2;
    c13 += a1 * b3;
    const a2 = a[ap + 2]!;
    c20 += a2 * b0;
    c21 += a2 * b1;
    c22 += a2 * b2;
    c23 += a2 * b3;
    const a3 = a[ap + 3]!;
    c30 += a3 * b0;
    c31 += a3 * b1;
    c32 += a3 * b2;
    c33 += a3 * b3;
    ap += 4;
    bp += 4;
  }
  let cp = cFrom;
  c[cp] = c[cp]! + c00;
  c[cp + 1] = c[cp + 1]! + c01;
  c[cp + 2] = c[cp + 2]! + c02;
  c[cp + 3] = c[cp + 3]! + c03;
  cp += ldc;
  c[cp] = c[cp]! + c10;
  c[cp + 1] = c[cp + 1]! + c11;
  c[cp + 2] = c[cp + 2]! + c12;
  c[cp + 3] = c[cp + 3]! + c13;
  cp += ldc;
  c[cp] = c[cp]! + c20;
  c[cp + 1] = c[cp + 1]! + c21;
  c[cp + 2] = c[cp + 2]! + c22;
  c[cp + 3] = c[cp + 3]! + c23;
  cp += ldc;
  c[cp] = c[cp]! + c30;
  c[cp + 1] = c[cp + 1]! + c31;
  c[cp + 2] = c[cp + 2]! + c32;
  c[cp + 3] = c[cp + 3]! + c33;
}
