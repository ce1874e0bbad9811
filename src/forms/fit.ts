import {
  cholesky,
  choleskySolve,
  dot,
  matrix,
  minimize,
  multiply,
  trace,
  type Matrix,
} from "../linalg/index.js";
import { tapCount, weightSize } from "./chain.js";
import { applyOrders, ChainSum } from "./compose.js";
import type { Form, FormPlan, Stage } from "./form.js";
import type { FitTarget } from "./target.js";

/** A fitted form and its error: relative to the original output's power in the target's metric (a ratio of norms, not squared). */
export interface Fit {
  readonly form: Form;
  readonly error: number;
}

/** Ridge of the mixers' normal equations, relative to their diagonal. */
const mixerRidge = 1e-8;

/** Where a fit goes on from: a form of the plan, and whether it is a fit to the same target already. */
export interface FitStart {
  readonly form: Form;
  readonly sameTarget: boolean;
}

/**
 * Least squares over all factors of a form in the data's own metric: minimises ‖(Ŵ − W) C^{1/2}‖² from the closed-form
 * start, the last pointwise factors solved exactly (variable projection at both ends), the rest by `steps` of L-BFGS.
 */
export async function fitForm(
  plan: FormPlan,
  target: FitTarget,
  steps: number,
  from?: FitStart,
): Promise<Fit> {
  // What a start in closed form was for another target isn't the optimum for this one.
  const start = from && (from.sameTarget || !isClosedForm(from.form)) ? from.form : plan.start(target);
  if (isClosedForm(start)) {
    const optimum = leastError(start, target);
    return { form: start, error: optimum ?? (await formError(start, target)) };
  }
  // The mixers of a fit to this target are solved already.
  const first = from?.sameTarget ? null : await solveMixersElsewhere(start, target);
  if (steps === 0) return first ?? { form: start, error: await formError(start, target) };
  const balanced = balance(first?.form ?? start);
  const sum = new ChainSum(target.layer, balanced.branches);
  const scale = 1 / (target.power || 1);
  const { rows, cols } = target.kernel;
  const { x, value } = await minimize(
    async (parameters) => {
      const weights = unpack(parameters, balanced);
      const error = difference(sum.compose(weights), target.kernel.data);
      const weighted = (await target.inMetric(matrix(rows, cols, error))).data;
      const gradient = pack(sum.gradient(weighted, weights), parameters.length);
      for (let i = 0; i < gradient.length; i++) gradient[i]! *= 2 * scale;
      return { value: dot(error, weighted) * scale, gradient };
    },
    pack(balanced.branches.map((chain) => chain.map((stage) => stage.weight))),
    { steps },
  );
  const form = withWeights(balanced, unpack(x, balanced));
  const solved = await solveMixersElsewhere(form, target);
  return solved ?? { form, error: Math.sqrt(Math.max(0, value + target.residual * scale)) };
}

/** Relative error of a form: sqrt((‖(Ŵ − W) C^{1/2}‖² + residual) / power). */
export async function formError(form: Form, target: FitTarget): Promise<number> {
  const { layer, kernel } = target;
  const sum = new ChainSum(layer, form.branches);
  const composed = applyOrders(
    sum.compose(form.branches.map((chain) => chain.map(({ weight }) => weight))),
    form,
    layer,
  );
  const error = difference(composed, kernel.data);
  const weighted = (await target.inMetric(matrix(kernel.rows, kernel.cols, error))).data;
  return Math.sqrt(Math.max(0, dot(error, weighted) + target.residual) / (target.power || 1));
}

/**
 * Whether a form's start is where its fit ends: one chain of two stages whose last is pointwise and whose first is
 * unstructured has its optimum in closed form, groups are solved by their start.
 */
function isClosedForm({ name, inputOrder, outputOrder }: Form): boolean {
  return reducesOutputs(name) || name === "grouped" || name === "standard" || !!(inputOrder ?? outputOrder);
}

function reducesOutputs(name: Form["name"]): boolean {
  return name === "reduce-out" || name === "low-rank-pointwise";
}

/** Relative error of the optimum of a rank: what the output covariance's other eigenvectors hold. Null for other forms. */
function leastError({ name, size }: Form, target: FitTarget): number | null {
  if (!reducesOutputs(name)) return null;
  return Math.sqrt((target.output(size["rank"]!).rest + target.residual) / (target.power || 1));
}

