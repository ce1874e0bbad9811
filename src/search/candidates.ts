import type { LayerMoments } from "../calib/index.js";
import type { FormFamily } from "../engine/index.js";
import { isDecline } from "../engine/index.js";
import {
  FitTarget,
  fitForm,
  formCost,
  splitGroups,
  standardForm,
  type ConvLayer,
  type Form,
  type FormCost,
  type FormPlan,
  type Products,
} from "../forms/index.js";
import { matrix, multiply, type Matrix } from "../linalg/index.js";
import { paretoFront } from "./knapsack.js";

/** A form that was fitted to a layer: one form per group of the layer, all of one geometry. */
export interface Candidate {
  readonly family: string;
  readonly plan: FormPlan | null;
  readonly forms: readonly Form[];
  readonly cost: FormCost;
  /** Relative L2 error of the layer's output in the metric of its inputs. */
  readonly error: number;
}

/** Everything tried for one layer. */
export interface LayerCandidates {
  readonly layer: ConvLayer;
  readonly targets: readonly FitTarget[];
  /** The layer as it is; always a choice. */
  readonly standard: Candidate;
  /** Pareto-optimal in cost and error, cheapest first, without the standard form. */
  readonly front: readonly Candidate[];
  /** All that were proposed, with the error at which they were screened. */
  readonly tried: readonly Candidate[];
  readonly declined: readonly { readonly family: string; readonly reason: string }[];
}

/** How thoroughly candidates are fitted. */
export interface FitEffort {
  /** L-BFGS steps for every proposed candidate, and for those near the front. */
  readonly screen: number;
  readonly refine: number;
  /** Candidates within this factor of the front's error are refined. */
  readonly slack: number;
}

/** Products with a covariance, run elsewhere; null where that isn't worth it. */
export type ProductsFor = (covariance: Matrix) => Products | null;

/** Targets of a layer's groups in the metric of its own inputs; data-free without moments. */
export function ownTargets(layer: ConvLayer, moments: LayerMoments | null, productsFor: ProductsFor): FitTarget[] {
  return splitGroups(layer).map((part, g) => {
    const kernel = matrix(part.spec.outChannels, part.weight.length / part.spec.outChannels, part.weight);
    const covariance = moments ? moments.groups[g]!.covariance : null;
    return new FitTarget(part.spec, kernel, covariance, 0, covariance ? productsFor(covariance) : null);
  });
}

/** The layer itself as a candidate. */
export function standardCandidate(layer: ConvLayer, targets: readonly FitTarget[]): Candidate {
  return {
    family: "standard",
    plan: null,
    forms: targets.map(standardForm),
    cost: { macs: layer.macs, params: layer.weight.length },
    error: 0,
  };
}

/** Fits all proposals of all families to a layer. */
export async function fitCandidates(
  layer: ConvLayer,
  targets: readonly FitTarget[],
  families: readonly FormFamily[],
  effort: FitEffort,
): Promise<LayerCandidates> {
  const part = splitGroups(layer)[0]!;
  const declined: { family: string; reason: string }[] = [];
  const tried: Candidate[] = [];
  for (const family of families) {
    const plans = family.propose(part);
    if (isDecline(plans)) declined.push({ family: family.name, reason: plans.declined });
    else if (plans.length === 0) declined.push({ family: family.name, reason: "no size saves MACs" });
    else for (const plan of plans) tried.push(await fitPlan(family.name, plan, layer, targets, effort.screen));
  }
  const cost = (candidate: Candidate): number => candidate.cost.macs;
  const screened = paretoFront(tried, cost, ({ error }) => error);
  const near = tried.filter((candidate) => candidate.error <= effort.slack * frontAt(screened, cost(candidate)));
  const refined: Candidate[] = [];
  for (const candidate of near) {
    const closer =
      effort.refine > effort.screen ? await fitPlan(candidate.family, candidate.plan!, layer, targets, effort.refine, candidate.forms) : candidate;
    refined.push(closer);
  }
  const byPlan = new Map(refined.map((candidate) => [candidate.plan, candidate]));
  return {
    layer,
    targets,
    standard: standardCandidate(layer, targets),
    front: paretoFront(refined, cost, ({ error }) => error),
    tried: tried.map((candidate) => byPlan.get(candidate.plan) ?? candidate),
    declined,
  };
}

function frontAt(front: readonly Candidate[], cost: number): number {
  return front.findLast((candidate) => candidate.cost.macs <= cost)?.error ?? Infinity;
}

/** Fits one plan to every group; the error is that of all groups together. */
export async function fitPlan(
  family: string,
  plan: FormPlan,
  layer: ConvLayer,
  targets: readonly FitTarget[],
  steps: number,
  from?: readonly Form[],
): Promise<Candidate> {
  const forms: Form[] = [];
  let [error, power] = [0, 0];
  for (const [g, target] of targets.entries()) {
    const fit = await fitForm(plan, target, steps, from?.[g]);
    forms.push(fit.form);
    error += fit.error ** 2 * target.power;
    power += target.power;
  }
  return {
    family,
    plan,
    forms,
    cost: formCost(plan.branches, layer.inputShape, layer.spec.group),
    error: Math.sqrt(error / (power || 1)),
  };
}

/**
 * Kernel of the best unconstrained fit of the original's outputs from the inputs that the layer really sees:
 * W* = (M + λW)(C + λI)⁻¹, a ridge towards the original kernel, with M the cross covariance of (y, x̂) and C that of x̂.
 */
export function refittedTarget(
  original: FitTarget,
  moments: LayerMoments["groups"][number],
  ridge: number,
  solve: (a: Matrix, b: Matrix) => Matrix,
  productsFor: ProductsFor,
): FitTarget {
  const { covariance, cross, varianceOut } = moments;
  const d = covariance.rows;
  let mean = 0;
  for (let i = 0; i < d; i++) mean += covariance.data[i * d + i]! / d;
  const lambda = ridge * mean;
  // Right-hand side as columns: D × O.
  const right = matrix(d, cross.rows);
  const damped = matrix(d, d, covariance.data.slice());
  for (let i = 0; i < d; i++) {
    damped.data[i * d + i]! += lambda;
    for (let o = 0; o < cross.rows; o++) right.data[i * cross.rows + o] = cross.data[o * d + i]! + lambda * original.kernel.data[o * d + i]!;
  }
  const solution = solve(damped, right);
  const kernel = matrix(cross.rows, d);
  for (let o = 0; o < cross.rows; o++) for (let i = 0; i < d; i++) kernel.data[o * d + i] = solution.data[i * cross.rows + o]!;
  // What no kernel explains: Var(y) − 2⟨W*, M⟩ + W* C W*ᵀ.
  const explained = multiply(kernel, covariance);
  let residual = varianceOut.reduce((sum, variance) => sum + variance, 0);
  for (let i = 0; i < kernel.data.length; i++) residual += kernel.data[i]! * (explained.data[i]! - 2 * cross.data[i]!);
  return new FitTarget(original.layer, kernel, covariance, Math.max(0, residual), productsFor(covariance));
}
