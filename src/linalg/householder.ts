import { accumulateProduct, rowMajor, transposed } from "./blocked-product.js";
import { norm } from "./matrix.js";

/**
 * Householder reflectors H = I − τ·v·vᵀ with v₀ = 1, and products of them in the compact WY form of Schreiber and
 * Van Loan (1989): H₀H₁… = I − Vᵀ·T·V with the vectors as the rows of V.
 */

/** How many reflectors are applied at once. */
export const reflectorBlock = 32;

/** Reflectors as the rows of a count × length matrix, with their upper triangular factor T (count × count). */
export interface ReflectorBlock {
  readonly count: number;
  readonly length: number;
  readonly vectors: Float64Array;
  readonly factor: Float64Array;
}

/**
 * Turns x[from … to) into a reflector that maps it to (β, 0, …): afterwards x[from] = β and the rest is v without its
 * leading 1. Returns τ; 0, with x unchanged, when there is nothing to eliminate.
 */
export function makeReflector(x: Float64Array, from: number, to: number): number {
  const tail = norm(x.subarray(from + 1, to));
  if (tail === 0) return 0;
  const head = x[from]!;
  const length = norm([head, tail]);
  const beta = head > 0 ? -length : length;
  const divisor = head - beta;
  for (let i = from + 1; i < to; i++) x[i] = x[i]! / divisor;
  x[from] = beta;
  return (beta - head) / beta;
}

/** x −= τ·(vᵀx)·v for two rows of the same array, v at `vAt` and x at `xAt`; v₀ is read from the array. */
export function reflectRow(data: Float64Array, vAt: number, xAt: number, length: number, tau: number): void {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += data[vAt + i]! * data[xAt + i]!;
  const factor = tau * sum;
  for (let i = 0; i < length; i++) data[xAt + i] = data[xAt + i]! - factor * data[vAt + i]!;
}

/** The block of reflectors v₀, v₁, … (rows of `vectors`, zeros before each leading 1) with their τ. */
export function reflectorBlockOf(
  vectors: Float64Array,
  count: number,
  length: number,
  taus: ArrayLike<number>,
): ReflectorBlock {
  const products = new Float64Array(count * count);
  accumulateProduct(
    count,
    count,
    length,
    1,
    rowMajor(vectors, length),
    transposed(vectors, length),
    rowMajor(products, count),
    "upper",
  );
  const factor = new Float64Array(count * count);
  for (let j = 0; j < count; j++) {
    const tau = taus[j]!;
    factor[j * count + j] = tau;
    for (let i = 0; i < j; i++) {
      let sum = 0;
      for (let p = i; p < j; p++) sum += factor[i * count + p]! * products[p * count + j]!;
      factor[i * count + j] = -tau * sum;
    }
  }
  return { count, length, vectors, factor };
}

/**
 * Multiplies a block of rows by H₀H₁… (or by its transpose) from the left, in place. The rows start at
 * `target[offset]`, have `cols` columns and lie `stride` apart; there are `block.length` of them.
 */
export function applyReflectors(
  block: ReflectorBlock,
  transpose: boolean,
  target: Float64Array,
  offset: number,
  stride: number,
  cols: number,
): void {
  const { count, length, vectors, factor } = block;
  if (cols === 0) return;
  const inner = new Float64Array(count * cols);
  accumulateProduct(
    count,
    cols,
    length,
    1,
    rowMajor(vectors, length),
    rowMajor(target, stride, offset),
    rowMajor(inner, cols),
  );
  const scaled = new Float64Array(count * cols);
  const t = transpose ? transposed(factor, count) : rowMajor(factor, count);
  accumulateProduct(count, cols, count, 1, t, rowMajor(inner, cols), rowMajor(scaled, cols));
  accumulateProduct(
    length,
    cols,
    count,
    -1,
    transposed(vectors, length),
    rowMajor(scaled, cols),
    rowMajor(target, stride, offset),
  );
}
