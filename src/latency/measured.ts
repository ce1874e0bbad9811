import { ConvoptError, type Model } from "../ir/index.js";
import type { LoweredProgram } from "../forms/index.js";
import { inferFacts } from "../measure/index.js";
import { openTimed, type Feeds, type TimedModel } from "../runtime/index.js";
import { batchesOf } from "./batches.js";
import { candidateModel } from "./candidate.js";
import { interleave, undisturbed, type InterleaveOptions } from "./interleave.js";
import type { KernelRow } from "./kernels.js";
import { LayerProfiles } from "./layer-profiles.js";
import { batchOf, modelFeatures } from "./model-features.js";
import { namedCopy } from "./named-copy.js";
import { profileKernels, type ProfileRuns } from "./profile-kernels.js";
import { estimate, usualConstants } from "./roofline.js";
import { modelKey } from "./signature.js";
import { memoryStore, type Baseline, type LatencySource, type LatencyStore, type Timing } from "./source.js";
import { quietLevel, type Interval } from "./statistics.js";
import { baselineSchema, ratioSchema, storeKey, type StoredRatio } from "./stored.js";
import { oneThread, onThreads, threadingOf, type Threading } from "./threading.js";
import { smallModelMs, type LayerWindow } from "./window.js";

/** Opens a model for timing. */
export type OpenTimed = (
  model: Model,
  feeds: Feeds,
  special?: { readonly profile?: boolean; readonly probe?: boolean; readonly threads?: number },
) => Promise<TimedModel>;

export interface MeasureOptions {
  readonly model: Model;
  readonly feeds: Feeds;
  /** All windows that will be asked for. */
  readonly windows: readonly LayerWindow[];
  /** 0 stands for as many as there are cores. */
  readonly threads: number;
  readonly cores?: number;
  /** What was measured before on this machine, with this runtime and as many threads. */
  readonly store?: LatencyStore;
  readonly seed?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (step: string, done: number, total: number | null) => void;
  /** Replaces ONNX Runtime. */
  readonly open?: OpenTimed;
}

/** The model as it is, and what it takes on one thread. */
export interface TimedBaseline extends Baseline {
  readonly onOne: number;
  readonly threading: Threading;
}

/** Runs of a turn on one thread, of which the quickest counts: sessions push each other out of the caches. */
const [modelRepeats, windowRepeats] = [4, 3];
/** Milliseconds of runs before and of runs that count in a turn with several threads. */
const awake = { settle: 1, turn: 1 } as const;
/** Rounds of the baseline, and milliseconds after which it has to do with fewer. */
const baselineRounds = 25;
const baselineBudget = 20_000;
const profiledRuns: ProfileRuns = { runs: 20, budget: 3000 };
/** Rounds after which only the lowerings near their form's best go on. */
const firstLook = 3;
/** How far behind the best they may be then, relative to the window. */
const slack = 0.06;

/**
 * Times on this machine through ONNX Runtime, by the layers' kernels where the runtime has a profiler. Without one a
 * candidate is timed in turn with its window as it is; what counts is the ratio of the two in every round, so that a busy
 * machine falls on both.
 */
export class MeasuredSource implements LatencySource {
  readonly kind = "measured";
  readonly threads: number;
  readonly feeds: Feeds;
  #baseline: Promise<TimedBaseline> | null = null;
  #stir: Promise<TimedModel> | null = null;
  readonly #profiles: LayerProfiles;
  readonly #open: OpenTimed;
  readonly #store: LatencyStore;

  constructor(
    readonly engine: string,
    private readonly o: MeasureOptions,
  ) {
    this.threads = o.threads;
    this.feeds = o.feeds;
    this.#store = o.store ?? memoryStore();
    this.#profiles = new LayerProfiles((...asked) => this.#profile(...asked), o.signal);
    this.#open =
      o.open ??
      ((model, feeds, special) =>
        openTimed(model, feeds, {
          ...{ engine: "ort", threads: o.threads, quiet: true, ...special },
          ...(o.signal ? { signal: o.signal } : {}),
        }));
  }

