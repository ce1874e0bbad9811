import { elementCount } from "../../ir/index.js";
import { stridesOf } from "../broadcast.js";
import type { ConvolutionOperands } from "./convolution.js";

/** y = conv(x, weight) + bias without any scratch, for geometries whose padded input would not fit: every tap is checked. */
export function convolveChecked({ geometry, x, xDims, weight, bias, y }: ConvolutionOperands): void {
  const { kernel, strides, dilations, pads, group, outChannels } = geometry;
  const spatial = xDims.slice(2);
  const outs = geometry.outputShape.slice(2);
  const rank = spatial.length;
  const channels = geometry.inChannels / group;
  const size = elementCount(spatial);
  const taps = elementCount(kernel);
  const positions = elementCount(outs);
  const inStrides = stridesOf(spatial);
  const index = new Array<number>(rank).fill(0);
  for (let p = 0; p < positions; p++) {
    const near = reachable(index, strides, dilations, pads, kernel, spatial, inStrides);
    for (let n = 0; n < xDims[0]!; n++) {
      for (let o = 0; o < outChannels; o++) {
        const first = Math.floor(o / (outChannels / group)) * channels;
        let sum = bias ? bias[o]! : 0;
        for (let c = 0; c < channels; c++) {
          const from = (n * geometry.inChannels + first + c) * size;
          const w = (o * channels + c) * taps;
          for (const [tap, at] of near) sum += weight[w + tap]! * x[from + at]!;
        }
        y[(n * outChannels + o) * positions + p] = sum;
      }
    }
    for (let axis = rank - 1; axis >= 0 && ++index[axis]! === outs[axis]!; axis--) index[axis] = 0;
  }
}

/** Taps of the window at `index` that lie inside the input, with their elements. */
function reachable(
  index: readonly number[],
  strides: readonly number[],
  dilations: readonly number[],
  pads: readonly number[],
  kernel: readonly number[],
  spatial: readonly number[],
  inStrides: readonly number[],
): (readonly [number, number])[] {
  let found: (readonly [number, number])[] = [[0, 0]];
  kernel.forEach((count, axis) => {
    const start = index[axis]! * strides[axis]! - pads[axis]!;
    const step = dilations[axis]!;
    const low = Math.max(0, Math.ceil(-start / step));
    const high = Math.min(count, Math.floor((spatial[axis]! - 1 - start) / step) + 1);
    found = found.flatMap(([tap, at]) =>
      Array.from(
        { length: Math.max(0, high - low) },
        (_, i) => [tap * count + low + i, at + (start + (low + i) * step) * inStrides[axis]!] as const,
      ),
    );
  });
  return found;
}
