import type { LayerMeans } from "../calib/index.js";
import { compose, type ConvLayer, type FitTarget, type Form } from "../forms/index.js";
import { Tensor } from "../ir/index.js";
import type { LayerSlot } from "./layers.js";
import type { LayerWeights } from "./staged-network.js";

/** The dense kernel of all groups' forms, in the layout of the layer's weight. */
export function composedKernel(forms: readonly Form[], targets: readonly FitTarget[]): Float64Array {
  const parts = forms.map((form, g) => compose(form, targets[g]!.layer).data);
  const kernel = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    kernel.set(part, at);
    at += part.length;
  }
  return kernel;
}

/** Ŵ E x̂: what a kernel makes of the mean patch, per output channel. */
export function meanResponse(kernel: Float64Array, { groups }: LayerMeans): Float64Array {
  const width = groups[0]?.meanIn.length ?? 0;
  const channels = kernel.length / Math.max(1, width);
  const response = new Float64Array(channels);
  for (let o = 0; o < channels; o++) {
    const { meanIn } = groups[Math.floor((o * groups.length) / channels)]!;
    let sum = 0;
    for (let i = 0; i < width; i++) sum += kernel[o * width + i]! * meanIn[i]!;
    response[o] = sum;
  }
  return response;
}

/**
 * The bias that goes with a kernel, so that the mean of the output is the wanted one: E y − Ŵ E x̂ per output channel.
 * Without means the layer's own.
 */
export function biasFor(kernel: Float64Array, layer: ConvLayer, means: LayerMeans | null): Float64Array {
  if (!means) return layer.bias;
  const wanted = means.groups.flatMap(({ meanOut }) => Array.from(meanOut));
  return meanResponse(kernel, means).map((response, o) => wanted[o]! - response);
}

/** Weight and bias as the working model takes them. */
export function layerWeights(slot: LayerSlot, kernel: Float64Array, bias: Float64Array): LayerWeights {
  return {
    weight: Tensor.floats(slot.layer.dtype, slot.weightDims, kernel),
    bias: Tensor.floats(slot.layer.dtype, [bias.length], bias),
  };
}