  baseline(): Promise<TimedBaseline> {
    this.#baseline ??= this.#measureBaseline();
    return this.#baseline;
  }

  async changes(
    window: LayerWindow,
    groups: readonly (readonly LoweredProgram[])[],
    rounds: number,
  ): Promise<ReadonlyMap<string, Timing>> {
    const baseline = await this.baseline();
    const whole = window.isModel ? baseline.total.ms : (baseline.windows.get(window.key) ?? 0);
    const ratios = new Map<string, StoredRatio>();
    const open = groups
      .map((group) => group.filter(({ key }) => !this.#stored(window, key, rounds, ratios)))
      .filter((group) => group.length > 0);
    const batches = batchesOf(open, window);
    for (const [i, batch] of batches.entries()) {
      this.o.onProgress?.(`timing forms of ${window.layer.name}`, i, batches.length);
      for (const [key, ratio] of await this.#measure(window, batch, rounds, whole)) {
        ratios.set(key, ratio);
        this.#store.write(storeKey(window, key), ratio);
      }
    }
    return new Map(
      [...ratios].map(
        ([
          key,
          {
            ratio,
            interval: [low, high],
          },
        ]) => [key, { ms: (ratio - 1) * whole, interval: [(low - 1) * whole, (high - 1) * whole] }],
      ),
    );
  }

  #stored(window: LayerWindow, key: string, rounds: number, into: Map<string, StoredRatio>): boolean {
    const known = ratioSchema.safeParse(this.#store.read(storeKey(window, key)));
    if (!known.success || (known.data.rounds < asked(rounds) && !known.data.lost)) return false;
    into.set(key, known.data);
    return true;
  }

  /** Ratios of the programs of a few groups, all in turn with the window as it is. */
  async #measure(
    window: LayerWindow,
    groups: readonly (readonly LoweredProgram[])[],
    rounds: number,
    whole: number,
  ): Promise<Map<string, StoredRatio>> {
    const { onOne, threading } = await this.baseline();
    const profiled = await this.#profiles.base(window, window.isModel ? onOne : null);
    if (profiled)
      return this.#profiles.ratios(profiled, window, groups, { rounds: asked(rounds), whole, threading });
    const opened = new Map<string, TimedModel>();
    try {
      const dense = await this.#open(window.model, window.feeds);
      opened.set("", dense);
      for (const { key, program } of groups.flat()) {
        this.o.signal?.throwIfAborted();
        const timed = await this.#tryOpen(candidateModel(window, program), window.feeds);
        if (timed) opened.set(key, timed);
      }
      const look = await this.#series(
        opened,
        [...opened.keys()],
        Math.min(firstLook, rounds),
        window.isModel,
      );
      const known = groups.map((group) => group.map(({ key }) => key).filter((key) => opened.has(key)));
      const best = (keys: readonly string[], series: Timings): number =>
        Math.min(...keys.map((key) => ratioIn(series, key).value));
      const near = known.map((keys) => {
        const limit = best(keys, look) + slack;
        return keys.filter((key) => ratioIn(look, key).value <= limit);
      });
      const series = new Map(look);
      const further = async (keys: readonly string[]): Promise<void> => {
        if (rounds <= firstLook || keys.length === 0) return;
        const more = await this.#series(opened, ["", ...new Set(keys)], asked(rounds), window.isModel);
        for (const [key, timings] of more) if (key !== "") series.set(key, timings);
      };
      const contenders = new Set(near.flat());
      await further([...contenders]);
      // The one that looked quickest did so by luck too: what counts of it are rounds of their own.
      await further(
        near.flatMap((keys) => keys.filter((key) => ratioIn(series, key).value <= best(keys, series))),
      );
      const ratios = new Map<string, StoredRatio>();
      for (const key of opened.keys()) {
        if (key === "") continue;
        const { value, interval } = ratioIn(series, key);
        const { length } = series.get(key)!.values;
        ratios.set(key, {
          ...{ ratio: value, interval: [...interval], rounds: length },
          lost: !contenders.has(key),
        });
      }
      return ratios;
    } finally {
      for (const timed of opened.values()) await timed.dispose();
    }
  }

