import { ioError } from "../ir/index.js";
import type * as nodeFs from "node:fs";
import type { DataSet } from "../calib/index.js";
import type { Model } from "../ir/index.js";
import { encodeModel } from "../onnx/index.js";
import type { Journal, JournalValue } from "../search/index.js";
import { breathe } from "./batches.js";

/*
 * A journal is a folder with two files for each kind of run that it serves: `KEY.jsonl`, one line per finished unit, and
 * `KEY.bin`, the arrays that the lines refer to. Both are only ever appended to, the arrays before their line, so that a
 * process may be killed at any point; what a torn or damaged line held is computed again.
 */

/** Everything that the units of a run depend on; their names hold the rest. */
export interface RunIdentity {
  readonly tool: string;
  readonly model: string;
  readonly calibration: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** What all arrays of a journal may take; units beyond are not kept. */
const mostBytes = 2 ** 30;

const schema = "convopt.journal/1";

type FileSystem = typeof nodeFs;
type Hash = (...parts: (string | Uint8Array)[]) => string;

export interface JournalOptions {
  /** Take up what the journal holds; otherwise it starts anew. */
  readonly resume: boolean;
  readonly onWarning?: (text: string) => void;
}

/** A unit as it lies in the file: numbers' arrays are `{"$f64": [offset, length]}`. */
interface Line {
  readonly unit: string;
  readonly value: unknown;
  /** Of the unit, the value and the bytes of its arrays. */
  readonly sum: string;
}

/**
 * Opens the journal of a run in a folder, which is made if need be. A journal of another model, other data or other
 * options in the same folder is left alone, with a warning where it was to be resumed. Throws an IoError when the folder
 * can't be used; a journal that can't be written later stops with a warning, and the run goes on.
 */
export async function openJournal(
  folder: string,
  identity: RunIdentity,
  options: JournalOptions,
): Promise<FileJournal> {
  const [fs, { join }, hash] = await Promise.all([import("node:fs"), import("node:path"), hashing()]);
  const key = hash(JSON.stringify(identity)).slice(0, 16);
  try {
    fs.mkdirSync(folder, { recursive: true });
    const [lines, arrays] = [join(folder, `${key}.jsonl`), join(folder, `${key}.bin`)];
    if (options.resume && !fs.existsSync(lines)) warnOfOthers(fs, folder, identity, join, options);
    const flags = options.resume ? "a+" : "w+";
    return new FileJournal(fs, hash, folder, { lines, arrays, flags }, identity, options.onWarning);
  } catch (cause) {
    throw ioError(cause, folder, "cannot be used as a journal");
  }
}

export class FileJournal implements Journal {
  readonly #units = new Map<string, Line>();
  readonly #lines: number;
  readonly #arrays: number;
  #end = 0;
  #writable = true;

