import type { Candidate, LayerCandidates } from "./candidates.js";
import { chooseWithin } from "./knapsack.js";

/** Costs that may remain in the layers together; absent = no limit. */
export interface CostLimits {
  readonly macs?: number;
  readonly params?: number;
}

/** One candidate per layer and the loss that the sensitivities add up to. */
export interface Allocation {
  readonly chosen: readonly Candidate[];
  readonly loss: number;
}

/** Loss that a candidate alone causes in layer `l`. */
export type LossOf = (candidate: Candidate, l: number) => number;

/** All choices of a layer: its front and the layer as it is. */
export function choicesOf(layer: LayerCandidates): Candidate[] {
  return [...layer.front, layer.standard];
}

/**
 * The candidates with the least sum of sensitivities within the limits; null when no choice fits. One limit is solved
 * exactly; of two, the second becomes a price per parameter, raised by bisection until both hold.
 */
export function allocate(
  layers: readonly LayerCandidates[],
  loss: LossOf,
  limits: CostLimits,
): Allocation | null {
  const choices = layers.map(choicesOf);
  const solve = (price: number): Allocation | null => {
    const byMacs = limits.macs !== undefined;
    const priced = choices.map((own, l) =>
      own.map((candidate) => ({
        cost: byMacs ? candidate.cost.macs : candidate.cost.params,
        loss: loss(candidate, l) + price * candidate.cost.params,
      })),
    );
    const picks = chooseWithin(priced, (byMacs ? limits.macs : limits.params) ?? Infinity);
    if (!picks) return null;
    const chosen = picks.map((pick, l) => choices[l]![pick]!);
    return { chosen, loss: chosen.reduce((sum, candidate, l) => sum + loss(candidate, l), 0) };
  };
  if (limits.macs === undefined && limits.params === undefined) {
    return { chosen: layers.map((layer) => layer.standard), loss: 0 };
  }
  const free = solve(0);
  const { params } = limits;
  if (!free || limits.macs === undefined || params === undefined || paramsOf(free) <= params) return free;
  let [low, high] = [0, 1e-12];
  let best: Allocation | null = null;
  for (let tries = 0; tries < 60 && !best; tries++, high *= 8) {
    const tried = solve(high);
    if (tried && paramsOf(tried) <= params) best = tried;
    else low = high;
  }
  for (let round = 0; round < 20 && best; round++) {
    const middle = (low + high) / 2;
    const tried = solve(middle);
    if (tried && paramsOf(tried) <= params) [best, high] = [tried, middle];
    else low = middle;
  }
  return best;
}

function paramsOf({ chosen }: Allocation): number {
  return chosen.reduce((sum, { cost }) => sum + cost.params, 0);
}
