import { constants, crc32, deflateRawSync, inflateRawSync } from "node:zlib";
import { ModelError, type ErrorPlace } from "../ir/index.js";

/** What an archive may expand to before anything is allocated. */
export interface ZipLimits {
  /** Entries at most; 4096 by default. */
  readonly entries?: number;
  /** Expanded bytes of all entries together at most; 4 GiB by default. */
  readonly totalBytes?: number;
}

export interface ZipEntry {
  readonly name: string;
  /** Bytes when expanded, as the directory says. */
  readonly size: number;
  /** Expands the entry and checks length and CRC. */
  read(): Uint8Array;
}

/** Entries below this may be compressed at any ratio: a few constant labels are no bomb. */
const freeBytes = 16 * 2 ** 20;
const maxRatio = 200;
const defaultEntries = 4096;
const defaultTotal = 4 * 2 ** 30;
const fixedTime = 0x0021_0000;

interface Directory {
  readonly offset: number;
  readonly size: number;
  readonly count: number;
}

interface Record64 {
  size: number;
  packed: number;
  offset: number;
}

/**
 * The entries of a zip archive (stored or deflated; zip64 too), read from its central directory. Sizes and ratio are
 * checked before anything is expanded. Throws ModelError E_ZIP for a damaged, encrypted or excessive archive.
 */
export function readZip(bytes: Uint8Array, file?: string, limits: ZipLimits = {}): ZipEntry[] {
  const where: ErrorPlace = file === undefined ? {} : { file };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const directory = findDirectory(view, where);
  const maxEntries = limits.entries ?? defaultEntries;
  if (directory.count > maxEntries) {
    throw bad(`the archive has ${directory.count} entries, more than ${maxEntries}`, where);
  }
  const end = directory.offset + directory.size;
  const names = new Set<string>();
  const entries: ZipEntry[] = [];
  let total = 0;
  let at = directory.offset;
  for (let i = 0; i < directory.count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== 0x02014b50)
      throw bad("the directory is damaged", where);
    const flags = view.getUint16(at + 8, true);
    const method = view.getUint16(at + 10, true);
    const crc = view.getUint32(at + 16, true);
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const next = at + 46 + nameLength + extraLength + view.getUint16(at + 32, true);
    if (next > end) throw bad("the directory is damaged", where);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    const record: Record64 = {
      packed: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    };
    widen(view, at + 46 + nameLength, extraLength, record, where);
    at = next;
    if (names.has(name)) throw bad(`two entries are named ${JSON.stringify(name)}`, where);
    names.add(name);
    if ((flags & 1) !== 0) throw bad(`entry ${JSON.stringify(name)} is encrypted`, where);
    if (method !== 0 && method !== 8) {
      throw bad(`entry ${JSON.stringify(name)} uses compression method ${method}`, where);
    }
    total += record.size;
    const budget = limits.totalBytes ?? defaultTotal;
    if (total > budget) throw bad(`the archive expands to more than ${budget} bytes`, where);
    if (record.size > freeBytes && record.size > maxRatio * record.packed) {
      throw bad(`entry ${JSON.stringify(name)} expands more than ${maxRatio} times`, where);
    }
    entries.push({
      name,
      size: record.size,
      read: () => expand(bytes, view, name, method, crc, record, where),
    });
  }
  if (total > freeBytes && total > maxRatio * bytes.length) {
    throw bad(`the archive expands more than ${maxRatio} times`, where);
  }
  return entries;
}

