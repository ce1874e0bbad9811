import type { FormFamily } from "../engine/index.js";
import type { ConvLayer, FitTarget } from "../forms/index.js";
import { proposalsFor, type Convergence } from "./candidates.js";
import type { SearchEffort } from "./efforts.js";
import { errorsAlong, sizesTraced, type ErrorsAlong } from "./errors-along.js";
import { fitJob, type FitThreads } from "./fit-job.js";
import { namedNumbersCodec } from "./journal.js";
import type { LayerSlot } from "./layers.js";

export interface ConvergenceOptions {
  readonly slots: readonly LayerSlot[];
  readonly targets: readonly (readonly FitTarget[])[];
  readonly effort: SearchEffort;
  readonly threads: FitThreads | null;
  readonly pause: () => Promise<void>;
}

/** Layers that are looked at for one that a family has forms for, at most. */
const mostLooked = 12;
/** Where the layers that a family is tried on stand among those that it can do, by the work of a step. */
const places = [0.25, 0.5];

/** Fits one form per family to the end, refit included, on two layers each. */
export async function measureConvergence(
  { slots, targets, effort, threads, pause }: ConvergenceOptions,
  families: readonly FormFamily[],
): Promise<Convergence> {
  if (!effort.convergence) return new Map();
  const rounds = [...effort.fit.rounds, { steps: effort.refit.steps, slack: Infinity }];
  const probes = probesFor(slots, families);
  const along: ErrorsAlong[] = await Promise.all(
    [...probes].map(async ([{ layer, index }, own]) => {
      const job = fitJob("convergence", layer, targets[index]!, own, { sizes: sizesTraced, rounds }, null);
      const elsewhere = job && (await threads?.fit(job));
      return elsewhere
        ? namedNumbersCodec.decode(elsewhere)
        : errorsAlong(layer, targets[index]!, own, rounds, pause);
    }),
  );
  return new Map(
    families.map(({ name }) => [name, sharesOf(along.flatMap((errors) => errors.get(name) ?? []))]),
  );
}

/** The families to be tried on each of few layers. */
function probesFor(
  slots: readonly LayerSlot[],
  families: readonly FormFamily[],
): Map<LayerSlot, FormFamily[]> {
  const looked = Array.from(
    { length: Math.min(mostLooked, slots.length) },
    (_, i) => slots[Math.floor(((i + 0.5) * slots.length) / Math.min(mostLooked, slots.length))]!,
  ).sort((a, b) => workOf(a.layer) - workOf(b.layer));
  const probes = new Map<LayerSlot, FormFamily[]>();
  for (const family of families) {
    const able = looked.filter(
      ({ layer }) => proposalsFor(layer, [family], { sizes: sizesTraced }).plans.length > 0,
    );
    for (const slot of new Set(places.flatMap((place) => able[Math.floor(place * able.length)] ?? [])))
      probes.set(slot, [...(probes.get(slot) ?? []), family]);
  }
  return probes;
}

/** What one step of a fit multiplies: kernels with their covariance. */
export function workOf({ spec, weight }: ConvLayer): number {
  return weight.length * (weight.length / spec.outChannels);
}

/** Last error over each before it, as geometric mean over the layers; never more than 1. */
function sharesOf(along: readonly Float64Array[]): ArrayLike<number> {
  const usable = along.filter((errors) => errors.every((error) => error > 0));
  const rounds = (along[0]?.length ?? 1) - 1;
  return Array.from({ length: rounds }, (_, r) => {
    const logs = usable.map((errors) => Math.log(errors[rounds]! / errors[r]!));
    return Math.min(1, Math.exp(logs.reduce((sum, log) => sum + log, 0) / Math.max(1, logs.length)));
  });
}
