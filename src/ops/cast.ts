import {
  allocateValues,
  decodeValues,
  dtypeOfCode,
  dtypes,
  elementCount,
  encodeNarrowFloat,
  isBigInt,
  isComplex,
  isFloat,
  isInteger,
  isNarrowFloat,
  narrowFloatTable,
  Tensor,
  type DType,
  type Values,
} from "../ir/index.js";
import { entriesFact, entriesOf } from "./entries.js";
import { fact, type Fact } from "./fact.js";
import { formatFloat, parseFloatText, parseIntegerText } from "./number-text.js";
import { defineOp, type EvalCall, type InferCall } from "./op.js";
import {
  attributeError,
  dtypeError,
  factOf,
  operand,
  shapeError,
  unsupported,
  type Site,
} from "./operand.js";
import { signedIntegers } from "./integer-range.js";

/** How values that a narrow float type can't hold are treated. */
export interface CastOptions {
  /** Float8: out of range becomes the largest finite value instead of infinity or NaN. */
  readonly saturate?: boolean;
  /** Float8e8m0: rounding of what lies between two powers of two. */
  readonly roundMode?: string;
  /** Leave float16 and wider unrounded, as the float64 interpreter does. */
  readonly exact?: boolean;
}

/** The dtype of a `TensorProto.DataType` code that an attribute holds; `E_ATTRIBUTE` for unknown ones. */
export function dtypeAttribute(site: Site, code: number, name: string): DType {
  const dtype = dtypeOfCode(code);
  if (!dtype) throw attributeError(site, `${name} ${code} is no element type that is known here`);
  return dtype;
}

/** `tensor` in another element type, by the conversion rules of ONNX Cast. */
export function castTensor(site: Site, tensor: Tensor, to: DType, options: CastOptions = {}): Tensor {
  const from = tensor.dtype;
  if (from === to) return tensor;
  if (isComplex(from) || isComplex(to)) throw unsupported(site, `casting ${from} to ${to} is not evaluated`);
  return Tensor.of(to, tensor.dims, castValues(site, tensor.data, from, to, options));
}

function castValues(site: Site, data: Values, from: DType, to: DType, options: CastOptions): Values {
  if (to === "string") return Array.from(data as ArrayLike<number | bigint>, (x) => textOf(x, from));
  if (from === "string") return parseStrings(site, data as string[], to, options);
  if (isFloat(to)) {
    const numbers = isBigInt(from)
      ? Float64Array.from(data as BigInt64Array, Number)
      : (data as Float64Array);
    return toFloats(numbers, to, options);
  }
  if (to === "bool") return Uint8Array.from(data as ArrayLike<number | bigint>, (x) => (x == 0 ? 0 : 1));
  if (isBigInt(to)) return toBigInts(data, from, to);
  return toSmallIntegers(data, to);
}

function textOf(x: number | bigint, from: DType): string {
  if (from === "bool") return x === 0 ? "False" : "True";
  return isFloat(from) ? formatFloat(Number(x), from) : String(x);
}

function parseStrings(site: Site, data: readonly string[], to: DType, options: CastOptions): Values {
  if (isFloat(to))
    return toFloats(
      Float64Array.from(data, (text) => parseFloatText(site, text)),
      to,
      options,
    );
  const integers = BigInt64Array.from(data, (text) => BigInt.asIntN(64, parseIntegerText(site, text)));
  if (to === "bool") return Uint8Array.from(integers, (x) => (x === 0n ? 0 : 1));
  return isBigInt(to) ? toBigInts(integers, "int64", to) : toSmallIntegers(integers, to);
}

function toFloats(numbers: ArrayLike<number>, to: DType, options: CastOptions): Float32Array | Float64Array {
  if (to === "float64" || (options.exact && dtypes[to].bits >= 16)) return Float64Array.from(numbers);
  if (!isNarrowFloat(to)) return Float32Array.from(numbers);
  const out = new Float32Array(numbers.length);
  const table = narrowFloatTable(to);
  if (to === "float8e8m0") {
    for (let i = 0; i < out.length; i++) out[i] = table[encodePowerOfTwo(numbers[i]!, options)]!;
    return out;
  }
  const saturate = dtypes[to].bits <= 8 && options.saturate !== false;
  // Formats without NaN: the backend tests of ONNX expect zero.
  const nan = table.includes(NaN) ? NaN : 0;
  for (let i = 0; i < out.length; i++) {
    const x = numbers[i]!;
    out[i] = Number.isNaN(x) ? nan : table[encodeNarrowFloat(x, to, { saturate })]!;
  }
  return out;
}

