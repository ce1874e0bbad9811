import type { DataSet } from "../calib/index.js";
import { ModelError, UsageError, type Model, type Tensor } from "../ir/index.js";
import { classScores, inferFacts, mcnemar, modelCost, predictedClasses } from "../measure/index.js";
import type { OutputComparison, Verification } from "../report/index.js";
import { runBatches } from "../runtime/index.js";
import { bisect } from "./bisect.js";
import { batchSource, openModel, runSamples, suitableBatch } from "./batches.js";
import { dataOrNoise, shapesOfData } from "./data.js";
import { fileOf, inFile } from "./load.js";
import { comparableOutputs, interfaceDifferences, sameInputs } from "./model-interface.js";
import { noiseFloor, type NoiseFloor } from "./noise-floor.js";
import { compareOutput, isProbability, share, type OutputComparer } from "./output-comparison.js";
import type { EngineOptions, RunControl } from "./options.js";

export interface VerifyOptions extends RunControl, EngineOptions {
  /** Inputs; seeded noise when absent. */
  readonly data?: DataSet | null;
  /** Where the data came from, for the report. */
  readonly dataPath?: string;
  /** True classes, one per sample, for the accuracies of both. */
  readonly labels?: ArrayLike<number> | null;
  /** Limit of the relative L2 error of the worst output. */
  readonly maxError?: number;
  /** Least top-1 agreement of the first output that has classes. */
  readonly minAgreement?: number;
  /** Use the first samples only. */
  readonly limit?: number;
  /** Full shapes of inputs by name, for the noise. */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
  /** Also compare inner values and name the first layer over the error limit. */
  readonly bisect?: boolean;
  /** How many samples of noise to make when there is no data; 16 by default. */
  readonly samples?: number;
}

/** Without limits of the user's, the error may be this many times the original's own noise floor … */
export const noiseMultiple = 10;
/** … and at least this much: a floor of zero would call every rounding a failure. */
export const leastLimit = 1e-6;

/**
 * Compares two models: the same interface, and how far their outputs are apart on the same inputs, against the noise
 * floor of the first. `ok` says whether every limit is met: the interface, no new NaN or infinity, and `maxError`
 * or `minAgreement`; without either, ten times the noise floor.
 */
export async function verify(a: Model, b: Model, options: VerifyOptions = {}): Promise<Verification> {
  const warnings: string[] = [];
  const warn = (text: string): void => {
    warnings.push(text);
    options.onWarning?.(text);
  };
  const differences = interfaceDifferences(a, b);
  const data = dataOrNoise(a, options, options.samples ?? 16, warn);
  if (options.labels && options.labels.length < data.count) {
    throw new ModelError("E_LABELS", `there are ${options.labels.length} labels for ${data.count} samples`, {
      hint: "give one label per sample",
    });
  }
  const names = comparableOutputs(a, b);
  const runnable = sameInputs(a, b);
  const comparison = runnable
    ? await compare(a, b, data, names, options)
    : { outputs: [], answers: null, engine: "none" };
  const floor: NoiseFloor = runnable
    ? await noiseFloor(a, data, { ...options, macs: macsOf(a, data), onWarning: warn })
    : { value: null, sources: [] };
  const accuracy = options.labels ? accuracies(comparison.answers, options.labels) : null;
  const limits = judge(differences, comparison.outputs, floor, options);
  const bisection =
    options.bisect && runnable
      ? await bisect(a, b, data, { ...options, samples: 4, limit: errorLimit(floor, options) })
      : null;
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
    accuracy,
    limits,
    bisection,
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
): Promise<{ outputs: OutputComparison[]; answers: Answers | null; engine: string }> {
  const first = await openModel(a, options);
  const second = await openModel(b, options).catch(async (error: unknown) => {
    await first.dispose();
    throw error;
  });
  try {
    const comparers = new Map<string, OutputComparer>(
      names.map((name) => [name, compareOutput(name, isProbability(a, name) && isProbability(b, name))]),
    );
    const answers: Answers = { a: [], b: [] };
    await runBatches(
      first,
      batchSource(data, 0, sampleCount(data, options)),
      async (outputs, start, end) => {
        const others = await inFile(b, () => runSamples(second, data, start, end));
        for (const [name, comparer] of comparers) comparer.add(outputs.get(name)!, others.get(name)!);
        collectAnswers(names, outputs, others, answers);
      },
      {
        batchSize: suitableBatch(data),
        signal: options.signal,
        onProgress: (done, total) => options.onProgress?.({ step: "comparing", done, total }),
      },
    );
    const outputs = [...comparers.values()].map((comparer) => comparer.result());
    return { outputs, answers: answers.a.length > 0 ? answers : null, engine: first.engine };
  } finally {
    await Promise.all([first.dispose(), second.dispose()]);
  }
}

function sampleCount(data: DataSet, options: VerifyOptions): number {
  return Math.min(data.count, options.limit ?? Infinity);
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

function judge(
  differences: readonly string[],
  outputs: readonly OutputComparison[],
  floor: NoiseFloor,
  options: VerifyOptions,
): Verification["limits"] {
  const limits: Verification["limits"] = [];
  const add = (
    name: Verification["limits"][number]["name"],
    limit: number,
    measured: number | null,
    met: boolean,
    message: string,
  ): void => {
    limits.push({ name, limit, measured, met, message });
  };
  add(
    "interface",
    0,
    differences.length,
    differences.length === 0,
    "names, types, shapes and order of inputs and outputs",
  );
  if (outputs.length === 0) return limits;
  const different = outputs.reduce((sum, output) => sum + output.nonFinite.different, 0);
  add("nonFinite", 0, different, different === 0, "NaN and infinities are where the first model has them");
  const errors = outputs.map((output) => output.relativeError ?? Infinity);
  const worst = Math.max(...errors);
  const measured = Number.isFinite(worst) ? worst : null;
  const ownLimit = options.maxError === undefined && options.minAgreement === undefined;
  if (options.maxError !== undefined) {
    add(
      "maxError",
      options.maxError,
      measured,
      worst <= options.maxError,
      "relative error of the worst output",
    );
  } else if (ownLimit) {
    const limit = errorLimit(floor, options);
    const source =
      floor.value === null
        ? "no noise floor could be measured"
        : `${noiseMultiple} × the noise floor, at least ${leastLimit}`;
    add("maxError", limit, measured, worst <= limit, `relative error of the worst output (${source})`);
  }
  if (options.minAgreement !== undefined) {
    const agreement = outputs.find((output) => output.top1 !== null)?.top1;
    if (!agreement) {
      throw new UsageError(
        "E_NO_CLASSES",
        "top-1 agreement needs an output of shape N×C or N×C×1×1, and the models have none",
        {
          hint: "use --max-error",
        },
      );
    }
    const met = agreement.share >= options.minAgreement;
    add("minAgreement", options.minAgreement, agreement.share, met, "top-1 agreement with the first model");
  }
  return limits;
}

/** The user's limit of the relative error, else a multiple of the noise floor. */
function errorLimit(floor: NoiseFloor, options: VerifyOptions): number {
  return options.maxError ?? Math.max(leastLimit, noiseMultiple * (floor.value ?? 0));
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

function macsOf(model: Model, data: DataSet): number | null {
  return modelCost(model, inferFacts(model, { shapes: shapesOfData(data, model) })).macs;
}
