import { elementCount, Tensor, type Dim } from "../ir/index.js";
import { stridesOf } from "./broadcast.js";
import { entriesOf, productOf } from "./entries.js";
import { fact } from "./fact.js";
import { forEachIndex } from "./gather.js";
import { defineOp } from "./op.js";
import { factOf, formatShape, integersOf, operand, shapeError } from "./operand.js";

/** Adds up the columns [N, C·∏block, L] of sliding blocks to images [N, C, *image]. */
export const col2Im = defineOp("Col2Im", {
  infer: (call) => {
    const x = factOf(call, 0);
    const [image, block] = [entriesOf(factOf(call, 1)), entriesOf(factOf(call, 2))];
    const rank = factOf(call, 1).shape?.[0];
    if (!image && typeof rank !== "number") return [fact(x.dtype, null)];
    const spatial = image ?? Array<null>(rank as number).fill(null);
    const [columns, size] = [x.shape?.[1] ?? null, block ? productOf(block) : null];
    const known = typeof columns === "number" && typeof size === "number" && size > 0;
    const channels: Dim = known ? Math.floor(columns / size) : null;
    return [fact(x.dtype, [x.shape?.[0] ?? null, channels, ...spatial])];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    const [image, block] = [integersOf(operand(call, 1)), integersOf(operand(call, 2))];
    const rank = image.length;
    const ones = Array<number>(rank).fill(1);
    const dilations = call.attributes.dilations ?? ones;
    const strides = call.attributes.strides ?? ones;
    const pads = call.attributes.pads ?? Array<number>(2 * rank).fill(0);
    const size = elementCount(block);
    const windows = image.map((length, i) => {
      const reach = dilations[i]! * (block[i]! - 1) + 1;
      return Math.floor((length + pads[i]! + pads[i + rank]! - reach) / strides[i]!) + 1;
    });
    const places = elementCount(windows);
    const [batches, columns] = x.dims as [number, number];
    if (x.dims.length !== 3 || columns % size !== 0 || x.dims[2] !== places || block.length !== rank) {
      throw shapeError(
        call,
        `columns ${formatShape(x.dims)} do not fit image ${formatShape(image)} in blocks ${formatShape(block)}`,
      );
    }
    const channels = columns / size;
    const dims = [batches, channels, ...image];
    const sums = new Float64Array(elementCount(dims));
    const imageStrides = stridesOf(image);
    const plane = elementCount(image);
    const data = x.numbers;
    forEachIndex(block, (tap, inBlock) => {
      forEachIndex(windows, (place, window) => {
        let offset = 0;
        for (let i = 0; i < rank; i++) {
          const at = window[i]! * strides[i]! + inBlock[i]! * dilations[i]! - pads[i]!;
          if (at < 0 || at >= image[i]!) return;
          offset += at * imageStrides[i]!;
        }
        for (let nc = 0; nc < batches * channels; nc++) {
          sums[nc * plane + offset]! += data[(nc * size + tap) * places + place]!;
        }
      });
    });
    const out = call.allocate(x.dtype, sums.length) as Float64Array;
    for (let i = 0; i < out.length; i++) out[i] = sums[i]!;
    return [Tensor.of(x.dtype, dims, out)];
  },
});
