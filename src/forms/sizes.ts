import { formCost } from "./cost.js";
import type { FormPlan } from "./form.js";
import type { ConvLayer } from "./layer.js";

/** MAC ratios that a family aims at, from hardly any to nearly all: steps of about a quarter. */
export const costRatios: readonly number[] = [
  0.06, 0.09, 0.12, 0.16, 0.2, 0.25, 0.31, 0.38, 0.46, 0.55, 0.66, 0.79, 0.93,
];

/** How far a size may be moved to fill whole blocks, relative to it. */
const nearBlock = 0.15;

/** MACs of a plan relative to the layer's. */
export function relativeCost(plan: FormPlan, layer: ConvLayer): number {
  return formCost(plan.branches, layer.inputShape).macs / layer.macs;
}

/**
 * The plans of a one-parameter family whose costs come nearest to {@link costRatios} from below: `make` gives the plan
 * of a size, cheaper for smaller sizes, for 1 ≤ size ≤ largest. Only plans below the layer's own cost. Sizes near a
 * multiple of `block` become it: runtimes fill up their blocks of channels with zeros, which costs as much.
 */
export function ladder(
  layer: ConvLayer,
  largest: number,
  make: (size: number) => FormPlan,
  block = 1,
): FormPlan[] {
  const plans: FormPlan[] = [];
  const costs = new Map<number, number>();
  const costOf = (size: number): number => {
    let cost = costs.get(size);
    if (cost === undefined) costs.set(size, (cost = relativeCost(make(size), layer)));
    return cost;
  };
  let previous = 0;
  for (const ratio of costRatios) {
    let [low, high] = [0, Math.floor(largest)];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (costOf(middle) <= ratio) low = middle;
      else high = middle - 1;
    }
    const whole = block * Math.round(low / block);
    const isNear = whole > 0 && whole <= largest && Math.abs(whole - low) <= nearBlock * low;
    const size = isNear && costOf(whole) < 1 ? whole : low;
    if (size > previous && costOf(size) < 1) {
      plans.push(make(size));
      previous = size;
    }
  }
  return plans;
}

/** Plans below the layer's own cost. */
export function cheaper(layer: ConvLayer, plans: readonly FormPlan[]): FormPlan[] {
  return plans.filter((plan) => relativeCost(plan, layer) < 1);
}
