import { ConvoptError, type Model } from "../ir/index.js";
import type { LoweredProgram } from "../forms/index.js";
import { inferFacts } from "../measure/index.js";
import { openTimed, type Feeds, type TimedModel } from "../runtime/index.js";
import { batchesOf } from "./batches.js";
import { compiled, interleave, undisturbed } from "./interleave.js";
import { togetherMs, type KernelRow } from "./kernels.js";
import { LayerProfiles } from "./layer-profiles.js";
import { batchOf, modelFeatures } from "./model-features.js";
import { namedCopy } from "./named-copy.js";
import { measureOverheads, overheadsSchema, type Overheads } from "./overheads.js";
import { profileKernels, type ProfileRuns } from "./profile-kernels.js";
import { estimate, usualConstants } from "./roofline.js";
import { modelKey } from "./signature.js";
import { memoryStore, type Baseline, type LatencySource, type LatencyStore, type Timing } from "./source.js";
import { quickLevel, quickMean, quietLevel } from "./statistics.js";
import {
  baselineSchema,
  ratioSchema,
  storeKey,
  windowKey,
  windowSchema,
  type StoredRatio,
} from "./stored.js";
import { oneThread, onThreads, threadingOf, type Threading } from "./threading.js";
import type { LayerWindow } from "./window.js";
import { firstLook, WindowTurns } from "./window-turns.js";

/** Opens a model for timing. */
export type OpenTimed = (
  model: Model,
  feeds: Feeds,
  special?: { readonly profile?: boolean; readonly probe?: boolean; readonly threads?: number },
) => Promise<TimedModel>;

