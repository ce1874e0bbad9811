import type { Graph, Model, Tensor } from "../ir/index.js";
import type { TensorEncoder } from "./encode-graph.js";
import { externalDataOf, type ExternalData } from "./external-location.js";
import { amend, externalLocation, type StringStringEntryProto, type TensorProto } from "./proto.js";
import { dataBytes, externalSourceOf, rawBytesOf, tensorToProto } from "./tensor-proto.js";

/** One stretch of a data file; tensors that shared their bytes in the file read still do. */
export interface Stretch {
  readonly offset: number;
  readonly length: number;
  readonly bytes: () => Uint8Array;
}

/** A data file to be written, by the location that the model read gave it. */
export interface DataFile {
  /** Location in the model read; null for weights that move out because the model grew too large. */
  readonly location: string | null;
  readonly stretches: readonly Stretch[];
  /** True when every stretch lies where it lay. */
  readonly unchanged: boolean;
  readonly length: number;
}

export interface ExternalLayout {
  readonly files: readonly DataFile[];
  /** Encodes tensors as references into the files, whose final locations it is told. */
  encoder(locationOf: (file: DataFile) => string): TensorEncoder;
}

interface Placed {
  readonly file: DataFile;
  readonly stretch: Stretch;
}

/** Tensors smaller than this stay in the model when weights move out. */
const leastMoved = 1024;
/** New data files align tensors to pages, as the specification recommends. */
const pageSize = 4096;
/** A hole up to this size is padding of the old layout; a larger one is left by a tensor that is gone. */
const largestPadding = 65_536;

/**
 * Where the external tensors of a model go: each into the file that it came from, in the old order, at the old
 * offsets as far as nothing before them grew or went. With `moveOut`, tensors of the model file join in a new one.
 */
export function layOut(model: Model, moveOut: boolean): ExternalLayout {
  const byLocation = new Map<string, Map<string, { data: ExternalData; tensors: Tensor[] }>>();
  const moved: Tensor[] = [];
  for (const tensor of tensorsOf(model)) {
    const source = externalSourceOf(tensor);
    if (!source) {
      if (moveOut && dataBytes(tensor) >= leastMoved) moved.push(tensor);
      continue;
    }
    const data = externalDataOf(source);
    const stretches =
      byLocation.get(data.location) ?? new Map<string, { data: ExternalData; tensors: Tensor[] }>();
    byLocation.set(data.location, stretches);
    const key = `${data.offset}+${dataBytes(tensor)}`;
    const known = stretches.get(key);
    if (known) known.tensors.push(tensor);
    else stretches.set(key, { data, tensors: [tensor] });
  }
  const placed = new Map<Tensor, Placed>();
  const files: DataFile[] = [];
  for (const [location, stretches] of byLocation)
    files.push(keepLayout(location, [...stretches.values()], placed));
  if (moved.length > 0) files.push(newLayout(moved, placed));
  return {
    files,
    encoder: (locationOf) => (tensor, name) => {
      const place = placed.get(tensor);
      return place ? reference(tensor, name, place, locationOf(place.file)) : tensorToProto(tensor, name);
    },
  };
}

/** Bytes of the data files that a model refers to, up to the last tensor in each. */
export function externalBytes(model: Model): number {
  return layOut(model, false).files.reduce((sum, { length }) => sum + length, 0);
}

function keepLayout(
  location: string,
  groups: { readonly data: ExternalData; readonly tensors: readonly Tensor[] }[],
  placed: Map<Tensor, Placed>,
): DataFile {
  groups.sort((a, b) => a.data.offset - b.data.offset);
  const alignment = alignmentOf(groups.map(({ data }) => data.offset));
  const stretches: Stretch[] = [];
  let end = 0;
  let unchanged = true;
  for (const { data, tensors } of groups) {
    const length = dataBytes(tensors[0]!);
    const hole = data.offset - end;
    const offset = hole >= 0 && hole <= largestPadding ? data.offset : Math.ceil(end / alignment) * alignment;
    if (offset !== data.offset) unchanged = false;
    stretches.push({ offset, length, bytes: () => rawBytesOf(tensors[0]!) });
    end = offset + length;
  }
  const file: DataFile = { location, stretches, unchanged, length: end };
  groups.forEach(({ tensors }, index) => {
    for (const tensor of tensors) placed.set(tensor, { file, stretch: stretches[index]! });
  });
  return file;
}

