import type { GroupMoments } from "../calib/index.js";
import type { FormFamily } from "../engine/index.js";
import { isDecline } from "../engine/index.js";
import {
  FitTarget,
  fitForm,
  formCost,
  splitGroups,
  standardForm,
  type ConvLayer,
  type Covariance,
  type Form,
  type FormCost,
  type FormPlan,
  type Lowering,
  type Products,
} from "../forms/index.js";
import { matrix } from "../linalg/index.js";
import { paretoFront } from "./knapsack.js";

/** What a family proposes for a layer. */
export interface Proposal {
  readonly family: string;
  readonly plan: FormPlan;
  readonly cost: FormCost;
  /** Milliseconds on the target as estimated, where a latency is asked for: good enough to tell who is worth fitting. */
  readonly estimate?: number;
}

/** A form that was fitted to a layer: one form per group of the layer, all of one geometry. */
export interface Candidate extends Omit<Proposal, "plan" | "estimate"> {
  /** Null for the layer itself. */
  readonly plan: FormPlan | null;
  readonly forms: readonly Form[];
  /** Relative L2 error of the layer's output in the metric of its inputs. */
  readonly error: number;
  /** What its family's speed of convergence lets expect of the error after a refit; the error itself, where none is known. */
  readonly expected: number;
  /** What it takes on the target, in its best lowering; null where no latency is asked for. */
  readonly latency: CandidateLatency | null;
}

/** Milliseconds of a layer's nodes on the target, and how its form is lowered there (null for the layer itself). */
export interface CandidateLatency {
  readonly ms: number;
  /** 95 % of the timing; null where nothing was timed. */
  readonly interval: readonly [number, number] | null;
  readonly lowering: Lowering | null;
}

/** Everything tried for one layer. */
export interface LayerCandidates {
  readonly layer: ConvLayer;
  readonly targets: readonly FitTarget[];
  /** The layer as it is; always a choice. */
  readonly standard: Candidate;
  /** Pareto-optimal in the expected error and one of the costs, cheapest first, without the standard form. */
  readonly front: readonly Candidate[];
  /** All that were proposed, each with the error of its last round; weights are kept for the front only. */
  readonly tried: readonly (Proposal & Pick<Candidate, "error" | "expected">)[];
  readonly declined: readonly { readonly family: string; readonly reason: string }[];
}

/**
 * What the steps still to come leave of a form's error, by family: entry r for a form that has done r rounds. Families
 * converge at very different speeds (rank factors start at their optimum, chains of depthwise and pointwise stages far
 * from it), and what a choice is worth is decided by its error after the refit.
 */
export type Convergence = ReadonlyMap<string, ArrayLike<number>>;

/** How thoroughly candidates are fitted: rounds of ever more L-BFGS steps for ever fewer candidates. */
export interface FitEffort {
  /** Sizes tried per family at most, spread over its costs. */
  readonly sizes: number;
  /** Channels that the target has its fast kernels for, where time counts: sizes near a multiple of it become that. */
  readonly block?: number;
  readonly rounds: readonly FitRound[];
  /** What the steps still to come leave of an error; nothing is expected of them without it. */
  readonly convergence?: Convergence;
}

/** Which sizes of the families are tried. */
export type SizeChoice = Pick<FitEffort, "sizes" | "block">;

export interface FitRound {
  readonly steps: number;
  /** Who takes part: candidates whose expected error is within this factor of the front's at their cost. */
  readonly slack: number;
}

/** Weights of a layer (of each group) above which families take hours to start and fit, but for those of any size. */
const mostWeights = 2 ** 23;

/** Products with a covariance, run elsewhere; null where that isn't worth it. */
export type ProductsFor = (covariance: Covariance) => Products | null;

