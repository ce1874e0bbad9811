import { accumulateProduct, rowMajor, transposed, type Operand } from "./blocked-product.js";
import { matrix, type Matrix } from "./matrix.js";

/** Which operands are taken transposed. */
export interface MultiplyOptions {
  readonly transA?: boolean;
  readonly transB?: boolean;
}

/** A matrix product that may run elsewhere (a native library, another thread). */
export interface Gemm {
  readonly name: string;
  /** op(a) · op(b), where op transposes when the option says so. Rejects with RangeError when the sizes don't fit. */
  multiply(a: Matrix, b: Matrix, o?: MultiplyOptions): Promise<Matrix>;
}

/**
 * op(a) · op(b), where op transposes when the option says so. The order of summation is fixed: the bytes are the same
 * on every machine. Throws RangeError when the inner sizes differ.
 */
export function multiply(a: Matrix, b: Matrix, o: MultiplyOptions = {}): Matrix {
  const m = o.transA ? a.cols : a.rows;
  const k = o.transA ? a.rows : a.cols;
  const inner = o.transB ? b.cols : b.rows;
  const n = o.transB ? b.rows : b.cols;
  if (k !== inner) {
    throw new RangeError(
      `cannot multiply ${a.rows} × ${a.cols}${o.transA ? "ᵀ" : ""} by ${b.rows} × ${b.cols}${o.transB ? "ᵀ" : ""}: ` +
        `the inner sizes ${k} and ${inner} differ`,
    );
  }
  const result = matrix(m, n);
  accumulateProduct(
    m,
    n,
    k,
    1,
    operand(a, o.transA ?? false),
    operand(b, o.transB ?? false),
    operand(result, false),
  );
  return result;
}

/** aᵀ · a (cols × cols), at half the work and exactly symmetric. */
export function gram(a: Matrix): Matrix {
  const n = a.cols;
  const result = matrix(n, n);
  accumulateProduct(n, n, a.rows, 1, operand(a, true), operand(a, false), operand(result, false), "upper");
  mirrorUpper(result);
  return result;
}

/** The product in portable TypeScript: the deterministic backend. */
export const portableGemm: Gemm = {
  name: "portable",
  multiply: async (a, b, o) => multiply(a, b, o),
};

function operand(a: Matrix, trans: boolean): Operand {
  return trans ? transposed(a.data, a.cols) : rowMajor(a.data, a.cols);
}

/** Copies the upper triangle of a square matrix to the lower one, in place. */
function mirrorUpper(a: Matrix): void {
  const n = a.rows;
  const block = 32;
  for (let i0 = 0; i0 < n; i0 += block) {
    const i1 = Math.min(i0 + block, n);
    for (let j0 = 0; j0 <= i0; j0 += block) {
      for (let i = i0; i < i1; i++) {
        const j1 = Math.min(j0 + block, i);
        for (let j = j0; j < j1; j++) a.data[i * n + j] = a.data[j * n + i]!;
      }
    }
  }
}
