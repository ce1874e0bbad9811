import { ioError } from "../ir/index.js";

/**
 * Writes a file whole or not at all: into a temporary file beside it, synchronised, then renamed.
 * Devices and pipes can't be replaced; they are written to. "-" is standard output. Throws an IoError that names the file.
 */
export async function writeFileAtomically(path: string, content: string | Uint8Array): Promise<void> {
  if (path === "-") return writeToStandardOutput(content);
  const { open, rename, rm, stat, writeFile } = await import("node:fs/promises");
  const status = await stat(path).catch(() => null);
  if (status && !status.isFile() && !status.isDirectory()) {
    return writeFile(path, content).catch((cause: unknown) => {
      throw ioError(cause, path, "cannot be written");
    });
  }
  const temporary = `${path}.${Math.random().toString(36).slice(2, 10)}.tmp`;
  try {
    const handle = await open(temporary, "wx");
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw ioError(cause, path, "cannot be written");
  }
}

function writeToStandardOutput(content: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(content, (error) =>
      error ? reject(ioError(error, "-", "cannot be written")) : resolve(),
    );
  });
}

/** Reads a whole text file; throws an IoError that names it. */
export async function readTextFile(path: string): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw ioError(cause, path, "cannot be read");
  }
}

/** Throws an IoError unless a file of this path could be made: before a long run rather than after it. */
export async function checkWritable(path: string): Promise<void> {
  if (path === "-") return;
  const { access, constants, stat } = await import("node:fs/promises");
  const { dirname } = await import("node:path");
  const folder = dirname(path);
  try {
    const status = await stat(path).catch(() => null);
    if (status?.isDirectory()) throw Object.assign(new Error("is a folder"), { code: "EISDIR" });
    await access(folder, constants.W_OK | constants.X_OK);
    if (!(await stat(folder)).isDirectory())
      throw Object.assign(new Error("not a folder"), { code: "ENOTDIR" });
  } catch (cause) {
    throw ioError(cause, path, "cannot be written");
  }
}
