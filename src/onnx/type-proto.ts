import { ModelError, dtypeOfCode, dtypes, type Dim, type TensorType } from "../ir/index.js";
import { has, toInt64, toNumber, type Dimension, type TypeProto, type ValueInfoProto } from "./proto.js";

const maxRank = 64;

/** Tensor type of a type message; null for sequences, maps, optionals, sparse tensors and unknown element types. */
export function typeFromProto(proto: TypeProto | null | undefined, value: string): TensorType | null {
  const tensor = proto?.tensor_type;
  if (!tensor) return null;
  const dtype = dtypeOfCode(tensor.elem_type ?? 0);
  if (!dtype) return null;
  const dims = tensor.shape?.dim ?? [];
  if (dims.length > maxRank) {
    throw new ModelError(
      "E_MODEL_TENSOR_DIMS",
      `a type has ${dims.length} dimensions, at most ${maxRank} are possible`,
      { where: { tensor: value } },
    );
  }
  return { dtype, shape: tensor.shape ? dims.map(dimFromProto) : null };
}

function dimFromProto(dim: Dimension): Dim {
  if (has(dim, "dim_value")) {
    const size = toNumber(dim.dim_value);
    // Some exporters write -1 for a dimension that they don't know.
    return size >= 0 && Number.isSafeInteger(size) ? size : null;
  }
  return dim.dim_param ? dim.dim_param : null;
}

export function typeToProto({ dtype, shape }: TensorType): TypeProto {
  return {
    tensor_type: {
      elem_type: dtypes[dtype].code,
      ...(shape ? { shape: { dim: shape.map(dimToProto) } } : {}),
    },
  };
}

function dimToProto(dim: Dim): Dimension {
  if (dim === null) return {};
  return typeof dim === "number" ? { dim_value: toInt64(dim) } : { dim_param: dim };
}

export function sameType(a: TensorType | null, b: TensorType | null): boolean {
  if (a === b) return true;
  if (!a || !b || a.dtype !== b.dtype) return false;
  if (!a.shape || !b.shape) return a.shape === b.shape;
  return a.shape.length === b.shape.length && a.shape.every((dim, axis) => dim === b.shape![axis]);
}

/** The name whose value infos stated a type: while a value holds that very object, they are still true of it. */
const statedBy = new WeakMap<TensorType, string>();

/** The type that a value info states, remembered as the file's own. */
export function statedType(info: ValueInfoProto): TensorType | null {
  const name = info.name ?? "";
  const type = typeFromProto(info.type, name);
  if (type) statedBy.set(type, name);
  return type;
}

/** True while `info` describes a value of this name and type: its type is the file's own, unknown, or the same. */
export function describesStill(info: ValueInfoProto, name: string, type: TensorType | null): boolean {
  if ((info.name ?? "") !== name) return false;
  return type === null || statedBy.get(type) === name || sameType(typeFromProto(info.type, name), type);
}
