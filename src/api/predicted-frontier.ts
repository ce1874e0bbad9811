import type { Frontier } from "../report/index.js";
import {
  predictedFrontier,
  predictedLoss,
  type OutputKind,
  type Search,
  type Solution,
} from "../search/index.js";

/**
 * What the search predicts for every budget of MACs, for all families and for each alone, beside what it chose, if anything.
 * `others` are the MACs that no search touches, `before` those of the original.
 */
export function frontierOf(
  search: Search,
  solution: Solution | null,
  { others, before }: { readonly others: number; readonly before: number },
): Frontier {
  const { layers, sensitivities } = search;
  const kept = (macs: number): number => (others + macs) / before;
  const families = [...new Set(layers.flatMap(({ tried }) => tried.map(({ family }) => family)))];
  return {
    measure: measureOf(search.kinds),
    chosen: solution && {
      kept: kept(solution.allocation.chosen.reduce((sum, { cost }) => sum + cost.macs, 0)),
      predicted: predictedLoss(solution.allocation.chosen, sensitivities),
      measured: solution.measured.divergence,
    },
    series: [null, ...(families.length > 1 ? families : [])].map((family) => ({
      family,
      points: predictedFrontier(layers, sensitivities, family).map(({ cost, loss }) => ({
        kept: kept(cost),
        loss,
      })),
    })),
  };
}

function measureOf(kinds: readonly OutputKind[]): Frontier["measure"] {
  const compared = new Set(kinds.map(({ kind }) => kind === "values"));
  return compared.size > 1 ? "both" : compared.has(true) ? "squaredError" : "klDivergence";
}
