import type { FitTarget } from "../forms/index.js";
import { Tensor } from "../ir/index.js";
import { fitPlan, refittedTarget, type Candidate, type LayerCandidates } from "./candidates.js";
import { momentsOf, type SearchContext } from "./context.js";
import type { LayerSlot } from "./layers.js";
import type { LayerWeights, State } from "./staged-network.js";
import { biasFor, composedKernel, layerWeights } from "./weights.js";

/** A layer after the refit: its form with weights, its bias, and the same as a dense kernel. */
export interface FittedLayer {
  readonly slot: LayerSlot;
  readonly candidate: Candidate;
  readonly bias: Float64Array;
  readonly weights: LayerWeights;
}

export interface RefitOptions {
  /** L-BFGS steps per layer, from the candidate's own weights. */
  readonly steps: number;
  /** Ridge towards the original kernel, relative to the mean variance of an input. */
  readonly ridge: number;
  /** The last layer before an Add also aims at the shortcut's error. */
  readonly residualTargets: boolean;
  /** Layers that keep their form are fitted to the changed inputs too. */
  readonly refitStandard: boolean;
}

/**
 * One sweep through the network in topological order, original and compressed activations side by side: every layer is
 * fitted to the original's outputs from the inputs that the compressed network really gives it (asymmetric
 * reconstruction, Zhang et al. 2016), its bias to the means. Where a layer's output goes into an Add, its target also
 * holds what the other operand lost, so that the block's output is matched (He et al. 2017).
 */
export async function refitSequentially(
  cx: SearchContext,
  layers: readonly LayerCandidates[],
  chosen: readonly Candidate[],
  options: RefitOptions,
): Promise<FittedLayer[]> {
  const { network } = cx;
  const original: State[] = cx.fitted.map((feeds) => network.start(feeds));
  // Where nothing before has changed, both networks are one.
  let changed = original;
  const fitted: FittedLayer[] = [];
  const firstChanged = chosen.findIndex(({ family }) => family !== "standard");
  for (const [index, step] of network.steps.entries()) {
    await cx.pause();
    const { slot } = step;
    if (!slot || firstChanged < 0 || slot.index < firstChanged) {
      // A layer with nothing changed before it stays as it is, bit for bit.
      if (slot) fitted.push(unfitted(slot, layers[slot.index]!.standard, layers[slot.index]!.targets));
      await network.advanceAll(step, original);
      if (changed !== original) await network.advanceAll(step, changed);
    } else {
      if (changed === original) changed = [...original];
      const targets: Tensor[] = [];
      for (const [b, before] of original.entries()) {
        const after = await network.advance(step, before);
        targets.push(targetOutput(slot, before, changed[b]!, after, options));
        original[b] = after;
      }
      const layer = await refitLayer(
        cx,
        slot,
        layers[slot.index]!,
        chosen[slot.index]!,
        changed,
        targets,
        options,
      );
      fitted.push(layer);
      await network.advanceAll(step, changed, layer.weights);
    }
    cx.report("refit", index + 1, network.steps.length);
  }
  return fitted;
}

/** A layer with its candidate's own weights and the original's bias. */
export function unfitted(slot: LayerSlot, candidate: Candidate, targets: readonly FitTarget[]): FittedLayer {
  const { bias, weight } = slot.layer;
  const kernel = candidate.plan ? composedKernel(candidate.forms, targets) : weight;
  return { slot, candidate, bias, weights: layerWeights(slot, kernel, bias) };
}

/** The original output, plus what the shortcut has lost on the way. */
function targetOutput(
  slot: LayerSlot,
  before: State,
  changed: State,
  after: State,
  { residualTargets }: RefitOptions,
): Tensor {
  const output = after.get(slot.output)!;
  const shortcut = residualTargets && slot.shortcut !== null ? slot.shortcut : null;
  const [right, wrong] = shortcut === null ? [] : [before.get(shortcut), changed.get(shortcut)];
  if (!right || !wrong || right === wrong || right.dims.join() !== output.dims.join()) return output;
  const [y, s, t] = [output.numbers, right.numbers, wrong.numbers];
  const sum = new Float32Array(y.length);
  for (let i = 0; i < y.length; i++) sum[i] = y[i]! + s[i]! - t[i]!;
  return output.dtype === "float32"
    ? Tensor.of("float32", output.dims, sum)
    : Tensor.floats(output.dtype, output.dims, sum);
}

async function refitLayer(
  cx: SearchContext,
  slot: LayerSlot,
  layer: LayerCandidates,
  chosen: Candidate,
  inputs: readonly State[],
  outputs: readonly Tensor[],
  options: RefitOptions,
): Promise<FittedLayer> {
  const moments = await momentsOf(cx, slot, inputs, outputs);
  const targets = layer.targets.map((target, g) =>
    refittedTarget(target, moments.groups[g]!, options.ridge, cx.productsFor),
  );
  let candidate: Candidate;
  if (chosen.plan) {
    candidate = {
      ...(await fitPlan(chosen.family, chosen.plan, slot.layer, targets, options.steps, {
        forms: chosen.forms,
        sameTargets: false,
      })),
      latency: chosen.latency,
    };
  } else {
    const kernels = options.refitStandard ? targets : layer.targets;
    candidate = {
      ...chosen,
      forms: chosen.forms.map((form, g) => ({
        ...form,
        branches: [[{ ...form.branches[0]![0]!, weight: kernels[g]!.kernel.data }]],
      })),
    };
  }
  for (const target of targets) await target.release();
  const kernel = composedKernel(candidate.forms, targets);
  const bias = biasFor(kernel, slot.layer, moments);
  return { slot, candidate, bias, weights: layerWeights(slot, kernel, bias) };
}
