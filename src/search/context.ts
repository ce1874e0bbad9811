import { PatchMomentSums, type LayerMoments } from "../calib/index.js";
import type { Tensor, Model } from "../ir/index.js";
import type { Matrix } from "../linalg/index.js";
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
  /** Solves a·x = b for a symmetric positive definite a. */
  readonly solve: (a: Matrix, b: Matrix) => Matrix;
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

/** How far output positions can be thinned out and still leave enough rows. */
export function thinningFor(slot: LayerSlot, images: number): number {
  const { spec, outputShape } = slot.layer;
  const positions = outputShape.reduce((product, size) => product * size, 1);
  const width = (spec.inChannels / spec.group) * spec.kernel.reduce((product, size) => product * size, 1);
  const surplus = (images * positions) / Math.max(1, width * rowsPerColumn);
  const axes = Math.max(1, outputShape.length);
  return Math.max(1, Math.min(4, Math.floor(surplus ** (1 / axes)), ...outputShape));
}

/**
 * Moments of a layer over the images of all states: x is read from `inputs`, y from `outputs`, and, where `shift` is
 * given, y gets its tensor added (what the shortcut's error adds to the target).
 */
export async function momentsOf(
  cx: SearchContext,
  slot: LayerSlot,
  inputs: readonly State[],
  outputs: readonly Tensor[],
): Promise<LayerMoments> {
  const images = inputs.reduce((sum, state) => sum + (state.get(slot.input)?.dims[0] ?? 0), 0);
  const sums = new PatchMomentSums(slot.layer.spec, slot.layer.dtype, cx.open, thinningFor(slot, images));
  try {
    for (const [b, state] of inputs.entries()) {
      await cx.pause();
      await sums.add(state.get(slot.input)!, outputs[b]!);
    }
    return sums.result();
  } finally {
    await sums.dispose();
  }
}
