/**
 * Scaling by powers of two, so that algorithms that square their input neither overflow nor underflow and lose no
 * bit: the values of the scaled problem are those of the given one times a power of two. The powers are put
 * together from their bits, because `**` may round differently from one engine to the next.
 */

const bits = new DataView(new ArrayBuffer(8));

/** 2^exponent, exactly, for −1022 ≤ exponent ≤ 1023. */
function powerOfTwo(exponent: number): number {
  bits.setUint32(0, (exponent + 1023) << 20);
  bits.setUint32(4, 0);
  return bits.getFloat64(0);
}

/** The exponent e with 2^(e−1) ≤ x < 2^e of a finite x > 0, subnormals included; 0 for x = 0. */
export function binaryExponent(x: number): number {
  if (x === 0) return 0;
  const subnormal = x < 2.2250738585072014e-308;
  bits.setFloat64(0, subnormal ? x * 18014398509481984 : x);
  return (bits.getUint32(0) >>> 20) - (subnormal ? 1076 : 1022);
}

/** x · 2^exponent; the exponent may be beyond the range of a number. */
export function ldexp(x: number, exponent: number): number {
  let result = x;
  let rest = exponent;
  for (; rest > 1000; rest -= 1000) result *= powerOfTwo(1000);
  for (; rest < -1000; rest += 1000) result *= powerOfTwo(-1000);
  return result * powerOfTwo(rest);
}

/** Multiplies every entry by 2^exponent, in place. */
export function ldexpAll(x: Float64Array, exponent: number): void {
  if (exponent === 0) return;
  if (Math.abs(exponent) <= 1000) {
    const factor = powerOfTwo(exponent);
    for (let i = 0; i < x.length; i++) x[i] = x[i]! * factor;
    return;
  }
  for (let i = 0; i < x.length; i++) x[i] = ldexp(x[i]!, exponent);
}
