import {
  Tensor,
  allocateValues,
  decodeValues,
  dtypeOfCode,
  dtypes,
  isComplex,
  isNarrowFloat,
  narrowFloatTable,
  rawByteLength,
  ModelError,
  type DType,
  type Values,
} from "../ir/index.js";
import { readExternalData, type ExternalSource } from "./external-location.js";
import {
  amend,
  bytesOf,
  externalLocation,
  has,
  textOf,
  toBigInt,
  toInt64,
  toNumber,
  type Int64,
  type SparseTensorProto,
  type TensorProto,
} from "./proto.js";

const maxRank = 64;
/** Bytes that a sparse tensor may take when it is written out in full. */
const maxDense = 2n ** 31n;

/**
 * The tensor of a message: dtype, rank and the amount of data are checked now, the values are decoded on first use.
 * Throws ModelErrors that name the tensor.
 */
export function tensorFromProto(proto: TensorProto, external: ExternalSource): Tensor {
  const where = { tensor: proto.name ?? "" };
  const dtype = dtypeOf(proto.data_type ?? 0, where);
  if (proto.segment) throw new ModelError("E_MODEL_SEGMENT", "the tensor is split into segments", { where });
  const dims = dimsOf(proto.dims ?? [], where);
  const count = elementsOf(proto.dims ?? []);
  const shape = `${dtype}[${dims.join(",")}]`;
  if (proto.data_location === externalLocation) {
    const bytes = bytesFor(dtype, count, where);
    const read = readExternalData(proto, bytes, external);
    externalReaders.set(proto, read);
    return Tensor.lazy(dtype, dims, () => decodeValues(dtype, read(), Number(count)), proto);
  }
  if (has(proto, "raw_data")) {
    const raw = proto.raw_data!;
    if (dtype === "string")
      throw new ModelError("E_MODEL_TENSOR_DATA", "strings are stored as raw data", { where });
    checkLength(BigInt(raw.length), rawBytes(dtype, count), `bytes of data for ${shape}`, where);
    return Tensor.lazy(dtype, dims, () => decodeValues(dtype, raw, Number(count)), proto);
  }
  const field = typedField(proto, dtype);
  checkLength(
    BigInt(field.length),
    fieldLength(dtype, count),
    `numbers in ${fieldName(dtype)} for ${shape}`,
    where,
  );
  return Tensor.lazy(dtype, dims, () => decodeField(field, dtype, Number(count)), proto);
}

/** Readers of external tensors, so that saving can copy their bytes without decoding them. */
const externalReaders = new WeakMap<TensorProto, () => Uint8Array>();

/** The bytes of a tensor in raw_data form: the file's own where it has them in that form. Not for strings. */
export function rawBytesOf(tensor: Tensor): Uint8Array {
  const source = tensor.source as TensorProto | SparseTensorProto | null;
  if (source && !isSparse(source)) {
    const read = externalReaders.get(source);
    if (read) return read();
    if (has(source, "raw_data")) return source.raw_data!;
  }
  return tensor.bytes();
}

/** The message of an external tensor of a file, null for all others. */
export function externalSourceOf(tensor: Tensor): TensorProto | null {
  const source = tensor.source as TensorProto | SparseTensorProto | null;
  return source && !isSparse(source) && source.data_location === externalLocation ? source : null;
}

function dtypeOf(code: number, where: { tensor: string }): DType {
  const dtype = dtypeOfCode(code);
  if (dtype) return dtype;
  throw new ModelError("E_MODEL_DTYPE", `the element type ${code} is unknown to ONNX up to version 1.23`, {
    where,
  });
}

function dimsOf(dims: readonly Int64[], where: { tensor: string }): number[] {
  if (dims.length > maxRank) {
    throw new ModelError(
      "E_MODEL_TENSOR_DIMS",
      `the tensor has ${dims.length} dimensions, at most ${maxRank} are possible`,
      { where },
    );
  }
  return dims.map((dim) => {
    const size = toNumber(dim);
    if (size >= 0 && Number.isSafeInteger(size)) return size;
    throw new ModelError("E_MODEL_TENSOR_DIMS", `a dimension of size ${toBigInt(dim)} is impossible`, {
      where,
    });
  });
}

/** Product of dims, exactly: 2^40 × 2^40 must not wrap around. */
function elementsOf(dims: readonly Int64[]): bigint {
  return dims.reduce((product, dim) => product * toBigInt(dim), 1n);
}

function rawBytes(dtype: DType, count: bigint): bigint {
  return (BigInt(dtypes[dtype].bits) * count + 7n) / 8n;
}

