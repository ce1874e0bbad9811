/*
 * Positive parts as (v + |v|) / 2, which is exact for float32 numbers in float64: signs of activations follow no pattern, and
 * a mispredicted branch costs more than the sum. −∞ alone has none.
 */

/** y = the positive part of x; the same array may be both. */
export function rectify(x: Float32Array, y: Float32Array): void {
  const count = x.length;
  for (let i = 0; i < count; i++) {
    const v = x[i]!;
    y[i] = v === -Infinity ? 0 : 0.5 * (v + Math.abs(v));
  }
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
  for (let j = 0; j < count; j++) {
    const v = c[from + j]! + add;
    y[at + j] = v === -Infinity ? 0 : 0.5 * (v + Math.abs(v));
  }
}
