import { elementCount, isFloat, Tensor, type Dim } from "../ir/index.js";
import { fact } from "./fact.js";
import { momentsOf } from "./kernels/moments.js";
import { defineOp, type OpCall } from "./op.js";
import { factOf, formatShape, operand, shapeError, unsupported } from "./operand.js";

interface GroupNormAttributes {
  readonly epsilon: number;
  readonly num_groups: number;
}

/** Scale and bias have one entry per group in opset 18, one per channel from opset 21 on. */
function checkGroups(
  call: OpCall<GroupNormAttributes>,
  x: readonly Dim[],
  parameters: readonly (readonly [string, readonly Dim[] | null])[],
): void {
  const groups = call.attributes.num_groups;
  if (x.length < 2) throw shapeError(call, `the input ${formatShape(x)} must have at least 2 axes`);
  if (!Number.isInteger(groups) || groups < 1)
    throw shapeError(call, `num_groups ${groups} must be at least 1`);
  const channels = x[1]!;
  if (typeof channels === "number" && channels % groups !== 0) {
    throw shapeError(call, `channels ${channels} must be a multiple of num_groups ${groups}`);
  }
  const wanted = call.opset < 21 ? groups : channels;
  for (const [name, dims] of parameters) {
    if (!dims) continue;
    const count = dims.length === 1 ? dims[0]! : -1;
    if (typeof count === "number" && typeof wanted === "number" && count !== wanted) {
      const what = call.opset < 21 ? "groups" : "channels";
      throw shapeError(
        call,
        `${name} ${formatShape(dims)} must have one entry for each of ${wanted} ${what}`,
      );
    }
  }
}

/** Normalizes groups of channels of every sample, then scales and shifts. */
export const groupNormalization = defineOp("GroupNormalization", {
  infer: (call) => {
    const { dtype, shape } = factOf(call, 0);
    if (shape) {
      checkGroups(call, shape, [
        ["scale", factOf(call, 1).shape],
        ["bias", factOf(call, 2).shape],
      ]);
    }
    return [fact(dtype, shape)];
  },
  evaluate: (call) => {
    const [x, scale, shift] = [operand(call, 0), operand(call, 1), operand(call, 2)];
    if (!isFloat(x.dtype)) throw unsupported(call, `GroupNormalization of ${x.dtype} is not evaluated`);
    checkGroups(call, x.dims, [
      ["scale", scale.dims],
      ["bias", shift.dims],
    ]);
    const { epsilon, num_groups: groups } = call.attributes;
    const channels = x.dims[1]!;
    const perGroup = channels / groups;
    const length = elementCount(x.dims.slice(2));
    const data = x.numbers;
    const y = call.floats(x.size);
    for (let line = 0; line < x.dims[0]! * groups; line++) {
      const { mean, variance } = momentsOf(data, line * perGroup * length, perGroup * length);
      const inverse = 1 / Math.sqrt(variance + epsilon);
      for (let c = 0; c < perGroup; c++) {
        const group = line % groups;
        const parameter = call.opset < 21 ? group : group * perGroup + c;
        const factor = scale.numbers[parameter]! * inverse;
        const base = shift.numbers[parameter]!;
        const at = (line * perGroup + c) * length;
        for (let i = at; i < at + length; i++) y[i] = (data[i]! - mean) * factor + base;
      }
    }
    return [Tensor.of(x.dtype, x.dims, y)];
  },
});
