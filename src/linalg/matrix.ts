/**
 * A dense real matrix, row-major: entry (i, j) is `data[i * cols + j]`. Functions of this room never change their
 * arguments and return matrices that own their data.
 */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float64Array;
}

/**
 * A rows × cols matrix around `data` (kept, not copied, when it is a Float64Array) or of zeros.
 * Throws RangeError when a size is not a non-negative integer or `data` has another length than rows · cols.
 */
export function matrix(rows: number, cols: number, data?: Float64Array | ArrayLike<number>): Matrix {
  if (!Number.isSafeInteger(rows) || !Number.isSafeInteger(cols) || rows < 0 || cols < 0) {
    throw new RangeError(`matrix sizes must be non-negative integers, got ${rows} × ${cols}`);
  }
  if (data === undefined) return { rows, cols, data: new Float64Array(rows * cols) };
  if (data.length !== rows * cols) {
    throw new RangeError(`a ${rows} × ${cols} matrix needs ${rows * cols} values, got ${data.length}`);
  }
  return { rows, cols, data: data instanceof Float64Array ? data : Float64Array.from(data) };
}

/** The n × n identity. */
export function identity(n: number): Matrix {
  const result = matrix(n, n);
  for (let i = 0; i < n; i++) result.data[i * n + i] = 1;
  return result;
}

/** A square matrix with `values` on its diagonal. */
export function diagonal(values: ArrayLike<number>): Matrix {
  const n = values.length;
  const result = matrix(n, n);
  for (let i = 0; i < n; i++) result.data[i * n + i] = values[i]!;
  return result;
}

/** A copy of a matrix. */
export function copy(a: Matrix): Matrix {
  return { rows: a.rows, cols: a.cols, data: a.data.slice() };
}

/** aᵀ, cols × rows. */
export function transpose(a: Matrix): Matrix {
  const { rows, cols, data } = a;
  const result = new Float64Array(rows * cols);
  const tile = 32;
  for (let i0 = 0; i0 < rows; i0 += tile) {
    const i1 = Math.min(i0 + tile, rows);
    for (let j0 = 0; j0 < cols; j0 += tile) {
      const j1 = Math.min(j0 + tile, cols);
      for (let i = i0; i < i1; i++) {
        for (let j = j0; j < j1; j++) result[j * rows + i] = data[i * cols + j]!;
      }
    }
  }
  return { rows: cols, cols: rows, data: result };
}

/** a + b; throws RangeError when the shapes differ. */
export function add(a: Matrix, b: Matrix): Matrix {
  requireSameShape("add", a, b);
  const result = a.data.slice();
  for (let i = 0; i < result.length; i++) result[i] = result[i]! + b.data[i]!;
  return { rows: a.rows, cols: a.cols, data: result };
}

/** a − b; throws RangeError when the shapes differ. */
export function subtract(a: Matrix, b: Matrix): Matrix {
  requireSameShape("subtract", a, b);
  const result = a.data.slice();
  for (let i = 0; i < result.length; i++) result[i] = result[i]! - b.data[i]!;
  return { rows: a.rows, cols: a.cols, data: result };
}

/** factor · a. */
export function scale(a: Matrix, factor: number): Matrix {
  return { rows: a.rows, cols: a.cols, data: a.data.map((value) => value * factor) };
}

/** diag(factors) · a: row i times factors[i]; throws RangeError when there isn't one factor per row. */
export function scaleRows(a: Matrix, factors: ArrayLike<number>): Matrix {
  requireLength("scaleRows", "row", factors.length, a.rows);
  const result = a.data.slice();
  for (let i = 0, at = 0; i < a.rows; i++) {
    const factor = factors[i]!;
    for (let j = 0; j < a.cols; j++, at++) result[at] = result[at]! * factor;
  }
  return { rows: a.rows, cols: a.cols, data: result };
}

/** a · diag(factors): column j times factors[j]; throws RangeError when there isn't one factor per column. */
export function scaleCols(a: Matrix, factors: ArrayLike<number>): Matrix {
  requireLength("scaleCols", "column", factors.length, a.cols);
  const result = a.data.slice();
  for (let i = 0, at = 0; i < a.rows; i++) {
    for (let j = 0; j < a.cols; j++, at++) result[at] = result[at]! * factors[j]!;
  }
  return { rows: a.rows, cols: a.cols, data: result };
}

