import {
  applyReflectors,
  makeReflector,
  reflectorBlock,
  reflectorBlockOf,
  reflectRow,
  type ReflectorBlock,
} from "./householder.js";
import { matrix, requireFinite, type Matrix } from "./matrix.js";
import { binaryExponent, ldexpAll } from "./scaling.js";

/** a = q · r. */
export interface Qr {
  /** rows × min(rows, cols), orthonormal columns. */
  readonly q: Matrix;
  /** min(rows, cols) × cols, upper triangular with a non-negative diagonal. */
  readonly r: Matrix;
}

/**
 * The thin QR factorisation by blocked Householder reflections. Any shape and any scale. Columns of q that belong to a
 * rank deficiency complete the basis. Throws RangeError for values that are not finite.
 */
export function qr(a: Matrix): Qr {
  const { rows, cols } = a;
  const count = Math.min(rows, cols);
  const exponent = binaryExponent(requireFinite("qr", a.data));
  const work = a.data.slice();
  ldexpAll(work, -exponent);
  const blocks: ReflectorBlock[] = [];
  for (let k0 = 0; k0 < count; k0 += reflectorBlock) {
    const k1 = Math.min(k0 + reflectorBlock, count);
    const block = factorPanel(work, cols, k0, k1, rows);
    applyReflectors(block, true, work, k0 * cols + k1, cols, cols - k1);
    blocks.push(block);
  }

  const r = matrix(count, cols);
  const q = matrix(rows, count);
  for (let i = 0; i < count; i++) {
    r.data.set(work.subarray(i * cols + i, (i + 1) * cols), i * cols + i);
    // Rows of r and columns of q change sign together; starting q from ±I does it for q.
    const flip = r.data[i * cols + i]! < 0;
    if (flip) for (let j = i; j < cols; j++) r.data[i * cols + j] = -r.data[i * cols + j]!;
    q.data[i * count + i] = flip ? -1 : 1;
  }
  for (let b = blocks.length - 1; b >= 0; b--) {
    const k0 = b * reflectorBlock;
    applyReflectors(blocks[b]!, false, q.data, k0 * count + k0, count, count - k0);
  }
  ldexpAll(r.data, exponent);
  return { q, r };
}

/** Factors the columns k0 … k1 − 1 from row k0 down, writes their part of R back and returns the reflectors. */
function factorPanel(work: Float64Array, cols: number, k0: number, k1: number, rows: number): ReflectorBlock {
  const width = k1 - k0;
  const length = rows - k0;
  const panel = new Float64Array(width * length);
  for (let i = 0; i < length; i++) {
    for (let c = 0; c < width; c++) panel[c * length + i] = work[(k0 + i) * cols + k0 + c]!;
  }
  const taus = new Float64Array(width);
  for (let c = 0; c < width; c++) {
    const at = c * length + c;
    const tau = makeReflector(panel, at, (c + 1) * length);
    taus[c] = tau;
    for (let i = 0; i < c; i++) {
      work[(k0 + i) * cols + k0 + c] = panel[c * length + i]!;
      panel[c * length + i] = 0;
    }
    work[(k0 + c) * cols + k0 + c] = panel[at]!;
    panel[at] = 1;
    for (let other = c + 1; other < width; other++) {
      reflectRow(panel, at, other * length + c, length - c, tau);
    }
  }
  return reflectorBlockOf(panel, width, length, taus);
}
