import { cloneModel, UsageError } from "../ir/index.js";
import { createLatencyModel, EstimatedSource, LayerWindows } from "../latency/index.js";
import { applyLayers, type Draft, type SearchLatency, type Solution } from "../search/index.js";
import { nextLimit, type TriedLimit } from "./latency-limit.js";
import { openLatencyModel, slotsOf, timedModel, type OpenLatencyModel } from "./latency.js";
import type { OptimizeOptions } from "./options.js";
import type { PreparedRun } from "./prepared-run.js";
import { SteadyBench } from "./steady-bench.js";

/** Milliseconds on the target for a search, and what its budget means in them. */
export interface LatencyBudget extends SearchLatency {
  readonly target: OpenLatencyModel;
  /** Times results in turn with the original. */
  readonly bench: SteadyBench;
  /** Milliseconds that may remain in all layers together. */
  readonly layersMs: number;
  /** Milliseconds of all layers as they are. */
  readonly ownMs: number;
}

/** Opens the target of a latency budget: the profile that was given, or this machine. */
export async function openLatencyBudget(
  { exact, exactTime }: Pick<PreparedRun, "exact" | "exactTime">,
  options: OptimizeOptions,
): Promise<LatencyBudget | null> {
  const { budget = {}, latencyProfile: profile, deterministic } = options;
  const { keepLatency } = budget;
  if (keepLatency === undefined) return null;
  if (deterministic && !profile) {
    throw new UsageError("E_BUDGET", "--keep-latency measures this machine, which is never the same twice", {
      hint: "leave out --deterministic, or give times with --profile",
    });
  }
  const { feeds, facts } = timedModel(exact, options);
  const slots = slotsOf(exact, facts);
  const target = await openLatencyModel(exact, slots, {
    ...latencyOptions(options),
    ...(profile ? { profile } : {}),
  });
  const windows = new LayerWindows(exact, facts, slots);
  const estimated = new EstimatedSource({
    ...{ model: exact, feeds, facts, threads: options.threads ?? 0 },
    ...(profile ? { profile } : {}),
  });
  let ownMs = 0;
  for (const slot of slots) ownMs += await target.layer(slot);
  const total = (await target.total()).ms;
  return {
    target,
    estimate: createLatencyModel(windows, estimated),
    // On one thread what a model takes by its kernels is less than what it takes in turn with another.
    bench: new SteadyBench(target.threads === 1 ? Infinity : total),
    sameCost: budget.keepMacs !== undefined || budget.keepParams !== undefined,
    layersMs: (keepLatency / exactTime) * total - (total - ownMs),
    ownMs,
  };
}

/** What timing takes over from the options of a run. */
export function latencyOptions({
  shapes,
  threads,
  seed,
  engine,
  signal,
  onProgress,
  onWarning,
}: OptimizeOptions) {
  return {
    ...(shapes ? { shapes } : {}),
    ...(threads === undefined ? {} : { threads }),
    ...(seed === undefined ? {} : { seed }),
    ...(engine === undefined ? {} : { engine }),
    ...(signal ? { signal } : {}),
    ...(onProgress ? { onProgress } : {}),
    ...(onWarning ? { onWarning } : {}),
    noiseMeant: true,
  };
}

/** Rounds of the check of a solution; no further one begins after so many seconds. */
const checkRounds = { runs: 150, seconds: 20 };
const checks = 8;
/**
 * What is aimed at, relative to the budget, for what two measurements of one model differ by, what is near enough, and what
 * is safe.
 */
const [aim, near, safe] = [0.985, 0.975, 0.99];

/** What is tried for a limit on the layers' milliseconds: timed as it is, finished only if it is chosen. */
export interface LatencyTry extends Draft {
  finish(): Promise<Solution | null>;
}

interface MeasuredTry extends TriedLimit {
  readonly tried: LatencyTry;
}

/**
 * The best solution that keeps the latency budget safely as measured against `reference`, among what `draft` makes of limits on
 * the layers' milliseconds: where the whole model turns out slower or faster than its layers promised, the limit is moved.
 * Where no try keeps the budget the fastest is given; null, for the layers as they are, where that is not faster than the
 * reference. With a profile there is nothing to measure.
 */
export async function withinLatency(
  { exact, reference, exactTime }: Pick<PreparedRun, "exact" | "reference" | "exactTime">,
  latency: LatencyBudget,
  options: OptimizeOptions,
  draft: (layersMs: number) => Promise<LatencyTry | null>,
): Promise<Solution | null> {
  const keep = options.budget!.keepLatency!;
  const { ownMs } = latency;
  const own: TriedLimit = { limitMs: ownMs, promisedMs: ownMs, ratio: exactTime };
  const measured = async ({ fitted }: Draft): Promise<number> => {
    const model = cloneModel(exact);
    applyLayers(model, fitted);
    const { models } = await latency.bench.run([reference, model], {
      ...latencyOptions(options),
      ...checkRounds,
    });
    return models[1]!.ratio.median;
  };
  const tries: MeasuredTry[] = [];
  for (
    let limit: number | null = latency.layersMs;
    limit !== null && tries.length < checks;
    limit = nextLimit(tries, own, aim * keep)
  ) {
    const tried = await draft(limit);
    if (!tried) break;
    if (latency.target.kind !== "measured") return tried.finish();
    const same = tries.find((other) => isSame(other.tried, tried));
    const ratio = same?.ratio ?? (await measured(tried));
    tries.push({ tried, limitMs: limit, promisedMs: promisedBy(tried), ratio });
    options.onProgress?.({
      step: `measured at ${ratio.toFixed(3)} of the time`,
      done: tries.length,
      total: checks,
    });
    if (ratio <= aim * keep && ratio >= near * keep) break;
  }
  const kept = tries.filter(({ ratio }) => ratio <= safe * keep);
  const best =
    kept.sort((a, b) => a.tried.allocation.loss - b.tried.allocation.loss)[0] ??
    tries.sort((a, b) => a.ratio - b.ratio)[0];
  return best && best.ratio < 1 ? best.tried.finish() : null;
}

function isSame({ allocation: one }: Draft, { allocation: other }: Draft): boolean {
  return one.chosen.every(({ plan }, l) => plan === other.chosen[l]!.plan);
}

/** Milliseconds of all layers of a draft as they were timed one by one. */
function promisedBy({ allocation }: Draft): number {
  return allocation.chosen.reduce((sum, { latency }) => sum + latency!.ms, 0);
}
