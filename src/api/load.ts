import { ConvoptError, type Model, type ModelFile } from "../ir/index.js";
import { externalBytes, loadModel, saveModel } from "../onnx/index.js";

export interface LoadOptions {
  /** Folders outside the model's own from which external data may be read. */
  readonly allowExternal?: readonly string[];
}

/**
 * Reads an ONNX model; "-" is standard input. Budgets are checked before anything is decoded.
 * Throws an IoError when the file cannot be read and a ModelError when it is not a sound ONNX model.
 */
export async function load(path: string, options: LoadOptions = {}): Promise<Model> {
  return loadModel(path, options);
}

/**
 * Writes a model whole or not at all, with its external data laid out as it was; "-" is standard output.
 * What was not changed since loading is written as it was read.
 */
export async function save(model: Model, path: string): Promise<ModelFile> {
  return saveModel(model, path);
}

/** Path and hash for reports; empty for a model that was made in memory. */
export function fileOf(model: Model): { path: string; sha256: string } {
  return { path: model.file?.path ?? "", sha256: model.file?.sha256 ?? "" };
}

/** Bytes of a model's file and of the external data that it refers to; null for one that is in no file. */
export function bytesOf(model: Model): number | null {
  return model.file ? model.file.bytes + externalBytes(model) : null;
}

/** Runs work on a model so that its errors name the model's file where they named none. */
export async function inFile<T>(model: Model, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ConvoptError && error.where.file === undefined && model.file) {
      throw error.at({ file: model.file.path });
    }
    throw error;
  }
}
