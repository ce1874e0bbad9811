import type { DType } from "./dtype.js";
import { InvariantError } from "./errors.js";

/**
 * Bit formats of the floats below 32 bits. `special` names what the top of the code space means:
 * IEEE infinities and NaNs, "fn" (finite, one NaN pattern per sign), "fnuz" (finite, the only NaN is -0),
 * "finite" (no special value at all), "exponent" (e8m0: a bare power of two, 0xff is NaN).
 * Sources: IEEE 754 binary16, bfloat16, OCP 8-bit (OFP8) and Microscaling (MX) specifications.
 */
interface Format {
  readonly bits: number;
  readonly mantissa: number;
  readonly bias: number;
  readonly special: "ieee" | "fn" | "fnuz" | "finite" | "exponent";
}

const formats: Partial<Record<DType, Format>> = {
  float16: { bits: 16, mantissa: 10, bias: 15, special: "ieee" },
  bfloat16: { bits: 16, mantissa: 7, bias: 127, special: "ieee" },
  float8e4m3fn: { bits: 8, mantissa: 3, bias: 7, special: "fn" },
  float8e4m3fnuz: { bits: 8, mantissa: 3, bias: 8, special: "fnuz" },
  float8e5m2: { bits: 8, mantissa: 2, bias: 15, special: "ieee" },
  float8e5m2fnuz: { bits: 8, mantissa: 2, bias: 16, special: "fnuz" },
  float8e8m0: { bits: 8, mantissa: 0, bias: 127, special: "exponent" },
  float6e2m3: { bits: 6, mantissa: 3, bias: 1, special: "finite" },
  float6e3m2: { bits: 6, mantissa: 2, bias: 3, special: "finite" },
  float4e2m1: { bits: 4, mantissa: 1, bias: 1, special: "finite" },
};

const tables = new Map<DType, Float32Array>();

/** All values of a narrow float type, indexed by bit pattern. Throws for other types. */
export function narrowFloatTable(dtype: DType): Float32Array {
  let table = tables.get(dtype);
  if (!table) {
    const format = formats[dtype];
    if (!format) throw new InvariantError(`${dtype} is not a narrow float`);
    table = Float32Array.from({ length: 1 << format.bits }, (_, code) => decodeCode(code, format));
    tables.set(dtype, table);
  }
  return table;
}

function decodeCode(code: number, { bits, mantissa, bias, special }: Format): number {
  if (special === "exponent") return code === 0xff ? NaN : 2 ** (code - bias);
  const sign = code >> (bits - 1) === 1 ? -1 : 1;
  const magnitude = code & ((1 << (bits - 1)) - 1);
  const exponent = magnitude >> mantissa;
  const fraction = magnitude & ((1 << mantissa) - 1);
  const top = (1 << (bits - 1 - mantissa)) - 1;
  if (special === "ieee" && exponent === top) return fraction === 0 ? sign * Infinity : NaN;
  if (special === "fn" && magnitude === (1 << (bits - 1)) - 1) return NaN;
  if (special === "fnuz" && sign === -1 && magnitude === 0) return NaN;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias - mantissa);
  return sign * (1 + fraction / 2 ** mantissa) * 2 ** (exponent - bias);
}

export interface NarrowOptions {
  /** Out-of-range values become the largest finite value (ONNX Cast `saturate`), else infinity or NaN. */
  readonly saturate?: boolean;
}

/** Bit pattern of `value` rounded to nearest, ties to even. Shapes and bounds are the caller's. */
export function encodeNarrowFloat(value: number, dtype: DType, options: NarrowOptions = {}): number {
  const format = formats[dtype];
  if (!format) throw new InvariantError(`${dtype} is not a narrow float`);
  const { bits, mantissa, bias, special } = format;
  const signBit = 1 << (bits - 1);
  if (special === "exponent") return encodeExponent(value);
  const negative = value < 0 || Object.is(value, -0);
  const sign = negative ? signBit : 0;
  if (Number.isNaN(value)) {
    if (special === "ieee") return ((signBit - 1) >> mantissa << mantissa) | (1 << (mantissa - 1)); // prettier-ignore
    if (special === "fn") return signBit - 1;
    if (special === "fnuz") return signBit;
    return signBit - 1; // no NaN in the format: the largest magnitude, as the conversion tables of ONNX say
  }
  const magnitude = Math.abs(value);
  const largest = largestFiniteCode(format);
  const overflow = (): number => {
    if (special === "finite" || options.saturate === true) return sign | largest;
    if (special === "ieee") return sign | (largest + 1);
    return special === "fn" ? sign | (signBit - 1) : signBit;
  };
  if (magnitude === Infinity) {
    return special === "ieee" && options.saturate !== true ? sign | (largest + 1) : overflow();
  }
  const exponent = Math.max(magnitude === 0 ? -Infinity : Math.floor(Math.log2(magnitude)), 1 - bias);
  const code = codeAtExponent(magnitude, correctExponent(magnitude, exponent, 1 - bias), mantissa, bias);
  if (code > largest) return overflow();
  if (special === "fnuz" && code === 0) return 0;
  return sign | code;
}

/** Math.log2 may be off by one ulp near powers of two. */
function correctExponent(magnitude: number, exponent: number, least: number): number {
  if (magnitude < 2 ** exponent) return Math.max(exponent - 1, least);
  return magnitude >= 2 ** (exponent + 1) ? exponent + 1 : exponent;
}

function codeAtExponent(magnitude: number, exponent: number, mantissa: number, bias: number): number {
  const steps = roundHalfEven(magnitude / 2 ** (exponent - mantissa));
  // A subnormal has a zero exponent field; the hidden one of a normal carries into it, as does rounding up.
  return steps + (exponent + bias - 1) * 2 ** mantissa;
}

function largestFiniteCode({ bits, mantissa, special }: Format): number {
  const all = (1 << (bits - 1)) - 1;
  if (special === "ieee") return ((all >> mantissa) << mantissa) - 1;
  return special === "fn" ? all - 1 : all;
}

function encodeExponent(value: number): number {
  if (Number.isNaN(value) || value < 0) return 0xff;
  if (value === Infinity) return 0xfe;
  const exponent = correctExponent(value, Math.floor(Math.log2(value)), -Infinity);
  const code = exponent + 127 + (value >= 1.5 * 2 ** exponent ? 1 : 0);
  return Math.min(Math.max(code, 0), 0xfe);
}

/** Rounds to the nearest integer, halves to the even one. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
