import { ModelError } from "../ir/index.js";
import type { StringStringEntryProto, TensorProto } from "./proto.js";

/** Where a tensor's bytes lie outside of the model file. */
export interface ExternalData {
  /** POSIX path relative to the model's folder. */
  readonly location: string;
  readonly offset: number;
  /** Bytes; null when the file does not say (to the end that the shape implies). */
  readonly length: number | null;
}

/** How a decoder gets at external data. */
export interface ExternalSource {
  /** Bytes of a window; called when a tensor is first used. */
  readonly read?: ((location: string, offset: number, length: number) => Uint8Array) | undefined;
  /** Told of every external tensor while the model is decoded; may throw. */
  readonly check?: ((data: ExternalData, bytes: number, tensor: string) => void) | undefined;
}

/** Location, offset and length of an external tensor; other keys mean nothing to a reader. */
export function externalDataOf(proto: TensorProto): ExternalData {
  const where = { tensor: proto.name ?? "" };
  const entries = new Map<string, string>();
  for (const { key, value } of proto.external_data ?? []) {
    if (entries.has(key ?? "")) {
      throw new ModelError("E_MODEL_EXTERNAL", `the external data names its ${key ?? ""} twice`, { where });
    }
    entries.set(key ?? "", value ?? "");
  }
  const location = entries.get("location");
  if (location === undefined)
    throw new ModelError("E_MODEL_EXTERNAL", "the external data has no location", { where });
  checkLocation(location, where);
  return {
    location,
    offset: position(entries.get("offset"), "offset", where) ?? 0,
    length: position(entries.get("length"), "length", where),
  };
}

function position(text: string | undefined, what: string, where: { tensor: string }): number | null {
  if (text === undefined || text === "") return null;
  const value = Number(text);
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new ModelError("E_MODEL_EXTERNAL", `the ${what} of external data is ${JSON.stringify(text)}`, {
    where,
  });
}

/**
 * Refuses a location that could lead out of the model's folder on any platform: absolute paths, `..`, backslashes,
 * drives and alternate streams (`:`), NUL. Symbolic links are the file reader's business.
 */
export function checkLocation(location: string, where: { tensor?: string } = {}): void {
  const parts = location.split("/");
  const bad =
    location === "" ||
    location.startsWith("/") ||
    parts.some((part) => part === "..") ||
    /[\\:\0]/.test(location) ||
    parts.at(-1) === "" ||
    parts.at(-1) === ".";
  if (!bad) return;
  throw new ModelError(
    "E_MODEL_EXTERNAL_PATH",
    `the external data ${JSON.stringify(location)} is no file inside the model's folder`,
    { where },
  );
}

/** Checks an external tensor of `bytes` bytes and returns the function that reads it. */
export function readExternalData(
  proto: TensorProto,
  bytes: number,
  { read, check }: ExternalSource,
): () => Uint8Array {
  const where = { tensor: proto.name ?? "" };
  const data = externalDataOf(proto);
  if (data.length !== null && data.length !== bytes) {
    throw new ModelError(
      "E_MODEL_TENSOR_DATA",
      `the external data has ${data.length} instead of ${bytes} bytes`,
      { where },
    );
  }
  check?.(data, bytes, where.tensor);
  return () => {
    if (!read) {
      throw new ModelError("E_MODEL_EXTERNAL", `the weights lie in ${data.location}, which was not given`, {
        where,
        hint: "load the model from its file, or give readExternal",
      });
    }
    const window = read(data.location, data.offset, bytes);
    if (window.length === bytes) return window;
    throw new ModelError(
      "E_MODEL_TENSOR_DATA",
      `${data.location} holds ${window.length} instead of ${bytes} bytes at ${data.offset}`,
      { where },
    );
  };
}

/** The location of an `external_data` entry, null for its other keys. */
export function locationOf(entry: StringStringEntryProto): string | null {
  return entry.key === "location" ? (entry.value ?? "") : null;
}
