import {
  bottleneck,
  compose,
  depthwiseSeparable,
  FitTarget,
  formCost,
  lowRankPointwise,
  pointwiseDepthwise,
  reduceIn,
  reduceOut,
  spatiallySeparable,
  type ConvSpec,
  type Form,
  type FormPlan,
} from "../forms/index.js";
import { Tensor, type DType } from "../ir/index.js";
import { matrix } from "../linalg/index.js";
import { rankUpTo } from "./numerical-rank.js";

/** A split that saves less is not worth the extra nodes. */
const worthwhile = 0.9;

/** How far, relative to its norm, a kernel may be from a low rank that counts as exact. */
const tolerances: Partial<Record<DType, number>> = { float32: 5e-7, float64: 1e-14 };

export interface ExactForm {
  readonly form: Form;
  readonly macs: number;
  /** ‖Ŵ − W‖ / ‖W‖ with the factors rounded to the layer's dtype. */
  readonly error: number;
}

/**
 * The cheapest form that a rank-deficient kernel is, to rounding: low-rank pointwise, reduced input or output channels,
 * both, separable along an axis, or a few depthwise-separable terms. Null when no unfolding of the kernel has a rank
 * that saves MACs. `weight` is outChannels × inChannels × taps of a layer without groups.
 */
export function exactForm(
  spec: ConvSpec,
  weight: Float64Array,
  inputShape: readonly number[],
  dtype: DType,
): ExactForm | null {
  const tolerance = tolerances[dtype];
  if (tolerance === undefined || weight.every((w) => w === 0)) return null;
  const dense = macsOf(spec, inputShape);
  const plans = candidates(new Unfoldings(spec, weight, tolerance), inputShape, dense);
  const byCost = plans
    .map((plan) => ({ plan, macs: formCost(plan.branches, inputShape).macs }))
    .filter(({ macs }) => macs < worthwhile * dense)
    .sort((a, b) => a.macs - b.macs);
  if (byCost.length === 0) return null;
  const target = new FitTarget(
    spec,
    matrix(spec.outChannels, weight.length / spec.outChannels, weight),
    null,
  );
  for (const { plan, macs } of byCost) {
    const start = plan.start(target);
    // Closed forms come at once; a start that has to be searched for is none.
    if (start instanceof Promise) continue;
    const form = rounded(start, dtype);
    const error = distance(compose(form, spec).data, weight);
    if (error <= 2 * tolerance) return { form, macs, error };
  }
  return null;
}

/** MACs of the layer itself. */
export function macsOf(spec: ConvSpec, inputShape: readonly number[]): number {
  return formCost([[{ spec, taps: [] }]], inputShape).macs;
}

function rounded(form: Form, dtype: DType): Form {
  const round = (values: Float64Array): Float64Array =>
    Float64Array.from(Tensor.floats(dtype, [values.length], values).numbers);
  return {
    ...form,
    branches: form.branches.map((chain) => chain.map((stage) => ({ ...stage, weight: round(stage.weight) }))),
  };
}

function distance(a: Float64Array, b: Float64Array): number {
  let [error, norm] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    error += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(error / norm);
}

function candidates(unfoldings: Unfoldings, inputShape: readonly number[], dense: number): FormPlan[] {
  const { spec } = unfoldings;
  const cost = (plan: FormPlan): number => formCost(plan.branches, inputShape).macs;
  /** The largest size below `most` at which the plan is cheaper than the layer. */
  const cap = (most: number, make: (size: number) => FormPlan): number => {
    let [low, high] = [0, most];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (cost(make(middle)) < dense) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  const plans: FormPlan[] = [];
  const add = (
    most: number,
    make: (size: number) => FormPlan,
    rank: (cap: number) => number | null,
  ): number | null => {
    const largest = cap(most, make);
    const found = largest > 0 ? rank(largest) : null;
    if (found !== null && found > 0) plans.push(make(found));
    return found;
  };
  const { inChannels, outChannels } = spec;
  const taps = unfoldings.taps;
  const least = Math.min(inChannels, outChannels);
  if (taps === 1) {
    add(
      least,
      (rank) => lowRankPointwise(spec, rank),
      (most) => unfoldings.outputRank(most),
    );
    return plans;
  }
  const output = add(
    outChannels,
    (rank) => reduceOut(spec, rank),
    (most) => unfoldings.outputRank(most),
  );
  const input = add(
    inChannels,
    (rank) => reduceIn(spec, rank),
    (most) => unfoldings.inputRank(most),
  );
  if (output && input) plans.push(bottleneck(spec, input, output));
  spec.kernel.forEach((size, axis) => {
    if (size === 1 || size === taps) return;
    const most = Math.min(inChannels * size, (outChannels * taps) / size);
    add(
      most,
      (rank) => spatiallySeparable(spec, rank, axis),
      (limit) => unfoldings.spatialRank(axis, limit),
    );
  });
  add(
    Math.min(outChannels, taps),
    (terms) => depthwiseSeparable(spec, terms),
    (most) => unfoldings.terms("input", most),
  );
  add(
    Math.min(inChannels, taps),
    (terms) => pointwiseDepthwise(spec, terms),
    (most) => unfoldings.terms("output", most),
  );
  return plans;
}

/** The kernel O × I × T as the matrices whose ranks the forms need. */
class Unfoldings {
  readonly taps: number;

  constructor(
    readonly spec: ConvSpec,
    private readonly weight: Float64Array,
    private readonly tolerance: number,
  ) {
    this.taps = spec.kernel.reduce((product, size) => product * size, 1);
  }

  outputRank(cap: number): number | null {
    const { outChannels } = this.spec;
    const cols = this.weight.length / outChannels;
    return this.#rank(outChannels, cols, (o, q) => o * cols + q, cap);
  }

  inputRank(cap: number): number | null {
    const { inChannels, outChannels } = this.spec;
    const { taps } = this;
    const index = (i: number, q: number): number =>
      (Math.floor(q / taps) * inChannels + i) * taps + (q % taps);
    return this.#rank(inChannels, outChannels * taps, index, cap);
  }

  /** Rows: input channel and tap along `axis`; columns: output channel and the other taps. */
  spatialRank(axis: number, cap: number): number | null {
    const { inChannels, outChannels, kernel } = this.spec;
    const size = kernel[axis]!;
    const step = kernel.slice(axis + 1).reduce((product, k) => product * k, 1);
    const others = this.taps / size;
    const index = (p: number, q: number): number => {
      const [i, own, o, other] = [Math.floor(p / size), p % size, Math.floor(q / others), q % others];
      const tap = Math.floor(other / step) * step * size + own * step + (other % step);
      return (o * inChannels + i) * this.taps + tap;
    };
    return this.#rank(inChannels * size, outChannels * others, index, cap);
  }

  /** Largest rank of the slices O × T per input channel, or I × T per output channel. */
  terms(per: "input" | "output", cap: number): number | null {
    const { inChannels, outChannels } = this.spec;
    const { taps } = this;
    const [slices, rows] = per === "input" ? [inChannels, outChannels] : [outChannels, inChannels];
    let most = 0;
    for (let s = 0; s < slices; s++) {
      const index = (r: number, t: number): number =>
        (per === "input" ? r * inChannels + s : s * inChannels + r) * taps + t;
      const rank = this.#rank(rows, taps, index, cap);
      if (rank === null) return null;
      most = Math.max(most, rank);
    }
    return most;
  }

  #rank(rows: number, cols: number, index: (p: number, q: number) => number, cap: number): number | null {
    return rankUpTo({ rows, cols, at: (p, q) => this.weight[index(p, q)]! }, cap, this.tolerance);
  }
}
