import type { FormFamily } from "../engine/index.js";
import { SampledCovariance, WholeCovariance, type ConvLayer, type FitTarget } from "../forms/index.js";
import { matrix } from "../linalg/index.js";
import { fitCandidates, ownTargets, type FitEffort } from "./candidates.js";
import { errorsAlong } from "./errors-along.js";
import { candidatesCodec, namedNumbersCodec, type JournalValue } from "./journal.js";

/** What a job gives: a layer's candidates, or how fast some families converge on it. */
export type FitTask = "candidates" | "convergence";

/** The fits of one layer as plain values, so that another thread can do them. Families go by name. */
export interface FitJob {
  readonly task: FitTask;
  readonly layer: ConvLayer;
  /** D × D per group of the layer; null for data-free. */
  readonly covariances: readonly Float64Array[] | null;
  readonly families: readonly string[];
  readonly effort: FitEffort;
  /** Milliseconds of each proposal as estimated, where a latency is asked for. */
  readonly estimates: Float64Array | null;
}

/** Where fits can be done besides this thread. What it gives is the unit of the journal. */
export interface FitThreads {
  /** Null when the job can't be done there; rejects when the run is aborted. */
  fit(job: FitJob): Promise<JournalValue | null>;
}

/** Null for layers whose covariance is kept as patches: products with those are the runtime's. */
export function fitJob(
  task: FitTask,
  layer: ConvLayer,
  targets: readonly FitTarget[],
  families: readonly FormFamily[],
  effort: FitEffort,
  estimates: Float64Array | null,
): FitJob | null {
  const metrics = targets.map(({ covariance }) => covariance);
  if (metrics.some((metric) => metric instanceof SampledCovariance)) return null;
  const whole = metrics.filter((metric) => metric instanceof WholeCovariance);
  return {
    task,
    layer,
    covariances: whole.length > 0 ? whole.map(({ matrix: { data } }) => data) : null,
    families: families.map(({ name }) => name),
    effort,
    estimates,
  };
}

/** Does a job with families known by name. */
export async function runFitJob(
  { task, layer, covariances, families, effort, estimates }: FitJob,
  known: readonly FormFamily[],
): Promise<JournalValue> {
  const metric = covariances?.map(
    (data) => new WholeCovariance(matrix(Math.sqrt(data.length), Math.sqrt(data.length), data)),
  );
  const targets = ownTargets(layer, metric ?? null, () => null);
  const wanted = families.map((name) => known.find((family) => family.name === name)!);
  if (task === "convergence")
    return namedNumbersCodec.encode(await errorsAlong(layer, targets, wanted, effort.rounds));
  const candidates = await fitCandidates(layer, targets, wanted, effort, undefined, estimates);
  return candidatesCodec(layer, targets, wanted, effort).encode(candidates);
}
