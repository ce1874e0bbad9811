import type { NumberArray } from "../ir/index.js";
import type { PatchGeometry } from "./patch-geometry.js";

/**
 * Writes the im2col patches of one image as rows of `into`, from row `row` on: one per entry of `picked` (output
 * positions), columns over input channel first, then taps. `image` starts at `data[offset]`.
 */
export function writePatches(
  g: PatchGeometry,
  sources: Int32Array,
  data: NumberArray,
  offset: number,
  picked: Int32Array,
  into: Float64Array,
  row: number,
): void {
  const { taps, positions, columns, spec } = g;
  const area = g.input.reduce((product, size) => product * size, 1);
  for (let k = 0; k < picked.length; k++) {
    const p = picked[k]!;
    let to = (row + k) * columns;
    for (let c = 0, from = offset; c < spec.inChannels; c++, from += area) {
      for (let t = 0, at = p; t < taps; t++, at += positions) {
        const source = sources[at]!;
        into[to++] = source < 0 ? 0 : data[from + source]!;
      }
    }
  }
}

/** Writes the channels of one image at the picked positions as rows of `into`: picked.length × channels. */
export function writePixels(
  data: NumberArray,
  offset: number,
  channels: number,
  positions: number,
  picked: Int32Array,
  into: Float64Array,
  row: number,
): void {
  for (let k = 0; k < picked.length; k++) {
    let to = (row + k) * channels;
    for (let c = 0, from = offset + picked[k]!; c < channels; c++, from += positions)
      into[to++] = data[from]!;
  }
}