/** Targets of a layer's groups in the metric of its own inputs, D × D per group; data-free without. */
export function ownTargets(
  layer: ConvLayer,
  covariances: readonly Covariance[] | null,
  productsFor: ProductsFor,
): FitTarget[] {
  return splitGroups(layer).map((part, g) => {
    const kernel = matrix(part.spec.outChannels, part.weight.length / part.spec.outChannels, part.weight);
    const covariance = covariances ? covariances[g]! : null;
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
    expected: 0,
    latency: null,
  };
}

/** Plans of all families for a layer, at most `sizes` each, in order, and why families have none. */
export function proposalsFor(
  layer: ConvLayer,
  families: readonly FormFamily[],
  { sizes, block }: SizeChoice,
): { readonly plans: readonly Proposal[]; readonly declined: LayerCandidates["declined"] } {
  const part = splitGroups(layer)[0]!;
  const declined: { family: string; reason: string }[] = [];
  const proposals: Proposal[] = [];
  for (const family of families) {
    if (part.weight.length > mostWeights && !family.anySize) {
      declined.push({ family: family.name, reason: tooLarge(part) });
      continue;
    }
    const plans = family.propose(part, block);
    if (isDecline(plans)) declined.push({ family: family.name, reason: plans.declined });
    else if (plans.length === 0) declined.push({ family: family.name, reason: "no size saves MACs" });
    else
      for (const plan of spreadByCost(plans, layer, sizes))
        proposals.push({ family: family.name, plan, cost: costOf(plan, layer) });
  }
  return { plans: proposals, declined };
}

/**
 * Fits all proposals of all families to a layer; `pause` is awaited between fits and may throw to stop. With `estimates`
 * (milliseconds of each proposal) the front holds all that are near the one of MACs or of milliseconds, for {@link
 * timedFront} to choose from.
 */
export async function fitCandidates(
  layer: ConvLayer,
  targets: readonly FitTarget[],
  families: readonly FormFamily[],
  effort: FitEffort,
  pause: () => Promise<void> = async () => undefined,
  estimates: ArrayLike<number> | null = null,
): Promise<LayerCandidates> {
  const { plans, declined } = proposalsFor(layer, families, effort);
  const expecting = (candidate: Candidate, round: number): Candidate => ({
    ...candidate,
    expected: candidate.error * remaining(effort.convergence, candidate.family, round),
  });
  const tried: Candidate[] = new Array<Candidate>(plans.length);
  const milliseconds = new Map<FormPlan | null, number>();
  // The dearest sizes first: smaller ones may be views of their factors.
  for (const [i, { family, plan }] of [...plans.entries()].reverse()) {
    await pause();
    tried[i] = expecting(await fitPlan(family, plan, layer, targets, 0), 0);
    if (estimates) milliseconds.set(plan, estimates[i]!);
  }
  const axes: CostAxis[] = [({ cost }) => cost.macs];
  if (estimates) axes.push(({ plan }) => milliseconds.get(plan)!);
  const latest = new Map(tried.map((candidate) => [candidate.plan, candidate]));
  let refined: readonly Candidate[] = tried;
  for (const [round, { steps, slack }] of effort.rounds.entries()) {
    const closer: Candidate[] = [];
    for (const { family, plan, forms } of nearFronts(refined, axes, slack)) {
      await pause();
      closer.push(
        expecting(
          await fitPlan(family, plan!, layer, targets, steps, { forms, sameTargets: true }),
          round + 1,
        ),
      );
    }
    for (const candidate of closer) latest.set(candidate.plan, candidate);
    refined = closer;
  }
  return {
    layer,
    targets,
    standard: standardCandidate(layer, targets),
    front: estimates ? nearFronts(refined, axes, timedSlack) : frontOf(refined, axes),
    tried: plans.map((proposal) => {
      const { error, expected } = latest.get(proposal.plan)!;
      return { ...proposal, error, expected };
    }),
    declined,
  };
}

function tooLarge({ weight }: ConvLayer): string {
  const count = (value: number): string => value.toLocaleString("en-US");
  return `the layer has ${count(weight.length)} weights; such forms are fitted to ${count(mostWeights)} at most`;
}

/** The factor on the error of a form that has done `round` rounds. */
function remaining(convergence: Convergence | undefined, family: string, round: number): number {
  return convergence?.get(family)?.[round] ?? 1;
}

/** How far off the estimated front a candidate may lie and still be timed. */
const timedSlack = 1.15;

type CostAxis = (candidate: Candidate) => number;

const expectedOf = ({ expected }: Candidate): number => expected;

/** Candidates that are Pareto-optimal in expected error and some cost, by the first cost. */
function frontOf(candidates: readonly Candidate[], axes: readonly CostAxis[]): Candidate[] {
  const chosen = new Set(axes.flatMap((cost) => paretoFront(candidates, cost, expectedOf)));
  return [...chosen].sort((a, b) => axes[0]!(a) - axes[0]!(b));
}

/** Candidates whose expected error is within the factor `slack` of some front's at their cost, by the first cost. */
function nearFronts(candidates: readonly Candidate[], axes: readonly CostAxis[], slack: number): Candidate[] {
  const chosen = new Set(
    axes.flatMap((cost) => {
      const front = paretoFront(candidates, cost, expectedOf);
      const best = (at: number): number =>
        front.findLast((candidate) => cost(candidate) <= at)?.expected ?? Infinity;
      return candidates.filter((candidate) => candidate.expected <= slack * best(cost(candidate)));
    }),
  );
  return [...chosen].sort((a, b) => axes[0]!(a) - axes[0]!(b));
}

/**
 * The layer with milliseconds on its candidates, in the order of its front, and on itself: what remains on the front is
 * Pareto-optimal in milliseconds, or in MACs where these are limited too. Forms that are not faster than the layer are
 * never taken.
 */
export function timedFront(
  layer: LayerCandidates,
  latencies: readonly CandidateLatency[],
  standardMs: number,
  withMacs: boolean,
): LayerCandidates {
  const faster = layer.front
    .map((candidate, i): Candidate => ({ ...candidate, latency: latencies[i]! }))
    .filter(({ latency }) => latency!.ms < standardMs);
  const axes: CostAxis[] = [({ latency }) => latency!.ms];
  if (withMacs) axes.push(({ cost }) => cost.macs);
  return {
    ...layer,
    standard: { ...layer.standard, latency: { ms: standardMs, interval: null, lowering: null } },
    front: frontOf(faster, axes),
  };
}

/** At most `count` plans, evenly spread over the family's costs, the cheapest and the dearest among them. */
function spreadByCost(plans: readonly FormPlan[], layer: ConvLayer, count: number): readonly FormPlan[] {
  if (plans.length <= count) return plans;
  const sorted = plans
    .map((plan) => ({ plan, macs: formCost(plan.branches, layer.inputShape).macs }))
    .sort((a, b) => a.macs - b.macs);
  return Array.from(
    { length: count },
    (_, i) => sorted[Math.round((i * (sorted.length - 1)) / Math.max(1, count - 1))]!.plan,
  );
}

/** Fits one plan to every group, from forms of it where there are any; the error is that of all groups together. */
export async function fitPlan(
  family: string,
  plan: FormPlan,
  layer: ConvLayer,
  targets: readonly FitTarget[],
  steps: number,
  from?: { readonly forms: readonly Form[]; readonly sameTargets: boolean },
): Promise<Candidate> {
  const forms: Form[] = [];
  let [error, power] = [0, 0];
  for (const [g, target] of targets.entries()) {
    const fit = await fitForm(
      plan,
      target,
      steps,
      from && { form: from.forms[g]!, sameTarget: from.sameTargets },
    );
    forms.push(fit.form);
    error += fit.error ** 2 * target.power;
    power += target.power;
  }
  const relative = Math.sqrt(error / (power || 1));
  return {
    family,
    plan,
    forms,
    cost: costOf(plan, layer),
    error: relative,
    expected: relative,
    latency: null,
  };
}

function costOf(plan: FormPlan, layer: ConvLayer): FormCost {
  return formCost(plan.branches, layer.inputShape, layer.spec.group);
}

/**
 * Kernel of the best unconstrained fit of the original's outputs from the inputs that the layer really sees, with a ridge
 * towards the original kernel.
 */
export function refittedTarget(
  original: FitTarget,
  { covariance, cross, varianceOut }: GroupMoments,
  ridge: number,
  productsFor: ProductsFor,
): FitTarget {
  const kernel = covariance.refit(original.kernel, cross, ridge);
  // What no kernel explains: Var(y) − 2⟨W*, M⟩ + W* C W*ᵀ.
  const explained = covariance.timesObserved(kernel);
  let residual = varianceOut.reduce((sum, variance) => sum + variance, 0);
  for (let i = 0; i < kernel.data.length; i++)
    residual += kernel.data[i]! * (explained.data[i]! - 2 * cross.data[i]!);
  return new FitTarget(original.layer, kernel, covariance, Math.max(0, residual), productsFor(covariance));
}
