import type { LayerSlot } from "./layers.js";

/*
 * Bounds on what the search holds at a time. Activations of all images are carried from step to step, of the original and
 * of the compressed network; the patches of one batch are unfolded for the moments.
 */

const carriedBytes = 800e6;
const unfoldedBytes = 48e6;
const fewestImages = 4;

/** How many images can be carried at most when one takes `bytesPerImage` at the widest point of the network. */
export function imagesWithin(bytesPerImage: number): number {
  return Math.max(fewestImages, Math.floor(carriedBytes / 2 / Math.max(1, bytesPerImage)));
}

/** How many images a batch may hold so that no layer's unfolded patches take more than a bounded amount. */
export function batchWithin(slots: readonly LayerSlot[]): number {
  const widest = Math.max(
    1,
    ...slots.map(({ layer: { spec, outputShape } }) => {
      const taps = spec.kernel.reduce((product, size) => product * size, 1);
      return 4 * spec.inChannels * taps * outputShape.reduce((product, size) => product * size, 1);
    }),
  );
  return Math.max(1, Math.floor(unfoldedBytes / widest));
}
