import type { Candidate, LayerCandidates } from "./candidates.js";
import { chooseWithin } from "./knapsack.js";

/** Costs that may remain in the layers together; absent = no limit. */
export interface CostLimits {
  readonly macs?: number;
  readonly params?: number;
  /** Milliseconds on the target. */
  readonly ms?: number;
}

/** One candidate per layer and the loss that the sensitivities add up to. */
export interface Allocation {
  readonly chosen: readonly Candidate[];
  readonly loss: number;
  /** Set where no choice kept the limits and these are the cheapest. */
  readonly missed?: boolean;
}

/** Why a layer's choice was taken, for reports. */
export function reasonFor({ missed }: Allocation): string {
  return missed ? "the cheapest choice: none keeps the budget" : "least loss of answers within the budget";
}

/** Loss that a candidate alone causes in layer `l`. */
export type LossOf = (candidate: Candidate, l: number) => number;

/** All choices of a layer: its front and the layer as it is. */
export function choicesOf(layer: LayerCandidates): Candidate[] {
  return [...layer.front, layer.standard];
}

const costs: Readonly<Record<keyof CostLimits, (candidate: Candidate) => number>> = {
  ms: ({ latency }) => latency?.ms ?? 0,
  macs: ({ cost }) => cost.macs,
  params: ({ cost }) => cost.params,
};

/** A limit that holds through a price on what it limits. */
interface PricedLimit {
  readonly cost: (candidate: Candidate) => number;
  readonly limit: number;
}

/**
 * The candidates with the least sum of sensitivities within the limits; null when no choice fits. The first limit of
 * milliseconds, MACs and parameters is solved exactly; every other one becomes a price on its cost, raised by bisection
 * until all hold. `newMs` gives the milliseconds of candidates that are known better than they say.
 */
export function allocate(
  layers: readonly LayerCandidates[],
  loss: LossOf,
  limits: CostLimits,
  newMs: (candidate: Candidate) => number | undefined = () => undefined,
): Allocation | null {
  const costOf = {
    ...costs,
    ms: (candidate: Candidate): number => newMs(candidate) ?? costs.ms(candidate),
  };
  const choices = layers.map(choicesOf);
  const limited = (["ms", "macs", "params"] as const).flatMap((name): PricedLimit[] => {
    const limit = limits[name];
    return limit === undefined ? [] : [{ cost: costOf[name], limit }];
  });
  const [exact, ...priced] = limited;
  if (!exact) return { chosen: layers.map((layer) => layer.standard), loss: 0 };
  const solve = (prices: readonly number[]): Allocation | null => {
    const priceOf = (candidate: Candidate): number =>
      prices.reduce((sum, price, i) => sum + price * priced[i]!.cost(candidate), 0);
    const picks = chooseWithin(
      choices.map((own, l) =>
        own.map((candidate) => ({
          cost: exact.cost(candidate),
          loss: loss(candidate, l) + priceOf(candidate),
        })),
      ),
      exact.limit,
    );
    if (!picks) return null;
    const chosen = picks.map((pick, l) => choices[l]![pick]!);
    return { chosen, loss: chosen.reduce((sum, candidate, l) => sum + loss(candidate, l), 0) };
  };
  return withinPriced(priced, [], solve, priced.length > 1 ? coarse : fine);
}

interface PriceSearch {
  readonly growth: number;
  readonly raises: number;
  readonly halvings: number;
}

const fine: PriceSearch = { growth: 8, raises: 60, halvings: 20 };
/** For prices within prices. */
const coarse: PriceSearch = { growth: 64, raises: 24, halvings: 10 };

/** The solution at the lowest price of the next limit at which it holds, given the prices of those before it. */
function withinPriced(
  priced: readonly PricedLimit[],
  prices: readonly number[],
  solve: (prices: readonly number[]) => Allocation | null,
  search: PriceSearch,
): Allocation | null {
  const next = priced[prices.length];
  if (!next) return solve(prices);
  const at = (price: number): Allocation | null => withinPriced(priced, [...prices, price], solve, search);
  const holds = (tried: Allocation | null): tried is Allocation =>
    tried !== null && tried.chosen.reduce((sum, candidate) => sum + next.cost(candidate), 0) <= next.limit;
  const free = at(0);
  if (holds(free)) return free;
  let [low, high] = [0, 1e-12];
  let best: Allocation | null = null;
  for (let tries = 0; tries < search.raises && !best; tries++, high *= search.growth) {
    const tried = at(high);
    if (holds(tried)) best = tried;
    else low = high;
  }
  high /= search.growth;
  for (let round = 0; round < search.halvings && best; round++) {
    const middle = (low + high) / 2;
    const tried = at(middle);
    if (holds(tried)) [best, high] = [tried, middle];
    else low = middle;
  }
  return best;
}