/** The linear problem of a form's last pointwise factors: what stands in front of them, and what they should give. */
interface MixerProblem {
  readonly mixed: readonly boolean[];
  /** Width of each branch in front of its mixer, 0 for branches that end otherwise. */
  readonly widths: readonly number[];
  /** Stacked kernels in front of the mixers, Σ widths × D. */
  readonly front: Matrix;
  /** W less the branches without a mixer. */
  readonly rest: Matrix;
}

/**
 * Given everything before them, the last pointwise factors of all branches are a linear least-squares problem:
 * P = W C Fᵀ (F C Fᵀ)⁻¹ with F the stacked kernels in front of them. Branches that end otherwise keep their weights and
 * are subtracted from the target first.
 */
export function solveMixers(form: Form, target: FitTarget): Form {
  const problem = mixerProblem(form, target);
  if (!problem) return form;
  const { front, rest } = problem;
  const weighted = target.covariance?.times(front) ?? front;
  const normal = multiply(weighted, front, { transB: true });
  return withMixers(form, problem, solveRefined(normal, multiply(weighted, rest, { transB: true })).solution);
}

/** The same with its products where the target's are computed; with the form's error, which the solution gives for free. */
async function solveMixersElsewhere(form: Form, target: FitTarget): Promise<Fit | null> {
  const problem = mixerProblem(form, target);
  if (!problem) return null;
  const { front, rest, mixed } = problem;
  const weighted = await target.inMetric(front);
  const [normal, right] = await Promise.all([
    target.multiply(weighted, front),
    target.multiply(weighted, rest),
  ]);
  const { solution, back } = solveRefined(normal, right);
  const solved = withMixers(form, problem, solution);
  if (mixed.includes(false) || solved === form)
    return { form: solved, error: await formError(solved, target) };
  // ‖(W − P F) C^{1/2}‖² = ‖W C^{1/2}‖² − 2⟨P, W C Fᵀ⟩ + ⟨P N, P⟩ with N = F C Fᵀ.
  let squared = target.power;
  for (let i = 0; i < back.data.length; i++)
    squared += solution.data[i]! * (back.data[i]! - 2 * right.data[i]!);
  const error = Math.sqrt(Math.max(0, squared) / (target.power || 1));
  // The difference of two large numbers says nothing about small errors.
  return { form: solved, error: error < 1e-3 ? await formError(solved, target) : error };
}

function mixerProblem(form: Form, target: FitTarget): MixerProblem | null {
  const { layer } = target;
  const mixed = form.branches.map((chain) => chain.length > 1 && isMixer(chain.at(-1)!));
  if (!mixed.includes(true)) return null;
  const cols = target.kernel.cols;
  const widths = form.branches.map((chain, b) => (mixed[b] ? chain.at(-1)!.spec.inChannels : 0));
  const front = matrix(
    widths.reduce((sum, width) => sum + width, 0),
    cols,
  );
  const rest = mixed.includes(false)
    ? matrix(target.kernel.rows, cols, target.kernel.data.slice())
    : target.kernel;
  let at = 0;
  form.branches.forEach((chain, b) => {
    if (mixed[b]) {
      front.data.set(composeChain({ ...layer, outChannels: widths[b]! }, chain.slice(0, -1)), at * cols);
      at += widths[b]!;
    } else {
      const kernel = composeChain(layer, chain);
      for (let i = 0; i < kernel.length; i++) rest.data[i]! -= kernel[i]!;
    }
  });
  return { mixed, widths, front, rest };
}

/** The form with its mixers from a solution, Σ widths × outChannels; as it was when the solution isn't finite. */
function withMixers(form: Form, { mixed, widths }: MixerProblem, solution: Matrix): Form {
  if (!solution.data.every(Number.isFinite)) return form;
  let at = 0;
  const branches = form.branches.map((chain, b) => {
    if (!mixed[b]) return chain;
    const last = chain.at(-1)!;
    const { inChannels, outChannels } = last.spec;
    const weight = new Float64Array(weightSize(last.spec));
    for (let o = 0; o < outChannels; o++) {
      for (let r = 0; r < inChannels; r++)
        weight[o * inChannels + r] = solution.data[(at + r) * solution.cols + o]!;
    }
    at += widths[b]!;
    return [...chain.slice(0, -1), { ...last, weight }];
  });
  return { ...form, branches };
}

