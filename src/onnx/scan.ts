import { ModelError } from "../ir/index.js";
import { layouts, type FieldKind, type MessageKind } from "./layout.js";

/** What a file may ask for. The defaults hold every model that protobuf's own limits let through in practice. */
export interface Limits {
  /** Nodes, subgraphs and functions included. */
  readonly nodes: number;
  /** Nested messages (protobuf's own limit is 100). */
  readonly depth: number;
  /** Fields that no schema knows. */
  readonly unknownFields: number;
  /** Heap that decoding may take: `heapBase` + `heapPerByte` × the file's size. */
  readonly heapBase: number;
  readonly heapPerByte: number;
}

export const defaultLimits: Limits = {
  nodes: 1_000_000,
  depth: 100,
  unknownFields: 100_000,
  heapBase: 64 * 2 ** 20,
  heapPerByte: 32,
};

export interface ScanResult {
  readonly nodes: number;
  readonly tensors: number;
  /** Estimated heap of the decoded messages, without the bytes that stay views. */
  readonly heap: number;
  /** Byte ranges of all `external_data` entries, wherever their tensors are. */
  readonly externalEntries: readonly (readonly [start: number, end: number])[];
}

/** A message whose bytes break off or are no protobuf at `offset`. */
export class WireError extends Error {
  constructor(
    readonly kind: "truncated" | "malformed",
    readonly offset: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Walks the tags of a message without decoding it and refuses what would take too much memory. Throws a
 * {@link WireError} for bytes that are no message and a ModelError `E_MODEL_LIMIT` for one that is too big.
 */
export function scan(bytes: Uint8Array, kind: MessageKind, limits: Limits = defaultLimits): ScanResult {
  const scanner = new Scanner(bytes, limits);
  scanner.message(kind, bytes.length, 0);
  return scanner;
}

class Scanner implements ScanResult {
  nodes = 0;
  tensors = 0;
  heap = 0;
  readonly externalEntries: (readonly [number, number])[] = [];
  #unknown = 0;
  #pos = 0;
  readonly #most: number;

  constructor(
    readonly bytes: Uint8Array,
    readonly limits: Limits,
  ) {
    this.#most = limits.heapBase + limits.heapPerByte * bytes.length;
  }

  message(kind: MessageKind, end: number, depth: number): void {
    if (depth > this.limits.depth) throw tooMuch(`messages nest deeper than ${this.limits.depth}`);
    const { cost, fields } = layouts[kind];
    this.#spend(cost);
    if (kind === "node" && ++this.nodes > this.limits.nodes)
      throw tooMuch(`more than ${this.limits.nodes} nodes`);
    if (kind === "tensor") this.tensors++;
    while (this.#pos < end) {
      const start = this.#pos;
      const tag = this.#varint(end);
      const id = Math.floor(tag / 8);
      const wire = tag % 8;
      if (id === 0 || tag > 0xffffffff) throw new WireError("malformed", start, "an impossible field number");
      const field = fields.get(id);
      if (field === undefined || !agrees(field, wire)) {
        this.#skip(wire, id, end, depth);
        this.#spend(160);
        if (++this.#unknown > this.limits.unknownFields) {
          throw tooMuch(`more than ${this.limits.unknownFields} fields that no ONNX schema knows`);
        }
      } else if (wire === 2) {
        this.#lengthDelimited(kind, id, field, end, depth);
      } else {
        this.#skip(wire, id, end, depth);
        this.#spend(wire === 0 ? 24 : 12);
      }
    }
  }

  #lengthDelimited(kind: MessageKind, id: number, field: FieldKind, end: number, depth: number): void {
    const stop = this.#stop(end);
    switch (field) {
      case "text":
        this.#spend(40 + stop - this.#pos);
        break;
      case "bytes":
        this.#spend(130);
        break;
      case "floats":
      case "doubles":
      case "int32s":
        this.#spend(32 + 8 * (stop - this.#pos));
        break;
      case "int64s":
        this.#spend(32 + this.#integers(stop));
        break;
      case "varint":
      case "float":
        break;
      default:
        if (kind === "tensor" && id === 13) this.externalEntries.push([this.#pos, stop]);
        return this.message(field, stop, depth + 1);
    }
    this.#pos = stop;
  }

  /** Heap of packed 64-bit integers: those of one byte are shared objects. */
  #integers(stop: number): number {
    let cost = 0;
    let length = 0;
    for (let i = this.#pos; i < stop; i++) {
      length++;
      if (this.bytes[i]! < 128) {
        cost += length === 1 ? 8 : 48;
        length = 0;
      }
    }
    return cost;
  }

  #skip(wire: number, id: number, end: number, depth: number): void {
    if (wire === 0) this.#varint(end);
    else if (wire === 1) this.#advance(8, end);
    else if (wire === 5) this.#advance(4, end);
    else if (wire === 2) this.#pos = this.#stop(end);
    else if (wire === 3) this.#group(id, end, depth + 1);
    else throw new WireError("malformed", this.#pos, `an impossible wire type ${wire}`);
  }

  #group(id: number, end: number, depth: number): void {
    if (depth > this.limits.depth) throw tooMuch(`groups nest deeper than ${this.limits.depth}`);
    for (;;) {
      if (this.#pos >= end) throw new WireError("truncated", this.#pos, "a group does not end");
      const start = this.#pos;
      const tag = this.#varint(end);
      const wire = tag % 8;
      if (wire !== 4) this.#skip(wire, Math.floor(tag / 8), end, depth);
      else if (Math.floor(tag / 8) === id) return;
      else throw new WireError("malformed", start, "a group ends that did not begin");
    }
  }

  #stop(end: number): number {
    const length = this.#varint(end);
    const stop = this.#pos + length;
    if (stop > end)
      throw new WireError(
        "truncated",
        this.#pos,
        `${length} bytes are announced and ${end - this.#pos} are left`,
      );
    return stop;
  }

  #advance(count: number, end: number): void {
    if (this.#pos + count > end) throw new WireError("truncated", this.#pos, "the bytes end within a number");
    this.#pos += count;
  }

  #varint(end: number): number {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      if (this.#pos >= end) throw new WireError("truncated", this.#pos, "the bytes end within a number");
      const byte = this.bytes[this.#pos++]!;
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return value;
    }
    throw new WireError("malformed", this.#pos, "a number of more than ten bytes");
  }

  #spend(bytes: number): void {
    this.heap += bytes;
    if (this.heap > this.#most) {
      throw tooMuch(
        `decoding it would take more than ${Math.round(this.#most / 2 ** 20)} MB of memory, far more than a file of ${this.bytes.length} bytes may`,
      );
    }
  }
}

/** Wire types that a kind of field comes in; in another, readers keep it as an unknown field. */
const wires: Readonly<Partial<Record<FieldKind, readonly number[]>>> = {
  varint: [0],
  float: [5],
  floats: [2, 5],
  doubles: [2, 1],
  int32s: [2, 0],
  int64s: [2, 0],
};

function agrees(field: FieldKind, wire: number): boolean {
  return wires[field]?.includes(wire) ?? wire === 2;
}

function tooMuch(what: string): ModelError {
  return new ModelError("E_MODEL_LIMIT", `the file asks for too much: ${what}`);
}
