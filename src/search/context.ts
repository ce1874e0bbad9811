import { momentStream, type LayerMoments } from "../calib/index.js";
import { patchWidth } from "../forms/index.js";
import { ModelError, type Tensor, type Model } from "../ir/index.js";
import type { Executor } from "../runtime/index.js";
import type { ProductsFor } from "./candidates.js";
import type { Journal } from "./journal.js";
import type { LayerSlot } from "./layers.js";
import type { StagedNetwork, State } from "./staged-network.js";

/** What every part of the search works with. */
export interface SearchContext {
  readonly network: StagedNetwork;
  readonly slots: readonly LayerSlot[];
  readonly model: Model;
  readonly open: (model: Model) => Promise<Executor>;
  readonly productsFor: ProductsFor;
  /** Feeds of the fitted and of the selected images. */
  readonly fitted: readonly ReadonlyMap<string, Tensor>[];
  readonly selected: readonly ReadonlyMap<string, Tensor>[];
  readonly report: (step: string, done: number, total: number | null) => void;
  /** Between pieces of work: lets pending events in now and then, and throws when the run was aborted. */
  readonly pause: () => Promise<void>;
  readonly journal: Journal | null;
}

/** Rows of patches per column of the moment matrix that are plenty for a stable fit. */
const rowsPerColumn = 96;

/** How far output positions can be thinned out and still leave enough of so many patches. */
export function thinningFor({ layer: { spec, outputShape } }: LayerSlot, patches: number): number {
  const surplus = patches / Math.max(1, patchWidth(spec) * rowsPerColumn);
  const axes = Math.max(1, outputShape.length);
  return Math.max(1, Math.min(4, Math.floor(surplus ** (1 / axes)), ...outputShape));
}

/**
 * Moments of a layer over the images of all states: x is read from `inputs`, y from `outputs`. A ModelError where they
 * overflow, or the values did before.
 */
export async function momentsOf(
  cx: SearchContext,
  slot: LayerSlot,
  inputs: readonly State[],
  outputs: readonly Tensor[],
): Promise<LayerMoments> {
  const images = inputs.reduce((sum, state) => sum + (state.get(slot.input)?.dims[0] ?? 0), 0);
  const { spec, dtype, outputShape } = slot.layer;
  const positions = outputShape.reduce((product, size) => product * size, 1);
  const patches = images * positions;
  const sums = momentStream({ spec, dtype, open: cx.open, thinning: thinningFor(slot, patches) }, patches);
  try {
    for (const [b, state] of inputs.entries()) {
      await cx.pause();
      await sums.add(state.get(slot.input)!, outputs[b]!);
    }
    const moments = sums.result();
    checkFinite(slot, moments);
    return moments;
  } finally {
    await sums.dispose();
  }
}

function checkFinite({ layer }: LayerSlot, { groups }: LayerMoments): void {
  if (groups.every(({ covariance, cross }) => covariance.isFinite() && cross.data.every(Number.isFinite)))
    return;
  throw new ModelError(
    "E_NOT_FINITE",
    "the layer's values on the calibration images are not finite or too large",
    {
      where: { node: layer.name },
      hint: "check the images' preprocessing with `convopt run`, or skip what is behind with --skip",
    },
  );
}
