import { isOwned, keepValues, keptValues, largeBytes } from "./decoded-values.js";
import {
  allocateValues,
  dtypes,
  isComplex,
  isFloat,
  isNarrowFloat,
  type DType,
  type NumberArray,
  type Values,
} from "./dtype.js";
import { InvariantError, ModelError } from "./errors.js";
import { encodeNarrowFloat, narrowFloatTable } from "./narrow-floats.js";

/**
 * A constant n-dimensional array in row-major order.
 * `data` holds one logical value per element: narrow floats decoded, 4-bit integers unpacked, int64 as BigInt.
 * Float tensors may carry a Float64Array whatever their dtype (values not yet rounded to it).
 */
export class Tensor {
  readonly size: number;
  #data: Values | null;
  readonly #load: (() => Values) | null;
  readonly #key = {};

  private constructor(
    readonly dtype: DType,
    readonly dims: readonly number[],
    data: Values | (() => Values),
    /** The codec's original message; opaque here. Present exactly while the tensor is unchanged. */
    readonly source: unknown = null,
  ) {
    if (!dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
      throw new InvariantError(`a tensor cannot have the dims [${dims.join(",")}]`);
    }
    this.size = elementCount(dims);
    this.#data = typeof data === "function" ? null : data;
    this.#load = typeof data === "function" ? data : null;
    if (this.#data) this.#check(this.#data);
  }

  static of(dtype: DType, dims: readonly number[], data: Values): Tensor {
    return new Tensor(dtype, dims, data);
  }

  /**
   * A tensor whose values are decoded on first use; those of a large one may be let go and decoded again, so that `load`
   * has to give the same every time.
   */
  static lazy(dtype: DType, dims: readonly number[], load: () => Values, source: unknown): Tensor {
    return new Tensor(dtype, dims, load, source);
  }

  static zeros(dtype: DType, dims: readonly number[]): Tensor {
    return new Tensor(dtype, dims, allocateValues(dtype, elementCount(dims)));
  }

  static f32(dims: readonly number[], data: ArrayLike<number>): Tensor {
    return new Tensor("float32", dims, data instanceof Float32Array ? data : Float32Array.from(data));
  }

  /** A float tensor of any width from numbers, rounded to `dtype`. */
  static floats(dtype: DType, dims: readonly number[], data: ArrayLike<number>): Tensor {
    if (dtype === "float64") return new Tensor(dtype, dims, Float64Array.from(data));
    return new Tensor(
      dtype,
      dims,
      isNarrowFloat(dtype) ? roundToNarrow(data, dtype) : Float32Array.from(data),
    );
  }

  static i64(dims: readonly number[], data: ArrayLike<number | bigint>): Tensor {
    return new Tensor(
      "int64",
      dims,
      BigInt64Array.from({ length: data.length }, (_, i) => BigInt(data[i]!)),
    );
  }

  /** Logical values, decoded lazily. */
  get data(): Values {
    if (this.#data) return this.#data;
    const kept = keptValues(this.#key);
    if (kept) return kept;
    const data = this.#load!();
    this.#check(data);
    if (rawByteLength(this.dtype, this.size) >= largeBytes && isOwned(data)) keepValues(this.#key, data);
    else this.#data = data;
    return data;
  }

  /** Values as JavaScript numbers' array; throws for strings, BigInt and complex types. */
  get numbers(): NumberArray {
    const data = this.data;
    if (
      isComplex(this.dtype) ||
      Array.isArray(data) ||
      data instanceof BigInt64Array ||
      data instanceof BigUint64Array
    ) {
      throw new InvariantError(`${this.dtype} values are not plain numbers`);
    }
    return data;
  }

  /** All values as numbers, int64 included. Throws a ModelError beyond ±2^53. */
  toNumbers(): number[] {
    const data = this.data;
    if (Array.isArray(data)) throw new InvariantError("string values are not numbers");
    return Array.from(data as ArrayLike<number | bigint>, (x) => {
      const value = Number(x);
      if (typeof x === "bigint" && !Number.isSafeInteger(value)) {
        throw new ModelError("E_INT64_RANGE", `the integer ${String(x)} is beyond ±2^53`);
      }
      return value;
    });
  }

  /** The same values under another shape of equal size. */
  reshape(dims: readonly number[]): Tensor {
    if (elementCount(dims) !== this.size) {
      throw new InvariantError(`cannot reshape [${this.dims.join(",")}] to [${dims.join(",")}]`);
    }
    return new Tensor(this.dtype, dims, this.#data ?? ((): Values => this.data));
  }

  /** Little-endian bytes as in ONNX `raw_data` (sub-byte types packed, low bits first). Not for strings. */
  bytes(): Uint8Array {
    return encodeValues(this.dtype, this.data);
  }

  #check(data: Values): void {
    const expected = isComplex(this.dtype) ? 2 * this.size : this.size;
    if (data.length !== expected) {
      throw new InvariantError(
        `${this.dtype}[${this.dims.join(",")}] needs ${expected} values, got ${data.length}`,
      );
    }
    const kind = Array.isArray(data) ? "Array" : data[Symbol.toStringTag];
    if (kind !== dtypes[this.dtype].values && !(kind === "Float64Array" && isFloat(this.dtype))) {
      throw new InvariantError(`${this.dtype} values cannot be held in ${kind}`);
    }
  }
}

/** Product of dims. */
export function elementCount(dims: readonly number[]): number {
  let count = 1;
  for (const dim of dims) count *= dim;
  return count;
}

/** Bytes that `count` elements take in raw_data. */
export function rawByteLength(dtype: DType, count: number): number {
  return Math.ceil((dtypes[dtype].bits * count) / 8);
}

/**
 * Logical values from `raw_data` bytes. Views the bytes without copying where type and alignment allow. Throws a
 * ModelError when there are fewer bytes than `count` elements take.
 */
export function decodeValues(dtype: DType, bytes: Uint8Array, count: number): Values {
  if (dtype === "string") throw new InvariantError("strings have no raw form");
  const { bits } = dtypes[dtype];
  if (bytes.byteLength < rawByteLength(dtype, count)) {
    throw new ModelError(
      "E_TENSOR_SHORT",
      `${count} ${dtype} elements need ${rawByteLength(dtype, count)} bytes, there are ${bytes.byteLength}`,
    );
  }
  if (bits < 8) {
    const codes = unpackBits(bytes, count, bits);
    if (isNarrowFloat(dtype)) return lookup(codes, narrowFloatTable(dtype));
    return dtype === "int4" || dtype === "int2" ? signExtend(codes, bits) : codes;
  }
  if (isNarrowFloat(dtype)) {
    const codes = bits === 8 ? bytes.subarray(0, count) : typedView(Uint16Array, bytes, count);
    return lookup(codes, narrowFloatTable(dtype));
  }
  const length = isComplex(dtype) ? 2 * count : count;
  switch (dtypes[dtype].values) {
    case "Float32Array": return typedView(Float32Array, bytes, length);
    case "Float64Array": return typedView(Float64Array, bytes, length);
    case "Uint8Array": return typedView(Uint8Array, bytes, length);
    case "Int8Array": return typedView(Int8Array, bytes, length);
    case "Uint16Array": return typedView(Uint16Array, bytes, length);
    case "Int16Array": return typedView(Int16Array, bytes, length);
    case "Int32Array": return typedView(Int32Array, bytes, length);
    case "Uint32Array": return typedView(Uint32Array, bytes, length);
    case "BigInt64Array": return typedView(BigInt64Array, bytes, length);
    case "BigUint64Array": return typedView(BigUint64Array, bytes, length);
    default: throw new InvariantError(`no raw form for ${dtype}`);
  } // prettier-ignore
}

function encodeValues(dtype: DType, data: Values): Uint8Array {
  if (Array.isArray(data)) throw new InvariantError("strings have no raw form");
  const { bits, values } = dtypes[dtype];
  if (isNarrowFloat(dtype)) {
    const numbers = data as Float32Array | Float64Array;
    const codes = bits === 16 ? new Uint16Array(numbers.length) : new Uint8Array(numbers.length);
    for (let i = 0; i < numbers.length; i++) codes[i] = encodeNarrowFloat(numbers[i]!, dtype);
    return bits < 8 ? packBits(codes, bits) : new Uint8Array(codes.buffer);
  }
  if (bits < 8) return packBits(data as Uint8Array | Int8Array, bits);
  const exact = data instanceof Float64Array && values === "Float32Array" ? Float32Array.from(data) : data;
  return new Uint8Array(exact.buffer, exact.byteOffset, exact.byteLength);
}

/** `data` rounded to a narrow float type, as float32 values. */
export function roundToNarrow(data: ArrayLike<number>, dtype: DType): Float32Array {
  const table = narrowFloatTable(dtype);
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) out[i] = table[encodeNarrowFloat(data[i]!, dtype)]!;
  return out;
}

type ViewConstructor<T> = {
  new (buffer: ArrayBufferLike, offset: number, length: number): T;
  readonly BYTES_PER_ELEMENT: number;
};

/** ONNX stores little-endian, as every platform that Node and browsers run on does. */
function typedView<T>(view: ViewConstructor<T>, bytes: Uint8Array, length: number): T {
  const size = view.BYTES_PER_ELEMENT;
  if (bytes.byteOffset % size === 0) return new view(bytes.buffer, bytes.byteOffset, length);
  // Not bytes.slice: that of a Node Buffer is a view.
  const copy = Uint8Array.prototype.slice.call(bytes, 0, length * size);
  return new view(copy.buffer, copy.byteOffset, length);
}

function lookup(codes: Uint8Array | Uint16Array, table: Float32Array): Float32Array {
  const out = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) out[i] = table[codes[i]!]!;
  return out;
}

function unpackBits(bytes: Uint8Array, count: number, bits: number): Uint8Array {
  const out = new Uint8Array(count);
  const mask = (1 << bits) - 1;
  for (let i = 0; i < count; i++) {
    const bit = i * bits;
    const word = bytes[bit >> 3]! | ((bytes[(bit >> 3) + 1] ?? 0) << 8);
    out[i] = (word >> (bit & 7)) & mask;
  }
  return out;
}

function packBits(codes: ArrayLike<number>, bits: number): Uint8Array {
  const out = new Uint8Array(Math.ceil((codes.length * bits) / 8));
  const mask = (1 << bits) - 1;
  for (let i = 0; i < codes.length; i++) {
    const bit = i * bits;
    const word = (codes[i]! & mask) << (bit & 7);
    out[bit >> 3]! |= word & 0xff;
    if (word > 0xff) out[(bit >> 3) + 1]! |= word >> 8;
  }
  return out;
}

function signExtend(codes: Uint8Array, bits: number): Int8Array {
  const shift = 32 - bits;
  return Int8Array.from(codes, (code) => (code << shift) >> shift);
}