/** The rows `picked`, in that order (repeats allowed); a number n takes the first n. */
export function takeRows(a: Matrix, picked: number | ArrayLike<number>): Matrix {
  if (typeof picked === "number") {
    requireIndex("takeRows", picked, a.rows + 1);
    return { rows: picked, cols: a.cols, data: a.data.slice(0, picked * a.cols) };
  }
  const result = new Float64Array(picked.length * a.cols);
  for (let i = 0; i < picked.length; i++) {
    const from = picked[i]!;
    requireIndex("takeRows", from, a.rows);
    result.set(a.data.subarray(from * a.cols, (from + 1) * a.cols), i * a.cols);
  }
  return { rows: picked.length, cols: a.cols, data: result };
}

/** The columns `picked`, in that order (repeats allowed); a number n takes the first n. */
export function takeCols(a: Matrix, picked: number | ArrayLike<number>): Matrix {
  const count = typeof picked === "number" ? picked : picked.length;
  const result = matrix(a.rows, count);
  if (typeof picked === "number") {
    requireIndex("takeCols", picked, a.cols + 1);
    for (let i = 0; i < a.rows; i++) {
      result.data.set(a.data.subarray(i * a.cols, i * a.cols + count), i * count);
    }
    return result;
  }
  for (let j = 0; j < count; j++) requireIndex("takeCols", picked[j]!, a.cols);
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < count; j++) result.data[i * count + j] = a.data[i * a.cols + picked[j]!]!;
  }
  return result;
}

/** The Frobenius norm, without overflow or underflow on the way. NaN when an entry is NaN. */
export function frobenius(a: Matrix): number {
  return norm(a.data);
}

/** The Euclidean norm of a vector, without overflow or underflow on the way. NaN when an entry is NaN. */
export function norm(x: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < x.length; i++) squares += x[i]! * x[i]!;
  if ((squares > 1e-280 && squares < Infinity) || Number.isNaN(squares)) return Math.sqrt(squares);
  const largest = maxAbs(x);
  if (largest === 0 || largest === Infinity) return largest;
  squares = 0;
  for (let i = 0; i < x.length; i++) squares += (x[i]! / largest) * (x[i]! / largest);
  return largest * Math.sqrt(squares);
}

/** The largest magnitude among the entries; 0 for none, NaN when an entry is NaN. */
export function maxAbs(x: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < x.length; i++) {
    const magnitude = Math.abs(x[i]!);
    if (!(magnitude <= largest)) {
      if (Number.isNaN(magnitude)) return NaN;
      largest = magnitude;
    }
  }
  return largest;
}

/** The sum of the diagonal entries; throws RangeError unless a is square. */
export function trace(a: Matrix): number {
  requireSquare("trace", a);
  let sum = 0;
  for (let i = 0; i < a.rows; i++) sum += a.data[i * a.cols + i]!;
  return sum;
}

/** Throws RangeError unless a is square. */
export function requireSquare(caller: string, a: Matrix): void {
  if (a.rows !== a.cols) {
    throw new RangeError(`${caller} needs a square matrix, got ${a.rows} × ${a.cols}`);
  }
}

/** Throws RangeError when an entry is NaN or infinite; returns the largest magnitude. */
export function requireFinite(caller: string, x: ArrayLike<number>): number {
  const largest = maxAbs(x);
  if (!(largest < Infinity)) {
    let at = 0;
    while (Number.isFinite(x[at]!)) at++;
    throw new RangeError(`${caller} needs finite values, got ${x[at]} at flat index ${at}`);
  }
  return largest;
}

function requireSameShape(caller: string, a: Matrix, b: Matrix): void {
  if (a.rows !== b.rows || a.cols !== b.cols) {
    throw new RangeError(`${caller} needs equal shapes, got ${a.rows} × ${a.cols} and ${b.rows} × ${b.cols}`);
  }
}

function requireLength(caller: string, what: string, got: number, wanted: number): void {
  if (got !== wanted)
    throw new RangeError(`${caller} needs one factor per ${what}, got ${got} for ${wanted} ${what}s`);
}

function requireIndex(caller: string, index: number, bound: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= bound) {
    throw new RangeError(`${caller}: ${index} is not in 0 … ${bound - 1}`);
  }
}

/** Σ aᵢ·bᵢ of two vectors of one length. */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
