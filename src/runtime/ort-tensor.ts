import type { Tensor as OrtTensor, TypedTensor } from "onnxruntime-common";
import { decodeValues, elementCount, Tensor, UnsupportedError, type DType } from "../ir/index.js";

/** Element types that the binding carries across; float16 travels as its bits. */
export const carried: ReadonlySet<string> = new Set<DType>([
  "float32", "float64", "float16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool", "string",
]); // prettier-ignore

export type OrtTensorConstructor = new (
  type: OrtTensor.Type,
  data: OrtTensor.DataType,
  dims: readonly number[],
) => OrtTensor;

/** A tensor for ONNX Runtime; shares memory where the layouts agree. An UnsupportedError for types it can't be fed. */
export function toOrtTensor(tensor: Tensor, make: OrtTensorConstructor, name: string): OrtTensor {
  const { dtype } = tensor;
  if (!carried.has(dtype)) throw notCarried(dtype, name);
  return new make(dtype as OrtTensor.Type, ortData(tensor), [...tensor.dims]);
}

function ortData(tensor: Tensor): OrtTensor.DataType {
  const { dtype, data } = tensor;
  if (dtype === "float16") {
    const bytes = tensor.bytes();
    return new Uint16Array(bytes.buffer, bytes.byteOffset, tensor.size);
  }
  if (dtype === "float32" && data instanceof Float64Array) return Float32Array.from(data);
  if (dtype === "float64" && data instanceof Float32Array) return Float64Array.from(data);
  return data as OrtTensor.DataType;
}

/** A result of ONNX Runtime. An UnsupportedError for sequences and types without a counterpart. */
export function fromOrtTensor(value: unknown, name: string): Tensor {
  if (!isOrtTensor(value)) {
    throw new UnsupportedError("E_UNSUPPORTED_OUTPUT", "the output is not a tensor", {
      where: { tensor: name },
    });
  }
  const dtype = value.type as DType;
  if (!carried.has(dtype)) throw notCarried(value.type, name);
  const dims = [...value.dims];
  const { data } = value as TypedTensor<"float16">;
  if (dtype !== "float16") return Tensor.of(dtype, dims, data);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Tensor.of(dtype, dims, decodeValues(dtype, bytes, elementCount(dims)));
}

function isOrtTensor(value: unknown): value is OrtTensor {
  return typeof value === "object" && value !== null && "type" in value && "dims" in value && "data" in value;
}

function notCarried(dtype: string, name: string): UnsupportedError {
  return new UnsupportedError("E_UNSUPPORTED_DTYPE", `ONNX Runtime's binding has no ${dtype} tensors`, {
    where: { tensor: name },
    hint: "use the reference engine",
  });
}
