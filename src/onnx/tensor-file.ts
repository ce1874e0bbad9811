import { ModelError, Tensor, type ConvoptError } from "../ir/index.js";
import { readStrictly } from "./decode-model.js";
import { messages, type OptionalProto, type SequenceProto, type TensorProto } from "./proto.js";
import { WireError, scan, type Limits } from "./scan.js";
import { tensorFromProto, tensorFromSparse, tensorToProto } from "./tensor-proto.js";

/** What a data file of ONNX's backend tests holds; the file itself does not say. */
export type TensorFileKind = "tensor" | "sequence" | "optional";

/** A tensor, a sequence of values, or null for an empty optional. */
export type TensorFileValue = Tensor | readonly TensorFileValue[] | null;

/**
 * Decodes `input_N.pb` / `output_N.pb`: a TensorProto, SequenceProto or OptionalProto by `kind`.
 * Throws ModelErrors for what is no such message.
 */
export function decodeTensorFile(bytes: Uint8Array, kind?: "tensor", limits?: Limits): Tensor;
export function decodeTensorFile(bytes: Uint8Array, kind: TensorFileKind, limits?: Limits): TensorFileValue;
export function decodeTensorFile(
  bytes: Uint8Array,
  kind: TensorFileKind = "tensor",
  limits?: Limits,
): TensorFileValue {
  try {
    scan(bytes, kind, limits);
  } catch (error) {
    throw error instanceof WireError ? noMessage(error) : error;
  }
  switch (kind) {
    case "tensor": return tensorFromProto(readStrictly(messages.tensor, bytes), {});
    case "sequence": return sequence(readStrictly(messages.sequence, bytes));
    case "optional": return optional(readStrictly(messages.optional, bytes));
  } // prettier-ignore
}

function noMessage({ offset, message }: WireError): ConvoptError {
  return new ModelError("E_DATA_FORMAT", `the file is no ONNX tensor: at byte ${offset} ${message}`);
}

/** `DataType` of SequenceProto and OptionalProto. */
const elementKind = { undefined: 0, tensor: 1, sparse: 2, sequence: 3, map: 4, optional: 5 } as const;

function sequence(proto: SequenceProto): readonly TensorFileValue[] {
  switch (proto.elem_type ?? 0) {
    case elementKind.sparse: return (proto.sparse_tensor_values ?? []).map((item) => tensorFromSparse(item, {}));
    case elementKind.sequence: return (proto.sequence_values ?? []).map(sequence);
    case elementKind.optional: return (proto.optional_values ?? []).map(optional);
    case elementKind.map: throw new ModelError("E_DATA_MAP", "maps are not supported");
    default: return (proto.tensor_values ?? []).map((item) => tensorFromProto(item, {}));
  } // prettier-ignore
}

function optional(proto: OptionalProto): TensorFileValue {
  if (proto.tensor_value) return tensorFromProto(proto.tensor_value, {});
  if (proto.sparse_tensor_value) return tensorFromSparse(proto.sparse_tensor_value, {});
  if (proto.sequence_value) return sequence(proto.sequence_value);
  if (proto.optional_value) return optional(proto.optional_value);
  if (proto.map_value) throw new ModelError("E_DATA_MAP", "maps are not supported");
  return null;
}

/** The bytes of a value as TensorProto (with a name, if given), SequenceProto or empty OptionalProto. */
export function encodeTensorFile(value: TensorFileValue, name = ""): Uint8Array {
  if (value === null) return messages.optional.encode({ elem_type: elementKind.undefined }).finish();
  if (value instanceof Tensor) return messages.tensor.encode(tensorMessage(value, name)).finish();
  return messages.sequence.encode(sequenceMessage(value, name)).finish();
}

function tensorMessage(tensor: Tensor, name: string): TensorProto {
  return tensorToProto(tensor, name);
}

function sequenceMessage(values: readonly TensorFileValue[], name = ""): SequenceProto {
  const named = name === "" ? {} : { name };
  if (values.some((value) => value === null)) {
    throw new ModelError("E_DATA_OPTIONAL", "a sequence with empty optionals cannot be written");
  }
  if (values.length > 0 && values.every((value) => !(value instanceof Tensor))) {
    const nested = values.map((value) => sequenceMessage(value as readonly TensorFileValue[]));
    return { ...named, elem_type: elementKind.sequence, sequence_values: nested };
  }
  return {
    ...named,
    elem_type: elementKind.tensor,
    tensor_values: values.map((value) => tensorMessage(value as Tensor, "")),
  };
}
