import { ConvoptError, Model, ModelError, type FunctionDefinition } from "../ir/index.js";
import { functionFromProto, graphFromProto, type DecodeContext } from "./decode-graph.js";
import { checkLocation, locationOf, type ExternalSource } from "./external-location.js";
import { deduceOpset } from "./opset-deduction.js";
import { opsetsFrom } from "./opsets.js";
import { messages, readMessage, toNumber, type MessageType, type ModelProto } from "./proto.js";
import { recognise } from "./recognise.js";
import { WireError, scan, type Limits, type ScanResult } from "./scan.js";

/** Newest IR version of the schema. */
export const newestIrVersion = 14;

export interface DecodeOptions {
  /** Named in errors. */
  readonly file?: string;
  /** Reads a window of an external data file; called when a tensor is first used. */
  readonly readExternal?: (location: string, offset: number, length: number) => Uint8Array;
  readonly limits?: Limits;
}

/**
 * Decodes an ONNX model. The bytes must not change afterwards: tensors are views of them. Size budgets are checked
 * on the bytes before anything is decoded. Throws ModelErrors (`E_MODEL_…`) for whatever is wrong with the file.
 */
export function decodeModel(bytes: Uint8Array, options: DecodeOptions = {}): Model {
  return decodeModelWith(bytes, { read: options.readExternal }, options);
}

/** {@link decodeModel} with a say in every external tensor. */
export function decodeModelWith(
  bytes: Uint8Array,
  external: ExternalSource,
  { file, limits }: DecodeOptions,
): Model {
  try {
    const scanned = scanModel(bytes, limits);
    checkExternalEntries(bytes, scanned);
    const proto = readStrictly(messages.model, bytes);
    if (!proto.graph) throw noGraph(bytes);
    return modelFromProto(proto, external);
  } catch (error) {
    throw error instanceof ConvoptError && file !== undefined ? error.at({ file }) : error;
  }
}

function scanModel(bytes: Uint8Array, limits: Limits | undefined): ScanResult {
  if (bytes.length === 0) throw new ModelError("E_MODEL_EMPTY", "the file is empty");
  try {
    return scan(bytes, "model", limits);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    const looks = recognise(bytes);
    if (looks !== null) throw notOnnx(looks);
    if (error.kind === "truncated" && startsLikeModel(bytes)) {
      throw new ModelError(
        "E_MODEL_TRUNCATED",
        `the model is cut off: at byte ${error.offset} ${error.message}`,
        { hint: "fetch or export it again" },
      );
    }
    throw new ModelError(
      "E_MODEL_FORMAT",
      `the file is no ONNX model: at byte ${error.offset} ${error.message}`,
    );
  }
}

/** The first field is one that a ModelProto has, with its wire type. */
function startsLikeModel(bytes: Uint8Array): boolean {
  const tag = bytes[0]!;
  return [0x08, 0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72].includes(tag);
}

function notOnnx(looks: string): ModelError {
  return new ModelError("E_MODEL_FORMAT", `the file is no ONNX model; it looks like ${looks}`);
}

function noGraph(bytes: Uint8Array): ModelError {
  const looks = recognise(bytes);
  if (looks !== null) return notOnnx(looks);
  return new ModelError("E_MODEL_NO_GRAPH", "the model has no graph");
}

/** Every external location in the file must be harmless, also of tensors that are only carried along. */
function checkExternalEntries(bytes: Uint8Array, { externalEntries }: ScanResult): void {
  for (const [start, end] of externalEntries) {
    const location = locationOf(readStrictly(messages.entry, bytes.subarray(start, end)));
    if (location !== null) checkLocation(location);
  }
}

/** Decodes a message and makes ModelErrors of whatever the reader finds. */
export function readStrictly<T>(type: MessageType<T>, bytes: Uint8Array): T {
  try {
    return readMessage(type, bytes);
  } catch (error) {
    if (error instanceof ConvoptError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    if (/utf-?8|encoded data/i.test(message)) {
      throw new ModelError("E_MODEL_UTF8", "a name or text in the file is not UTF-8", { cause: error });
    }
    throw new ModelError("E_MODEL_FORMAT", `the file is no valid protobuf: ${message}`, { cause: error });
  }
}

function modelFromProto(proto: ModelProto, external: ExternalSource): Model {
  const warnings: string[] = [];
  const imports = proto.opset_import ?? [];
  const irVersion = proto.ir_version ? toNumber(proto.ir_version) : imports.length > 0 ? 3 : 1;
  const context: DecodeContext = { external, irVersion, warn: (warning) => warnings.push(warning) };
  const model = new Model(graphFromProto(proto.graph!, null, context));
  model.source = proto;
  if (irVersion > newestIrVersion) {
    warnings.push(`the file's IR version ${irVersion} is newer than ${newestIrVersion}, the newest known`);
  }
  for (const [domain, version] of opsetsFrom(imports)) model.opsets.set(domain, version);
  if (imports.length === 0) {
    const opset = deduceOpset(model.graph);
    model.opsets.set("", opset);
    warnings.push(`the file imports no operator set; its nodes look like version ${opset}`);
  }
  for (const { key, value } of proto.metadata_props ?? []) model.metadata.set(key ?? "", value ?? "");
  model.functions = (proto.functions ?? []).map((definition) => functionFromProto(definition, context));
  checkFunctions(model.functions);
  model.warnings.push(...warnings);
  return model;
}

function checkFunctions(functions: readonly FunctionDefinition[]): void {
  const seen = new Set<string>();
  for (const { domain, name, overload } of functions) {
    const key = JSON.stringify([domain, name, overload]);
    if (name === "") throw new ModelError("E_MODEL_NAME", "a function has no name");
    if (seen.has(key)) {
      throw new ModelError("E_MODEL_DUPLICATE", `the function ${domain}:${name} is defined twice`);
    }
    seen.add(key);
  }
}
