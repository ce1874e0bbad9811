import type { DataSet } from "../calib/index.js";
import type { Model } from "../ir/index.js";
import { hasClassScores, inferFacts, wilsonInterval, type FactTable } from "../measure/index.js";
import type { Report } from "../report/index.js";
import { answersOf, batchesOf, distance, outputKinds, type Answers } from "../search/index.js";
import { batchFor, openModel } from "./batches.js";
import { noiseFloor, type NoiseFloor } from "./noise-floor.js";
import type { EngineOptions, RunControl } from "./options.js";

/** Quality of a written model against the original; warnings go to `warn`. */
export type Judge = (written: Model, warn: (text: string) => void) => Promise<Report["quality"]>;

/**
 * Quality of written models against the original on the judged images: all are run anew from the files as they are, the
 * original once. Divergence is KL for class scores; null where the model has none.
 */
export function openJudge(
  original: Model,
  data: DataSet,
  images: Int32Array,
  macs: number | null,
  options: EngineOptions & RunControl,
): Judge {
  const { size, fixed } = batchFor(original, data);
  const batches = [...batchesOf(data, images, size, fixed)];
  const answersBy = async (model: Model, run: EngineOptions & RunControl) => {
    const executor = await openModel(model, run);
    const answers = await answersOf(executor, batches).finally(() => executor.dispose());
    return { answers, engine: executor.engine };
  };
  let known: {
    readonly reference: Answers;
    readonly floor: NoiseFloor;
    readonly same: EngineOptions;
  } | null = null;
  return async (written, warn) => {
    const step = (done: number): void => options.onProgress?.({ step: "verifying", done, total: 3 });
    step(0);
    if (!known) {
      const { answers: reference, engine: used } = await answersBy(original, { ...options, onWarning: warn });
      step(1);
      // What ONNX Runtime refuses of the original it may refuse of the written file in other words.
      const same: EngineOptions = used === "reference" ? { engine: "reference" } : {};
      const floor = await noiseFloor(original, data, { ...options, ...same, macs, onWarning: warn });
      known = { reference, floor, same };
    }
    step(2);
    const { reference, floor, same } = known;
    const { answers, engine } = await answersBy(written, { ...options, ...same, onWarning: warn });
    const { relativeError, agreement, divergence } = distance(
      reference,
      answers,
      outputKinds(original, reference),
    );
    step(3);
    const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
    return {
      relativeError: finite(relativeError),
      agreement,
      agreementInterval:
        agreement === null ? null : wilsonInterval(Math.round(agreement * images.length), images.length),
      klDivergence: agreement === null ? null : finite(divergence),
      noiseFloor: floor.value,
      images: images.length,
      engine,
    };
  };
}

/** Whether any output is class scores, as far as inference can tell. */
export function hasScores(model: Model, facts: FactTable = inferFacts(model)): boolean {
  return model.graph.outputs.some((output) => {
    const { shape, dtype } = facts.of(output);
    return shape !== null && dtype !== null && /float/.test(dtype) && hasClassScores(shape);
  });
}
