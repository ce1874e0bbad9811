/**
 * ONNX element types by their numpy-like names, with the codes of `TensorProto.DataType`.
 * `bits` is the width in raw_data; `values` the typed array that holds one logical value per element.
 */
export const dtypes = {
  float32: { code: 1, bits: 32, values: "Float32Array" },
  uint8: { code: 2, bits: 8, values: "Uint8Array" },
  int8: { code: 3, bits: 8, values: "Int8Array" },
  uint16: { code: 4, bits: 16, values: "Uint16Array" },
  int16: { code: 5, bits: 16, values: "Int16Array" },
  int32: { code: 6, bits: 32, values: "Int32Array" },
  int64: { code: 7, bits: 64, values: "BigInt64Array" },
  string: { code: 8, bits: 0, values: "Array" },
  bool: { code: 9, bits: 8, values: "Uint8Array" },
  float16: { code: 10, bits: 16, values: "Float32Array" },
  float64: { code: 11, bits: 64, values: "Float64Array" },
  uint32: { code: 12, bits: 32, values: "Uint32Array" },
  uint64: { code: 13, bits: 64, values: "BigUint64Array" },
  complex64: { code: 14, bits: 64, values: "Float32Array" },
  complex128: { code: 15, bits: 128, values: "Float64Array" },
  bfloat16: { code: 16, bits: 16, values: "Float32Array" },
  float8e4m3fn: { code: 17, bits: 8, values: "Float32Array" },
  float8e4m3fnuz: { code: 18, bits: 8, values: "Float32Array" },
  float8e5m2: { code: 19, bits: 8, values: "Float32Array" },
  float8e5m2fnuz: { code: 20, bits: 8, values: "Float32Array" },
  uint4: { code: 21, bits: 4, values: "Uint8Array" },
  int4: { code: 22, bits: 4, values: "Int8Array" },
  float4e2m1: { code: 23, bits: 4, values: "Float32Array" },
  float8e8m0: { code: 24, bits: 8, values: "Float32Array" },
  uint2: { code: 25, bits: 2, values: "Uint8Array" },
  int2: { code: 26, bits: 2, values: "Int8Array" },
  float6e2m3: { code: 27, bits: 6, values: "Float32Array" },
  float6e3m2: { code: 28, bits: 6, values: "Float32Array" },
} as const;

export type DType = keyof typeof dtypes;

/** One logical value per element; strings as an array; complex numbers as interleaved pairs. */
export type Values =
  | Float32Array
  | Float64Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | string[];

export type NumberArray = Exclude<Values, BigInt64Array | BigUint64Array | string[]>;

const byCode = new Map<number, DType>(
  (Object.keys(dtypes) as DType[]).map((dtype) => [dtypes[dtype].code, dtype]),
);

/** The element type of a `TensorProto.DataType` code, or undefined for codes this build doesn't know. */
export function dtypeOfCode(code: number): DType | undefined {
  return byCode.get(code);
}

const floats: ReadonlySet<DType> = new Set<DType>([
  "float32", "float64", "float16", "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2",
  "float8e5m2fnuz", "float8e8m0", "float4e2m1", "float6e2m3", "float6e3m2",
]); // prettier-ignore

export function isFloat(dtype: DType): boolean {
  return floats.has(dtype);
}

/** Floats narrower than 32 bits, whose values are kept in a Float32Array that holds them exactly. */
export function isNarrowFloat(dtype: DType): boolean {
  return floats.has(dtype) && dtype !== "float32" && dtype !== "float64";
}

export function isComplex(dtype: DType): boolean {
  return dtype === "complex64" || dtype === "complex128";
}

export function isBigInt(dtype: DType): boolean {
  return dtype === "int64" || dtype === "uint64";
}

export function isInteger(dtype: DType): boolean {
  return !floats.has(dtype) && !isComplex(dtype) && dtype !== "string" && dtype !== "bool";
}

/** A zero-filled array of logical values (empty strings for `string`). */
export function allocateValues(dtype: DType, count: number): Values {
  const length = isComplex(dtype) ? 2 * count : count;
  switch (dtypes[dtype].values) {
    case "Float32Array": return new Float32Array(length);
    case "Float64Array": return new Float64Array(length);
    case "Uint8Array": return new Uint8Array(length);
    case "Int8Array": return new Int8Array(length);
    case "Uint16Array": return new Uint16Array(length);
    case "Int16Array": return new Int16Array(length);
    case "Int32Array": return new Int32Array(length);
    case "Uint32Array": return new Uint32Array(length);
    case "BigInt64Array": return new BigInt64Array(length);
    case "BigUint64Array": return new BigUint64Array(length);
    case "Array": return new Array<string>(length).fill("");
  } // prettier-ignore
}