function newLayout(tensors: readonly Tensor[], placed: Map<Tensor, Placed>): DataFile {
  let end = 0;
  const stretches = tensors.map((tensor) => {
    const offset = Math.ceil(end / pageSize) * pageSize;
    const length = dataBytes(tensor);
    end = offset + length;
    return { offset, length, bytes: () => rawBytesOf(tensor) };
  });
  const file: DataFile = { location: null, stretches, unchanged: false, length: end };
  tensors.forEach((tensor, index) => placed.set(tensor, { file, stretch: stretches[index]! }));
  return file;
}

/** The largest power of two (up to 64 KiB) that divides all offsets. */
function alignmentOf(offsets: readonly number[]): number {
  let alignment = largestPadding;
  while (alignment > 1 && offsets.some((offset) => offset % alignment !== 0)) alignment /= 2;
  return offsets.every((offset) => offset === 0) ? 1 : alignment;
}

function reference(tensor: Tensor, name: string, { stretch }: Placed, location: string): TensorProto {
  const external = externalSourceOf(tensor);
  const source = tensorToProtoHead(tensor, name);
  if (!external) {
    return amend(source, {
      raw_data: null,
      data_location: externalLocation,
      external_data: [
        { key: "location", value: location },
        { key: "offset", value: String(stretch.offset) },
        { key: "length", value: String(stretch.length) },
      ],
    });
  }
  const old = externalDataOf(external);
  if (old.location === location && old.offset === stretch.offset) return source;
  return amend(source, { external_data: moveEntries(external.external_data ?? [], location, stretch) });
}

/** A moved tensor's entries: a checksum is of the old file and goes. */
function moveEntries(
  entries: readonly StringStringEntryProto[],
  location: string,
  { offset, length }: Stretch,
): StringStringEntryProto[] {
  const values = new Map([
    ["location", location],
    ["offset", String(offset)],
    ["length", String(length)],
  ]);
  const moved = entries
    .filter(({ key }) => key !== "checksum")
    .map((entry) => {
      const value = values.get(entry.key ?? "");
      values.delete(entry.key ?? "");
      return value === undefined || value === entry.value ? entry : amend(entry, { value });
    });
  for (const [key, value] of values) moved.push({ key, value });
  return moved;
}

/** The tensor's message without encoding its data, which goes elsewhere. */
function tensorToProtoHead(tensor: Tensor, name: string): TensorProto {
  if (tensor.source !== null) {
    return amend(tensorToProto(tensor, name), {
      float_data: [],
      int32_data: [],
      int64_data: [],
      double_data: [],
      uint64_data: [],
    });
  }
  return tensorToProto(tensor, name);
}

/** The pieces of a data file: stretches in order, zeros between them. */
export function* dataPieces({ stretches }: DataFile): Generator<Uint8Array> {
  let end = 0;
  for (const { offset, bytes } of stretches) {
    if (offset > end) yield new Uint8Array(offset - end);
    const data = bytes();
    yield data;
    end = offset + data.length;
  }
}

/** Every tensor that the codec writes, once. */
export function tensorsOf(model: Model): ReadonlySet<Tensor> {
  const tensors = new Set<Tensor>();
  const visit = (graph: Graph): void => {
    for (const value of graph.initializers_) tensors.add(value.initializer_!);
    for (const node of graph.nodes_) {
      for (const attribute of node.attributes.values()) {
        if (attribute.kind === "tensor") tensors.add(attribute.value);
        if (attribute.kind === "tensors") for (const tensor of attribute.value) tensors.add(tensor);
      }
      for (const subgraph of node.subgraphs) visit(subgraph);
    }
  };
  visit(model.graph);
  for (const { body } of model.functions) visit(body);
  return tensors;
}
