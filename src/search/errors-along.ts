import type { FormFamily } from "../engine/index.js";
import type { ConvLayer, FitTarget } from "../forms/index.js";
import { fitPlan, proposalsFor, type FitRound } from "./candidates.js";

/** Sizes of a family among which the middle one is traced. */
export const sizesTraced = 5;

/** Errors of one form of each family on a layer, at its start and after each round. */
export type ErrorsAlong = ReadonlyMap<string, Float64Array>;

/** Fits the middle size of each family round by round. */
export async function errorsAlong(
  layer: ConvLayer,
  targets: readonly FitTarget[],
  families: readonly FormFamily[],
  rounds: readonly FitRound[],
  pause: () => Promise<void> = async () => undefined,
): Promise<ErrorsAlong> {
  const along = new Map<string, Float64Array>();
  for (const family of families) {
    const { plans } = proposalsFor(layer, [family], { sizes: sizesTraced });
    const { plan } = plans[Math.floor(plans.length / 2)]!;
    let candidate = await fitPlan(family.name, plan, layer, targets, 0);
    const errors = [candidate.error];
    for (const { steps } of rounds) {
      await pause();
      candidate = await fitPlan(family.name, plan, layer, targets, steps, {
        forms: candidate.forms,
        sameTargets: true,
      });
      errors.push(candidate.error);
    }
    along.set(family.name, Float64Array.from(errors));
  }
  return along;
}
