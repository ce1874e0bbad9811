import type { LoweredProgram } from "../forms/index.js";
import type { Model } from "../ir/index.js";
import type { Feeds, TimedModel } from "../runtime/index.js";
import { candidateModel } from "./candidate.js";
import { interleave, undisturbed, type InterleaveOptions } from "./interleave.js";
import { quietLevel, type Interval } from "./statistics.js";
import type { StoredRatio } from "./stored.js";
import { smallModelMs, type LayerWindow } from "./window.js";

export interface WindowTurnsOptions {
  /** The whole model, which runs before windows of it where it is small. */
  readonly model: Model;
  readonly feeds: Feeds;
  readonly threads: number;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
  open(model: Model, feeds: Feeds): Promise<TimedModel>;
  /** As `open`; null for a model that the runtime refuses. */
  tryOpen(model: Model, feeds: Feeds): Promise<TimedModel | null>;
}

/** Runs of a turn on one thread, of which the quickest counts: sessions push each other out of the caches. */
const [modelRepeats, windowRepeats] = [4, 3];
/** Milliseconds of runs before and of runs that count in a turn with several threads. */
const awake = { settle: 1, turn: 1 } as const;
/** Rounds after which only the lowerings near their form's best go on. */
export const firstLook = 3;
/** Rounds for a window as it is. */
const windowRounds = 25;
/** How far behind the best they may be then, relative to the window. */
const slack = 0.06;

/**
 * Candidates in a layer's place timed in turn with the window as it is, for runtimes without a profiler; what counts is the
 * ratio of the two in every round, so that a busy machine falls on both.
 */
export class WindowTurns {
  #stir: Promise<TimedModel> | null = null;

  constructor(private readonly o: WindowTurnsOptions) {}

  /** What the window takes, in turn with the model, which takes `total` ms. */
  async windowMs(window: LayerWindow, total: number): Promise<number> {
    const { o } = this;
    const opened: TimedModel[] = [];
    try {
      opened.push(await o.open(o.model, o.feeds));
      opened.push(await o.open(window.model, window.feeds));
      const stir = o.threads !== 1 ? undisturbed : total <= smallModelMs ? { stir: opened[0]! } : {};
      const [model, part] = await interleave(opened, {
        ...{ rounds: windowRounds, oneThread: o.threads === 1, seed: o.seed, signal: o.signal, ...stir },
      });
      return quietLevel(part!.rounds, model!.rounds).value * total;
    } finally {
      for (const timed of opened) await timed.dispose();
    }
  }

  /**
   * Ratios of the programs of a few groups, of `counted` rounds where `rounds` are more than a first look; the model takes
   * `total` ms.
   */
  async ratios(
    window: LayerWindow,
    groups: readonly (readonly LoweredProgram[])[],
    { rounds, counted, total }: { readonly rounds: number; readonly counted: number; readonly total: number },
  ): Promise<Map<string, StoredRatio>> {
    const { o } = this;
    const stirring = await this.#stirring(window.isModel, total);
    const opened = new Map<string, TimedModel>();
    try {
      opened.set("", await o.open(window.model, window.feeds));
      for (const { key, program } of groups.flat()) {
        o.signal?.throwIfAborted();
        const timed = await o.tryOpen(candidateModel(window, program), window.feeds);
        if (timed) opened.set(key, timed);
      }
      const time = (keys: readonly string[], count: number): Promise<Timings> =>
        this.#series(opened, keys, { rounds: count, ...stirring });
      const look = await time([...opened.keys()], Math.min(firstLook, rounds));
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
        for (const [key, timings] of await time(["", ...new Set(keys)], counted))
          if (key !== "") series.set(key, timings);
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

  async dispose(): Promise<void> {
    await (await this.#stir)?.dispose();
    this.#stir = null;
  }

  /** Timings by key, each with those of the window as it is in the same rounds; that one's key is "". */
  async #series(
    opened: ReadonlyMap<string, TimedModel>,
    keys: readonly string[],
    timing: InterleaveOptions,
  ): Promise<Timings> {
    const { threads, seed, signal } = this.o;
    const series = await interleave(
      keys.map((key) => opened.get(key)!),
      { warmUp: 1, seed, oneThread: threads === 1, signal, ...timing },
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
    total: number,
  ): Promise<Pick<InterleaveOptions, "stir" | "settle" | "turn" | "repeats">> {
    const { threads, model, feeds } = this.o;
    if (threads !== 1) return awake;
    if (isModel) return { repeats: modelRepeats };
    if (total > smallModelMs) return {};
    this.#stir ??= this.o.open(model, feeds);
    return { stir: await this.#stir, repeats: windowRepeats };
  }
}

type Timings = ReadonlyMap<string, { readonly values: readonly number[]; readonly dense: readonly number[] }>;

function ratioIn(series: Timings, key: string): Interval {
  const { values, dense } = series.get(key)!;
  return quietLevel(values, dense);
}
