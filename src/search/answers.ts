import type { DataSet } from "../calib/index.js";
import type { Tensor } from "../ir/index.js";
import { type Model } from "../ir/index.js";
import {
  hasClassScores,
  softmaxKl,
  top1Agreement,
  relativeErrorOf,
  addErrors,
  noErrors,
} from "../measure/index.js";
import type { Executor } from "../runtime/index.js";

/** Outputs of a model on some images, batch by batch. */
export type Answers = readonly ReadonlyMap<string, Tensor>[];

/** How far a changed model's answers are from the original's. */
export interface Distance {
  /**
   * What the search adds up: KL(original ‖ changed) in nats per image for class scores, else the squared relative
   * error, summed over outputs.
   */
  readonly divergence: number;
  /** ‖ŷ − y‖ / ‖y‖ over all images, worst output. */
  readonly relativeError: number;
  /** Share of images with the same argmax; null without class scores. */
  readonly agreement: number | null;
}

/** What an output is compared by. */
export interface OutputKind {
  readonly name: string;
  readonly kind: "scores" | "probabilities" | "values";
}

/** Class scores are told from probabilities by the Softmax that makes them. Outputs that hold no floats are left out. */
export function outputKinds(model: Model, answers: Answers): OutputKind[] {
  return model.graph.outputs.flatMap((output): OutputKind[] => {
    const sample = answers[0]?.get(output.name);
    if (!sample || !/float/.test(sample.dtype)) return [];
    if (!hasClassScores(sample.dims)) return [{ name: output.name, kind: "values" }];
    const softmax = output.producer?.is("Softmax") ?? false;
    return [{ name: output.name, kind: softmax ? "probabilities" : "scores" }];
  });
}

/** Distance of `changed` from `original`, batch by batch in the same order. */
export function distance(original: Answers, changed: Answers, kinds: readonly OutputKind[]): Distance {
  let divergence = 0;
  let relativeError = 0;
  let agreement: number | null = null;
  for (const { name, kind } of kinds) {
    let errors = noErrors;
    let [kl, images, agreed] = [0, 0, 0];
    original.forEach((batch, b) => {
      const [y, changedY] = [batch.get(name)!, changed[b]!.get(name)!];
      errors = addErrors(errors, changedY, y);
      if (kind === "values") return;
      const rows = y.dims[0]!;
      kl += softmaxKl(y, changedY, { probabilities: kind === "probabilities" }) * rows;
      images += rows;
      agreed += top1Agreement(changedY, y).agreed;
    });
    const error = relativeErrorOf(errors);
    relativeError = Math.max(relativeError, error);
    divergence += kind === "values" ? error * error : kl / Math.max(1, images);
    if (kind !== "values") agreement = Math.min(agreement ?? 1, agreed / Math.max(1, images));
  }
  return { divergence, relativeError, agreement };
}

/**
 * Feeds of `indices`, in batches of `size`. Where the model takes no other size (`fixed`), images that don't fill a
 * last batch are left out, or repeated when there is no other.
 */
export function* batchesOf(
  data: DataSet,
  indices: Int32Array,
  size: number,
  fixed = false,
): Generator<ReadonlyMap<string, Tensor>> {
  for (let at = 0; at < indices.length; at += size) {
    let chunk = indices.subarray(at, at + size);
    if (fixed && chunk.length < size) {
      if (at > 0) return;
      chunk = Int32Array.from({ length: size }, (_, i) => indices[i % indices.length]!);
    }
    yield new Map([...data.arrays].map(([name, array]) => [name, array.batch(chunk)]));
  }
}

/** Runs all batches. */
export async function answersOf(
  executor: Executor,
  batches: Iterable<ReadonlyMap<string, Tensor>>,
  extra?: ReadonlyMap<string, Tensor>,
): Promise<Answers> {
  const answers: ReadonlyMap<string, Tensor>[] = [];
  for (const batch of batches)
    answers.push(await executor.run(extra ? new Map([...batch, ...extra]) : batch));
  return answers;
}
