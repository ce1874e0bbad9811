import { Tensor, type Dim } from "../ir/index.js";
import { fact } from "./fact.js";
import { defineOp, type EvalCall } from "./op.js";
import { attributeError, factOf, formatShape, operand, shapeError, type Site } from "./operand.js";
import { sliceTensor, wholeRange } from "./slice.js";
import { defineUnaryWith } from "./unary.js";

/* Experimental operators that ONNX dropped in 1.5; models of that time still have them and runtimes still run them. */

/** alpha·x + beta. */
export const affine = defineUnaryWith("Affine", ({ attributes: { alpha, beta } }) => ({
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = alpha * x[i]! + beta;
  },
}));

export const scale = defineUnaryWith("Scale", ({ attributes }) => ({
  floats: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = attributes.scale * x[i]!;
  },
}));

/** alpha·tanh(beta·x); both are 1 when they are absent. */
export const scaledTanh = defineUnaryWith("ScaledTanh", ({ attributes }) => {
  const [alpha, beta] = [attributes.alpha ?? 1, attributes.beta ?? 1];
  return {
    floats: (x, y) => {
      for (let i = 0; i < y.length; i++) y[i] = alpha * Math.tanh(beta * x[i]!);
    },
  };
});

/** alpha·log(1 + e^(beta·x)). */
export const parametricSoftplus = defineUnaryWith("ParametricSoftplus", ({ attributes }) => {
  const [alpha, beta] = [attributes.alpha ?? 1, attributes.beta ?? 1];
  return {
    floats: (x, y) => {
      for (let i = 0; i < y.length; i++) {
        const v = beta * x[i]!;
        y[i] = alpha * (Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v))));
      }
    },
  };
});

/** scale·x + bias per channel of [N, C, H, W]. */
export const imageScaler = defineOp("ImageScaler", {
  infer: (call) => {
    const x = factOf(call, 0);
    checkBias(call, x.shape, call.attributes.bias);
    return [fact(x.dtype, x.shape)];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    const { bias, scale: factor } = call.attributes;
    checkBias(call, x.dims, bias);
    const [batches, channels, height, width] = x.dims as [number, number, number, number];
    const out = call.allocate(x.dtype, x.size) as Float64Array;
    const plane = height * width;
    for (let i = 0; i < batches * channels; i++) {
      const offset = bias?.[i % channels] ?? 0;
      for (let j = i * plane; j < (i + 1) * plane; j++) out[j] = factor * x.numbers[j]! + offset;
    }
    return [Tensor.of(x.dtype, x.dims, out)];
  },
});

function checkBias(site: Site, shape: readonly Dim[] | null, bias: readonly number[] | null): void {
  if (!shape) return;
  if (shape.length !== 4) throw shapeError(site, `the input must be [N, C, H, W], not ${formatShape(shape)}`);
  if (bias && typeof shape[1] === "number" && bias.length !== shape[1]) {
    throw shapeError(site, `bias has ${bias.length} entries for ${shape[1]} channels`);
  }
}

interface CropAttributes {
  readonly border: readonly number[];
  readonly scale: readonly number[] | null;
}

/** Border is left, top, right, bottom; with `scale` = [height, width] that window from (left, top) on. */
function croppedAxis(
  site: Site,
  { border, scale: size }: CropAttributes,
  axis: 0 | 1,
): { start: number; end: number | null; length: number | null } {
  if (border.length !== 4) throw attributeError(site, `border must have four entries, not ${border.length}`);
  if (size && size.length !== 2)
    throw attributeError(site, `scale must have two entries, not ${size.length}`);
  const start = border[axis === 0 ? 1 : 0]!;
  return { start, end: size ? null : border[axis === 0 ? 3 : 2]!, length: size ? size[axis]! : null };
}

export const crop = defineOp("Crop", {
  infer: (call) => {
    const x = factOf(call, 0);
    if (!x.shape) return [fact(x.dtype, [null, null, null, null])];
    if (x.shape.length !== 4)
      throw shapeError(call, `the input must be [N, C, H, W], not ${formatShape(x.shape)}`);
    const shape = x.shape.map((dim, i): Dim => {
      if (i < 2) return dim;
      const { start, end, length } = croppedAxis(call, call.attributes, i === 2 ? 0 : 1);
      if (length !== null) return length;
      if (start === 0 && end === 0) return dim;
      return typeof dim === "number" ? checkedLength(call, dim - start - (end ?? 0), dim) : null;
    });
    return [fact(x.dtype, shape)];
  },
  evaluate: (call) => [cropped(call)],
});

function checkedLength(site: Site, length: number, dim: number): number {
  if (length <= 0) throw shapeError(site, `nothing is left of ${dim} pixels`);
  return length;
}

function cropped(call: EvalCall<CropAttributes>): Tensor {
  const x = operand(call, 0);
  if (x.dims.length !== 4)
    throw shapeError(call, `the input must be [N, C, H, W], not ${formatShape(x.dims)}`);
  const ranges = x.dims.map((dim, i) => {
    if (i < 2) return wholeRange(dim);
    const { start, end, length } = croppedAxis(call, call.attributes, i === 2 ? 0 : 1);
    const count = length ?? checkedLength(call, dim - start - (end ?? 0), dim);
    if (start < 0 || start + count > dim)
      throw shapeError(call, `the window ${start}…${start + count} exceeds ${dim}`);
    return { start, step: 1, count };
  });
  return sliceTensor(x, ranges);
}
