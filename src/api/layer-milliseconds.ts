import type { Model } from "../ir/index.js";
import { quickLevel, quickMean, standsFor, type KernelRow } from "../latency/index.js";
import type { LayerMilliseconds, Milliseconds, Report } from "../report/index.js";
import { timingFeeds } from "./bench.js";
import { profiledKernels } from "./kernel-profile.js";
import type { RunControl, TimingOptions } from "./options.js";

export interface LayerMillisecondsOptions extends RunControl, TimingOptions {
  /** Full shapes of inputs by name, the batch included. */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
}

/**
 * Milliseconds of every layer of the original and of what became of it in the written model, in place: the runtime's own
 * times of its kernels, less the profiler's share, so that all of a model's kernels together take what the model was
 * measured to take. Null where the runtime has no profiler.
 */
export async function layerMilliseconds(
  original: Model,
  written: Model,
  { layers, latencyMs }: Pick<Report, "layers" | "latencyMs">,
  options: LayerMillisecondsOptions,
): Promise<LayerMilliseconds | null> {
  const names = layers.map(({ name }) => name);
  const sides = [];
  for (const [model, total] of [
    [original, latencyMs.before],
    [written, latencyMs.after],
  ] as const) {
    if (total === null) return null;
    const rows = await profiledKernels(model, timingFeeds(model, options), options);
    if (rows.length === 0) return null;
    sides.push(sharesOf(rows, names, total));
  }
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

interface Shares {
  readonly layers: ReadonlyMap<string, Milliseconds>;
  readonly others: Milliseconds | null;
}

function sharesOf(rows: readonly KernelRow[], names: readonly string[], total: number): Shares {
  const owned = new Map<string | null, KernelRow[]>();
  for (const row of rows) {
    const owner = row.layer === null ? null : ownerOf(row.layer, names);
    owned.set(owner, [...(owned.get(owner) ?? []), row]);
  }
  // The profiler's own work lies within the kernels' times, and so much of it in each.
  const measured = rows.reduce((sum, { runs }) => sum + quickMean(runs), 0);
  const each = (measured - total) / rows.length;
  const span = (own: readonly KernelRow[]): Milliseconds => {
    const runs = Math.min(...own.map((row) => row.runs.length));
    const sums = Array.from({ length: runs }, (_, run) => own.reduce((sum, row) => sum + row.runs[run]!, 0));
    const { value, interval } = quickLevel(sums);
    const net = (ms: number): number => Math.max(0, ms - each * own.length);
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
