import { elementCount, type NumberArray } from "../../ir/index.js";
import { stridesOf } from "../broadcast.js";
import type { KnownConvGeometry } from "../conv-geometry.js";
import { tableOf } from "./band.js";
import type { ConvolutionOperands } from "./convolution.js";
import { packStrided, product } from "../../linalg/product.js";

/** Unpadded output held at a time, in elements; one channel may take more, up to `mostHeld`. */
const heldElements = 2 ** 21;
const mostHeld = 2 ** 25;

/**
 * y = the transposed convolution of x with weight (C × O/group × kernel) + bias, in float64: each input position is
 * multiplied by the whole kernel, the products are added up where they land («col2im»), then the pads are cut off.
 */
export function convolveTransposed(operands: ConvolutionOperands): void {
  const { geometry, x, xDims, weight, bias, y } = operands;
  const { kernel, strides, dilations, pads, group, inChannels, outChannels } = geometry;
  if (y.length === 0) return;
  const spatial = xDims.slice(2);
  const outs = geometry.outputShape.slice(2);
  // Everything that any input reaches, and at least the output.
  const full = spatial.map((n, axis) =>
    Math.max(
      (n - 1) * strides[axis]! + (kernel[axis]! - 1) * dilations[axis]! + 1,
      pads[axis]! + outs[axis]!,
    ),
  );
  const fullSize = elementCount(full);
  if (fullSize > mostHeld) {
    transposeChecked(operands);
    return;
  }
  const taps = elementCount(kernel);
  const positions = elementCount(spatial);
  const outSize = elementCount(outs);
  const fullStrides = stridesOf(full);
  const landings = tableOf(
    spatial,
    fullStrides.map((s, axis) => s * strides[axis]!),
  );
  const reaches = tableOf(
    kernel,
    fullStrides.map((s, axis) => s * dilations[axis]!),
  );
  const perGroup = outChannels / group;
  const depth = inChannels / group;
  const block = Math.max(1, Math.min(perGroup, Math.floor(heldElements / fullSize)));
  const held = new Float64Array(block * fullSize);
  for (let n = 0; n < xDims[0]!; n++) {
    for (let g = 0; g < group; g++) {
      for (let o = 0; o < perGroup; o += block) {
        const count = Math.min(block, perGroup - o);
        held.fill(0);
        product({
          rows: count * taps,
          cols: positions,
          depth,
          packA: packStrided(weight, (g * depth * perGroup + o) * taps, 1, perGroup * taps),
          packB: packStrided(x, (n * inChannels + g * depth) * positions, 1, positions),
          store: (c, stride, row, rows, column, cols) => {
            for (let r = 0; r < rows; r++) {
              const channel = Math.floor((row + r) / taps);
              const at = channel * fullSize + reaches[(row + r) % taps]!;
              scatter(c, r * stride, held, at, landings, column, cols);
            }
          },
        });
        const first = g * perGroup + o;
        crop(held, full, geometry, count, bias, first, y, (n * outChannels + first) * outSize);
      }
    }
  }
}

function scatter(
  c: Float64Array,
  from: number,
  held: Float64Array,
  at: number,
  landings: Int32Array,
  column: number,
  cols: number,
): void {
  for (let j = 0; j < cols; j++) {
    const to = at + landings[column + j]!;
    held[to] = held[to]! + c[from + j]!;
  }
}

/** Copies what the pads leave of `count` channels to y, plus the bias. */
function crop(
  held: Float64Array,
  full: readonly number[],
  { pads, outputShape }: KnownConvGeometry,
  count: number,
  bias: NumberArray | null,
  first: number,
  y: NumberArray,
  at: number,
): void {
  const outs = outputShape.slice(2);
  const run = outs.at(-1) ?? 1;
  const fullStrides = stridesOf(full);
  const rows = tableOf(outs.slice(0, -1), fullStrides);
  const corner = full.reduce((sum, _, axis) => sum + pads[axis]! * fullStrides[axis]!, 0);
  const fullSize = elementCount(full);
  let to = at;
  for (let c = 0; c < count; c++) {
    const add = bias ? bias[first + c]! : 0;
    for (const row of rows) {
      const from = c * fullSize + corner + row;
      for (let i = 0; i < run; i++) y[to++] = held[from + i]! + add;
    }
  }
}

/** The same without scratch, for geometries whose unpadded output would not fit. */
function transposeChecked({ geometry, x, xDims, weight, bias, y }: ConvolutionOperands): void {
  const { kernel, group, inChannels, outChannels } = geometry;
  const spatial = xDims.slice(2);
  const outs = geometry.outputShape.slice(2);
  const [taps, size, positions] = [elementCount(kernel), elementCount(spatial), elementCount(outs)];
  const depth = inChannels / group;
  const perGroup = outChannels / group;
  const index = new Array<number>(outs.length).fill(0);
  for (let p = 0; p < positions; p++) {
    const near = sources(index, geometry, spatial);
    for (let n = 0; n < xDims[0]!; n++) {
      for (let o = 0; o < outChannels; o++) {
        const first = Math.floor(o / perGroup) * depth;
        let sum = bias ? bias[o]! : 0;
        for (let i = first; i < first + depth; i++) {
          const from = (n * inChannels + i) * size;
          const w = (i * perGroup + (o % perGroup)) * taps;
          for (const [tap, at] of near) sum += weight[w + tap]! * x[from + at]!;
        }
        y[(n * outChannels + o) * positions + p] = sum;
      }
    }
    for (let axis = outs.length - 1; axis >= 0 && ++index[axis]! === outs[axis]!; axis--) index[axis] = 0;
  }
}

/** Taps and input elements that land on the output at `index`. */
function sources(
  index: readonly number[],
  { kernel, strides, dilations, pads }: KnownConvGeometry,
  spatial: readonly number[],
): (readonly [number, number])[] {
  let found: (readonly [number, number])[] = [[0, 0]];
  kernel.forEach((count, axis) => {
    const reached = index[axis]! + pads[axis]!;
    const here: (readonly [number, number])[] = [];
    for (let tap = 0; tap < count; tap++) {
      const at = (reached - tap * dilations[axis]!) / strides[axis]!;
      if (Number.isInteger(at) && at >= 0 && at < spatial[axis]!) here.push([tap, at]);
    }
    found = found.flatMap(([t, e]) =>
      here.map(([tap, at]) => [t * count + tap, e * spatial[axis]! + at] as const),
    );
  });
  return found;
}
