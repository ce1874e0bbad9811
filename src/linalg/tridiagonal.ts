import { applyReflectors, makeReflector, reflectorBlock, reflectorBlockOf } from "./householder.js";

/** A = Q·T·Qᵀ with T symmetric tridiagonal. */
export interface Tridiagonal {
  /** The n diagonal entries of T. */
  readonly diagonal: Float64Array;
  /** The entries beside the diagonal: offDiagonal[i] links i and i + 1; the last of the n is 0. */
  readonly offDiagonal: Float64Array;
  /** Q, n × n row-major. */
  readonly basis: Float64Array;
}

/**
 * Householder tridiagonalisation (Golub and Van Loan §8.3.1) of the symmetric n × n matrix whose upper triangle is in
 * `a`, which is overwritten. The rank-2 update of one step and the matrix-vector product of the next share one pass
 * over the triangle, along rows.
 */
export function tridiagonalise(a: Float64Array, n: number): Tridiagonal {
  const diagonal = new Float64Array(n);
  const offDiagonal = new Float64Array(n);
  const taus = new Float64Array(n);
  // The pending update A −= u·wᵀ + w·uᵀ, the reflector v being built, and y = A·v.
  let u = new Float64Array(n);
  let v = new Float64Array(n);
  const w = new Float64Array(n);
  const y = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    const row = k * n;
    const uk = u[k]!;
    const wk = w[k]!;
    for (let j = k; j < n; j++) a[row + j] = a[row + j]! - (uk * w[j]! + wk * u[j]!);
    diagonal[k] = a[row + k]!;
    if (k === n - 1) break;
    const tau = makeReflector(a, row + k + 1, row + n);
    offDiagonal[k] = a[row + k + 1]!;
    a[row + k + 1] = 1;
    taus[k] = tau;
    for (let j = k + 1; j < n; j++) v[j] = a[row + j]!;
    y.fill(0, k + 1);
    updateAndMultiply(a, n, k + 1, u, w, v, y);
    let projection = 0;
    for (let j = k + 1; j < n; j++) projection += y[j]! * v[j]!;
    const shift = 0.5 * tau * tau * projection;
    for (let j = k + 1; j < n; j++) w[j] = tau * y[j]! - shift * v[j]!;
    const spare = u;
    u = v;
    v = spare;
  }
  return { diagonal, offDiagonal, basis: accumulateBasis(a, n, taus) };
}

/** On the upper triangle from row `from`: A −= u·wᵀ + w·uᵀ, then y += A·v. Two rows at a time. */
function updateAndMultiply(
  a: Float64Array,
  n: number,
  from: number,
  u: Float64Array,
  w: Float64Array,
  v: Float64Array,
  y: Float64Array,
): void {
  let i = from;
  for (; i + 1 < n; i += 2) {
    const row0 = i * n;
    const row1 = row0 + n;
    const u0 = u[i]!;
    const u1 = u[i + 1]!;
    const w0 = w[i]!;
    const w1 = w[i + 1]!;
    const v0 = v[i]!;
    const v1 = v[i + 1]!;
    const a00 = a[row0 + i]! - 2 * u0 * w0;
    const a01 = a[row0 + i + 1]! - (u0 * w1 + w0 * u1);
    const a11 = a[row1 + i + 1]! - 2 * u1 * w1;
    a[row0 + i] = a00;
    a[row0 + i + 1] = a01;
    a[row1 + i + 1] = a11;
    let y0 = a00 * v0 + a01 * v1;
    let y1 = a01 * v0 + a11 * v1;
    for (let j = i + 2; j < n; j++) {
      const uj = u[j]!;
      const wj = w[j]!;
      const vj = v[j]!;
      const a0 = a[row0 + j]! - (u0 * wj + w0 * uj);
      const a1 = a[row1 + j]! - (u1 * wj + w1 * uj);
      a[row0 + j] = a0;
      a[row1 + j] = a1;
      y0 += a0 * vj;
      y1 += a1 * vj;
      y[j] = y[j]! + (a0 * v0 + a1 * v1);
    }
    y[i] = y[i]! + y0;
    y[i + 1] = y[i + 1]! + y1;
  }
  if (i < n) {
    const last = a[i * n + i]! - 2 * u[i]! * w[i]!;
    a[i * n + i] = last;
    y[i] = y[i]! + last * v[i]!;
  }
}

/** Q = H₀H₁…, the reflectors being rows of `a` right of the diagonal. */
function accumulateBasis(a: Float64Array, n: number, taus: Float64Array): Float64Array {
  const basis = new Float64Array(n * n);
  for (let i = 0; i < n; i++) basis[i * n + i] = 1;
  const count = Math.max(0, n - 1);
  for (let k0 = Math.floor((count - 1) / reflectorBlock) * reflectorBlock; k0 >= 0; k0 -= reflectorBlock) {
    const k1 = Math.min(k0 + reflectorBlock, count);
    const length = n - k0 - 1;
    const vectors = new Float64Array((k1 - k0) * length);
    for (let k = k0; k < k1; k++) {
      vectors.set(a.subarray(k * n + k + 1, k * n + n), (k - k0) * length + (k - k0));
    }
    const block = reflectorBlockOf(vectors, k1 - k0, length, taus.subarray(k0, k1));
    applyReflectors(block, false, basis, (k0 + 1) * n + k0 + 1, n, length);
  }
  return basis;
}
