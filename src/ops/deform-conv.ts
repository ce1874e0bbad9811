import { elementCount, isFloat, Tensor, type NumberArray } from "../ir/index.js";
import { checkBias, knownWeight } from "./conv.js";
import { resolveConv, type KnownConvGeometry } from "./conv-geometry.js";
import { fact } from "./fact.js";
import { multiplyMatrices } from "./kernels/matrix-product.js";
import { defineOp, type EvalCall } from "./op.js";
import { factOf, formatShape, operand, sameDtype, shapeError, unsupported } from "./operand.js";

interface DeformAttributes {
  readonly group: number;
  readonly offset_group: number;
  readonly kernel_shape: readonly number[] | null;
  readonly strides: readonly number[] | null;
  readonly dilations: readonly number[] | null;
  readonly pads: readonly number[] | null;
}

/** 2-D deformable convolution (Dai et al. 2017; with a mask Zhu et al. 2019): taps move by offsets, read bilinearly. */
export const deformConv = defineOp("DeformConv", {
  infer: (call) => {
    const [x, w] = [factOf(call, 0), factOf(call, 1)];
    const weight = knownWeight(w.shape, call.attributes.kernel_shape);
    const vague = x.shape?.map((dim, axis) => (axis === 0 ? dim : null)) ?? null;
    return [
      fact(
        x.dtype,
        x.shape && weight ? resolveConv(call.attributes, x.shape, weight, call).outputShape : vague,
      ),
    ];
  },
  evaluate: (call) => [evaluateDeformConv(call)],
});

function evaluateDeformConv(call: EvalCall<DeformAttributes>): Tensor {
  const [x, w, offset] = [operand(call, 0), operand(call, 1), operand(call, 2)];
  const [bias, mask] = [call.inputs[3] ?? null, call.inputs[4] ?? null];
  const dtype = sameDtype(call, [x, w, offset, ...(bias ? [bias] : []), ...(mask ? [mask] : [])]);
  if (!isFloat(dtype) || x.dims.length !== 4) {
    throw unsupported(call, `DeformConv of ${dtype}${formatShape(x.dims)} is not evaluated`);
  }
  const geometry = resolveConv(call.attributes, x.dims, w.dims, call);
  checkBias(call, bias?.dims, geometry.outChannels);
  const groups = call.attributes.offset_group;
  if (!Number.isInteger(groups) || groups < 1 || geometry.inChannels % groups !== 0) {
    throw shapeError(
      call,
      `input channels ${geometry.inChannels} must be a multiple of offset_group ${groups}`,
    );
  }
  const [taps, outs] = [elementCount(geometry.kernel), geometry.outputShape.slice(2)];
  checkMoved(call, "the offsets", offset, [x.dims[0]!, groups * taps * 2, ...outs]);
  if (mask) checkMoved(call, "the mask", mask, [x.dims[0]!, groups * taps, ...outs]);
  const y = call.floats(elementCount(geometry.outputShape));
  const positions = elementCount(outs);
  const { group, inChannels, outChannels } = geometry;
  const [depth, perGroup] = [(inChannels / group) * taps, outChannels / group];
  const patches = new Float64Array(depth * positions);
  for (let n = 0; n < x.dims[0]!; n++) {
    for (let g = 0; g < group; g++) {
      for (let c = 0; c < inChannels / group; c++) {
        const channel = (g * inChannels) / group + c;
        samplePatches(
          x,
          offset.numbers,
          mask?.numbers ?? null,
          geometry,
          groups,
          n,
          channel,
          patches,
          c * taps * positions,
        );
      }
      const layout = {
        rows: perGroup,
        cols: positions,
        depth,
        a: { at: g * perGroup * depth, row: depth, col: 1 },
        b: { at: 0, row: positions, col: 1 },
      };
      multiplyMatrices(layout, w.numbers, patches, (sum, row, col) => {
        const o = g * perGroup + row;
        y[(n * outChannels + o) * positions + col] = sum + (bias ? bias.numbers[o]! : 0);
      });
    }
  }
  return Tensor.of(dtype, geometry.outputShape, y);
}

function checkMoved(call: EvalCall<unknown>, name: string, tensor: Tensor, wanted: readonly number[]): void {
  if (tensor.dims.length !== wanted.length || tensor.dims.some((dim, axis) => dim !== wanted[axis])) {
    throw shapeError(call, `${name} ${formatShape(tensor.dims)} must have the shape ${formatShape(wanted)}`);
  }
}

/** What every tap of every position reads of one channel: taps × positions values from `to` on. */
function samplePatches(
  x: Tensor,
  offset: NumberArray,
  mask: NumberArray | null,
  { kernel, strides, dilations, pads, outputShape, inChannels }: KnownConvGeometry,
  groups: number,
  n: number,
  channel: number,
  patches: Float64Array,
  to: number,
): void {
  const [height, width] = [x.dims[2]!, x.dims[3]!];
  const [outHeight, outWidth] = [outputShape[2]!, outputShape[3]!];
  const positions = outHeight * outWidth;
  const taps = kernel[0]! * kernel[1]!;
  const group = Math.floor(channel / (inChannels / groups));
  const plane = (n * inChannels + channel) * height * width;
  for (let t = 0; t < taps; t++) {
    const [ky, kx] = [Math.floor(t / kernel[1]!), t % kernel[1]!];
    const tap = (n * groups + group) * taps + t;
    for (let p = 0; p < positions; p++) {
      const [oy, ox] = [Math.floor(p / outWidth), p % outWidth];
      const at = 2 * tap * positions + p;
      const row = oy * strides[0]! - pads[0]! + ky * dilations[0]! + offset[at]!;
      const col = ox * strides[1]! - pads[1]! + kx * dilations[1]! + offset[at + positions]!;
      const value = bilinear(x.numbers, plane, height, width, row, col);
      patches[to + t * positions + p] = mask ? value * mask[tap * positions + p]! : value;
    }
  }
}

/** Bilinear reading with zeros outside of the plane. */
function bilinear(
  x: NumberArray,
  at: number,
  height: number,
  width: number,
  row: number,
  col: number,
): number {
  if (!(row > -1 && row < height && col > -1 && col < width)) return 0;
  const [top, left] = [Math.floor(row), Math.floor(col)];
  const [down, right] = [row - top, col - left];
  const read = (i: number, j: number): number =>
    i < 0 || i >= height || j < 0 || j >= width ? 0 : x[at + i * width + j]!;
  return (
    (1 - down) * ((1 - right) * read(top, left) + right * read(top, left + 1)) +
    down * ((1 - right) * read(top + 1, left) + right * read(top + 1, left + 1))
  );
}
