import { createHash } from "node:crypto";
import { createReadStream, type Stats } from "node:fs";
import { lstat, open, realpath, stat, unlink } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { IoError, ModelError, type Model, type ModelFile, ioError } from "../ir/index.js";
import { commit, removeLeftovers, writePieces, writeTemporary } from "./atomic-file.js";
import { largestMessage, modelPieces, modelToProto } from "./encode-model.js";
import { dataPieces, layOut, tensorsOf, type DataFile, type ExternalLayout } from "./external-layout.js";
import { externalFilesOf } from "./load-model.js";
import type { ModelProto, TensorProto } from "./proto.js";
import { amend } from "./proto.js";
import { dataBytes, externalSourceOf, rawBytesOf, tensorToProto } from "./tensor-proto.js";

export interface SaveOptions {
  /** Called between the steps that matter; a test may stop the process there. */
  readonly onStep?: (step: string) => void;
  /** Largest model file before weights move out beside it; protobuf's 2 GiB by default. */
  readonly largestFile?: number;
}

/** What this process wrote to a path, so that saving twice in place is no «file changed». */
const written = new Map<string, string>();

/**
 * Writes a model file whole or not at all ("-" is stdout) and returns its hash. External tensors stay external in
 * data files beside it, written first; an existing data file with other content is never overwritten. Saving over
 * the file that was read is safe. Throws IoErrors with the path; a file that was there is then untouched.
 */
export async function saveModel(model: Model, path: string, options: SaveOptions = {}): Promise<ModelFile> {
  if (path === "-") return writeToStdout(model);
  const target = await targetOf(path);
  if (target.stat && !target.stat.isFile()) return writeToDevice(model, target.path, path);
  const { onStep } = options;
  await refuseChangedInput(model, target);
  await removeLeftovers(dirname(target.path));
  const layout = planLayout(model, options.largestFile ?? largestMessage);
  const data = await writeDataFiles(model, layout, target.path, onStep);
  const proto = modelToProto(
    model,
    layout.encoder((file) => data.get(file)!),
  );
  const temporary = await writeTemporary(target.path, modelPieces(proto), onStep);
  try {
    await commit(temporary.path, target.path);
    onStep?.("renamed");
  } catch (error) {
    await unlink(temporary.path).catch(() => undefined);
    throw ioError(error, path, "cannot be written");
  }
  written.set(target.path, temporary.written.sha256);
  return { path, ...temporary.written };
}

interface Target {
  readonly path: string;
  readonly stat: Stats | null;
}

/** Where a path leads: symbolic links are written through, as editors do. */
async function targetOf(path: string): Promise<Target> {
  const absolute = resolve(path);
  try {
    const link = await lstat(absolute).catch(() => null);
    const real = link?.isSymbolicLink() ? await realpath(absolute) : absolute;
    const found = await stat(real).catch(() => null);
    if (found?.isDirectory())
      throw new IoError("E_IO_DIRECTORY", "the path is a folder", { where: { file: path } });
    if (!found) await stat(dirname(real));
    return {
      path: found ? await realpath(real) : join(await realpath(dirname(real)), basename(real)),
      stat: found,
    };
  } catch (error) {
    throw ioError(error, path, "cannot be written");
  }
}

/** The file that was read must still be the one that is about to be replaced. */
async function refuseChangedInput(model: Model, target: Target): Promise<void> {
  const { file } = model;
  if (!target.stat || !file || file.path === "-") return;
  const input = await realpath(file.path).catch(() => null);
  if (input !== target.path) return;
  const now = await hashOf(target.path);
  if (now === file.sha256 || now === written.get(target.path)) return;
  throw new IoError("E_IO_CHANGED", "the file changed since it was read, so it is not overwritten", {
    where: { file: file.path },
    hint: "start again, or write to another file",
  });
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const part of createReadStream(path)) hash.update(part as Uint8Array);
  } catch (error) {
    throw ioError(error, path, "cannot be read");
  }
  return hash.digest("hex");
}

function planLayout(model: Model, largest: number): ExternalLayout {
  const kept = layOut(model, false);
  const inside = [...tensorsOf(model)]
    .filter((tensor) => externalSourceOf(tensor) === null)
    .reduce((bytes, tensor) => bytes + dataBytes(tensor), 0);
  // Nodes, names and typed fields need room too.
  return inside > largest - Math.min(largest / 8, 2 ** 26) ? layOut(model, true) : kept;
}

