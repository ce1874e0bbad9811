/* How sums become outputs. Several elements at a time spare half of the work on indices. */

/** y[at …] = c[from …] + add. */
export function storeFloats(
  c: Float64Array,
  from: number,
  y: Float32Array,
  at: number,
  count: number,
  add: number,
): void {
  let j = 0;
  for (; j + 4 <= count; j += 4) {
    const p = from + j;
    const q = at + j;
    y[q] = c[p]! + add;
    y[q + 1] = c[p + 1]! + add;
    y[q + 2] = c[p + 2]! + add;
    y[q + 3] = c[p + 3]! + add;
  }
  for (; j < count; j++) y[at + j] = c[from + j]! + add;
}

/**
 * (v + |v|) / 2, which is exact as far as float32 goes: signs of activations follow no pattern, and a mispredicted branch
 * costs more than the sum. −∞ alone has none.
 */
function positivePart(v: number): number {
  return v === -Infinity ? 0 : 0.5 * (v + Math.abs(v));
}

/** y = the positive part of x; the same array may be both. */
export function rectify(x: Float32Array, y: Float32Array): void {
  const count = x.length;
  for (let i = 0; i < count; i++) y[i] = positivePart(x[i]!);
}

/** y[at …] = the positive part of c[from …] + add, which is that of the rounded sum. */
export function storeRectified(
  c: Float64Array,
  from: number,
  y: Float32Array,
  at: number,
  count: number,
  add: number,
): void {
  let j = 0;
  for (; j + 4 <= count; j += 4) {
    const p = from + j;
    const q = at + j;
    y[q] = positivePart(c[p]! + add);
    y[q + 1] = positivePart(c[p + 1]! + add);
    y[q + 2] = positivePart(c[p + 2]! + add);
    y[q + 3] = positivePart(c[p + 3]! + add);
  }
  for (; j < count; j++) y[at + j] = positivePart(c[from + j]! + add);
}
