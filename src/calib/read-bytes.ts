import { readFile } from "node:fs/promises";
import { IoError } from "../ir/index.js";

/** All bytes of a file, or of standard input for "-". Throws IoError E_READ. */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    if (path !== "-") return await readFile(path);
    const parts: Uint8Array[] = [];
    for await (const part of process.stdin) parts.push(part as Uint8Array);
    return Buffer.concat(parts);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** What to throw when a file of data can't be read. */
export function unreadable(path: string, error: unknown): IoError {
  const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
  return new IoError("E_READ", missing ? "the data are not there" : "the data cannot be read", {
    where: { file: path },
    cause: error,
  });
}
