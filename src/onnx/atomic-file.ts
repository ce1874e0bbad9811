import { createHash, randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { open, readdir, rename, stat, unlink, type FileHandle } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { ioError } from "../ir/index.js";

export interface WrittenFile {
  readonly sha256: string;
  readonly bytes: number;
}

/** Pieces written with one system call. */
const batch = 256;

/**
 * Writes a file whole or not at all: into a temporary file of the same folder, which takes over the path when it is
 * safely on the disk. `onStep` is called between the system calls that matter (tests stop the process there).
 */
export async function writeAtomically(
  path: string,
  pieces: Iterable<Uint8Array>,
  onStep: (step: string) => void = () => undefined,
): Promise<WrittenFile> {
  const temporary = await writeTemporary(path, pieces, onStep);
  try {
    await commit(temporary.path, path);
    onStep("renamed");
  } catch (error) {
    await unlink(temporary.path).catch(() => undefined);
    throw ioError(error, path, "cannot be written");
  }
  return temporary.written;
}

/** The temporary file of a path, synced; {@link commit} puts it in place. */
export async function writeTemporary(
  path: string,
  pieces: Iterable<Uint8Array>,
  onStep: (step: string) => void = () => undefined,
): Promise<{ readonly path: string; readonly written: WrittenFile }> {
  const temporary = join(dirname(path), temporaryName(basename(path)));
  let handle: FileHandle | null = null;
  try {
    const mode = await stat(path).then(
      (old) => old.mode & 0o777,
      () => 0o666,
    );
    handle = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
    onStep("opened");
    const written = await writePieces(handle, pieces, onStep);
    await handle.sync();
    onStep("synced");
    await handle.close();
    handle = null;
    return { path: temporary, written };
  } catch (error) {
    await handle?.close().catch(() => undefined);
    await unlink(temporary).catch(() => undefined);
    throw ioError(error, path, "cannot be written");
  }
}

export async function commit(temporary: string, path: string): Promise<void> {
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** Writes pieces in order, without joining them. */
export async function writePieces(
  handle: FileHandle,
  pieces: Iterable<Uint8Array>,
  onStep: (step: string) => void = () => undefined,
): Promise<WrittenFile> {
  const hash = createHash("sha256");
  let bytes = 0;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  const flush = async (): Promise<void> => {
    await writeAll(handle, waiting);
    waiting = [];
    waitingBytes = 0;
    onStep("wrote");
  };
  for (const piece of pieces) {
    if (piece.length === 0) continue;
    hash.update(piece);
    bytes += piece.length;
    waiting.push(piece);
    waitingBytes += piece.length;
    if (waiting.length >= batch || waitingBytes >= 2 ** 24) await flush();
  }
  if (waiting.length > 0) await flush();
  return { sha256: hash.digest("hex"), bytes };
}

async function writeAll(handle: FileHandle, pieces: readonly Uint8Array[]): Promise<void> {
  let rest = [...pieces];
  while (rest.length > 0) {
    let { bytesWritten } = await handle.writev(rest);
    while (rest.length > 0 && bytesWritten >= rest[0]!.length) bytesWritten -= rest.shift()!.length;
    if (bytesWritten > 0) rest = [rest[0]!.subarray(bytesWritten), ...rest.slice(1)];
  }
}

/** Makes a rename last through a power cut; file systems that can't sync a folder are left alone. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY).catch(() => null);
  await handle?.sync().catch(() => undefined);
  await handle?.close().catch(() => undefined);
}

const suffix = ".convopt-tmp";

function hostTag(): string {
  return createHash("sha256").update(hostname()).digest("hex").slice(0, 6);
}

function temporaryName(name: string): string {
  return `.${name.slice(0, 180)}.${hostTag()}-${process.pid}-${randomBytes(4).toString("hex")}${suffix}`;
}

/** Removes temporary files that a killed run left in a folder; those of running processes stay. */
export async function removeLeftovers(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const match = /\.([0-9a-f]{6})-(\d+)-[0-9a-f]{8}\.convopt-tmp$/.exec(name);
    if (!match || !name.startsWith(".")) continue;
    const path = join(folder, name);
    const dead =
      match[1] === hostTag() ? !isAlive(Number(match[2])) : await isOlderThanADay(path).catch(() => false);
    if (dead) await unlink(path).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

async function isOlderThanADay(path: string): Promise<boolean> {
  return Date.now() - (await stat(path)).mtimeMs > 86_400_000;
}
