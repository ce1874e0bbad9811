import type { DataSet } from "../calib/index.js";
import { isFloat, type Model, type Node, type Tensor } from "../ir/index.js";
import { addErrors, noErrors, relativeErrorOf, type ErrorSums } from "../measure/index.js";
import type { Bisection } from "../report/index.js";
import { runBatches } from "../runtime/index.js";
import { batchSource, openModel, runSamples } from "./batches.js";
import { inFile } from "./load.js";
import type { EngineOptions, RunControl } from "./options.js";

export interface BisectOptions extends RunControl, EngineOptions {
  /** Relative L2 error that a value may have. */
  readonly limit: number;
  /** Samples to compare on; 4 by default. */
  readonly samples?: number;
}

/**
 * Where two models part: the inner values that both have by name are compared in the order of the first model, and
 * the first one over the limit is named with its node. Rewrites keep the names of the values that they replace.
 */
export async function bisect(a: Model, b: Model, data: DataSet, options: BisectOptions): Promise<Bisection> {
  const shared = sharedValues(a, b);
  const names = shared.map(({ value }) => value);
  const errors = new Map<string, ErrorSums>();
  if (names.length > 0) {
    const first = await openModel(a, options, { outputs: names });
    const second = await openModel(b, options, { outputs: names }).catch(async (error: unknown) => {
      await first.dispose();
      throw error;
    });
    try {
      const samples = Math.min(data.count, options.samples ?? 4);
      await runBatches(
        first,
        batchSource(data, 0, samples),
        async (outputs, start, end) => {
          const others = await inFile(b, () => runSamples(second, data, start, end));
          for (const name of names) addTo(errors, name, outputs.get(name), others.get(name));
        },
        {
          batchSize: 1,
          signal: options.signal,
          onProgress: (done, total) => options.onProgress?.({ step: "bisecting", done, total }),
        },
      );
    } finally {
      await Promise.all([first.dispose(), second.dispose()]);
    }
  }
  const layers = shared.flatMap(({ node, value }) => {
    const sums = errors.get(value);
    if (!sums) return [];
    const error = relativeErrorOf(sums);
    return [{ node: node.label, op: node.op, value, relativeError: Number.isFinite(error) ? error : null }];
  });
  const over = layers.findIndex(
    ({ relativeError }) => relativeError === null || relativeError > options.limit,
  );
  return { limit: options.limit, first: layers[over] ?? null, before: layers[over - 1] ?? null, layers };
}

/** Float values that nodes of both models make under one name, in the first one's order. */
function sharedValues(a: Model, b: Model): { readonly node: Node; readonly value: string }[] {
  const made = new Set(b.graph.nodes.flatMap((node) => node.outputs.map((output) => output?.name)));
  return a.graph.nodes.flatMap((node) =>
    node.op === "Constant"
      ? []
      : node.outputs.flatMap((output) =>
          output && made.has(output.name) ? [{ node, value: output.name }] : [],
        ),
  );
}

function addTo(errors: Map<string, ErrorSums>, name: string, a?: Tensor, b?: Tensor): void {
  if (!a || !b || !isFloat(a.dtype) || a.dims.join() !== b.dims.join()) return;
  errors.set(name, addErrors(errors.get(name) ?? noErrors, b, a));
}
