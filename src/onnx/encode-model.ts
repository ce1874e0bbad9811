import { ModelError, type Model } from "../ir/index.js";
import { functionToProto, graphToProto, type TensorEncoder } from "./encode-graph.js";
import { opsetsToProto } from "./opsets.js";
import { amend, messages, toInt64, toNumber, type ModelProto, type StringStringEntryProto } from "./proto.js";
import { SegmentWriter, joinPieces } from "./segment-writer.js";
import { tensorToProto } from "./tensor-proto.js";

/** Protobuf messages end at 2 GiB; beyond, weights have to lie outside of the file. */
export const largestMessage = 2 ** 31 - 1;

/**
 * The bytes of a model. What did not change since decoding is written from its original messages, unknown fields
 * included; external tensors stay references. Throws `E_MODEL_TOO_LARGE` beyond 2 GiB.
 */
export function encodeModel(model: Model): Uint8Array {
  return joinPieces(modelPieces(modelToProto(model)));
}

/** The encoded message in pieces, of which large tensors are views. */
export function modelPieces(proto: ModelProto): Uint8Array[] {
  const writer = new SegmentWriter();
  messages.model.encode(proto, writer);
  if (writer.total <= largestMessage) return writer.pieces();
  throw new ModelError("E_MODEL_TOO_LARGE", `the model takes ${writer.total} bytes; protobuf ends at 2 GiB`, {
    hint: "save it to a file, which puts the weights beside it",
  });
}

/** The model's message; its original one when nothing changed. `encodeTensor` may place tensors elsewhere. */
export function modelToProto(model: Model, encodeTensor: TensorEncoder = tensorToProto): ModelProto {
  const source = model.source as ModelProto | null;
  const graph = graphToProto(model.graph, encodeTensor);
  const functions = model.functions.map((definition) => functionToProto(definition, encodeTensor));
  if (!source) {
    return {
      ir_version: toInt64(model.irVersion),
      producer_name: "convopt",
      graph,
      functions,
      opset_import: opsetsToProto(model.opsets),
      metadata_props: metadataToProto(model.metadata, []),
    };
  }
  const changes: ModelProto = {};
  if (graph !== source.graph) changes.graph = graph;
  if (differ(functions, source.functions)) changes.functions = functions;
  const metadata = metadataToProto(model.metadata, source.metadata_props ?? []);
  if (differ(metadata, source.metadata_props)) changes.metadata_props = metadata;
  if (source.ir_version ? toNumber(source.ir_version) !== model.irVersion : changes.graph) {
    changes.ir_version = toInt64(model.irVersion);
  }
  const imports = opsetsToProto(model.opsets, source.opset_import ?? []);
  // A deduced operator set is written down only with the first change, so that an untouched file stays as it is.
  const deduced = (source.opset_import ?? []).length === 0 && Object.keys(changes).length === 0;
  if (!deduced && differ(imports, source.opset_import)) changes.opset_import = imports;
  return Object.keys(changes).length === 0 ? source : amend(source, changes);
}

function differ(after: readonly unknown[], before: readonly unknown[] | null | undefined): boolean {
  return after.length !== (before?.length ?? 0) || after.some((item, index) => item !== before![index]);
}

/** The entries of the file in their order with what changed; repeated keys stay while their value does. */
function metadataToProto(
  metadata: ReadonlyMap<string, string>,
  source: readonly StringStringEntryProto[],
): StringStringEntryProto[] {
  const last = new Map(source.map((entry) => [entry.key ?? "", entry]));
  const kept = source.flatMap((entry) => {
    const value = metadata.get(entry.key ?? "");
    if (value === undefined) return [];
    const latest = last.get(entry.key ?? "")!;
    return (latest.value ?? "") === value || entry !== latest ? [entry] : [amend(entry, { value })];
  });
  for (const [key, value] of metadata) if (!last.has(key)) kept.push({ key, value });
  return kept;
}
