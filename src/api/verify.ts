import type { DataSet } from "../calib/index.js";
import { ModelError, UsageError, type Model, type Tensor } from "../ir/index.js";
import {
  classScores,
  compareDetections,
  inferFacts,
  mcnemar,
  modelCost,
  perSample,
  predictedClasses,
  type BoxFormat,
  type DetectionComparison,
} from "../measure/index.js";
import type { OutputComparison, Verification } from "../report/index.js";
import { runBatches } from "../runtime/index.js";
import { bisectionOf } from "./bisect.js";
import { batchSource, openModel, runSamples, suitableBatch } from "./batches.js";
import { dataOrNoise, noiseShapes, shapesOfData } from "./data.js";
import { errorProfile } from "./error-profile.js";
import { compareExactly } from "./exact-comparison.js";
import { fileOf, inFile } from "./load.js";
import { comparableOutputs, interfaceDifferences, sameInputs } from "./model-interface.js";
import { noFloor, noiseFloor } from "./noise-floor.js";
import { compareOutput, isProbability, share, type OutputComparer } from "./output-comparison.js";
import type { EngineOptions, RunControl } from "./options.js";
import { errorLimit, exactLimit, hasUserLimits, judgeLimits, type UserLimits } from "./verify-limits.js";

export interface VerifyOptions extends RunControl, EngineOptions, UserLimits {
  /** Inputs; seeded noise when absent. */
  readonly data?: DataSet | null;
  /** Where the data came from, for the report. */
  readonly dataPath?: string;
  /** True classes, one per sample, for the accuracies of both. */
  readonly labels?: ArrayLike<number> | null;
  /** Use the first samples only. */
  readonly limit?: number;
  /** Full shapes of inputs by name, for the noise. */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
  /** Also compare inner values, for the error profile along the depth. */
  readonly layers?: boolean;
  /** On how many samples; 4 by default. */
  readonly profileSamples?: number;
  /** … and name the first layer over the error limit. */
  readonly bisect?: boolean;
  /** Outputs of a detector, whose objects are matched. */
  readonly detections?: { readonly boxes: string; readonly scores: string; readonly format?: BoxFormat };
  /** How many samples of noise to make when there is no data; 64 by default, 16 of a big model. */
  readonly samples?: number;
}

/** Beyond this many MACs a sample less noise has to do. */
const bigModel = 2e8;

/**
 * Compares two models: the same interface, and how far their outputs are apart on the same inputs, against the noise
 * floor of the first. `ok` says whether every limit is met: the interface, no new NaN or infinity, and `maxError`
 * or `minAgreement`; without either, ten times the noise floor, and in float64 arithmetic no more than the floor.
 */
export async function verify(a: Model, b: Model, options: VerifyOptions = {}): Promise<Verification> {
  const warnings: string[] = [];
  const warn = (text: string): void => {
    warnings.push(text);
    options.onWarning?.(text);
  };
  const differences = interfaceDifferences(a, b);
  const noise = { ...options, probe: true };
  const macs = macsOf(a, { ...options, shapes: noiseShapes(a, noise) });
  const data = dataOrNoise(a, noise, options.samples ?? (macs !== null && macs > bigModel ? 16 : 64), warn);
  if (options.labels && options.labels.length < data.count) {
    throw new ModelError("E_LABELS", `there are ${options.labels.length} labels for ${data.count} samples`, {
      hint: "give one label per sample",
    });
  }
  const names = comparableOutputs(a, b);
  const runnable = sameInputs(a, b);
  checkDetections(names, options);
  const control = { ...options, onWarning: warn };
  const comparison = runnable
    ? await compare(a, b, data, names, control)
    : { outputs: [], answers: null, detections: null, engine: "none" };
  const cost = macs ?? macsOf(a, { ...options, data });
  const ownLimits = !hasUserLimits(options);
  const floor = runnable
    ? await noiseFloor(a, data, { ...control, macs: cost, rounding: ownLimits })
    : noFloor;
  const accuracy = options.labels ? accuracies(comparison.answers, options.labels) : null;
  const limits = judgeLimits(differences, comparison.outputs, floor, options);
  const suspicious = limits.some(({ met }) => !met);
  const exact =
    runnable && ownLimits && !suspicious
      ? await compareExactly(a, b, data, names, { ...control, macs: cost, floor })
      : null;
  if (exact) limits.push(exactLimit(exact));
  const profile =
    runnable && (options.bisect || options.layers)
      ? await errorProfile(a, b, data, { ...control, samples: options.profileSamples ?? 4 })
      : null;
  const limit = exact && !suspicious ? exactLimit(exact).limit : errorLimit(floor, options);
  warnIfUncertain(comparison.outputs, options, warn);
  return {
    schema: "convopt.verify/1",
    a: fileOf(a),
    b: fileOf(b),
    ok: limits.every((limit) => limit.met),
    interface: { same: differences.length === 0, differences },
    data: {
      path: options.data ? (options.dataPath ?? "") : null,
      images: sampleCount(data, options),
      seed: options.data ? null : (options.seed ?? 0),
      labels: accuracy !== null,
    },
    engine: comparison.engine,
    noiseFloor: floor,
    outputs: comparison.outputs,
    exact,
    detections: comparison.detections,
    accuracy,
    limits,
    profile: options.layers ? profile : null,
    bisection: options.bisect && profile ? bisectionOf(profile.layers, limit) : null,
    warnings,
  };
}