function bytesFor(dtype: DType, count: bigint, where: { tensor: string }): number {
  const bytes = rawBytes(dtype, count);
  if (dtype !== "string" && bytes <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(bytes);
  throw new ModelError("E_MODEL_TENSOR_DATA", `${count} elements of ${dtype} cannot lie in a file`, {
    where,
  });
}

function checkLength(given: bigint, needed: bigint, what: string, where: { tensor: string }): void {
  if (given === needed) return;
  const fault = given < needed ? "too little data" : "too much data";
  throw new ModelError("E_MODEL_TENSOR_DATA", `${fault}: ${given} instead of ${needed} ${what}`, { where });
}

type FieldName = "float_data" | "int32_data" | "string_data" | "int64_data" | "double_data" | "uint64_data";

function fieldName(dtype: DType): FieldName {
  switch (dtype) {
    case "float32":
    case "complex64": return "float_data";
    case "float64":
    case "complex128": return "double_data";
    case "int64": return "int64_data";
    case "uint32":
    case "uint64": return "uint64_data";
    case "string": return "string_data";
    default: return "int32_data";
  } // prettier-ignore
}

type FieldValues = readonly number[] | readonly Int64[] | readonly Uint8Array[];

function typedField(proto: TensorProto, dtype: DType): FieldValues {
  return proto[fieldName(dtype)] ?? [];
}

/** Entries that a typed field holds: 4- and 2-bit numbers share one, 6-bit floats do not. */
function fieldLength(dtype: DType, count: bigint): bigint {
  const { bits } = dtypes[dtype];
  if (isComplex(dtype)) return 2n * count;
  return bits === 4 || bits === 2 ? rawBytes(dtype, count) : count;
}

function decodeField(field: FieldValues, dtype: DType, count: number): Values {
  if (dtype === "string") return (field as readonly Uint8Array[]).map(textOf);
  if (dtype === "int64") return BigInt64Array.from(field as readonly Int64[], toBigInt);
  if (dtype === "uint64") return BigUint64Array.from(field as readonly Int64[], unsigned);
  if (dtype === "uint32") return Uint32Array.from(field as readonly Int64[], ({ low }) => low >>> 0);
  const numbers = field as readonly number[];
  const { bits } = dtypes[dtype];
  if (bits === 4 || bits === 2) return decodeValues(dtype, Uint8Array.from(numbers), count);
  if (isNarrowFloat(dtype)) {
    const table = narrowFloatTable(dtype);
    return Float32Array.from(numbers, (code) => table[code & (table.length - 1)]!);
  }
  const values = allocateValues(dtype, count);
  (values as Float32Array).set(numbers);
  return values;
}

function unsigned(value: Int64): bigint {
  return BigInt.asUintN(64, toBigInt(value));
}

/** The message of a tensor under a name: the original one where there is one, else a new one with raw_data. */
export function tensorToProto(tensor: Tensor, name: string): TensorProto {
  const source = tensor.source as TensorProto | SparseTensorProto | null;
  if (source && !isSparse(source)) {
    if ((source.name ?? "") === name) return source;
    return amend(source, { name: name === "" ? null : name });
  }
  const head: TensorProto = {
    dims: tensor.dims.map(toInt64),
    data_type: dtypes[tensor.dtype].code,
    ...(name === "" ? {} : { name }),
  };
  if (tensor.dtype === "string") return { ...head, string_data: (tensor.data as string[]).map(bytesOf) };
  return { ...head, raw_data: tensor.bytes() };
}

export function isSparse(message: TensorProto | SparseTensorProto): message is SparseTensorProto {
  return "indices" in message;
}

/** A sparse tensor (COO: linear indices `[nnz]` or coordinates `[nnz, rank]`), written out in full on first use. */
export function tensorFromSparse(proto: SparseTensorProto, external: ExternalSource): Tensor {
  const where = { tensor: proto.values?.name ?? "" };
  if (!proto.values || !proto.indices) {
    throw new ModelError("E_MODEL_SPARSE", "a sparse tensor needs values and indices", { where });
  }
  const values = tensorFromProto(proto.values, external);
  const indices = tensorFromProto(proto.indices, external);
  const dims = dimsOf(proto.dims ?? [], where);
  const count = elementsOf(proto.dims ?? []);
  if (BigInt(dtypes[values.dtype].bits) * count > 8n * maxDense) {
    throw new ModelError(
      "E_MODEL_LIMIT",
      `a sparse tensor of ${count} elements is too big to be written out`,
      {
        where,
      },
    );
  }
  const flat = indices.dims.length === 1 || dims.length === 1;
  const expected = flat ? values.size : values.size * dims.length;
  if (values.dims.length !== 1 || indices.dtype !== "int64" || indices.size !== expected) {
    throw new ModelError("E_MODEL_SPARSE", "values and indices of a sparse tensor do not fit together", {
      where,
    });
  }
  return Tensor.lazy(values.dtype, dims, () => scatter(values, indices, dims, Number(count), where), proto);
}

function scatter(
  values: Tensor,
  indices: Tensor,
  dims: readonly number[],
  count: number,
  where: { tensor: string },
): Values {
  const dense = allocateValues(values.dtype, count);
  const source = values.data;
  const places = indices.data as BigInt64Array;
  const coordinates = values.size === 0 ? 1 : places.length / values.size;
  const width = isComplex(values.dtype) ? 2 : 1;
  for (let i = 0; i < values.size; i++) {
    let place = 0;
    for (let axis = 0; axis < coordinates; axis++) {
      const index = Number(places[i * coordinates + axis]!);
      const size = coordinates === 1 ? count : dims[axis]!;
      if (index < 0 || index >= size) {
        throw new ModelError("E_MODEL_SPARSE", `the index ${index} lies outside of ${size}`, { where });
      }
      place = place * (coordinates === 1 ? 1 : size) + index;
    }
    for (let part = 0; part < width; part++) {
      (dense as unknown[])[place * width + part] = (source as unknown[])[i * width + part];
    }
  }
  return dense;
}

/** Bytes that a tensor takes in raw_data. */
export function dataBytes(tensor: Tensor): number {
  return tensor.dtype === "string" ? 0 : rawByteLength(tensor.dtype, tensor.size);
}
