import { constants, fstatSync, readSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { IoError, ModelError, ioError } from "../ir/index.js";
import { largestMessage } from "./encode-model.js";

/** One read call takes at most this much. */
const chunk = 2 ** 30;

/** The whole of a model file; "-" is stdin. Pipes are read to their end, devices and folders are refused. */
export async function readModelFile(path: string): Promise<Uint8Array> {
  if (path === "-") return readStream(process.stdin, "-");
  let handle: FileHandle | null = null;
  try {
    handle = await open(path, constants.O_RDONLY);
    const stat = fstatSync(handle.fd);
    if (stat.isDirectory())
      throw new IoError("E_IO_DIRECTORY", "the path is a folder", { where: { file: path } });
    if (stat.isFIFO() || stat.isSocket()) return await readStream(handle.createReadStream(), path);
    if (!stat.isFile()) throw new IoError("E_IO_DEVICE", "the path is a device", { where: { file: path } });
    if (stat.size > largestMessage) throw tooLarge(path);
    const bytes = readWindow(handle.fd, 0, stat.size);
    if (bytes.length < stat.size) {
      throw new IoError("E_IO_CHANGED", "the file shrank while it was read", { where: { file: path } });
    }
    return bytes;
  } catch (error) {
    throw ioError(error, path, "cannot be read");
  } finally {
    await handle?.close().catch(() => undefined);
  }
}

/** `length` bytes from `offset`, or fewer at the end of the file, in memory of their own (never a mapping). */
export function readWindow(descriptor: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const count = readSync(descriptor, bytes, done, Math.min(chunk, length - done), offset + done);
    if (count === 0) return bytes.subarray(0, done);
    done += count;
  }
  return bytes;
}

async function readStream(stream: AsyncIterable<unknown>, path: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let total = 0;
  try {
    for await (const part of stream) {
      const bytes = part as Uint8Array;
      total += bytes.length;
      if (total > largestMessage) throw tooLarge(path);
      parts.push(bytes);
    }
  } catch (error) {
    throw ioError(error, path, "cannot be read");
  }
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function tooLarge(file: string): ModelError {
  return new ModelError("E_MODEL_TOO_LARGE", "the file is larger than 2 GiB, where protobuf ends", {
    where: { file },
    hint: "export the model with external data",
  });
}
