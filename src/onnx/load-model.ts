import { createHash } from "node:crypto";
import type { Model } from "../ir/index.js";
import { decodeModelWith, type DecodeOptions } from "./decode-model.js";
import { externalFiles, type ExternalFiles } from "./external-files.js";
import type { ExternalSource } from "./external-location.js";
import { readModelFile } from "./read-file.js";

export interface LoadOptions {
  /** Folders besides the model's own in which external data may lie. */
  readonly allowExternal?: readonly string[];
  readonly limits?: NonNullable<DecodeOptions["limits"]>;
}

/** The data files of loaded models, found by the message that clones share. */
const filesOf = new WeakMap<object, ExternalFiles>();

export function externalFilesOf(model: Model): ExternalFiles | undefined {
  return typeof model.source === "object" && model.source !== null ? filesOf.get(model.source) : undefined;
}

/**
 * Reads a model file ("-" is stdin). External data is checked now and read when a tensor is first used. Throws
 * IoErrors for files that can't be read and ModelErrors for what is wrong in them.
 */
export async function loadModel(path: string, options: LoadOptions = {}): Promise<Model> {
  const bytes = await readModelFile(path);
  const files = path === "-" ? null : lazily(() => externalFiles(path, options.allowExternal));
  const external: ExternalSource = files
    ? { check: (...args) => files().check?.(...args), read: (...args) => files().read!(...args) }
    : {};
  const model = decodeModelWith(bytes, external, {
    file: path,
    ...(options.limits ? { limits: options.limits } : {}),
  });
  if (files) filesOf.set(model.source as object, files());
  model.file = { path, sha256: createHash("sha256").update(bytes).digest("hex"), bytes: bytes.length };
  return model;
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
