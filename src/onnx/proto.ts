import protobuf from "protobufjs/minimal.js";
import { onnx } from "./generated/onnx.js";

/*
 * The only door to the generated code: message types under their ONNX names, readers that keep unknown fields, and
 * copies of messages that keep them too.
 */

export type ModelProto = onnx.ModelProto.$Properties;
export type GraphProto = onnx.GraphProto.$Properties;
export type NodeProto = onnx.NodeProto.$Properties;
export type AttributeProto = onnx.AttributeProto.$Properties;
export type TensorProto = onnx.TensorProto.$Properties;
export type SparseTensorProto = onnx.SparseTensorProto.$Properties;
export type ValueInfoProto = onnx.ValueInfoProto.$Properties;
export type TypeProto = onnx.TypeProto.$Properties;
export type TensorShapeProto = onnx.TensorShapeProto.$Properties;
export type Dimension = onnx.TensorShapeProto.Dimension.$Properties;
export type FunctionProto = onnx.FunctionProto.$Properties;
export type OperatorSetIdProto = onnx.OperatorSetIdProto.$Properties;
export type StringStringEntryProto = onnx.StringStringEntryProto.$Properties;
export type SequenceProto = onnx.SequenceProto.$Properties;
export type OptionalProto = onnx.OptionalProto.$Properties;
export type Int64 = NonNullable<onnx.OperatorSetIdProto.$Properties["version"]>;

/** Codes of `AttributeProto.AttributeType`. */
export const attributeType = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
  sparse_tensor: 11,
  sparse_tensors: 12,
  type_proto: 13,
  type_protos: 14,
} as const;

/** `TensorProto.DataLocation.EXTERNAL`. */
export const externalLocation = 1;

/** Message class of the generated code, by what is needed here. */
export interface MessageType<T> {
  decode(reader: protobuf.Reader | Uint8Array): T;
  encode(message: T, writer?: protobuf.Writer): protobuf.Writer;
}

export const messages = {
  model: onnx.ModelProto as MessageType<ModelProto>,
  graph: onnx.GraphProto as MessageType<GraphProto>,
  tensor: onnx.TensorProto as MessageType<TensorProto>,
  sequence: onnx.SequenceProto as MessageType<SequenceProto>,
  optional: onnx.OptionalProto as MessageType<OptionalProto>,
  entry: onnx.StringStringEntryProto as MessageType<StringStringEntryProto>,
} as const;

/** Reads one message; unknown fields, groups and enum values are kept in it. Byte fields are views of `bytes`. */
export function readMessage<T>(type: MessageType<T>, bytes: Uint8Array): T {
  return type.decode(new KeepingReader(bytes));
}

/** Single-byte integers as shared objects: dims, axes and small constants are nearly all of them. */
const smallInts = Array.from({ length: 128 }, (_, value) =>
  new protobuf.util.LongBits(value, 0).toLong(false),
);
const smallUints = Array.from({ length: 128 }, (_, value) =>
  new protobuf.util.LongBits(value, 0).toLong(true),
);

class KeepingReader extends protobuf.Reader {
  constructor(bytes: Uint8Array) {
    super(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.discardUnknown = false;
  }

  override int64(): Int64 {
    const byte = this.buf[this.pos];
    if (byte === undefined || byte >= 128 || this.pos >= this.len) return super.int64() as Int64;
    this.pos++;
    return smallInts[byte] as Int64;
  }

  override uint64(): Int64 {
    const byte = this.buf[this.pos];
    if (byte === undefined || byte >= 128 || this.pos >= this.len) return super.uint64() as Int64;
    this.pos++;
    return smallUints[byte] as Int64;
  }
}

/** A copy of `message` with some fields replaced (null clears one); its unknown fields come along. */
export function amend<T extends object>(message: T, changes: Partial<T>): T {
  const copy = Object.assign(Object.create(Object.getPrototypeOf(message) as object) as T, message, changes);
  const { $unknowns } = message as { $unknowns?: Uint8Array[] };
  if ($unknowns) Object.assign(copy, { $unknowns });
  return copy;
}

/** True when the message holds the field itself, as opposed to its default. */
export function has<T extends object>(message: T, field: keyof T): boolean {
  return Object.hasOwn(message, field) && message[field] !== null && message[field] !== undefined;
}

export function toBigInt({ low, high, unsigned }: Int64): bigint {
  return (BigInt(unsigned ? high >>> 0 : high) << 32n) | BigInt(low >>> 0);
}

/** The integer as a double: exact within ±2^53, the nearest one beyond. */
export function toNumber(value: Int64 | null | undefined): number {
  if (!value) return 0;
  if (value.high === 0) return value.low >>> 0;
  if (value.high === -1 && !value.unsigned) return (value.low >>> 0) - 2 ** 32;
  return Number(toBigInt(value));
}

const int64Bounds = { least: -(2n ** 63n), most: 2n ** 63n - 1n };

/** A 64-bit integer; doubles beyond the range (INT64_MAX rounds up to 2^63) become its ends. */
export function toInt64(value: number | bigint): Int64 {
  const exact = BigInt(value);
  const { least, most } = int64Bounds;
  const bits = BigInt.asUintN(64, exact < least ? least : exact > most ? most : exact);
  return new protobuf.util.LongBits(Number(bits & 0xffffffffn), Number(bits >> 32n)).toLong(false) as Int64;
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Text of a bytes field; what is not UTF-8 shows as U+FFFD (the message keeps the bytes). */
export function textOf(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}

const encoder = new TextEncoder();

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}
