import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ModelError, ioError } from "../ir/index.js";

export interface HashedFile {
  /** Path below the hashed folder, with slashes; "" for a file that was named itself. */
  readonly name: string;
  readonly sha256: string;
}

/** Files of a folder beyond this many are refused. */
const mostFiles = 100_000;

/** SHA-256 of a regular file's bytes, lower-case hex. Throws an IoError that names it. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    if (!(await stat(path)).isFile()) throw new Error("it is not a regular file");
    for await (const part of createReadStream(path)) hash.update(part as Uint8Array);
  } catch (cause) {
    throw ioError(cause, path, "cannot be read");
  }
  return hash.digest("hex");
}

export function hashText(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Hashes of a data file, or of every file of a folder in the order of their names. */
export async function hashData(path: string): Promise<HashedFile[]> {
  let names: string[];
  try {
    if (!(await stat(path)).isDirectory()) return [{ name: "", sha256: await hashFile(path) }];
    const entries = await readdir(path, { withFileTypes: true });
    names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  } catch (cause) {
    throw ioError(cause, path, "cannot be read");
  }
  if (names.length > mostFiles) {
    throw new ModelError("E_DATA_SIZE", `the folder holds ${names.length} files, more than ${mostFiles}`, {
      where: { file: path },
    });
  }
  const files: HashedFile[] = [];
  for (const name of names.sort()) files.push({ name, sha256: await hashFile(join(path, name)) });
  return files;
}