/** Writes what data files need writing and returns their final locations. */
async function writeDataFiles(
  model: Model,
  layout: ExternalLayout,
  modelPath: string,
  onStep: SaveOptions["onStep"],
): Promise<Map<DataFile, string>> {
  const locations = new Map<DataFile, string>();
  const read = externalFilesOf(model);
  const folder = dirname(modelPath);
  const inPlace = model.file !== null && (await realpath(model.file.path).catch(() => null)) === modelPath;
  for (const file of layout.files) {
    const source = file.location === null ? undefined : read?.paths.get(file.location);
    const plain = file.location ?? `${basename(modelPath)}.data`;
    if (source !== undefined && source === join(folder, plain)) {
      if (inPlace && file.unchanged) {
        locations.set(file, plain);
        continue;
      }
    }
    // Another model's data file must not be the new model's too, or removing one breaks the other.
    const own = source === join(folder, plain) && !inPlace ? besideModel(plain, modelPath) : plain;
    locations.set(file, await writeDataFile(file, folder, own, onStep));
  }
  return locations;
}

function besideModel(location: string, modelPath: string): string {
  const stem = basename(modelPath, extname(modelPath));
  return join(dirname(location), `${stem}.${basename(location)}`);
}

/** Writes a data file under `location`, or under a name with its hash when that is taken by other content. */
async function writeDataFile(
  file: DataFile,
  folder: string,
  location: string,
  onStep: SaveOptions["onStep"],
): Promise<string> {
  const path = join(folder, location);
  await makeFolder(dirname(path), folder);
  const temporary = await writeTemporary(path, dataPieces(file), onStep);
  try {
    const taken = await hashIfThere(path);
    const { sha256 } = temporary.written;
    if (taken === sha256) {
      await unlink(temporary.path);
      return location;
    }
    const extension = extname(location);
    const free =
      taken === null
        ? location
        : `${location.slice(0, location.length - extension.length)}-${sha256.slice(0, 8)}${extension}`;
    await commit(temporary.path, join(folder, free));
    onStep?.("data renamed");
    return free;
  } catch (error) {
    await unlink(temporary.path).catch(() => undefined);
    throw ioError(error, path, "cannot be written");
  }
}

async function hashIfThere(path: string): Promise<string | null> {
  const found = await lstat(path).catch(() => null);
  if (!found) return null;
  return found.isFile() ? hashOf(path) : "";
}

async function makeFolder(path: string, root: string): Promise<void> {
  if (path === root) return;
  const { mkdir } = await import("node:fs/promises");
  try {
    await mkdir(path, { recursive: true });
    if (!(await realpath(path)).startsWith(await realpath(root))) {
      throw new IoError("E_IO_LINK", "the data file's folder leads elsewhere", { where: { file: path } });
    }
  } catch (error) {
    throw ioError(error, path, "cannot be written");
  }
}

/** A model with all its data inside, for outputs that have no folder. */
function inlined(model: Model): ModelProto {
  return modelToProto(model, (tensor, name): TensorProto => {
    const proto = tensorToProto(tensor, name);
    if (externalSourceOf(tensor) === null) return proto;
    return amend(proto, { raw_data: rawBytesOf(tensor), external_data: [], data_location: null });
  });
}

async function writeToStdout(model: Model): Promise<ModelFile> {
  const hash = createHash("sha256");
  let bytes = 0;
  for (const piece of modelPieces(inlined(model))) {
    hash.update(piece);
    bytes += piece.length;
    await new Promise<void>((done, fail) => {
      process.stdout.write(piece, (error) => {
        if (error) fail(ioError(error, "-", "cannot be written"));
        else done();
      });
    });
  }
  return { path: "-", sha256: hash.digest("hex"), bytes };
}

/** Devices and pipes can't be replaced; they are written to. */
async function writeToDevice(model: Model, target: string, path: string): Promise<ModelFile> {
  try {
    const handle = await open(target, "w");
    try {
      return { path, ...(await writePieces(handle, modelPieces(inlined(model)))) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw error instanceof ModelError ? error : ioError(error, path, "cannot be written");
  }
}
