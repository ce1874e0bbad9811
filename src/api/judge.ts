import type { DataSet } from "../calib/index.js";
import { ModelError, UnsupportedError, type ConvoptError, type Model } from "../ir/index.js";
import { hasClassScores, inferFacts, wilsonInterval, type FactTable } from "../measure/index.js";
import { notJudged, type Report } from "../report/index.js";
import { ortAvailable, type Feeds } from "../runtime/index.js";
import { answersOf, batchesOf, distance, outputKinds, type Answers } from "../search/index.js";
import { batchFor, openModel } from "./batches.js";
import { noiseFloor, type NoiseFloor } from "./noise-floor.js";
import type { EngineOptions, RunControl } from "./options.js";

type Warn = (text: string) => void;

/** Quality of written models against the original. */
export interface Judge {
  /** Runs the original, which may fail: before anything is written. */
  prepare(warn: Warn): Promise<void>;
  quality(written: Model, warn: Warn): Promise<Report["quality"]>;
}

/** What a judge judges by. */
export interface JudgeInput {
  readonly original: Model;
  readonly data: DataSet;
  /** Whether the data are the user's: a model that fails on them has got bad data. */
  readonly given: boolean;
  /** The judged images. */
  readonly images: Int32Array;
  readonly macs: number | null;
  /** Whether quality may stay unmeasured where nothing can run the original. */
  readonly optional: boolean;
  /** Why there are no data to run it on. */
  readonly missing: string | null;
}

/** The original's answers, and how they were had. */
interface Reference {
  readonly answers: Answers;
  readonly engine: string;
  readonly batches: readonly Feeds[];
}

/**
 * Quality of written models against the original on the judged images: all are run anew from the files as they are, the
 * original once. Divergence is KL for class scores; null where the model has none.
 */
export function openJudge(input: JudgeInput, options: EngineOptions & RunControl): Judge {
  const { original, data, images, macs } = input;
  let known: { readonly reference: Reference | null; readonly floor: NoiseFloor | null } | null = null;
  const step = (done: number): void => options.onProgress?.({ step: "verifying", done, total: 3 });
  // What ONNX Runtime refuses of the original it may refuse of the written file in other words.
  const engineOf = ({ engine }: Reference): EngineOptions =>
    engine === "reference" ? { engine: "reference" } : {};
  const prepare = async (warn: Warn): Promise<NonNullable<typeof known>> => {
    step(0);
    const reference = await runOriginal(input, options, warn);
    step(1);
    const floor =
      reference &&
      (await noiseFloor(original, data, { ...options, ...engineOf(reference), macs, onWarning: warn }));
    return { reference, floor };
  };
  return {
    prepare: async (warn) => {
      known ??= await prepare(warn);
    },
    quality: async (written, warn) => {
      known ??= await prepare(warn);
      step(2);
      const { reference, floor } = known;
      if (!reference) return notJudged;
      const run = { ...options, ...engineOf(reference), onWarning: warn };
      const executor = await openModel(written, run);
      const answers = await answersOf(executor, reference.batches).finally(() => executor.dispose());
      const { relativeError, agreement, divergence } = distance(
        reference.answers,
        answers,
        outputKinds(original, reference.answers),
      );
      step(3);
      const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
      return {
        relativeError: finite(relativeError),
        agreement,
        agreementInterval:
          agreement === null ? null : wilsonInterval(Math.round(agreement * images.length), images.length),
        klDivergence: agreement === null ? null : finite(divergence),
        noiseFloor: floor?.value ?? null,
        images: images.length,
        engine: executor.engine,
      };
    },
  };
}

/** Null, with a warning that says why, where nothing can run the original and quality may stay unmeasured. */
async function runOriginal(
  input: JudgeInput,
  options: EngineOptions & RunControl,
  warn: Warn,
): Promise<Reference | null> {
  const { original, optional, missing } = input;
  const asked = options.engine ?? "auto";
  const both = optional && asked === "auto" && (await ortAvailable()) !== null;
  const reasons: string[] = [];
  if (missing !== null) {
    warn(`the quality was not measured: ${missing}`);
    return null;
  }
  for (const engine of both ? (["ort", "reference"] as const) : [asked]) {
    let opened = false;
    try {
      const executor = await openModel(original, { ...options, engine, onWarning: warn });
      opened = true;
      const found = await answersInBatches(input, executor).finally(() => executor.dispose());
      if (reasons.length > 0)
        warn(`the reference interpreter runs instead of ONNX Runtime (${reasons.join("; ")})`);
      return { ...found, engine: executor.engine };
    } catch (error) {
      const refused = error instanceof UnsupportedError && error.code !== "E_ENGINE_MISSING";
      // Noise always fits the declared inputs, a user's data need not fit the model.
      const broken = error instanceof ModelError && !(opened && input.given);
      if (!optional || !(refused || broken)) throw error;
      reasons.push(`${engine === "reference" ? "reference interpreter: " : ""}${withoutHint(error)}`);
    }
  }
  warn(`the quality was not measured, because nothing can run the original: ${reasons.join("; ")}`);
  return null;
}

/** Answers batch by batch, or sample by sample where the model leaves the batch open and then fails on one. */
async function answersInBatches(
  { original, data, images }: JudgeInput,
  executor: Awaited<ReturnType<typeof openModel>>,
): Promise<Pick<Reference, "answers" | "batches">> {
  const { size, fixed } = batchFor(original, data);
  const batches = [...batchesOf(data, images, size, fixed)];
  try {
    return { batches, answers: await answersOf(executor, batches) };
  } catch (error) {
    if (fixed || size === 1 || !(error instanceof ModelError)) throw error;
    const single = [...batchesOf(data, images, 1)];
    return { batches: single, answers: await answersOf(executor, single) };
  }
}

function withoutHint({ message, hint }: ConvoptError): string {
  return hint === null ? message : message.slice(0, message.length - hint.length - 2);
}

/** Whether any output is class scores, as far as inference can tell. */
export function hasScores(model: Model, facts: FactTable = inferFacts(model)): boolean {
  return model.graph.outputs.some((output) => {
    const { shape, dtype } = facts.of(output);
    return shape !== null && dtype !== null && /float/.test(dtype) && hasClassScores(shape);
  });
}
