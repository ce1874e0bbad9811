import type { LayerMeans } from "../calib/index.js";
import { ChainSum, tapCount, type FitTarget, type Form } from "../forms/index.js";
import { applyOrders } from "../forms/compose.js";
import type { ConvSpec } from "../forms/index.js";
import type { FittedLayer } from "./refit.js";
import type { LayerWeights } from "./staged-network.js";
import { layerWeights, meanResponse } from "./weights.js";

/** Numbers that a step changes, and what size of change is small for them. */
export interface Parameter {
  readonly values: Float64Array;
  readonly scale: number;
}

/** The form of one of the layer's groups while it is trained. */
interface TrainableForm {
  readonly form: Form;
  readonly spec: ConvSpec;
  readonly sum: ChainSum;
  readonly weights: readonly (readonly Float64Array[])[];
}

/**
 * A fitted layer as parameters: all factors of its forms and its bias, held in float64. The network runs the dense
 * kernel that they compose to, and the dense kernel's gradient is carried back through the composition. With the mean
 * patch μ of its inputs the layer is Ŵ(x − μ) + c, with c as the parameter in place of the bias: behind a ReLU the mean
 * is the largest part of x by far, and the gradients of all weights would mostly say what c says already (centering,
 * Schraudolph 1998).
 */
export class TrainableLayer {
  readonly #forms: readonly TrainableForm[];
  readonly #bias: Float64Array;
  readonly parameters: readonly Parameter[];

  constructor(
    private readonly fitted: FittedLayer,
    targets: readonly FitTarget[],
    private readonly means: LayerMeans | null,
  ) {
    this.#forms = fitted.candidate.forms.map((form, g) => ({
      form,
      spec: targets[g]!.layer,
      sum: new ChainSum(targets[g]!.layer, form.branches),
      weights: form.branches.map((chain) => chain.map(({ weight }) => weight.slice())),
    }));
    this.#bias = this.#shifted(fitted.bias, this.#kernel(), 1);
    const power = targets.reduce((sum, target) => sum + target.power, 0) / Math.max(1, this.#bias.length);
    this.parameters = [...this.#forms.flatMap(factorsOf), { values: this.#bias, scale: Math.sqrt(power) }];
  }

  /** The parameters' values as they are now, to go back to. */
  snapshot(): readonly Float64Array[] {
    return this.parameters.map(({ values }) => values.slice());
  }

  restore(snapshot: readonly Float64Array[]): void {
    this.parameters.forEach(({ values }, p) => values.set(snapshot[p]!));
  }

  /** The dense kernel and bias as they are now; call before {@link gradients}. */
  weights(): LayerWeights {
    const kernel = this.#kernel();
    return layerWeights(this.fitted.slot, kernel, this.#shifted(this.#bias, kernel, -1));
  }

  /** Gradients of all parameters, in order, from those of the dense kernel (changed in place) and the bias. */
  gradients(kernel: Float64Array, bias: Float64Array): readonly Float64Array[] {
    if (this.means) subtractMean(kernel, bias, this.means);
    let at = 0;
    const factors = this.#forms.flatMap(({ form, spec, sum, weights }) => {
      const size = spec.outChannels * spec.inChannels * tapCount(spec);
      const outer = undoOrders(kernel.subarray(at, (at += size)), form, spec);
      return sum.gradient(outer, weights).flat();
    });
    return [...factors, bias];
  }

  /** The layer with its parameters as they are now. */
  result(): FittedLayer {
    const forms = this.#forms.map(({ form, weights }) => ({
      ...form,
      branches: form.branches.map((chain, b) =>
        chain.map((stage, s) => ({ ...stage, weight: weights[b]![s]!.slice() })),
      ),
    }));
    const { slot, candidate } = this.fitted;
    const bias = this.#shifted(this.#bias, this.#kernel(), -1);
    return { slot, candidate: { ...candidate, forms }, bias, weights: this.weights() };
  }

  /** values + sign · Ŵμ. */
  #shifted(values: Float64Array, kernel: Float64Array, sign: 1 | -1): Float64Array {
    if (!this.means) return values.slice();
    const response = meanResponse(kernel, this.means);
    return values.map((value, o) => value + sign * response[o]!);
  }

  #kernel(): Float64Array {
    const parts = this.#forms.map(({ form, spec, sum, weights }) =>
      applyOrders(sum.compose(weights), form, spec),
    );
    const kernel = new Float64Array(parts.reduce((total, { length }) => total + length, 0));
    let at = 0;
    for (const part of parts) {
      kernel.set(part, at);
      at += part.length;
    }
    return kernel;
  }
}

/**
 * The factors of a form. Branches that are larger than their sum nearly cancel, and what is a small change for such a
 * branch is a large one for the kernel: their scale is that much smaller.
 */
function factorsOf({ spec, form, sum, weights }: TrainableForm): Parameter[] {
  const whole = rootMeanSquare(sum.compose(weights));
  return form.branches.flatMap((chain, b) => {
    const branch = rootMeanSquare(new ChainSum(spec, [chain]).compose([weights[b]!]));
    const share = branch > whole ? whole / branch : 1;
    return weights[b]!.map((values) => ({ values, scale: share * rootMeanSquare(values) }));
  });
}

/** What moves with c is no business of the weights: dL/dŴ − dL/dc · μᵀ. */
function subtractMean(kernel: Float64Array, bias: Float64Array, { groups }: LayerMeans): void {
  const width = kernel.length / bias.length;
  bias.forEach((gradient, o) => {
    const { meanIn } = groups[Math.floor((o * groups.length) / bias.length)]!;
    for (let i = 0; i < width; i++) kernel[o * width + i]! -= gradient * meanIn[i]!;
  });
}

/** The gradient at the sum of chains from the one at the kernel seen from outside the channel orders. */
function undoOrders(gradient: Float64Array, { inputOrder, outputOrder }: Form, spec: ConvSpec): Float64Array {
  if (!inputOrder && !outputOrder) return gradient;
  const { inChannels, outChannels } = spec;
  const taps = tapCount(spec);
  const result = new Float64Array(gradient.length);
  for (let o = 0; o < outChannels; o++) {
    const row = (outputOrder?.[o] ?? o) * inChannels;
    for (let i = 0; i < inChannels; i++) {
      const from = (o * inChannels + (inputOrder?.[i] ?? i)) * taps;
      for (let t = 0; t < taps; t++) result[(row + i) * taps + t] = gradient[from + t]!;
    }
  }
  return result;
}

function rootMeanSquare(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum / Math.max(1, values.length));
}