/** Float8e8m0 code: a biased exponent without sign or mantissa; 255 is NaN. */
function encodePowerOfTwo(value: number, { saturate = true, roundMode = "up" }: CastOptions): number {
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 255;
  if (magnitude === Infinity) return saturate ? 254 : 255;
  if (magnitude === 0) return 0;
  const floor = Math.floor(Math.log2(magnitude));
  const exponent = 2 ** floor > magnitude ? floor - 1 : 2 ** (floor + 1) <= magnitude ? floor + 1 : floor;
  const exact = 2 ** exponent === magnitude;
  const up = roundMode === "up" ? !exact : roundMode === "nearest" && magnitude >= 1.5 * 2 ** exponent;
  const code = exponent + 127 + (up ? 1 : 0);
  if (code > 254) return saturate ? 254 : 255;
  return Math.max(code, 0);
}

/** Fractions are cut off. What doesn't fit wraps around; NaN and infinities become the least int64. */
function toBigInts(data: Values, from: DType, to: DType): Values {
  const values = allocateValues(to, data.length) as BigInt64Array;
  const source = data as ArrayLike<number | bigint>;
  for (let i = 0; i < values.length; i++) {
    const x = source[i]!;
    if (typeof x === "bigint") values[i] = x;
    else values[i] = Number.isFinite(x) ? BigInt(isFloat(from) ? Math.trunc(x) : x) : -(2n ** 63n);
  }
  return values;
}

function toSmallIntegers(data: Values, to: DType): Values {
  const values = allocateValues(to, data.length) as Int32Array;
  const source = data as ArrayLike<number | bigint>;
  for (let i = 0; i < values.length; i++) {
    const x = source[i]!;
    if (typeof x === "bigint") values[i] = Number(BigInt.asIntN(32, x));
    else values[i] = Number.isFinite(x) ? Math.trunc(x) : to === "int32" ? -(2 ** 31) : 0;
  }
  if (dtypes[to].bits < 8) wrapBits(values, dtypes[to].bits, signedIntegers.has(to));
  return values;
}

function wrapBits(values: Int32Array, bits: number, signed: boolean): void {
  const shift = 32 - bits;
  for (let i = 0; i < values.length; i++) {
    values[i] = signed ? (values[i]! << shift) >> shift : values[i]! & (2 ** bits - 1);
  }
}

/** Shape arithmetic passes through casts between integer types. */
function inferCast(x: Fact, to: DType | null): Fact {
  const integral = to !== null && (x.dtype === null || isInteger(x.dtype)) && isInteger(to);
  return integral ? entriesFact(to, x.shape, entriesOf(x)) : fact(to, x.shape);
}

interface CastAttributes {
  readonly saturate: number | null;
  readonly round_mode: string | null;
}

function castOptions(call: EvalCall<CastAttributes>): CastOptions {
  return {
    saturate: call.attributes.saturate !== 0,
    ...(call.attributes.round_mode === null ? {} : { roundMode: call.attributes.round_mode }),
    exact: call.floats(0) instanceof Float64Array,
  };
}

/** Opset 1 names the target by its text. */
function targetOf(call: InferCall<{ to: number | string }> | EvalCall<{ to: number | string }>): DType {
  const { to } = call.attributes;
  if (typeof to === "number") return dtypeAttribute(call, to, "to");
  const name = to
    .toLowerCase()
    .replace(/^float$/, "float32")
    .replace(/^double$/, "float64");
  if (Object.hasOwn(dtypes, name)) return name as DType;
  throw attributeError(call, `to "${to}" is no element type`);
}

export const cast = defineOp("Cast", {
  infer: (call) => [inferCast(factOf(call, 0), targetOf(call))],
  evaluate: (call) => [castTensor(call, operand(call, 0), targetOf(call), castOptions(call))],
});

/** Input 1 gives nothing but its element type. */
export const castLike = defineOp("CastLike", {
  infer: (call) => [inferCast(factOf(call, 0), factOf(call, 1).dtype)],
  evaluate: (call) => [castTensor(call, operand(call, 0), operand(call, 1).dtype, castOptions(call))],
});

/** The same bits read as another type of the same width. */
export const bitCast = defineOp("BitCast", {
  infer: (call) => [fact(dtypeAttribute(call, call.attributes.to, "to"), factOf(call, 0).shape)],
  evaluate: (call) => {
    const x = operand(call, 0);
    const to = dtypeAttribute(call, call.attributes.to, "to");
    if (x.dtype === "string" || to === "string")
      throw dtypeError(call, "strings have no bits to reinterpret");
    if (dtypes[x.dtype].bits !== dtypes[to].bits) {
      throw shapeError(call, `${x.dtype} and ${to} differ in width`);
    }
    return [tensorFromBytes(to, x.dims, x.bytes())];
  },
});

function tensorFromBytes(dtype: DType, dims: readonly number[], bytes: Uint8Array): Tensor {
  return Tensor.of(dtype, dims, decodeValues(dtype, bytes.slice(), elementCount(dims)));
}