/** An archive of the given entries in order, deflated unless `store` is set; the same bytes for the same content. */
export function writeZip(
  entries: Iterable<readonly [name: string, bytes: Uint8Array]>,
  o: { readonly store?: boolean } = {},
): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [name, bytes] of entries) {
    const label = new TextEncoder().encode(name);
    const packed = o.store ? bytes : deflateRawSync(bytes, { level: constants.Z_DEFAULT_COMPRESSION });
    if (Math.max(bytes.length, packed.length, offset) >= 0xffffffff) {
      throw new ModelError("E_ZIP_SIZE", `entry ${JSON.stringify(name)} does not fit an archive of 4 GiB`);
    }
    const common = new DataView(new ArrayBuffer(26));
    common.setUint16(0, 20, true);
    common.setUint16(2, 0x0800, true);
    common.setUint16(4, o.store ? 0 : 8, true);
    common.setUint32(6, fixedTime, true);
    common.setUint32(10, crc32(bytes), true);
    common.setUint32(14, packed.length, true);
    common.setUint32(18, bytes.length, true);
    common.setUint16(22, label.length, true);
    const shared = new Uint8Array(common.buffer);
    parts.push(Uint8Array.of(0x50, 0x4b, 3, 4), shared, label, packed);
    const tail = new DataView(new ArrayBuffer(14));
    tail.setUint32(10, offset, true);
    directory.push(Uint8Array.of(0x50, 0x4b, 1, 2, 20, 0), shared, new Uint8Array(tail.buffer), label);
    offset += 30 + label.length + packed.length;
  }
  const count = parts.length / 4;
  if (count > 0xfffe) throw new ModelError("E_ZIP_SIZE", `${count} entries do not fit an archive`);
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, count, true);
  end.setUint16(10, count, true);
  end.setUint32(12, size, true);
  end.setUint32(16, offset, true);
  return concatenate([...parts, ...directory, new Uint8Array(end.buffer)]);
}

function findDirectory(view: DataView, where: ErrorPlace): Directory {
  const length = view.byteLength;
  for (let at = length - 22; at >= Math.max(0, length - 22 - 0xffff); at--) {
    if (view.getUint32(at, true) !== 0x06054b50 || at + 22 + view.getUint16(at + 20, true) !== length)
      continue;
    let directory: Directory = {
      count: view.getUint16(at + 10, true),
      size: view.getUint32(at + 12, true),
      offset: view.getUint32(at + 16, true),
    };
    if (at >= 20 && view.getUint32(at - 20, true) === 0x07064b50) {
      const end64 = readUint64(view, at - 12, where);
      if (end64 + 56 > at || view.getUint32(end64, true) !== 0x06064b50) break;
      directory = {
        count: readUint64(view, end64 + 32, where),
        size: readUint64(view, end64 + 40, where),
        offset: readUint64(view, end64 + 48, where),
      };
    }
    if (directory.offset + directory.size > at) break;
    if (directory.count * 46 > directory.size) break;
    return directory;
  }
  throw bad("this is not a zip archive, or it is cut off", where);
}

/** Takes the sizes that did not fit 32 bits from the zip64 extra field. */
function widen(view: DataView, from: number, length: number, record: Record64, where: ErrorPlace): void {
  for (let at = from; at + 4 <= from + length;) {
    const id = view.getUint16(at, true);
    let field = at + 4;
    const end = field + view.getUint16(at + 2, true);
    if (end > from + length) throw bad("the directory is damaged", where);
    at = end;
    if (id !== 1) continue;
    for (const key of ["size", "packed", "offset"] as const) {
      if (record[key] !== 0xffffffff) continue;
      if (field + 8 > end) throw bad("the directory is damaged", where);
      record[key] = readUint64(view, field, where);
      field += 8;
    }
  }
}

function expand(
  bytes: Uint8Array,
  view: DataView,
  name: string,
  method: number,
  crc: number,
  { offset, packed, size }: Record64,
  where: ErrorPlace,
): Uint8Array {
  const damaged = (why: string, cause?: unknown): ModelError =>
    bad(`entry ${JSON.stringify(name)} is damaged: ${why}`, where, cause);
  if (offset + 30 > bytes.length || view.getUint32(offset, true) !== 0x04034b50) throw damaged("no header");
  const from = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (from + packed > bytes.length) throw damaged("it is cut off");
  const raw = bytes.subarray(from, from + packed);
  let content = raw;
  if (method === 8) {
    try {
      content = inflateRawSync(raw, { maxOutputLength: Math.max(1, size) });
    } catch (error) {
      throw damaged("its data do not inflate to the size it states", error);
    }
  }
  if (content.length !== size) throw damaged(`${content.length} bytes instead of ${size}`);
  if (crc32(content) !== crc) throw damaged("its checksum differs");
  return content;
}

function readUint64(view: DataView, at: number, where: ErrorPlace): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw bad("a size in the archive is absurd", where);
  return Number(value);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

function bad(what: string, where: ErrorPlace, cause?: unknown): ModelError {
  return new ModelError("E_ZIP", what, { where, ...(cause === undefined ? {} : { cause }) });
}
