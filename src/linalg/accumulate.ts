import { accumulateProduct, rowMajor, transposed } from "./blocked-product.js";

/** A rows × cols part of a row-major array: entry (i, j) is `data[offset + i * stride + j]`. */
export interface Block {
  readonly data: Float64Array;
  readonly offset: number;
  readonly stride: number;
  readonly cols: number;
}

/**
 * c += aᵀ·b for two blocks of the same `rows`, into the row-major a.cols × b.cols array `c`; with `upper` only the
 * tiles that touch the upper triangle are sure to be right. `c` must not overlap the operands.
 */
export function accumulateTransposed(rows: number, a: Block, b: Block, c: Float64Array, upper = false): void {
  accumulateProduct(
    a.cols,
    b.cols,
    rows,
    1,
    transposed(a.data, a.stride, a.offset),
    rowMajor(b.data, b.stride, b.offset),
    rowMajor(c, b.cols),
    upper ? "upper" : "all",
  );
}
