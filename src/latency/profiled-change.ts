import { seededRandom } from "../linalg/index.js";
import type { KernelRow } from "./kernels.js";
import type { Timing } from "./source.js";

/** Of the runs of a kernel the slowest, disturbed ones don't count: the mean is over this share of them. */
const countedShare = 0.75;
const resamples = 200;

/** Kernels of one model with their times in every run. */
export interface ProfiledModel {
  readonly rows: readonly KernelRow[];
  /** Milliseconds that the model takes without its profile. */
  readonly ms: number;
}

/**
 * What a model takes more than another that differs from it in the layer `changed`, by their kernels' own times. A whole model's
 * time is uncertain by a percent or so, as much as a layer of a deep one takes; the kernels of the layer are not. Those
 * that both models have measure how quick the machine was during either profile. The profiler's own work lies within the
 * kernels' times; it is taken off by kernel, as far as they exceed the model's time together. Milliseconds, 95 %.
 */
export function profiledChange(before: ProfiledModel, rows: readonly KernelRow[], changed: string): Timing {
  const isOther = ({ layer, nodes }: KernelRow): boolean =>
    layer !== null && !nodes.some((node) => node === changed || node.startsWith(`${changed}.`));
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
  const each = (before.ms - old.common - level(old.own)) / Math.max(1, before.rows.length);
  const extra = each * (rows.length - before.rows.length);
  const change = (values: readonly number[]): number => pace * level(values) - level(old.own) + extra;
  const random = seededRandom(fresh.own.length);
  const drawn = Array.from({ length: resamples }, () =>
    change(fresh.own.map(() => fresh.own[random.integer(fresh.own.length)]!)),
  ).sort((a, b) => a - b);
  const quantile = (share: number): number => drawn[Math.round(share * (resamples - 1))]!;
  return { ms: change(fresh.own), interval: [quantile(0.025), quantile(0.975)] };
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
    common: common.reduce((sum, row) => sum + level(row.runs), 0),
    own: Array.from({ length: runs }, (_, run) => others.reduce((sum, row) => sum + row.runs[run]!, 0)),
  };
}

/** Mean of the quicker runs: the profiler counts whole microseconds, which means average out and medians don't. */
function level(runs: readonly number[]): number {
  const counted = Math.max(1, Math.ceil(countedShare * runs.length));
  const sorted = Float64Array.from(runs).sort().subarray(0, counted);
  return sorted.reduce((sum, ms) => sum + ms, 0) / counted;
}
