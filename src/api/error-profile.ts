import type { DataSet } from "../calib/index.js";
import { Tensor, type Model, type Value } from "../ir/index.js";
import {
  addErrors,
  noErrors,
  prepareInterpreter,
  relativeErrorOf,
  type ErrorSums,
} from "../measure/index.js";
import type { RuntimeValue } from "../ops/index.js";
import type { ErrorProfile, LayerError } from "../report/index.js";
import type { Feeds } from "../runtime/index.js";
import { breathe, inBatches } from "./batches.js";
import { inFile } from "./load.js";
import { matchValues } from "./match-values.js";
import type { RunControl } from "./options.js";

export interface ProfileOptions extends RunControl {
  /** Samples to compare on; 4 by default. */
  readonly samples?: number;
  /** Indices of samples to choose from; all by default. */
  readonly images?: ArrayLike<number>;
}

/**
 * How far inner values are apart along the depth, in float64 and without rounding between nodes, for the values that
 * {@link matchValues} finds, in the first model's order. `relativeError` is accumulated from the inputs on; for
 * `localError` the second model is replayed on the first one's values, so that it is what the nodes between two
 * matched values add themselves.
 */
export async function errorProfile(
  a: Model,
  b: Model,
  data: DataSet,
  options: ProfileOptions = {},
): Promise<ErrorProfile> {
  const twins = matchValues(a, b);
  const compared = a.graph.nodes.flatMap((node) =>
    node.op === "Constant"
      ? []
      : node.outputs.flatMap((value) => (value && twins.has(value) ? [{ node, value }] : [])),
  );
  const sums = new Map(compared.map(({ value }) => [value, { total: noErrors, own: noErrors }]));
  const runner = await inFile(b, () => new Replay(a, b, twins, sums));
  const images = sampleIndices(data, options);
  let done = 0;
  for (const feeds of inBatches(a, data, images, 1)) {
    options.signal?.throwIfAborted();
    await breathe();
    await inFile(b, () => runner.run(feeds));
    options.onProgress?.({ step: "comparing layers", done: ++done, total: null });
  }
  const layers = compared.map(({ node, value }): LayerError => {
    const twin = twins.get(value)!;
    const { total, own } = sums.get(value)!;
    return {
      node: node.label,
      other: twin.producer?.label ?? "",
      op: node.op,
      value: value.name,
      relativeError: finite(total),
      localError: finite(own),
    };
  });
  return { images: images.length, layers };
}

/** The samples that are compared, spread over those there are. */
export function sampleIndices(
  data: DataSet,
  { samples = 4, images }: Pick<ProfileOptions, "samples" | "images">,
): number[] {
  const total = images?.length ?? data.count;
  const count = Math.min(total, samples);
  return Array.from({ length: count }, (_, i) => {
    const at = Math.floor((i * total) / count);
    return images ? images[at]! : at;
  });
}

type Sums = Map<Value, { total: ErrorSums | null; own: ErrorSums | null }>;

/** Runs the first model, then the second twice: as it is, and on the first one's values. */
class Replay {
  readonly #reference = new Map<Value, RuntimeValue>();
  readonly #runners: readonly { runValues(feeds: Feeds): unknown }[];

  constructor(a: Model, b: Model, twins: ReadonlyMap<Value, Value>, sums: Sums) {
    const backwards = new Map([...twins].map(([value, twin]) => [twin, value]));
    const compare = (
      node: { readonly outputs: readonly (Value | null)[] },
      results: readonly RuntimeValue[],
      kind: "total" | "own",
    ): void =>
      node.outputs.forEach((output, i) => {
        const value = output && backwards.get(output);
        const entry = value && sums.get(value);
        if (entry) entry[kind] = added(entry[kind], results[i], this.#reference.get(value));
      });
    const precision = "float64";
    // Every matched value is asked for, so that those that no output needs are computed too.
    const [ofA, ofB] = [[...sums.keys()], [...sums.keys()].map((value) => twins.get(value)!)].map((values) =>
      values.map(({ name }) => name),
    );
    this.#runners = [
      prepareInterpreter(a, {
        precision,
        outputs: ofA!,
        onNode: (node, results) =>
          node.outputs.forEach((output, i) => {
            if (output && sums.has(output)) this.#reference.set(output, results[i] ?? null);
          }),
      }),
      prepareInterpreter(b, {
        precision,
        outputs: ofB!,
        onNode: (node, results) => compare(node, results, "total"),
      }),
      prepareInterpreter(b, {
        precision,
        outputs: ofB!,
        onNode: (node, results) => compare(node, results, "own"),
        replace: (node, results) =>
          results.map((result, i) => {
            const output = node.outputs[i];
            const value = output && backwards.get(output);
            const reference = value && this.#reference.get(value);
            return reference instanceof Tensor && fits(result, reference) ? reference : result;
          }),
      }),
    ];
  }

  run(feeds: Feeds): void {
    for (const runner of this.#runners) runner.runValues(feeds);
  }
}

function fits(result: RuntimeValue | undefined, reference: Tensor): boolean {
  return (
    result instanceof Tensor &&
    result.dtype === reference.dtype &&
    result.dims.join() === reference.dims.join()
  );
}

/** Null, which is infinite, once a pair can't be compared. */
function added(
  sums: ErrorSums | null,
  result: RuntimeValue | undefined,
  reference: RuntimeValue | undefined,
): ErrorSums | null {
  if (!(reference instanceof Tensor) || reference.dtype === "string" || sums === null) return sums;
  return result instanceof Tensor && fits(result, reference) ? addErrors(sums, result, reference) : null;
}

function finite(sums: ErrorSums | null): number | null {
  const error = sums === null ? Infinity : relativeErrorOf(sums);
  return Number.isFinite(error) ? error : null;
}
