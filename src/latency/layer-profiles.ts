import type { LoweredProgram } from "../forms/index.js";
import type { Model } from "../ir/index.js";
import type { Feeds } from "../runtime/index.js";
import { candidateModel } from "./candidate.js";
import { togetherMs, type KernelRow } from "./kernels.js";
import { namedCopy } from "./named-copy.js";
import type { ProfileRuns } from "./profile-kernels.js";
import { profiledChange } from "./profiled-change.js";
import type { Timing } from "./source.js";
import type { StoredRatio } from "./stored.js";
import { onThreads, type Threading } from "./threading.js";
import type { LayerWindow } from "./window.js";

/** Opens a model, runs it, and gives its kernels with their times; none where there is no profiler. */
export type ProfileOf = (model: Model, feeds: Feeds, runs: ProfileRuns) => Promise<readonly KernelRow[]>;

/** Runs of a window as it is, against which those of candidates are held. */
const baseRuns: ProfileRuns = { runs: 60, least: 8, budget: 400 };
/** Runs of a candidate by round of timing, and milliseconds after which it has to do with fewer. */
const [runsPerRound, budgetPerRound, leastRuns] = [3, 20, 5];
/** A layer's change can't make a window take less than this. */
const leastRatio = 1e-3;

/**
 * Candidates in a layer's place, timed by the runtime's own times of their kernels on one thread: what a whole window takes
 * is uncertain by more than the layer's part of it.
 */
export class LayerProfiles {
  /** By window, for each layer its own where that is the whole model: sessions of one model are never quite alike. */
  readonly #bases = new Map<string, Promise<readonly KernelRow[]>>();

  constructor(
    private readonly profileOf: ProfileOf,
    private readonly signal?: AbortSignal,
  ) {}

  /**
   * The kernels of the window as it is; of the whole model at the pace at which they take `ms` milliseconds together. None
   * where there is no profiler.
   */
  base(window: LayerWindow, ms: number): Promise<readonly KernelRow[]> {
    let base = this.#bases.get(window.key);
    if (!base) {
      base = this.profileOf(window.model, window.feeds, baseRuns).then((rows) =>
        window.isModel ? atPace(rows, ms) : rows,
      );
      this.#bases.set(window.key, base);
    }
    return base;
  }

  /** Ratios of the window with each of the programs in the layer's place to the window as it is, which takes `whole`. */
  async ratios(
    before: readonly KernelRow[],
    window: LayerWindow,
    groups: readonly (readonly LoweredProgram[])[],
    {
      rounds,
      whole,
      threading,
    }: { readonly rounds: number; readonly whole: number; readonly threading: Threading },
  ): Promise<Map<string, StoredRatio>> {
    const ratios = new Map<string, StoredRatio>();
    const changed = namedCopy(window.model).graph.value(window.output)!.producer!.label;
    const runs = { runs: runsPerRound * rounds, least: leastRuns, budget: budgetPerRound * rounds };
    for (const group of groups) {
      const timed = new Map<string, Timing>();
      for (const { key, program } of group) {
        this.signal?.throwIfAborted();
        const rows = await this.profileOf(candidateModel(window, program), window.feeds, runs);
        if (rows.length === 0) continue;
        const { ms, interval } = profiledChange(before, rows, changed);
        const onAll = (change: number): number => onThreads(threading, change, rows.length - before.length);
        timed.set(key, { ms: onAll(ms), interval: [onAll(interval[0]), onAll(interval[1])] });
      }
      const best = Math.min(...[...timed.values()].map(({ interval }) => interval[1]));
      for (const [key, { ms, interval }] of timed) {
        const ratioOf = (change: number): number => Math.max(leastRatio, 1 + change / whole);
        ratios.set(key, {
          ...{ ratio: ratioOf(ms), interval: [ratioOf(interval[0]), ratioOf(interval[1])] },
          ...{ rounds, lost: interval[0] > best },
        });
      }
    }
    return ratios;
  }
}

function atPace(rows: readonly KernelRow[], together: number): readonly KernelRow[] {
  const sum = togetherMs(rows);
  if (sum <= 0) return rows;
  const pace = together / sum;
  return rows.map((row) => ({ ...row, ms: pace * row.ms, runs: row.runs.map((ms) => pace * ms) }));
}
