import { readFile } from "node:fs/promises";
import { ioError } from "../ir/index.js";

/** All bytes of a file, or of standard input for "-". Throws an IoError that names it. */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    if (path !== "-") return await readFile(path);
    const parts: Uint8Array[] = [];
    for await (const part of process.stdin) parts.push(part as Uint8Array);
    return Buffer.concat(parts);
  } catch (error) {
    throw ioError(error, path, "cannot be read");
  }
}
