import { elementCount, isFloat, Tensor, type Dim } from "../ir/index.js";
import { fact } from "./fact.js";
import { momentsOf } from "./kernels/moments.js";
import { defineOp } from "./op.js";
import { factOf, formatShape, operand, shapeError, unsupported, type Site } from "./operand.js";

function checkChannels(site: Site, x: readonly Dim[], name: string, dims: readonly Dim[]): void {
  if (x.length < 2) throw shapeError(site, `the input ${formatShape(x)} must have at least 2 axes`);
  const [channels, count] = [x[1]!, dims.length === 1 ? dims[0]! : 0];
  if (typeof channels === "number" && typeof count === "number" && channels !== count) {
    throw shapeError(
      site,
      `${name} ${formatShape(dims)} must have one entry for each of ${channels} channels`,
    );
  }
}

/** Normalizes every channel of every sample by its own mean and variance, then scales and shifts by channel. */
export const instanceNormalization = defineOp("InstanceNormalization", {
  infer: (call) => {
    const { dtype, shape } = factOf(call, 0);
    ["scale", "B"].forEach((name, i) => {
      const dims = factOf(call, i + 1).shape;
      if (shape && dims) checkChannels(call, shape, name, dims);
    });
    return [fact(dtype, shape)];
  },
  evaluate: (call) => {
    const [x, scale, shift] = [operand(call, 0), operand(call, 1), operand(call, 2)];
    if (!isFloat(x.dtype)) throw unsupported(call, `InstanceNormalization of ${x.dtype} is not evaluated`);
    checkChannels(call, x.dims, "scale", scale.dims);
    checkChannels(call, x.dims, "B", shift.dims);
    const channels = x.dims[1]!;
    const length = elementCount(x.dims.slice(2));
    const [data, factors, bases] = [x.numbers, scale.numbers, shift.numbers];
    const y = call.floats(x.size);
    for (let line = 0; line < x.dims[0]! * channels; line++) {
      const at = line * length;
      const { mean, variance } = momentsOf(data, at, length);
      const factor = factors[line % channels]! / Math.sqrt(variance + call.attributes.epsilon);
      const base = bases[line % channels]!;
      for (let i = at; i < at + length; i++) y[i] = (data[i]! - mean) * factor + base;
    }
    return [Tensor.of(x.dtype, x.dims, y)];
  },
});
