import type { NumberArray } from "../../ir/index.js";
import { packStrided, product } from "../../linalg/product.js";

/** A matrix within an array: entry (i, j) is at `at + i · row + j · col`. */
export interface MatrixLayout {
  readonly at: number;
  readonly row: number;
  readonly col: number;
}

/** C = A · B, with A rows × depth and B depth × cols. */
export interface ProductLayout {
  readonly rows: number;
  readonly cols: number;
  readonly depth: number;
  readonly a: MatrixLayout;
  readonly b: MatrixLayout;
}

/** Rows (or columns) up to which packing costs more than it saves. */
const thin = 3;

/** Calls `store` once with every finished entry of C, summed in float64. */
export function multiplyMatrices(
  layout: ProductLayout,
  a: NumberArray,
  b: NumberArray,
  store: (sum: number, row: number, col: number) => void,
): void {
  const { rows, cols, depth } = layout;
  if (rows === 0 || cols === 0) return;
  if (rows <= thin) {
    multiplyThin(layout, a, b, store);
    return;
  }
  if (cols <= thin) {
    const flipped: ProductLayout = {
      rows: cols,
      cols: rows,
      depth,
      a: turned(layout.b),
      b: turned(layout.a),
    };
    multiplyThin(flipped, b, a, (sum, row, col) => store(sum, col, row));
    return;
  }
  product({
    rows,
    cols,
    depth,
    packA: packStrided(a, layout.a.at, layout.a.row, layout.a.col),
    packB: packStrided(b, layout.b.at, layout.b.col, layout.b.row),
    store: (c, stride, row, height, column, width) => {
      for (let i = 0; i < height; i++) {
        for (let j = 0; j < width; j++) store(c[i * stride + j]!, row + i, column + j);
      }
    },
  });
}

function turned({ at, row, col }: MatrixLayout): MatrixLayout {
  return { at, row: col, col: row };
}

/** Columns summed at a time when B's rows are contiguous. */
const span = 1024;

/** A few rows: B is read in its own order, a row of A beside it. */
function multiplyThin(
  { rows, cols, depth, a: al, b: bl }: ProductLayout,
  a: NumberArray,
  b: NumberArray,
  store: (sum: number, row: number, col: number) => void,
): void {
  const line = new Float64Array(depth);
  const sums = new Float64Array(Math.min(span, cols));
  const byColumn = bl.row === 1 || depth === 1;
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < depth; k++) line[k] = a[al.at + row * al.row + k * al.col]!;
    if (byColumn) {
      for (let col = 0; col < cols; col++) store(dot(line, b, bl.at + col * bl.col), row, col);
      continue;
    }
    for (let col = 0; col < cols; col += span) {
      const width = Math.min(span, cols - col);
      sums.fill(0);
      for (let k = 0; k < depth; k++)
        addScaled(sums, width, line[k]!, b, bl.at + k * bl.row + col * bl.col, bl.col);
      for (let j = 0; j < width; j++) store(sums[j]!, row, col + j);
    }
  }
}

/** Σ line · b over contiguous entries of b; four sums side by side. */
function dot(line: Float64Array, b: NumberArray, at: number): number {
  const count = line.length;
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let k = 0;
  for (; k + 4 <= count; k += 4) {
    s0 += line[k]! * b[at + k]!;
    s1 += line[k + 1]! * b[at + k + 1]!;
    s2 += line[k + 2]! * b[at + k + 2]!;
    s3 += line[k + 3]! * b[at + k + 3]!;
  }
  for (; k < count; k++) s0 += line[k]! * b[at + k]!;
  return s0 + s1 + (s2 + s3);
}

function addScaled(
  sums: Float64Array,
  count: number,
  by: number,
  b: NumberArray,
  at: number,
  step: number,
): void {
  for (let j = 0, p = at; j < count; j++, p += step) sums[j] = sums[j]! + by * b[p]!;
}
