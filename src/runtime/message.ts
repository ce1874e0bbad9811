import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { allNodes, rawByteLength, Tensor, type Model } from "../ir/index.js";
import { modelPieces, modelToProto } from "../onnx/encode-model.js";
import { saveModel } from "../onnx/index.js";
import { externalLocation } from "../onnx/proto.js";
import { joinPieces } from "../onnx/segment-writer.js";
import { tensorToProto } from "../onnx/tensor-proto.js";

/** Models with more bytes of weights don't fit into one protobuf message, which ends at 2 GiB. */
const mostInline = 2 ** 31 - 2 ** 24;

/** A model as a runtime takes it. */
export interface RuntimeSource {
  /** One self-contained message, or the path of a file with its weights beside it. */
  readonly model: Uint8Array | string;
  dispose(): Promise<void>;
}

/** The model as one message in memory, or in a temporary folder when it has more than `inline` bytes of weights. */
export async function runtimeSource(model: Model, inline = mostInline): Promise<RuntimeSource> {
  if (weightBytes(model) <= inline) {
    return { model: selfContained(model), dispose: () => Promise.resolve() };
  }
  const folder = await mkdtemp(join(tmpdir(), "convopt-"));
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, "model.onnx");
    await saveModel(model, path);
    return { model: path, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Bytes of the model with external data put inside: a runtime resolves no files for a model in memory. */
export function selfContained(model: Model): Uint8Array {
  const proto = modelToProto(model, (tensor, name) =>
    tensorToProto(isExternal(tensor) ? Tensor.of(tensor.dtype, tensor.dims, tensor.data) : tensor, name),
  );
  return joinPieces(modelPieces(proto));
}

function isExternal({ source }: Tensor): boolean {
  return (
    typeof source === "object" &&
    source !== null &&
    "data_location" in source &&
    source.data_location === externalLocation
  );
}

function weightBytes(model: Model): number {
  const tensors = new Set<Tensor>();
  for (const graph of [model.graph, ...allNodes(model.graph).flatMap((node) => node.subgraphs)]) {
    for (const { initializer } of graph.initializers) if (initializer) tensors.add(initializer);
  }
  let bytes = 0;
  for (const { dtype, size } of tensors) bytes += rawByteLength(dtype, size);
  return bytes;
}
