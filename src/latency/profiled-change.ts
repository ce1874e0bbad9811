import { standsFor, type KernelRow } from "./kernels.js";
import type { Timing } from "./source.js";
import { quickLevel, quickMean } from "./statistics.js";

/** Kernels of one model with their times in every run. */
export interface ProfiledModel {
  readonly rows: readonly KernelRow[];
  /** Milliseconds that the model takes without its profile. */
  readonly ms: number;
}

/** Milliseconds by kernel that a profiler's own work and what lies between kernels can come to. */
const mostBetween = 0.02;

/**
 * What a model takes more than another that differs from it in the layer `changed`, by their kernels' own times. A whole
 * model's time is uncertain by a percent or so, as much as a layer of a deep one takes; the kernels of the layer are not.
 * Those that both models have measure how quick the machine was during either profile. The profiler's own work lies within
 * the kernels' times; it is taken off by kernel, as far as they exceed the model's time together and a profiler's work
can be the reason. Milliseconds, 95 %.
 */
export function profiledChange(before: ProfiledModel, rows: readonly KernelRow[], changed: string): Timing {
  const isOther = ({ layer, nodes }: KernelRow): boolean =>
    layer !== null && !nodes.some((node) => standsFor(node, changed));
  const known = new Set(before.rows.filter(isOther).map(keyOf));
  const kept = new Set(
    rows
      .filter(isOther)
      .map(keyOf)
      .filter((key) => known.has(key)),
  );
  const old = split(before.rows, kept);
  const fresh = split(rows, kept);
  const pace = fresh.common > 0 ? old.common / fresh.common : 1;
  const between = (before.ms - old.common - quickMean(old.own)) / Math.max(1, before.rows.length);
  const each = Math.min(mostBetween, Math.max(-mostBetween, between));
  const rest = each * (rows.length - before.rows.length) - quickMean(old.own);
  const { value, interval } = quickLevel(fresh.own);
  return { ms: pace * value + rest, interval: [pace * interval[0] + rest, pace * interval[1] + rest] };
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
    common: common.reduce((sum, row) => sum + quickMean(row.runs), 0),
    own: Array.from({ length: runs }, (_, run) => others.reduce((sum, row) => sum + row.runs[run]!, 0)),
  };
}
