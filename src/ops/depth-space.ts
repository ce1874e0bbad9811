import { type Dim } from "../ir/index.js";
import { fact } from "./fact.js";
import { defineOp, type EvalCall, type InferCall } from "./op.js";
import { attributeError, factOf, formatShape, operand, shapeError } from "./operand.js";
import { permute } from "./strided.js";

interface BlockAttributes {
  readonly blocksize: number;
  readonly mode: string | null;
}

type BlockCall = InferCall<BlockAttributes> | EvalCall<BlockAttributes>;

function checkedBlock(call: BlockCall, shape: readonly Dim[]): number {
  const { blocksize, mode } = call.attributes;
  if (!Number.isInteger(blocksize) || blocksize < 1)
    throw attributeError(call, `blocksize ${blocksize} is not positive`);
  if (mode !== null && mode !== "DCR" && mode !== "CRD") {
    throw attributeError(call, `mode must be DCR or CRD, not "${mode}"`);
  }
  if (shape.length !== 4) throw shapeError(call, `the input must be [N, C, H, W], not ${formatShape(shape)}`);
  return blocksize;
}

function divided(call: BlockCall, dim: Dim, by: number, what: string): Dim {
  if (typeof dim !== "number") return by === 1 ? dim : null;
  if (dim % by !== 0) throw shapeError(call, `${what} ${dim} is not a multiple of ${by}`);
  return dim / by;
}

function times(dim: Dim, by: number): Dim {
  return by === 1 ? dim : typeof dim === "number" ? dim * by : null;
}

/** [N, C·b², H, W] → [N, C, H·b, W·b]; DCR has the block in front of the depth, CRD behind it. */
export const depthToSpace = defineOp("DepthToSpace", {
  infer: (call) => {
    const x = factOf(call, 0);
    if (!x.shape) return [fact(x.dtype, [null, null, null, null])];
    const b = checkedBlock(call as BlockCall, x.shape);
    const [n, c, h, w] = x.shape as [Dim, Dim, Dim, Dim];
    const depth = divided(call as BlockCall, c, b * b, "the number of channels");
    return [fact(x.dtype, [n, depth, times(h, b), times(w, b)])];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    const b = checkedBlock(call as BlockCall, x.dims);
    const [n, c, h, w] = x.dims as [number, number, number, number];
    const depth = divided(call as BlockCall, c, b * b, "the number of channels") as number;
    const split =
      call.attributes.mode === "CRD"
        ? permute(x.reshape([n, depth, b, b, h, w]), [0, 1, 4, 2, 5, 3])
        : permute(x.reshape([n, b, b, depth, h, w]), [0, 3, 4, 1, 5, 2]);
    return [split.reshape([n, depth, h * b, w * b])];
  },
});

/** The inverse: [N, C, H·b, W·b] → [N, C·b², H, W]. */
export const spaceToDepth = defineOp("SpaceToDepth", {
  infer: (call) => {
    const x = factOf(call, 0);
    if (!x.shape) return [fact(x.dtype, [null, null, null, null])];
    const b = checkedBlock(call as BlockCall, x.shape);
    const [n, c, h, w] = x.shape as [Dim, Dim, Dim, Dim];
    const [height, width] = [
      divided(call as BlockCall, h, b, "the height"),
      divided(call as BlockCall, w, b, "the width"),
    ];
    return [fact(x.dtype, [n, times(c, b * b), height, width])];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    const b = checkedBlock(call as BlockCall, x.dims);
    const [n, c, h, w] = x.dims as [number, number, number, number];
    const height = divided(call as BlockCall, h, b, "the height") as number;
    const width = divided(call as BlockCall, w, b, "the width") as number;
    const order = call.attributes.mode === "CRD" ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4];
    return [permute(x.reshape([n, c, height, b, width, b]), order).reshape([n, c * b * b, height, width])];
  },
});
