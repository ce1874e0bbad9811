import { closeSync, constants, fstatSync, openSync, realpathSync, type Stats } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { ConvoptError, IoError, ModelError, ioError } from "../ir/index.js";
import type { ExternalData, ExternalSource } from "./external-location.js";
import { readWindow } from "./read-file.js";

/** The data files of one model. Windows are read when a tensor is first used, from the file that was checked. */
export interface ExternalFiles extends ExternalSource {
  /** Real path of each location that the model refers to. */
  readonly paths: ReadonlyMap<string, string>;
}

interface OpenedFile {
  readonly path: string;
  readonly stat: Stats;
}

/**
 * Opens external data of the model at `modelPath`. A data file has to be a regular file inside the model's folder
 * (or one of `allowed`), not a symbolic link and without a second hard link, so that no file of elsewhere can be
 * read through a model.
 */
export function externalFiles(modelPath: string, allowed: readonly string[] = []): ExternalFiles {
  const folder = realpathSync(dirname(resolve(modelPath)));
  const allowedFolders = allowed.map((path) => {
    try {
      return realpathSync(path);
    } catch (error) {
      throw ioError(error, path, "cannot be read");
    }
  });
  const opened = new Map<string, OpenedFile>();

  function check(data: ExternalData, bytes: number, tensor: string): void {
    const file = fileOf(data.location, tensor);
    if (data.offset + bytes <= file.stat.size) return;
    throw new ModelError(
      "E_MODEL_TENSOR_DATA",
      `${data.location} ends at ${file.stat.size}, before the ${bytes} bytes at ${data.offset}`,
      { where: { tensor } },
    );
  }

  function fileOf(location: string, tensor: string): OpenedFile {
    let file = opened.get(location);
    if (!file) {
      file = locate(location, tensor);
      opened.set(location, file);
    }
    return file;
  }

  function locate(location: string, tensor: string): OpenedFile {
    const direct = join(folder, location);
    try {
      const path = realpathSync(direct);
      const trusted = allowedFolders.some((one) => isInside(path, one));
      if (!trusted && path !== direct) {
        const what = isInside(path, folder)
          ? "is reached through a symbolic link"
          : "leads out of the folder";
        throw refused(location, what, tensor);
      }
      const descriptor = openChecked(path);
      try {
        const stat = fstatSync(descriptor);
        if (!stat.isFile()) throw refused(location, "is no regular file", tensor);
        if (!trusted && stat.nlink > 1) throw refused(location, "has a second hard link", tensor);
        return { path, stat };
      } finally {
        closeSync(descriptor);
      }
    } catch (error) {
      if (error instanceof ConvoptError) throw error;
      throw ioError(error, direct, "cannot be read").at({ tensor });
    }
  }

  function read(location: string, offset: number, length: number): Uint8Array {
    const file = fileOf(location, "");
    const descriptor = reopen(file);
    try {
      return readWindow(descriptor, offset, length);
    } catch (error) {
      throw ioError(error, file.path, "cannot be read");
    } finally {
      closeSync(descriptor);
    }
  }

  return {
    check,
    read,
    get paths() {
      return new Map(Array.from(opened, ([location, { path }]) => [location, path]));
    },
  };
}

/** Without O_NONBLOCK, opening a FIFO waits for a writer. */
function openChecked(path: string): number {
  return openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
}

function reopen({ path, stat }: OpenedFile): number {
  let descriptor: number;
  try {
    descriptor = openChecked(path);
  } catch (error) {
    throw ioError(error, path, "cannot be read");
  }
  const now = fstatSync(descriptor);
  const same =
    now.ino === stat.ino && now.dev === stat.dev && now.size === stat.size && now.mtimeMs === stat.mtimeMs;
  if (same) return descriptor;
  closeSync(descriptor);
  throw new IoError("E_IO_CHANGED", "the data file changed since the model was loaded", {
    where: { file: path },
  });
}

function isInside(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function refused(location: string, what: string, tensor: string): ModelError {
  return new ModelError("E_MODEL_EXTERNAL_PATH", `the data file ${JSON.stringify(location)} ${what}`, {
    where: { tensor },
    hint: "put the file itself beside the model, or allow its folder with --allow-external",
  });
}
