import type { Model } from "../ir/index.js";
import {
  onThreads,
  quickLevel,
  standsFor,
  threadingOf,
  togetherMs,
  type KernelRow,
  type Threading,
} from "../latency/index.js";
import type { LayerMilliseconds, Milliseconds, Report } from "../report/index.js";
import { bench, timingFeeds } from "./bench.js";
import { profiledKernels } from "./kernel-profile.js";
import { thisMachine } from "./machine.js";
import type { RunControl, TimingOptions } from "./options.js";

export interface LayerMillisecondsOptions extends RunControl, TimingOptions {
  /** Full shapes of inputs by name, the batch included. */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
}

/** Rounds of timing on one thread, and seconds after which no further one begins. */
const oneThreadRounds = { runs: 60, seconds: 5 };

/**
 * Milliseconds of every layer of the original and of what became of it in the written model, in place: the runtime's own
 * times of its kernels on one thread, less the profiler's share, and what the threads make of them, so that all of a model's
 * kernels together take what the model was measured to take. Null where the runtime has no profiler.
 */
export async function layerMilliseconds(
  original: Model,
  written: Model,
  { layers, latencyMs }: Pick<Report, "layers" | "latencyMs">,
  options: LayerMillisecondsOptions,
): Promise<LayerMilliseconds | null> {
  const names = layers.map(({ name }) => name);
  const models = [original, written];
  const totals = [latencyMs.before, latencyMs.after];
  const profiles: KernelRow[][] = [];
  for (const [side, model] of models.entries()) {
    if (totals[side] === null) return null;
    const rows = await profiledKernels(model, timingFeeds(model, options), { ...options, threads: 1 });
    if (rows.length === 0) return null;
    profiles.push(rows);
  }
  const threads = options.threads || (await thisMachine()).cores;
  const onOne = threads === 1 ? totals : await timesOnOne(models, options);
  const sides = profiles.map((rows, side) => {
    const threading = threadingOf(onOne[side]!, totals[side]!, threads, rows.length);
    return sharesOf(rows, names, onOne[side]!, threading);
  });
  const [before, after] = sides as [Shares, Shares];
  return {
    layers: names.map((name) => ({
      name,
      before: before.layers.get(name) ?? null,
      after: after.layers.get(name) ?? null,
    })),
    others: { before: before.others, after: after.others },
  };
}

async function timesOnOne(models: readonly Model[], options: LayerMillisecondsOptions): Promise<number[]> {
  const { onWarning: _, ...quietly } = options;
  const timed = await bench(models, { ...quietly, ...oneThreadRounds, threads: 1, noiseMeant: true });
  return timed.models.map(({ ms }) => ms.median);
}

interface Shares {
  readonly layers: ReadonlyMap<string, Milliseconds>;
  readonly others: Milliseconds | null;
}

function sharesOf(
  rows: readonly KernelRow[],
  names: readonly string[],
  onOne: number,
  threading: Threading,
): Shares {
  const owned = new Map<string | null, KernelRow[]>();
  for (const row of rows) {
    const owner = row.layer === null ? null : ownerOf(row.layer, names);
    owned.set(owner, [...(owned.get(owner) ?? []), row]);
  }
  // The profiler's own work lies within the kernels' times, and so much of it in each.
  const measured = togetherMs(rows);
  const each = (measured - onOne) / rows.length;
  const span = (own: readonly KernelRow[]): Milliseconds => {
    const runs = Math.min(...own.map((row) => row.runs.length));
    const sums = Array.from({ length: runs }, (_, run) => own.reduce((sum, row) => sum + row.runs[run]!, 0));
    const { value, interval } = quickLevel(sums);
    const net = (ms: number): number => onThreads(threading, Math.max(0, ms - each * own.length), own.length);
    return { ms: net(value), interval: [net(interval[0]), net(interval[1])] };
  };
  const layers = new Map<string, Milliseconds>();
  for (const [name, own] of owned) if (name !== null) layers.set(name, span(own));
  const others = owned.get(null);
  return { layers, others: others ? span(others) : null };
}

/** The layer that a node stands for: of several whose names begin alike the one with the longest. */
export function ownerOf(node: string, names: readonly string[]): string | null {
  const owners = names.filter((name) => standsFor(node, name));
  return owners.reduce<string | null>(
    (best, name) => (name.length > (best?.length ?? -1) ? name : best),
    null,
  );
}