export interface MeasureOptions {
  readonly model: Model;
  readonly feeds: Feeds;
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

/** The model as it is. */
export interface TimedBaseline extends Baseline {
  /** What all kernels together take on one thread. */
  readonly kernelsMs: number;
  readonly threading: Threading;
}

/**
 * Rounds of the baseline on one thread and on several, where cores may be further apart for seconds, and milliseconds after
 * which it has to do with fewer.
 */
const [oneThreadRounds, threadedRounds] = [25, 150];
const baselineBudget = 20_000;
const profiledRuns: ProfileRuns = { runs: 30, least: 5, budget: 1000 };
const profiledSessions = 4;
const overheadsKey = "overheads";

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
  #measuredOverheads: Promise<Overheads> | null = null;
  readonly #profiles: LayerProfiles;
  readonly #turns: WindowTurns;
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
    this.#turns = new WindowTurns({
      ...{ threads: o.threads, seed: o.seed ?? 0, signal: o.signal, open: this.#open },
      ...{ model: o.model, feeds: o.feeds, tryOpen: (model, feeds) => this.#tryOpen(model, feeds) },
    });
  }

  baseline(): Promise<TimedBaseline> {
    this.#baseline ??= this.#measureBaseline();
    return this.#baseline;
  }

  /** By its kernels on one thread and what the threads make of them; without a profiler timed in turn with the model. */
  async windowMs(window: LayerWindow): Promise<number> {
    const { total, kernelsMs, threading } = await this.baseline();
    if (window.isModel) return total.ms;
    const known = windowSchema.safeParse(this.#store.read(windowKey(window)));
    if (known.success) return known.data;
    const rows = await this.#profiles.base(window, kernelsMs);
    const ms =
      rows.length > 0
        ? onThreads(threading, atLeast(rows, togetherMs(rows)), rows.length)
        : await this.#turns.windowMs(window, total.ms);
    this.#store.write(windowKey(window), ms);
    return ms;
  }

  async changes(
    window: LayerWindow,
    groups: readonly (readonly LoweredProgram[])[],
    rounds: number,
  ): Promise<ReadonlyMap<string, Timing>> {
    const whole = await this.windowMs(window);
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
    const { kernelsMs, threading, total } = await this.baseline();
    const profiled = await this.#profiles.base(window, kernelsMs);
    if (profiled.length > 0)
      return this.#profiles.ratios(profiled, window, groups, { rounds: asked(rounds), whole, threading });
    return this.#turns.ratios(window, groups, { rounds, counted: asked(rounds), total: total.ms });
  }

  async dispose(): Promise<void> {
    await this.#turns.dispose();
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
    const known = baselineSchema.safeParse(this.#store.read(key));
    if (known.success) {
      const { ms, interval, nodes, kernelsMs, threading } = known.data;
      return { total: { ms, interval }, nodes: new Map(nodes), kernelsMs, threading };
    }
    this.o.onProgress?.("timing the model as it is", 0, null);
    // Throws for a model that the runtime refuses, and before it could crash this process.
    await (await this.#open(model, feeds, { probe: true, threads: 1 })).dispose();
    const rows = await this.#profileOften(model, feeds, profiledRuns);
    const baseline = rows.length > 0 ? await this.#fromKernels(rows) : await this.#fromWallTime();
    const { total, nodes, kernelsMs, threading } = baseline;
    this.#store.write(key, {
      ...{ ms: total.ms, interval: total.interval, nodes: [...nodes], kernelsMs, threading },
    });
    return baseline;
  }

  /**
   * By the runtime's own times of the nodes. On one thread the kernels and what a run costs make up the whole: its wall time
   * depends on which cores the program's threads are on as well.
   */
  async #fromKernels(rows: readonly KernelRow[]): Promise<TimedBaseline> {
    const { run } = await this.#overheads();
    const runs = Array.from({ length: Math.min(...rows.map((row) => row.runs.length)) }, (_, n) =>
      sum(rows.map((row) => row.runs[n]!)),
    );
    const { value, interval: around } = quickLevel(runs);
    const kernelsMs = atLeast(rows, value);
    const interval = [atLeast(rows, around[0]), atLeast(rows, around[1])] as const;
    const threads = this.threads || (this.o.cores ?? 1);
    const total: Timing =
      threads === 1
        ? { ms: kernelsMs + run, interval: [interval[0] + run, interval[1] + run] }
        : await this.#wallTime();
    const threading = threadingOf(kernelsMs, total.ms - run, threads, rows.length);
    const places = new Map(namedCopy(this.o.model).graph.nodes.map(({ label }, i) => [label, i]));
    const nodes = new Map<number, number>();
    for (const { layer, runs } of rows) {
      const place = layer === null ? undefined : places.get(layer);
      const own = onThreads(threading, Math.max(0, quickMean(runs)), 1);
      if (place !== undefined) nodes.set(place, (nodes.get(place) ?? 0) + own);
    }
    return { total, nodes, kernelsMs, threading };
  }

  /** For a runtime without a profiler: the nodes' shares are estimated. */
  async #fromWallTime(): Promise<TimedBaseline> {
    const total = await this.#wallTime();
    return { total, nodes: this.#estimatedNodeTimes(total.ms), kernelsMs: total.ms, threading: oneThread };
  }

  async #wallTime(): Promise<Timing> {
    const { model, feeds, signal, seed = 0 } = this.o;
    const timed = await this.#open(model, feeds);
    try {
      const [series] = await interleave([timed], {
        ...{
          rounds: this.threads === 1 ? oneThreadRounds : threadedRounds,
          leastRounds: 5,
          budget: baselineBudget,
          warmUpMs: compiled,
        },
        ...{ oneThread: this.threads === 1, seed, signal, ...(this.threads === 1 ? {} : undisturbed) },
      });
      const { value: ms, interval } = quietLevel(series!.rounds);
      return { ms, interval };
    } finally {
      await timed.dispose();
    }
  }

  /** Measured once on a machine. */
  #overheads(): Promise<Overheads> {
    this.#measuredOverheads ??= (async () => {
      const known = overheadsSchema.safeParse(this.#store.read(overheadsKey));
      if (known.success) return known.data;
      const measured = await measureOverheads(
        (model, feeds, special) => this.#tryOpen(model, feeds, { ...special, threads: 1 }),
        this.o.signal,
      );
      this.#store.write(overheadsKey, measured);
      return measured;
    })();
    return this.#measuredOverheads;
  }

  /**
   * A model's kernels on one thread, less what the profiler itself does in each; none without a profiler, or for a model
   * that the runtime refuses.
   */
  async #profile(model: Model, feeds: Feeds, runs: ProfileRuns): Promise<KernelRow[]> {
    const open = (named: Model): Promise<TimedModel | null> =>
      this.#tryOpen(named, feeds, { profile: true, threads: 1 });
    const rows = await profileKernels(model, open, { ...runs, signal: this.o.signal });
    if (rows.length === 0) return [];
    const { profiler } = await this.#overheads();
    return rows.map((row) => ({ ...row, ms: row.ms - profiler, runs: row.runs.map((ms) => ms - profiler) }));
  }

  /** As #profile, in several sessions: where their memory lies makes them differ by some percent. */
  async #profileOften(model: Model, feeds: Feeds, runs: ProfileRuns): Promise<KernelRow[]> {
    const first = await this.#profile(model, feeds, runs);
    const sessions = [first];
    while (first.length > 0 && sessions.length < profiledSessions)
      sessions.push(await this.#profile(model, feeds, runs));
    return first.map((row, i) => ({ ...row, runs: sessions.flatMap((rows) => rows[i]!.runs) }));
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

/** Less than a profiler can tell from its own work is this much by kernel. */
const leastKernelMs = 1e-4;

function atLeast(rows: readonly KernelRow[], ms: number): number {
  return Math.max(leastKernelMs * rows.length, ms);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
