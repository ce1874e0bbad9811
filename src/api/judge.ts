import type { DataSet } from "../calib/index.js";
import type { Model } from "../ir/index.js";
import { hasClassScores, inferFacts, wilsonInterval, type FactTable } from "../measure/index.js";
import type { Report } from "../report/index.js";
import { answersOf, batchesOf, distance, outputKinds } from "../search/index.js";
import { openModel, suitableBatch } from "./batches.js";
import { noiseFloor } from "./noise-floor.js";
import type { EngineOptions, RunControl } from "./options.js";

/**
 * Quality of a written model against the original on the judged images: both are run anew from the files as they are.
 * Divergence is KL for class scores; null where the model has none.
 */
export async function judge(
  original: Model,
  written: Model,
  data: DataSet,
  images: Int32Array,
  macs: number | null,
  options: EngineOptions & RunControl,
): Promise<Report["quality"]> {
  const batches = batchesOf(data, images, suitableBatch(data));
  const step = (done: number): void => options.onProgress?.({ step: "verifying", done, total: 3 });
  step(0);
  const first = await openModel(original, options);
  const reference = await answersOf(first, batches).finally(() => first.dispose());
  step(1);
  const second = await openModel(written, options);
  const answers = await answersOf(second, batches).finally(() => second.dispose());
  step(2);
  const kinds = outputKinds(original, reference);
  const { relativeError, agreement, divergence } = distance(reference, answers, kinds);
  const floor = await noiseFloor(original, data, {
    ...options,
    macs,
    onWarning: (text: string) => options.onWarning?.(text),
  });
  step(3);
  const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
  return {
    relativeError: finite(relativeError),
    agreement,
    agreementInterval: agreement === null ? null : wilsonInterval(Math.round(agreement * images.length), images.length),
    klDivergence: agreement === null ? null : finite(divergence),
    noiseFloor: floor.value,
    images: images.length,
    engine: second.engine,
  };
}

/** Whether any output is class scores, as far as inference can tell. */
export function hasScores(model: Model, facts: FactTable = inferFacts(model)): boolean {
  return model.graph.outputs.some((output) => {
    const { shape, dtype } = facts.of(output);
    return shape !== null && dtype !== null && /float/.test(dtype) && hasClassScores(shape);
  });
}
