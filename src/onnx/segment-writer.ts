import protobuf from "protobufjs/minimal.js";

/** Byte fields of at least this size are not copied into the written message but stand beside it. */
const leastDetached = 4096;

interface Detached {
  /** Position in the written bytes at which the field's bytes belong. */
  position: number;
  readonly bytes: Uint8Array;
}

/**
 * A protobuf writer that leaves large byte fields (raw_data) where they are: the message comes out as a list of
 * pieces, small ones that were written and views of the tensors between them.
 */
export class SegmentWriter extends protobuf.Writer {
  readonly #detached: Detached[] = [];
  /** Positions of the open length prefixes, with the number of detached fields and their bytes at that time. */
  readonly #open: { readonly position: number; readonly count: number; readonly bytes: number }[] = [];
  #detachedBytes = 0;

  override bytes(value: Uint8Array): protobuf.Writer {
    if (value.length < leastDetached) return super.bytes(value);
    this.uint32(value.length);
    this.#detached.push({ position: this.pos, bytes: value });
    this.#detachedBytes += value.length;
    return this;
  }

  override fork(): protobuf.Writer {
    this.#open.push({ position: this.pos, count: this.#detached.length, bytes: this.#detachedBytes });
    return this;
  }

  override ldelim(): protobuf.Writer {
    const { position, count, bytes } = this.#open.pop()!;
    const length = this.pos - position;
    const prefix = varint(length + this.#detachedBytes - bytes);
    // Room for the prefix in front of what was written since the fork.
    this.raw(prefix);
    this.buf.copyWithin(position + prefix.length, position, position + length);
    this.buf.set(prefix, position);
    for (let i = count; i < this.#detached.length; i++) this.#detached[i]!.position += prefix.length;
    return this;
  }

  /** Bytes of the whole message. */
  get total(): number {
    return this.pos + this.#detachedBytes;
  }

  /** The message in pieces, in order. */
  pieces(): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    let from = 0;
    for (const { position, bytes } of this.#detached) {
      if (position > from) pieces.push(this.buf.subarray(from, position));
      pieces.push(bytes);
      from = position;
    }
    if (this.pos > from) pieces.push(this.buf.subarray(from, this.pos));
    return pieces;
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** The pieces as one array. */
export function joinPieces(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((total, piece) => total + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