  constructor(
    private readonly fs: FileSystem,
    private readonly hash: Hash,
    private readonly folder: string,
    private readonly files: { readonly lines: string; readonly arrays: string; readonly flags: string },
    identity: RunIdentity,
    private readonly onWarning?: (text: string) => void,
  ) {
    this.#lines = fs.openSync(files.lines, files.flags, 0o600);
    this.#arrays = fs.openSync(files.arrays, files.flags, 0o600);
    this.#end = fs.fstatSync(this.#arrays).size;
    const text = fs.readFileSync(this.#lines, "utf8");
    const sound = this.#take(text);
    if (sound < Buffer.byteLength(text)) fs.ftruncateSync(this.#lines, sound);
    if (sound === 0) this.#append(JSON.stringify({ schema, ...identity }));
  }

  /** Finished units that can be taken up. */
  get size(): number {
    return this.#units.size;
  }

  read(unit: string): JournalValue | undefined {
    const line = this.#units.get(unit);
    if (!line) return undefined;
    const parts: Uint8Array[] = [];
    try {
      const value = this.#decode(line.value, parts);
      return this.#sum(unit, line.value, parts) === line.sum ? value : undefined;
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }

  write(unit: string, value: JournalValue): void {
    if (!this.#writable) return;
    const parts: Uint8Array[] = [];
    const end = this.#end;
    const encoded = this.#encode(value, parts);
    if (this.#end > mostBytes) {
      this.#end = end;
      return;
    }
    const line: Line = { unit, value: encoded, sum: this.#sum(unit, encoded, parts) };
    try {
      for (const part of parts) writeWhole(this.fs, this.#arrays, part);
      this.#append(JSON.stringify(line));
      this.#units.set(unit, line);
    } catch (error) {
      this.#writable = false;
      this.onWarning?.(
        `${ioError(error, this.folder, "cannot be written").message}: from here on the run cannot be resumed`,
      );
    }
  }

  /** Leaves the journal as it is. */
  close(): void {
    for (const file of [this.#lines, this.#arrays]) this.fs.closeSync(file);
  }

  /** Closes the journal and deletes it; the folder goes when nothing else is in it. */
  remove(): void {
    this.close();
    for (const path of [this.files.lines, this.files.arrays]) this.fs.rmSync(path, { force: true });
    try {
      this.fs.rmdirSync(this.folder);
    } catch {
      // It holds something else.
    }
  }

  /** Reads the units of a text up to the first line that isn't one; returns the bytes up to there. */
  #take(text: string): number {
    let bytes = 0;
    for (const raw of text.split("\n").slice(0, -1)) {
      const line = parseLine(raw);
      if (!line || (bytes === 0) !== "schema" in line) break;
      const { unit, value, sum } = line;
      if (bytes > 0) this.#units.set(String(unit), { unit: String(unit), value, sum: String(sum) });
      bytes += Buffer.byteLength(raw) + 1;
    }
    return bytes;
  }

  #append(line: string): void {
    writeWhole(this.fs, this.#lines, Buffer.from(`${line}\n`));
  }

  #sum(unit: string, value: unknown, parts: readonly Uint8Array[]): string {
    return this.hash(unit, JSON.stringify(value), ...parts).slice(0, 32);
  }

  #encode(value: JournalValue, parts: Uint8Array[]): unknown {
    if (isNumbers(value)) {
      parts.push(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
      const reference = { [nameOf(value)]: [this.#end, value.length] };
      this.#end += value.byteLength;
      return reference;
    }
    if (Array.isArray(value)) return value.map((item: JournalValue) => this.#encode(item, parts));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#encode(item, parts)]));
  }

  #decode(value: unknown, parts: Uint8Array[]): JournalValue {
    if (Array.isArray(value)) return value.map((item) => this.#decode(item, parts));
    if (typeof value === "number" || typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value !== "object" || value === null) return null;
    const [only, ...more] = Object.entries(value);
    const kind = only && more.length === 0 ? kinds.get(only[0]) : undefined;
    if (!only || !kind) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#decode(item, parts)]));
    }
    const [offset, length] = this.#range(only[1], kind.BYTES_PER_ELEMENT);
    const numbers = new kind(length);
    const bytes = new Uint8Array(numbers.buffer);
    for (let at = 0; at < bytes.length;) {
      const got = this.fs.readSync(this.#arrays, bytes, at, bytes.length - at, offset + at);
      if (got === 0) throw new RangeError("the arrays end early");
      at += got;
    }
    parts.push(bytes);
    return numbers;
  }

  /** Where an array lies, if it lies in the file; a RangeError otherwise. */
  #range(reference: unknown, elementBytes: number): readonly [number, number] {
    const [offset, length]: unknown[] = Array.isArray(reference) ? reference : [];
    const sound = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
    const [at, count] = [Number(offset), Number(length)];
    if (!sound || at < 0 || count < 0 || at + count * elementBytes > this.#end) {
      throw new RangeError("a reference beyond the arrays");
    }
    return [at, count];
  }
}

type NumbersConstructor = typeof Float64Array | typeof Float32Array | typeof Int32Array;

const kinds = new Map<string, NumbersConstructor>([
  ["$f64", Float64Array],
  ["$f32", Float32Array],
  ["$i32", Int32Array],
]);

function isNumbers(value: JournalValue): value is Float64Array | Float32Array | Int32Array {
  return ArrayBuffer.isView(value);
}

function nameOf(value: Float64Array | Float32Array | Int32Array): string {
  if (value instanceof Float64Array) return "$f64";
  return value instanceof Float32Array ? "$f32" : "$i32";
}

function parseLine(raw: string): Record<string, unknown> | null {
  try {
    const line: unknown = JSON.parse(raw);
    return typeof line === "object" && line !== null ? { ...line } : null;
  } catch {
    return null;
  }
}

function writeWhole(fs: FileSystem, file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += fs.writeSync(file, bytes, at);
}

/** Says which of the run's terms differ from those of the journal that is there. */
function warnOfOthers(
  fs: FileSystem,
  folder: string,
  identity: RunIdentity,
  join: (...parts: string[]) => string,
  { onWarning }: JournalOptions,
): void {
  const others = fs.readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
  const [first] = others;
  if (first === undefined) {
    onWarning?.("there is no journal to resume: the run starts from the beginning");
    return;
  }
  const head = parseLine(fs.readFileSync(join(folder, first), "utf8").split("\n", 1)[0] ?? "") ?? {};
  const flat = (terms: Record<string, unknown>): Record<string, unknown> => ({
    ...terms,
    ...(typeof terms["options"] === "object" ? terms["options"] : {}),
  });
  const [mine, theirs] = [flat({ ...identity }), flat(head)];
  const differing = Object.keys(mine).filter(
    (key) => key !== "options" && JSON.stringify(mine[key]) !== JSON.stringify(theirs[key]),
  );
  onWarning?.(
    `the journal in ${folder} is of another run (${differing.join(", ") || "format"} differ${differing.length === 1 ? "s" : ""}): the run starts from the beginning`,
  );
}

/** sha256 over parts in order, as lower-case hex. */
async function hashing(): Promise<Hash> {
  const { createHash } = await import("node:crypto");
  return (...parts) => {
    const hash = createHash("sha256");
    for (const part of parts) hash.update(part);
    return hash.digest("hex");
  };
}

/** Hash of a model with all its weights, also those in files beside it. */
export async function modelHash(model: Model): Promise<string> {
  const hash = await hashing();
  const weights = [...model.graph.initializers].map(({ initializer }) => initializer?.data);
  return hash(
    encodeModel(model),
    ...weights.map((data) =>
      ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : "",
    ),
  );
}

/** Hash of all samples as the model is fed them. */
export async function dataHash(data: DataSet): Promise<string> {
  const hash = await hashing();
  const hashes: string[] = [];
  for (const [name, array] of data.arrays) {
    for (let at = 0; at < data.count; at += 64) {
      const indices = Array.from({ length: Math.min(64, data.count - at) }, (_, i) => at + i);
      hashes.push(hash(name, array.dims.join(), array.batch(indices).bytes()));
      await breathe();
    }
  }
  return hash(...hashes);
}

/** Hash of a file's bytes; null where there is none. */
export async function fileHash(path: string): Promise<string | null> {
  const [{ readFile }, hash] = await Promise.all([import("node:fs/promises"), hashing()]);
  const bytes = await readFile(path).catch(() => null);
  return bytes && hash(bytes);
}
