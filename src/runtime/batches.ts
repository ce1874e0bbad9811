import {
  allocateValues,
  ConvoptError,
  ModelError,
  sampleAxis,
  Tensor,
  type Model,
  type Values,
} from "../ir/index.js";
import type { Executor, Feeds } from "./executor.js";

/** Samples that can be read in ranges. */
export interface BatchSource {
  readonly count: number;
  /** Inputs that are no batches: they are never filled up. */
  readonly whole?: ReadonlySet<string>;
  /** Feeds of the samples start … end − 1, stacked along axis 0. */
  batch(start: number, end: number): Feeds | Promise<Feeds>;
}

export interface BatchOptions {
  /** Samples per run at most; 32 by default. A model with a fixed batch gets that instead. */
  readonly batchSize?: number;
  readonly signal?: AbortSignal | undefined;
  onProgress?(done: number, total: number): void;
}

/**
 * Runs all samples batch by batch; only one batch is in memory at a time. A model that turns out not to keep samples
 * apart (it fails on a batch, or an output isn't as long as the batch) is run sample by sample. With a fixed batch the
 * last one is filled up by repeating a sample, and the surplus is cut off the outputs.
 */
export async function runBatches(
  executor: Executor,
  source: BatchSource,
  onOutputs: (outputs: ReadonlyMap<string, Tensor>, start: number, end: number) => void | Promise<void>,
  o: BatchOptions = {},
): Promise<void> {
  let size = executor.fixedBatch ?? Math.max(1, o.batchSize ?? 32);
  for (let start = 0; start < source.count;) {
    o.signal?.throwIfAborted();
    const end = Math.min(start + size, source.count);
    const outputs = await runRange(executor, source, start, end);
    if (outputs === "one by one") {
      size = 1;
      continue;
    }
    await onOutputs(outputs, start, end);
    start = end;
    o.onProgress?.(end, source.count);
  }
}

async function runRange(
  executor: Executor,
  source: BatchSource,
  start: number,
  end: number,
): Promise<ReadonlyMap<string, Tensor> | "one by one"> {
  const count = end - start;
  const feeds = await source.batch(start, end);
  const fixed = executor.fixedBatch;
  if (fixed !== null && fixed > count) {
    const filled = new Map(
      [...feeds].map(([name, tensor]) => [
        name,
        source.whole?.has(name) ? tensor : fillBatch(tensor, count, fixed),
      ]),
    );
    const outputs = await executor.run(filled);
    return new Map([...outputs].map(([name, tensor]) => [name, takeRows(tensor, fixed, count)]));
  }
  if (fixed !== null || count === 1) return executor.run(feeds);
  try {
    const outputs = await executor.run(feeds);
    const apart = [...outputs.values()].every((tensor) => tensor.dims[0] === count);
    return apart ? outputs : "one by one";
  } catch (error) {
    if (error instanceof ConvoptError && error.exitCode === 3) return "one by one";
    throw error;
  }
}

/** The tensor with its last sample repeated until it has `size` of them; others than batches stay as they are. */
function fillBatch(tensor: Tensor, count: number, size: number): Tensor {
  if (tensor.dims[0] !== count || count === 0) return tensor;
  const row = tensor.data.length / count;
  const out = likeValues(tensor, row * size, size);
  for (let sample = 0; sample < size; sample++) {
    copyInto(out, tensor.data, Math.min(sample, count - 1) * row, row, sample * row);
  }
  return Tensor.of(tensor.dtype, [size, ...tensor.dims.slice(1)], out);
}

function takeRows(tensor: Tensor, size: number, count: number): Tensor {
  if (tensor.dims[0] !== size) {
    throw new ModelError(
      "E_BATCH",
      `an output of shape [${tensor.dims.join(", ")}] can't be cut to ${count} of ${size} samples`,
    );
  }
  const row = tensor.data.length / size;
  return Tensor.of(tensor.dtype, [count, ...tensor.dims.slice(1)], tensor.data.slice(0, row * count));
}

function likeValues(tensor: Tensor, length: number, size: number): Values {
  if (tensor.data instanceof Float64Array) return new Float64Array(length);
  return allocateValues(tensor.dtype, (tensor.size / tensor.dims[0]!) * size);
}

function copyInto(target: Values, source: Values, from: number, length: number, at: number): void {
  if (Array.isArray(target)) {
    for (let i = 0; i < length; i++) target[at + i] = String(source[from + i]);
  } else {
    // Both arrays are of one kind.
    (target as Float64Array).set((source as Float64Array).subarray(from, from + length), at);
  }
}

/** Samples that the model's inputs are fixed to, 1 where a run is one sample; null where the batch is open. */
export function fixedBatchOf({ graph }: Model): number | null {
  return sampleAxis(graph.requiredInputs, graph.outputs).size;
}
