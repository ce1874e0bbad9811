import { writeNpz, type DataSet } from "../calib/index.js";
import type { Model, Tensor } from "../ir/index.js";
import { runBatches } from "../runtime/index.js";
import { batchSource, joinBatches, openModel, suitableBatch } from "./batches.js";
import { dataOrNoise } from "./data.js";
import { writeFileAtomically } from "./file-access.js";
import { inFile } from "./load.js";
import type { EngineOptions, RunControl } from "./options.js";

export interface RunOptions extends RunControl, EngineOptions {
  /** Inputs; seeded noise when absent. */
  readonly data?: DataSet | null;
  /** Full shapes of inputs by name, for the noise. */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
  /** How many samples of noise to make when there is no data; by default the batch of `shapes`, else 1. */
  readonly samples?: number;
  /** Names of values to return; the graph's outputs by default, inner values are allowed. */
  readonly outputs?: readonly string[];
  /** Largest batch where the model leaves it open. */
  readonly batchSize?: number;
}

export interface RunResult {
  readonly engine: string;
  readonly images: number;
  /** Every output over all samples, by name. */
  readonly outputs: ReadonlyMap<string, Tensor>;
}

/**
 * Runs a model over a data set in batches and joins the outputs along axis 0. Throws a ModelError when the engine
 * refuses the model or the data doesn't fit it.
 */
export function run(model: Model, options: RunOptions = {}): Promise<RunResult> {
  return inFile(model, () => runModel(model, options));
}

async function runModel(model: Model, options: RunOptions): Promise<RunResult> {
  const [input] = model.graph.requiredInputs;
  const asked = options.data || !input ? undefined : options.shapes?.get(input.name)?.[0];
  const count = options.samples ?? asked ?? 1;
  const data = dataOrNoise(model, { ...options, probe: true }, count, options.onWarning);
  const executor = await openModel(model, options, options.outputs ? { outputs: options.outputs } : {});
  try {
    const parts = new Map<string, Tensor[]>();
    const counts: number[] = [];
    await runBatches(
      executor,
      batchSource(data),
      (outputs, start, end) => {
        counts.push(end - start);
        for (const [name, tensor] of outputs) {
          const list = parts.get(name) ?? [];
          list.push(tensor);
          parts.set(name, list);
        }
      },
      {
        batchSize: options.batchSize ?? asked ?? suitableBatch(data),
        signal: options.signal,
        onProgress: (done, total) => options.onProgress?.({ step: "running", done, total }),
      },
    );
    const joined = [...parts].map(([name, list]) => [name, joinBatches(name, list, counts)] as const);
    return { engine: executor.engine, images: data.count, outputs: new Map(joined) };
  } finally {
    await executor.dispose();
  }
}

/** Writes tensors as an `.npz` file, whole or not at all; "-" is standard output. */
export async function saveArrays(arrays: ReadonlyMap<string, Tensor>, path: string): Promise<void> {
  await writeFileAtomically(path, writeNpz(arrays));
}
