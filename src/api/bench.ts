import type { DataSet } from "../calib/index.js";
import { UsageError, type Model } from "../ir/index.js";
import {
  atBest,
  compiled,
  interleave,
  ratioSpread,
  spreadOf,
  undisturbed,
  type InterleaveOptions,
  type Series,
} from "../latency/index.js";
import { fixedBatchOf, type Feeds, type TimedModel } from "../runtime/index.js";
import type { Benchmark, LayerTime, ModelTime } from "../report/index.js";
import { dataOrNoise } from "./data.js";
import { openForTiming, profiledKernels } from "./kernel-profile.js";
import { fileOf } from "./load.js";
import { thisMachine } from "./machine.js";
import type { RunControl, TimingOptions } from "./options.js";

export interface BenchOptions extends RunControl, TimingOptions {
  /** Rounds: in each of them every model has a turn of one run at least. */
  readonly runs?: number;
  /** Seconds after which no further round begins; 20 where neither is given. */
  readonly seconds?: number;
  /** What the models are fed: the first samples, one batch. Seeded noise when absent. */
  readonly data?: DataSet | null;
  readonly dataPath?: string;
  /** Noise is what is wanted, where no data is given: no warning of it. */
  readonly noiseMeant?: boolean;
  /** Full shapes of inputs by name, the batch included. */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
  /** Time every kernel as well, in runs of their own. */
  readonly layers?: boolean;
}

/** Rounds where no number is given. */
const usualRounds = 100;
const usualSeconds = 20;
const leastRounds = 5;

/**
 * Wall time of models in turn, each as its users run it: all of the runtime's optimizations, one batch, feeds made
 * once. Ratios are to the first model. Throws a ModelError when the engine refuses a model or the feeds don't fit.
 */
export async function bench(models: readonly Model[], options: BenchOptions = {}): Promise<Benchmark> {
  const [first] = models;
  if (!first) throw new UsageError("E_USAGE", "there is no model to time", { hint: "name at least one" });
  const { runs, seconds, threads = 0, seed = 0, signal } = options;
  const warnings: string[] = [];
  const warn = (text: string): void => {
    if (warnings.includes(text)) return;
    warnings.push(text);
    options.onWarning?.(text);
  };
  const feeds = models.map((model) =>
    timingFeeds(
      model,
      { ...options, shapes: shapesFor(model, models, options) },
      options.noiseMeant ? undefined : warn,
    ),
  );
  const opened: TimedModel[] = [];
  try {
    for (const [i, model] of models.entries()) {
      options.onProgress?.({ step: "loading", done: i, total: models.length });
      opened.push(await openForTiming(model, feeds[i]!, options, { probe: true }));
    }
    const engine = opened[0]!.engine;
    const rounds = runs ?? usualRounds;
    const series = await interleave(opened, {
      rounds,
      leastRounds: Math.min(rounds, leastRounds),
      ...(seconds === undefined && runs !== undefined ? {} : { budget: 1000 * (seconds ?? usualSeconds) }),
      ...turnsFor(threads),
      warmUpMs: compiled,
      oneThread: threads === 1,
      seed,
      signal,
      onRound: (done, total) => options.onProgress?.({ step: "timing", done, total }),
    });
    for (const text of warningsOf(series)) warn(text);
    const counting = threads === 1 ? series : atBest(series);
    for (const model of opened.splice(0)) await model.dispose();
    const layers: (LayerTime[] | null)[] = [];
    for (const [i, model] of models.entries()) {
      if (options.layers) options.onProgress?.({ step: "timing layers", done: i, total: models.length });
      layers.push(options.layers ? await layerTimes(model, feeds[i]!, options) : null);
    }
    return {
      schema: "convopt.bench/1",
      engine,
      threads,
      machine: await thisMachine(),
      inputs: {
        source: options.data ? (options.dataPath ?? "data") : "noise",
        shapes: Object.fromEntries([...feeds[0]!].map(([name, { dims }]) => [name, [...dims]])),
      },
      rounds: series[0]!.rounds.length,
      seed,
      models: models.map((model, i) => modelTime(model, counting[i]!, counting[0]!, layers[i]!)),
      warnings,
    };
  } finally {
    for (const model of opened) await model.dispose();
  }
}

/**
 * How long turns are: on one thread single runs, as programs make them that do something else in between. Models of many
 * small kernels gain more than others from running again and again, so that turns of several runs would flatter them.
 * With several threads they are {@link undisturbed}.
 */
export function turnsFor(threads: number): Pick<InterleaveOptions, "turn" | "settle" | "cold"> {
  return threads === 1 ? { cold: true } : undisturbed;
}

/** One batch for a model: samples of the data from the start, repeated where there are too few, or seeded noise, told to `warn`. */
export function timingFeeds(
  model: Model,
  options: Pick<BenchOptions, "data" | "shapes" | "seed">,
  warn?: (text: string) => void,
): Feeds {
  const [input] = model.graph.requiredInputs;
  const asked = input && options.shapes?.get(input.name)?.[0];
  const batch = fixedBatchOf(model) ?? asked ?? 1;
  const data = dataOrNoise(model, options, batch, warn);
  const samples = Array.from({ length: batch }, (_, i) => i % Math.max(1, data.count));
  return new Map([...data.arrays].map(([name, array]) => [name, array.batch(samples)]));
}

/** Shapes of a model's own inputs, and those that no model has, which are an error. */
function shapesFor(
  model: Model,
  models: readonly Model[],
  { shapes = new Map() }: BenchOptions,
): Map<string, readonly number[]> {
  const has = ({ graph }: Model, name: string): boolean => graph.inputs.some((input) => input.name === name);
  return new Map([...shapes].filter(([name]) => has(model, name) || !models.some((each) => has(each, name))));
}

function modelTime(model: Model, series: Series, first: Series, layers: LayerTime[] | null): ModelTime {
  // Both the milliseconds and the ratio are of what counts in the rounds.
  const { median: middle, quartiles, interval, least } = spreadOf(series.rounds);
  const { count, outliers } = spreadOf(series.runs);
  const ratio = ratioSpread(series.rounds, first.rounds);
  return {
    ...fileOf(model),
    runs: count,
    ms: { median: middle, quartiles: [...quartiles], interval: [...interval], least },
    ratio: { median: ratio.median, interval: [...ratio.interval] },
    outliers,
    layers,
  };
}

/** Kernels of a model; null where the engine has no profiler. */
async function layerTimes(model: Model, feeds: Feeds, options: BenchOptions): Promise<LayerTime[] | null> {
  const rows = await profiledKernels(model, feeds, options);
  return rows.length > 0
    ? rows.map(({ layer, op, kernel, nodes, ms }) => ({ layer, op, kernel, nodes: [...nodes], ms }))
    : null;
}

/** What makes the figures doubtful. */
function warningsOf(series: readonly Series[]): string[] {
  const spreads = series.map(({ runs }) => spreadOf(runs));
  const outliers = spreads.reduce((sum, spread) => sum + spread.outliers, 0);
  const runs = spreads.reduce((sum, spread) => sum + spread.count, 0);
  const wide = Math.max(
    ...spreads.map(({ quartiles: [low, high], median: middle }) => (high - low) / middle),
  );
  return [
    ...(outliers > 0.02 * runs
      ? [`${outliers} of ${runs} runs were far slower than the rest: other programs seem to use the machine`]
      : []),
    ...(wide > 0.25
      ? [
          `half of the runs spread over ${(100 * wide).toFixed(0)} % of the median: use a quieter machine or more --runs`,
        ]
      : []),
  ];
}
