import type { DataSet } from "../calib/index.js";
import { ModelError, Tensor, type Model, type Values } from "../ir/index.js";
import {
  fixedBatchOf,
  openExecutor,
  runBatches,
  type BatchSource,
  type Executor,
  type Feeds,
  type OpenOptions,
} from "../runtime/index.js";
import { inFile } from "./load.js";
import type { EngineOptions, RunControl } from "./options.js";

/** Opens a user's model: probed in a child process first, what the engine has to say becomes a warning. */
export async function openModel(
  model: Model,
  options: EngineOptions & RunControl,
  special: Partial<OpenOptions> = {},
): Promise<Executor> {
  const executor = await inFile(model, () =>
    openExecutor(model, {
      engine: options.engine ?? "auto",
      probe: true,
      ...(options.threads === undefined ? {} : { threads: options.threads }),
      ...(options.signal ? { signal: options.signal } : {}),
      ...special,
    }),
  );
  if (executor.notice !== null) options.onWarning?.(executor.notice);
  return executor;
}

/** Samples `first` … `first + count − 1` of a data set, for the runtime's batch loop. */
export function batchSource(data: DataSet, first = 0, count = data.count): BatchSource {
  return {
    count,
    whole: new Set([...data.arrays].flatMap(([name, { whole }]) => (whole ? [name] : []))),
    async batch(start, end) {
      await breathe();
      const images = Array.from({ length: end - start }, (_, i) => first + start + i);
      return new Map([...data.arrays].map(([name, array]) => [name, array.batch(images)]));
    },
  };
}

/** Samples `start` … `end` − 1 through an executor, in as many runs as it wants. */
export async function runSamples(
  executor: Executor,
  data: DataSet,
  start: number,
  end: number,
): Promise<ReadonlyMap<string, Tensor>> {
  const parts: ReadonlyMap<string, Tensor>[] = [];
  const counts: number[] = [];
  await runBatches(
    executor,
    batchSource(data, start, end - start),
    (outputs, from, to) => {
      parts.push(outputs);
      counts.push(to - from);
    },
    { batchSize: end - start },
  );
  const names = [...parts[0]!.keys()];
  return new Map(
    names.map((name) => [
      name,
      joinBatches(
        name,
        parts.map((part) => part.get(name)!),
        counts,
      ),
    ]),
  );
}

/** The batch that a model is run with on data: its own where it is fixed. */
export function batchFor(model: Model, data: DataSet): { readonly size: number; readonly fixed: boolean } {
  const fixed = fixedBatchOf(model);
  return { size: fixed ?? suitableBatch(data), fixed: fixed !== null };
}

/** A batch that keeps the inputs near a few megabytes, for models that leave it open. */
export function suitableBatch(data: DataSet): number {
  let elements = 1;
  for (const { dims } of data.arrays.values()) elements += dims.reduce((product, dim) => product * dim, 1);
  return Math.max(1, Math.min(64, Math.floor(2 ** 21 / elements)));
}

/**
 * Joins the batches of an output along axis 0; where that isn't the samples' axis, they are stacked under a new one.
 * `counts` are the samples of each batch.
 */
export function joinBatches(name: string, parts: readonly Tensor[], counts: readonly number[]): Tensor {
  const [first] = parts;
  if (!first)
    throw new ModelError("E_DATA_EMPTY", "there is no sample to run", { hint: "give at least one" });
  if (parts.length === 1) return first;
  const joined = parts.every((part, i) => part.dims[0] === counts[i]);
  const innerOf = (part: Tensor): readonly number[] => (joined ? part.dims.slice(1) : part.dims);
  const inner = innerOf(first);
  const same = parts.every((part) => innerOf(part).join() === inner.join());
  if (!same) {
    throw new ModelError("E_RAGGED_OUTPUT", "the output has another shape for every sample", {
      where: { tensor: name },
      hint: "run the samples one by one, each with its own data file",
    });
  }
  const count = joined ? parts.reduce((sum, part) => sum + part.dims[0]!, 0) : parts.length;
  return Tensor.of(first.dtype, [count, ...inner], concatenate(parts.map((part) => part.data)));
}

function concatenate(parts: readonly Values[]): Values {
  const [first] = parts;
  if (Array.isArray(first)) return parts.flatMap((part) => part as string[]);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const make = first!.constructor as new (length: number) => Float64Array;
  const joined = new make(length);
  let at = 0;
  for (const part of parts) {
    // All parts are of the first one's kind.
    joined.set(part as Float64Array, at);
    at += part.length;
  }
  return joined;
}

/** Lets the event loop run, so that Ctrl-C is heard between batches. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * Feeds of these samples in batches of the model's own size, else of `wanted`; the last sample is repeated where a
 * fixed batch is not full.
 */
export function* inBatches(
  model: Model,
  data: DataSet,
  images: readonly number[],
  wanted = suitableBatch(data),
): Generator<Feeds> {
  const size = fixedBatchOf(model) ?? wanted;
  for (let start = 0; start < images.length; start += size) {
    const filled = fixedBatchOf(model) ?? Math.min(size, images.length - start);
    const part = Array.from({ length: filled }, (_, i) => images[Math.min(start + i, images.length - 1)]!);
    yield new Map([...data.arrays].map(([name, array]) => [name, array.batch(part)]));
  }
}
