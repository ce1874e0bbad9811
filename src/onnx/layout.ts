/*
 * What the scan before decoding knows of the schema: which fields hold messages, which hold text or packed numbers,
 * and roughly what a decoded message costs on the heap (the generated classes allocate an array per repeated field).
 */

/** Repeated numbers may come packed (one length-delimited field) or one by one. */
export type FieldKind =
  "varint" | "float" | "text" | "bytes" | "floats" | "doubles" | "int32s" | "int64s" | MessageKind;

export type MessageKind =
  | "model"
  | "graph"
  | "node"
  | "attribute"
  | "tensor"
  | "sparse"
  | "valueInfo"
  | "type"
  | "tensorType"
  | "elementType"
  | "mapType"
  | "opaqueType"
  | "shape"
  | "dimension"
  | "function"
  | "training"
  | "annotation"
  | "entry"
  | "opset"
  | "device"
  | "nodeDevice"
  | "sharding"
  | "shardedDim"
  | "simpleSharding"
  | "intList"
  | "segment"
  | "sequence"
  | "map"
  | "optional";

export interface Layout {
  /** Heap bytes of an empty decoded message. */
  readonly cost: number;
  readonly fields: ReadonlyMap<number, FieldKind>;
}

function layout(cost: number, fields: Readonly<Record<number, FieldKind>>): Layout {
  return { cost, fields: new Map(Object.entries(fields).map(([id, kind]) => [Number(id), kind])) };
}

export const layouts: Readonly<Record<MessageKind, Layout>> = {
  model: layout(400, {
    1: "varint", 2: "text", 3: "text", 4: "text", 5: "varint", 6: "text", 7: "graph", 8: "opset",
    14: "entry", 20: "training", 25: "function", 26: "device",
  }),
  graph: layout(500, {
    1: "node", 2: "text", 5: "tensor", 10: "text", 11: "valueInfo", 12: "valueInfo", 13: "valueInfo",
    14: "annotation", 15: "sparse", 16: "entry",
  }),
  node: layout(270, {
    1: "text", 2: "text", 3: "text", 4: "text", 5: "attribute", 6: "text", 7: "text", 8: "text", 9: "entry",
    10: "nodeDevice",
  }),
  attribute: layout(330, {
    1: "text", 2: "float", 3: "varint", 4: "bytes", 5: "tensor", 6: "graph", 7: "floats", 8: "int64s",
    9: "bytes", 10: "tensor", 11: "graph", 13: "text", 14: "type", 15: "type", 20: "varint", 21: "text",
    22: "sparse", 23: "sparse",
  }),
  tensor: layout(380, {
    1: "int64s", 2: "varint", 3: "segment", 4: "floats", 5: "int32s", 6: "bytes", 7: "int64s", 8: "text",
    9: "bytes", 10: "doubles", 11: "int64s", 12: "text", 13: "entry", 14: "varint", 16: "entry",
  }),
  sparse: layout(120, { 1: "tensor", 2: "tensor", 3: "int64s" }),
  valueInfo: layout(110, { 1: "text", 2: "type", 3: "text", 4: "entry" }),
  type: layout(90, {
    1: "tensorType", 4: "elementType", 5: "mapType", 6: "text", 7: "opaqueType", 8: "tensorType", 9: "elementType",
  }),
  tensorType: layout(90, { 1: "varint", 2: "shape" }),
  elementType: layout(60, { 1: "type" }),
  mapType: layout(90, { 1: "varint", 2: "type" }),
  opaqueType: layout(90, { 1: "text", 2: "text" }),
  shape: layout(80, { 1: "dimension" }),
  dimension: layout(90, { 1: "varint", 2: "text", 3: "text" }),
  function: layout(450, {
    1: "text", 4: "text", 5: "text", 6: "text", 7: "node", 8: "text", 9: "opset", 10: "text", 11: "attribute",
    12: "valueInfo", 13: "text", 14: "entry",
  }),
  training: layout(150, { 1: "graph", 2: "graph", 3: "entry", 4: "entry" }),
  annotation: layout(100, { 1: "text", 2: "entry" }),
  entry: layout(70, { 1: "text", 2: "text" }),
  opset: layout(70, { 1: "text", 2: "varint" }),
  device: layout(100, { 1: "text", 2: "varint", 3: "text" }),
  nodeDevice: layout(110, { 1: "text", 2: "sharding", 3: "varint" }),
  sharding: layout(150, { 1: "text", 2: "int64s", 3: "intList", 4: "shardedDim" }),
  shardedDim: layout(100, { 1: "varint", 2: "simpleSharding" }),
  simpleSharding: layout(80, { 1: "varint", 2: "text", 3: "varint" }),
  intList: layout(90, { 1: "varint", 2: "int64s" }),
  segment: layout(60, { 1: "varint", 2: "varint" }),
  sequence: layout(220, {
    1: "text", 2: "varint", 3: "tensor", 4: "sparse", 5: "sequence", 6: "map", 7: "optional",
  }),
  map: layout(150, { 1: "text", 2: "varint", 3: "int64s", 4: "bytes", 5: "sequence" }),
  optional: layout(150, {
    1: "text", 2: "varint", 3: "tensor", 4: "sparse", 5: "sequence", 6: "map", 7: "optional",
  }),
}; // prettier-ignore