/** Unknowns up to which solutions are refined: beyond, the steps of a fit are worth more than their time. */
const mostRefined = 1024;

/**
 * Solves N P = R; also N P as it came out. The ridge keeps the factorisation possible; two rounds of refinement take its
 * bias out again where it can be.
 */
function solveRefined(normal: Matrix, right: Matrix): { readonly solution: Matrix; readonly back: Matrix } {
  const { factor, ridge } = dampedFactor(normal);
  const solution = choleskySolve(factor, right);
  if (normal.rows > mostRefined) {
    const { cols } = right;
    const back = right.data.map((value, i) => value - ridge[Math.floor(i / cols)]! * solution.data[i]!);
    return { solution, back: matrix(right.rows, right.cols, back) };
  }
  for (let round = 0; round < 2; round++) {
    const left = multiply(normal, solution);
    for (let i = 0; i < left.data.length; i++) left.data[i] = right.data[i]! - left.data[i]!;
    const correction = choleskySolve(factor, left);
    for (let i = 0; i < left.data.length; i++) solution.data[i]! += correction.data[i]!;
  }
  return { solution, back: multiply(normal, solution) };
}

/** Cholesky factor of a + diag(ridge), the ridge a small share of each diagonal entry, raised until there is one. */
function dampedFactor(a: Matrix): { readonly factor: Matrix; readonly ridge: Float64Array } {
  const n = a.rows;
  const mean = trace(a) / Math.max(1, n);
  for (let share = mixerRidge; ; share *= 100) {
    // Relative to its own entry: channels of any strength keep their part of the solution.
    const ridge = Float64Array.from(
      { length: n },
      (_, i) => share * (a.data[i * n + i]! + share * mean) + Number.MIN_VALUE,
    );
    const damped = matrix(n, n, a.data.slice());
    for (let i = 0; i < n; i++) damped.data[i * n + i]! += ridge[i]!;
    try {
      return { factor: cholesky(damped), ridge };
    } catch (error) {
      if (share > 1) throw error;
    }
  }
}

function isMixer({ spec }: Stage): boolean {
  return spec.group === 1 && tapCount(spec) === 1;
}

function composeChain(layer: Stage["spec"], chain: readonly Stage[]): Float64Array {
  return new ChainSum(layer, [chain]).compose([chain.map(({ weight }) => weight)]);
}

/** Gives all stages of a chain the same norm, which changes nothing but the conditioning of the fit. */
export function balance(form: Form): Form {
  const branches = form.branches.map((chain) => {
    const norms = chain.map(({ weight }) => Math.sqrt(dot(weight, weight)));
    if (norms.some((norm) => norm === 0)) return chain;
    const mean = norms.reduce((product, norm) => product * norm, 1) ** (1 / norms.length);
    return chain.map((stage, s) => ({ ...stage, weight: stage.weight.map((w) => (w * mean) / norms[s]!) }));
  });
  return { ...form, branches };
}

function withWeights(form: Form, weights: readonly (readonly Float64Array[])[]): Form {
  return {
    ...form,
    branches: form.branches.map((chain, b) =>
      chain.map((stage, s) => ({ ...stage, weight: weights[b]![s]!.slice() })),
    ),
  };
}

function pack(weights: readonly (readonly Float64Array[])[], length?: number): Float64Array {
  const flat = weights.flat();
  const packed = new Float64Array(length ?? flat.reduce((sum, { length: n }) => sum + n, 0));
  let at = 0;
  for (const weight of flat) {
    packed.set(weight, at);
    at += weight.length;
  }
  return packed;
}

function unpack(parameters: Float64Array, form: Form): Float64Array[][] {
  let at = 0;
  return form.branches.map((chain) =>
    chain.map(({ weight }) => parameters.subarray(at, (at += weight.length))),
  );
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  const result = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = a[i]! - b[i]!;
  return result;
}

/** The original kernel as a form of its own: the candidate that changes nothing. */
export function standardForm(target: { readonly layer: Stage["spec"]; readonly kernel: Matrix }): Form {
  const { layer, kernel } = target;
  const stage: Stage = { spec: layer, taps: layer.kernel.map((_, axis) => axis), weight: kernel.data };
  return { name: "standard", size: {}, terms: [{ form: "standard", size: {} }], branches: [[stage]] };
}
