import {
  plannedChains,
  replaceByProgram,
  weightSize,
  type Chains,
  type ConvSpec,
  type FormPlan,
  type Program,
} from "../forms/index.js";
import { cloneModel, Patch, type Model } from "../ir/index.js";
import { seededRandom } from "../linalg/index.js";
import { tiledNoise } from "./noise.js";
import type { LayerWindow } from "./window.js";

/** Weights whose outputs are about as large as the inputs. */
function randomWeights(spec: ConvSpec): Float64Array {
  const count = weightSize(spec);
  return tiledNoise(count, Math.sqrt((3 * spec.outChannels) / count));
}

/** The chains of a plan in every group of its layer, with random weights. */
export function candidateChains(plan: Pick<FormPlan, "branches" | "ordered">, groups: number): Chains {
  return plannedChains(plan, groups, randomWeights);
}

/** The window with its layer replaced by a program. */
export function candidateModel(window: LayerWindow, program: Program): Model {
  const model = cloneModel(window.model);
  const node = model.graph.value(window.output)!.producer!;
  const { inChannels, outChannels } = window.layer.spec;
  const patch = new Patch(model.graph, node);
  replaceByProgram(patch, node, program, window.layer, {
    bias: new Float64Array(outChannels).fill(0.1),
    orders: { in: shuffled(inChannels), out: shuffled(outChannels) },
  });
  patch.apply();
  return model;
}

function shuffled(channels: number): Int32Array {
  return seededRandom(channels).shuffle(Int32Array.from({ length: channels }, (_, i) => i));
}