interface Answers {
  readonly a: number[];
  readonly b: number[];
}

async function compare(
  a: Model,
  b: Model,
  data: DataSet,
  names: readonly string[],
  options: VerifyOptions,
): Promise<{
  outputs: OutputComparison[];
  answers: Answers | null;
  detections: Verification["detections"];
  engine: string;
}> {
  const first = await openModel(a, options);
  // What ONNX Runtime refuses of one model it may refuse of the other in other words.
  const engine: EngineOptions = first.engine === "reference" ? { engine: "reference" } : {};
  const second = await openModel(b, { ...options, ...engine }).catch(async (error: unknown) => {
    await first.dispose();
    throw error;
  });
  try {
    const comparers = new Map<string, OutputComparer>(
      names.map((name) => [name, compareOutput(name, isProbability(a, name) && isProbability(b, name))]),
    );
    const answers: Answers = { a: [], b: [] };
    const found = options.detections && compareDetections(options.detections.format);
    await runBatches(
      first,
      batchSource(data, 0, sampleCount(data, options)),
      async (outputs, start, end) => {
        const others = await inFile(b, () => runSamples(second, data, start, end));
        for (const [name, comparer] of comparers) comparer.add(outputs.get(name)!, others.get(name)!);
        collectAnswers(names, outputs, others, answers);
        if (found) addDetections(found, options.detections!, outputs, others);
      },
      {
        batchSize: suitableBatch(data),
        signal: options.signal,
        onProgress: (done, total) => options.onProgress?.({ step: "comparing", done, total }),
      },
    );
    const outputs = [...comparers.values()].map((comparer) => comparer.result());
    return {
      outputs,
      answers: answers.a.length > 0 ? answers : null,
      detections: found ? { ...namesOf(options.detections!), ...found.summary() } : null,
      engine: first.engine,
    };
  } finally {
    await Promise.all([first.dispose(), second.dispose()]);
  }
}

function sampleCount(data: DataSet, options: VerifyOptions): number {
  return Math.min(data.count, options.limit ?? Infinity);
}

function checkDetections(names: readonly string[], { detections }: VerifyOptions): void {
  if (!detections) return;
  for (const name of [detections.boxes, detections.scores]) {
    if (names.includes(name)) continue;
    throw new UsageError("E_UNKNOWN_OUTPUT", `the models have no output ${JSON.stringify(name)}`, {
      hint: `the outputs are ${names.join(", ")}`,
    });
  }
}

function namesOf({ boxes, scores }: NonNullable<VerifyOptions["detections"]>): {
  boxes: string;
  scores: string;
} {
  return { boxes, scores };
}

function addDetections(
  found: DetectionComparison,
  { boxes, scores }: NonNullable<VerifyOptions["detections"]>,
  a: ReadonlyMap<string, Tensor>,
  b: ReadonlyMap<string, Tensor>,
): void {
  found.add(a.get(boxes)!, a.get(scores)!, b.get(boxes)!, b.get(scores)!);
}

/** Predicted class per sample of the first output that has classes. */
function collectAnswers(
  names: readonly string[],
  outputs: ReadonlyMap<string, Tensor>,
  others: ReadonlyMap<string, Tensor>,
  answers: Answers,
): void {
  const name = names.find((candidate) => classScores(outputs.get(candidate)!) !== null);
  if (name === undefined) return;
  answers.a.push(...predictedClasses(outputs.get(name)!));
  answers.b.push(...predictedClasses(others.get(name)!));
}

function accuracies(answers: Answers | null, labels: ArrayLike<number>): Verification["accuracy"] {
  if (!answers) {
    throw new UsageError(
      "E_NO_CLASSES",
      "labels need an output of shape N×C or N×C×1×1, and the models have none",
      {
        hint: "leave out --labels",
      },
    );
  }
  const right = (list: number[]): boolean[] => list.map((answer, i) => answer === labels[i]);
  const [a, b] = [right(answers.a), right(answers.b)];
  const count = (list: boolean[]): number => list.filter(Boolean).length;
  const { onlyFirst, onlySecond, pValue } = mcnemar(a, b);
  return {
    a: share(count(a), a.length),
    b: share(count(b), b.length),
    mcnemar: { onlyA: onlyFirst, onlyB: onlySecond, pValue },
  };
}

function warnIfUncertain(
  outputs: readonly OutputComparison[],
  options: VerifyOptions,
  warn: (text: string) => void,
): void {
  const low = outputs.find((output) => output.top1 !== null)?.top1?.interval[0];
  if (options.minAgreement !== undefined && low !== undefined && low < options.minAgreement) {
    warn(
      `the 95 % interval of the agreement reaches down to ${(100 * low).toFixed(2)} %, below the limit: more images would tell`,
    );
  }
}

/** MACs of one sample where the data, or the shapes that the noise is to have, tell. */
function macsOf(model: Model, { data, shapes }: VerifyOptions): number | null {
  const known = data ? shapesOfData(data, model) : (shapes ?? new Map<string, readonly number[]>());
  return modelCost(model, perSample(inferFacts(model, { shapes: known }))).macs;
}