  /** Timings by key, each with those of the window as it is in the same rounds; that one's key is "". */
  async #series(
    opened: ReadonlyMap<string, TimedModel>,
    keys: readonly string[],
    rounds: number,
    isModel: boolean,
  ): Promise<Timings> {
    const series = await interleave(
      keys.map((key) => opened.get(key)!),
      {
        ...{ rounds, warmUp: 1, seed: this.o.seed ?? 0, oneThread: this.threads === 1 },
        ...{ signal: this.o.signal, ...(await this.#stirring(isModel)) },
      },
    );
    const dense = series[keys.indexOf("")]!.rounds;
    return new Map(keys.map((key, i) => [key, { values: series[i]!.rounds, dense }]));
  }

  /**
   * What goes before counted runs. On one thread the model itself, kept open, where it is small. With several threads runs
   * of the same model: its workers must be awake, and those of any other would be in their way.
   */
  async #stirring(
    isModel: boolean,
  ): Promise<Pick<InterleaveOptions, "stir" | "settle" | "turn" | "repeats">> {
    if (this.threads !== 1) return awake;
    if (isModel) return { repeats: modelRepeats };
    const { total } = await this.baseline();
    if (total.ms > smallModelMs) return {};
    this.#stir ??= this.#open(this.o.model, this.o.feeds);
    return { stir: await this.#stir, repeats: windowRepeats };
  }

  async dispose(): Promise<void> {
    await (await this.#stir)?.dispose();
    this.#stir = null;
  }

  /** Null for a model that the runtime refuses. */
  async #tryOpen(
    model: Model,
    feeds: Feeds,
    special?: { readonly profile?: boolean; readonly threads?: number },
  ): Promise<TimedModel | null> {
    try {
      return await this.#open(model, feeds, special);
    } catch (error) {
      if (error instanceof ConvoptError && error.exitCode === 3) return null;
      throw error;
    }
  }

  async #measureBaseline(): Promise<TimedBaseline> {
    const { model, feeds } = this.o;
    const key = `model ${modelKey(model, feeds)}`;
    const windows = new Map(this.o.windows.map((window) => [window.key, window]));
    const known = baselineSchema.safeParse(this.#store.read(key));
    if (known.success && [...windows.keys()].every((window) => known.data.windows[window] !== undefined)) {
      const { ms, interval, nodes, onOne, threading } = known.data;
      return {
        ...{ total: { ms, interval }, windows: new Map(Object.entries(known.data.windows)) },
        ...{ nodes: new Map(nodes), onOne, threading },
      };
    }
    this.o.onProgress?.("timing the model as it is", 0, null);
    const baseline = await this.#timeBaseline([...windows.values()]);
    const { total, nodes, onOne, threading } = baseline;
    this.#store.write(key, {
      ...{ ms: total.ms, interval: total.interval, nodes: [...nodes], onOne, threading },
      windows: Object.fromEntries(baseline.windows),
    });
    return baseline;
  }

  /** The model and all its windows in turn: what counts of a window is its share of the model's time. */
  async #timeBaseline(windows: readonly LayerWindow[]): Promise<TimedBaseline> {
    const { model, feeds, signal, seed = 0 } = this.o;
    const opened: TimedModel[] = [];
    try {
      opened.push(await this.#open(model, feeds, { probe: true }));
      for (const window of windows) opened.push(await this.#open(window.model, window.feeds));
      const onlyOne = this.threads === 1;
      const [first] = await interleave([opened[0]!], { rounds: 5, oneThread: onlyOne });
      const isSmall = quietLevel(first!.rounds).value <= smallModelMs;
      const stir = !onlyOne ? undisturbed : isSmall ? { stir: opened[0]! } : {};
      const [whole, ...parts] = await interleave(opened, {
        oneThread: onlyOne,
        ...{
          rounds: baselineRounds,
          leastRounds: 5,
          budget: baselineBudget,
          warmUp: 2,
          seed,
          signal,
          ...stir,
        },
      });
      const { value: ms, interval } = quietLevel(whole!.rounds);
      const shares = parts.map(({ rounds }) => quietLevel(rounds, whole!.rounds).value);
      return {
        total: { ms, interval },
        windows: new Map(windows.map(({ key }, i) => [key, shares[i]! * ms])),
        ...(await this.#nodeTimes(ms)),
      };
    } finally {
      for (const timed of opened) await timed.dispose();
    }
  }

  /** The runtime's own times of the nodes, so scaled that all kernels together take `total`. */
  async #nodeTimes(total: number): Promise<Pick<TimedBaseline, "nodes" | "onOne" | "threading">> {
    const { model } = this.o;
    const rows = await this.#profile(model, this.feeds, profiledRuns);
    if (rows.length === 0)
      return { nodes: this.#estimatedNodeTimes(total), onOne: total, threading: oneThread };
    const onOne = this.threads === 1 ? total : await this.#timeOnOne();
    const threading = threadingOf(onOne, total, this.threads || (this.o.cores ?? 1), rows.length);
    const least = rows.map(({ layer, runs }) => ({ layer, ms: Math.min(...runs) }));
    const all = sum(least.map(({ ms }) => ms));
    const places = new Map(namedCopy(model).graph.nodes.map(({ label }, i) => [label, i]));
    const nodes = new Map<number, number>();
    for (const { layer, ms } of least) {
      const place = layer === null ? undefined : places.get(layer);
      const own = onThreads(threading, (ms * onOne) / all, 1);
      if (place !== undefined) nodes.set(place, (nodes.get(place) ?? 0) + own);
    }
    return { nodes, onOne, threading };
  }

  async #timeOnOne(): Promise<number> {
    const { model, feeds, signal, seed = 0 } = this.o;
    const opened = await this.#open(model, feeds, { threads: 1 });
    try {
      const [series] = await interleave([opened], {
        ...{ rounds: baselineRounds, leastRounds: 5, budget: baselineBudget, warmUp: 2 },
        ...{ seed, signal, oneThread: true },
      });
      return quietLevel(series!.rounds).value;
    } finally {
      await opened.dispose();
    }
  }

  /** A model's kernels on one thread; none without a profiler, or for a model that the runtime refuses. */
  #profile(model: Model, feeds: Feeds, runs: ProfileRuns): Promise<KernelRow[]> {
    return profileKernels(model, (named) => this.#tryOpen(named, feeds, { profile: true, threads: 1 }), {
      ...runs,
      signal: this.o.signal,
    });
  }

  /** Shares of the total by the roofline, for a runtime without a profiler. */
  #estimatedNodeTimes(total: number): Map<number, number> {
    const { model, feeds } = this.o;
    const shapes = new Map([...feeds].map(([name, { dims }]) => [name, dims] as const));
    const constants = usualConstants(this.threads);
    const guesses = modelFeatures(model.graph.nodes, inferFacts(model, { shapes }), batchOf(feeds)).map(
      (features) => estimate(features, constants),
    );
    return new Map(guesses.map((guess, place) => [place, (guess * total) / sum(guesses)]));
  }
}

/** Rounds that count of those that are spent on the best: the others choose it. */
function asked(rounds: number): number {
  return rounds <= firstLook ? rounds : Math.ceil(rounds / 2);
}

type Timings = ReadonlyMap<string, { readonly values: readonly number[]; readonly dense: readonly number[] }>;

function ratioIn(series: Timings, key: string): Interval {
  const { values, dense } = series.get(key)!;
  return quietLevel(values, dense);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
