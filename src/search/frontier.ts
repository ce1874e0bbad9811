import type { Candidate, LayerCandidates } from "./candidates.js";
import { paretoFront, type Choice } from "./knapsack.js";
import { lossAt, type Sensitivity } from "./sensitivity.js";

/** A whole network on the frontier: the MACs of its searched layers and the sum of their losses. */
export type FrontierPoint = Choice;

/** Points of a frontier at most; more can't be told apart in a plot. */
const mostPoints = 40;

/**
 * What the sensitivities predict for every budget of MACs when layers take forms of one family only, or of any (null),
 * or stay as they are: everything that was tried counts, each with the error expected of it. From the cheapest network
 * to the untouched one.
 */
export function predictedFrontier(
  layers: readonly LayerCandidates[],
  sensitivities: readonly Sensitivity[],
  family: string | null,
): FrontierPoint[] {
  const choices = layers.map(({ tried, standard }, l) => [
    { cost: standard.cost.macs, loss: 0 },
    ...tried
      .filter((candidate) => family === null || candidate.family === family)
      .map(({ cost, expected }) => ({ cost: cost.macs, loss: lossAt(sensitivities[l]!, expected) })),
  ]);
  return thinned(supportedFrontier(choices));
}

/** The sum of what the sensitivities predict of one candidate per layer. */
export function predictedLoss(
  chosen: readonly Pick<Candidate, "expected">[],
  sensitivities: readonly Sensitivity[],
): number {
  return chosen.reduce((sum, { expected }, l) => sum + lossAt(sensitivities[l]!, expected), 0);
}

/**
 * The solutions of a multiple-choice knapsack that are best at some price per cost, cheapest first: each is an exact
 * optimum for its own total cost. Greedy along the lower convex hulls of the layers, steepest first (Sinha and Zoltners,
 * 1979).
 */
export function supportedFrontier(layers: readonly (readonly Choice[])[]): FrontierPoint[] {
  const hulls = layers.map(lowerHull);
  const steps = hulls.flatMap((hull) =>
    hull.slice(1).map(({ cost, loss }, i) => ({ cost: cost - hull[i]!.cost, loss: loss - hull[i]!.loss })),
  );
  steps.sort((a, b) => a.loss / a.cost - b.loss / b.cost);
  let at = hulls.reduce((sum, [first]) => plus(sum, first!), { cost: 0, loss: 0 });
  const points = [at];
  for (const step of steps) points.push((at = plus(at, step)));
  return points;
}

/** The choices that are best at some price per cost, cheapest first. */
function lowerHull(choices: readonly Choice[]): Choice[] {
  const hull: Choice[] = [];
  const slope = (a: Choice, b: Choice): number => (b.loss - a.loss) / (b.cost - a.cost);
  for (const next of paretoFront(
    choices,
    ({ cost }) => cost,
    ({ loss }) => loss,
  )) {
    while (hull.length > 1 && slope(hull.at(-2)!, hull.at(-1)!) >= slope(hull.at(-1)!, next)) hull.pop();
    hull.push(next);
  }
  return hull;
}

function plus(a: Choice, b: Choice): Choice {
  // Losses end at 0 exactly where rounding would leave a speck on either side of it.
  return { cost: a.cost + b.cost, loss: Math.max(0, a.loss + b.loss) };
}

/** Points about evenly spread over the cost, both ends included. */
function thinned(points: readonly FrontierPoint[]): FrontierPoint[] {
  const [first, last] = [points[0]!, points.at(-1)!];
  const gap = (last.cost - first.cost) / (mostPoints - 1);
  const kept: FrontierPoint[] = [];
  for (const point of points) {
    if (point === last || kept.length === 0 || point.cost - kept.at(-1)!.cost >= gap) kept.push(point);
  }
  return kept;
}
