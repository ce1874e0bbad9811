import { standsFor, togetherMs, type KernelRow } from "./kernels.js";
import type { Timing } from "./source.js";
import { quickLevel, quickMean } from "./statistics.js";

/**
 * What a model takes more than another that differs from it in the layer `changed`, by their kernels' own times, which a
 * profiler's work is not in. A whole model's time is uncertain by a percent or so, as much as a layer of a deep one takes; the
 * kernels of the layer are not. Those that both models have measure how quick the machine was during either profile.
 * Milliseconds, 95 %.
 */
export function profiledChange(
  before: readonly KernelRow[],
  after: readonly KernelRow[],
  changed: string,
): Timing {
  const isOther = ({ layer, nodes }: KernelRow): boolean =>
    layer !== null && !nodes.some((node) => standsFor(node, changed));
  const known = new Set(before.filter(isOther).map(keyOf));
  const kept = new Set(
    after
      .filter(isOther)
      .map(keyOf)
      .filter((key) => known.has(key)),
  );
  const old = split(before, kept);
  const fresh = split(after, kept);
  const pace = fresh.common > 0 ? old.common / fresh.common : 1;
  const own = quickMean(old.own);
  const { value, interval } = quickLevel(fresh.own);
  return { ms: pace * value - own, interval: [pace * interval[0] - own, pace * interval[1] - own] };
}

function keyOf({ kernel, op, nodes }: KernelRow): string {
  return `${op} ${kernel} ${nodes.join(" ")}`;
}

/** The common kernels' milliseconds, and those of the others together in every run. */
function split(
  rows: readonly KernelRow[],
  kept: ReadonlySet<string>,
): { readonly common: number; readonly own: readonly number[] } {
  const common = rows.filter((row) => kept.has(keyOf(row)));
  const others = rows.filter((row) => !kept.has(keyOf(row)));
  const runs = Math.min(...rows.map((row) => row.runs.length));
  return {
    common: togetherMs(common),
    own: Array.from({ length: runs }, (_, run) => others.reduce((sum, row) => sum + row.runs[run]!, 0)),
  };
}
