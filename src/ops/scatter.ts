import { elementCount, isBigInt, isFloat, Tensor, type Values } from "../ir/index.js";
import { fact } from "./fact.js";
import { elementTargets, indexIn, tupleOffsets } from "./gather.js";
import { defineOp, type EvalCall, type OpName } from "./op.js";
import {
  attributeError,
  axisIn,
  commonDtype,
  factOf,
  formatShape,
  integerOperand,
  operand,
  sameDtype,
  shapeError,
  type Site,
} from "./operand.js";
import { allocateLike, copyBlock, slotsOf, splitAt } from "./strided.js";

/** How an update joins what stands at its place. */
type Combine = (values: Values, at: number, update: Values, from: number) => void;

const combiners: Readonly<Record<string, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  mul: (a, b) => a * b,
  min: Math.min,
  max: Math.max,
};
const bigCombiners: Readonly<Record<string, (a: bigint, b: bigint) => bigint>> = {
  add: (a, b) => a + b,
  mul: (a, b) => a * b,
  min: (a, b) => (a < b ? a : b),
  max: (a, b) => (a > b ? a : b),
};

function combinerOf(site: Site, data: Tensor, reduction: string): Combine {
  if (reduction === "none") {
    return (values, at, update, from) => {
      (values as Float64Array)[at] = (update as Float64Array)[from]!;
    };
  }
  if (!Object.hasOwn(combiners, reduction) || data.dtype === "string") {
    throw attributeError(site, `reduction must be none, add, mul, min or max, not "${reduction}"`);
  }
  if (isBigInt(data.dtype)) {
    const combine = bigCombiners[reduction]!;
    return (values, at, update, from) => {
      const out = values as BigInt64Array;
      out[at] = combine(out[at]!, (update as BigInt64Array)[from]!);
    };
  }
  const combine = combiners[reduction]!;
  return (values, at, update, from) => {
    const out = values as Float64Array;
    out[at] = combine(out[at]!, (update as Float64Array)[from]!);
  };
}

/** A writable copy that sums without intermediate rounding for floats. */
function workingCopy(data: Tensor, update: Tensor, reduction: string): Values {
  const wide = isFloat(data.dtype) && (reduction !== "none" || update.data instanceof Float64Array);
  if (wide) return Float64Array.from(data.numbers);
  const values = allocateLike(data.data, data.data.length);
  copyBlock(data.data, 0, values, 0, values.length);
  return values;
}

function stored(call: EvalCall<unknown>, data: Tensor, values: Values): Tensor {
  if (!(values instanceof Float64Array) || data.dtype === "float64")
    return Tensor.of(data.dtype, data.dims, values);
  const out = call.allocate(data.dtype, data.size) as Float32Array;
  out.set(values);
  return Tensor.of(data.dtype, data.dims, out);
}

function scatterElementsOf(call: EvalCall<{ axis: number }>, reduction: string): Tensor {
  const [data, indices, updates] = [operand(call, 0), operand(call, 1), operand(call, 2)];
  sameDtype(call, [data, updates]);
  if (updates.size !== indices.size) {
    throw shapeError(
      call,
      `updates ${formatShape(updates.dims)} and indices ${formatShape(indices.dims)} must be alike`,
    );
  }
  const axis = axisIn(call, call.attributes.axis, data.dims.length);
  const targets = elementTargets(call, data.dims, indices, axis);
  const values = workingCopy(data, updates, reduction);
  const combine = combinerOf(call, data, reduction);
  for (let i = 0; i < targets.length; i++) combine(values, targets[i]!, updates.data, i);
  return stored(call, data, values);
}

function defineScatter<N extends Extract<OpName, "Scatter" | "ScatterElements">>(name: N) {
  return defineOp(name, {
    infer: (call) => [fact(commonDtype(call, [factOf(call, 0), factOf(call, 2)]), factOf(call, 0).shape)],
    evaluate: (call) => {
      const attributes = call.attributes as { axis: number; reduction?: string | null };
      return [scatterElementsOf(call as EvalCall<{ axis: number }>, attributes.reduction ?? "none")];
    },
  });
}

/** The name of ScatterElements before opset 11. */
export const scatter = defineScatter("Scatter");
export const scatterElements = defineScatter("ScatterElements");

export const scatterND = defineOp("ScatterND", {
  infer: (call) => [fact(commonDtype(call, [factOf(call, 0), factOf(call, 2)]), factOf(call, 0).shape)],
  evaluate: (call) => {
    const [data, indices, updates] = [operand(call, 0), operand(call, 1), operand(call, 2)];
    sameDtype(call, [data, updates]);
    const reduction = call.attributes.reduction ?? "none";
    const offsets = tupleOffsets(call, data.dims, indices);
    const block = elementCount(data.dims.slice(indices.dims.at(-1) ?? 0));
    if (updates.size !== offsets.length * block) {
      throw shapeError(
        call,
        `updates ${formatShape(updates.dims)} do not fill ${offsets.length} slices of ${block} elements`,
      );
    }
    const values = workingCopy(data, updates, reduction);
    const combine = combinerOf(call, data, reduction);
    offsets.forEach((offset, i) => {
      for (let k = 0; k < block; k++) combine(values, offset + k, updates.data, i * block + k);
    });
    return [stored(call, data, values)];
  },
});

/** Writes `update` into a cache along `axis` from a position per batch on; circular mode wraps around. */
export const tensorScatter = defineOp("TensorScatter", {
  infer: (call) => [fact(commonDtype(call, [factOf(call, 0), factOf(call, 1)]), factOf(call, 0).shape)],
  evaluate: (call) => {
    const [cache, update] = [operand(call, 0), operand(call, 1)];
    const dtype = sameDtype(call, [cache, update]);
    const axis = axisIn(call, call.attributes.axis, cache.dims.length);
    const starts = integerOperand(call, 2) ?? Array<number>(cache.dims[0] ?? 1).fill(0);
    const slots = slotsOf(dtype);
    const values = allocateLike(cache.data, cache.data.length);
    copyBlock(cache.data, 0, values, 0, values.length);
    const [to, from] = [splitAt(cache.dims, axis), splitAt(update.dims, axis)];
    if (to.outer !== from.outer || to.inner !== from.inner || axis === 0) {
      throw shapeError(
        call,
        `update ${formatShape(update.dims)} does not fit into ${formatShape(cache.dims)}`,
      );
    }
    const perBatch = to.outer / Math.max(cache.dims[0]!, 1);
    for (let i = 0; i < to.outer; i++) {
      const start = starts[Math.floor(i / perBatch)]!;
      for (let k = 0; k < from.length; k++) {
        const circular = call.attributes.mode === "circular";
        const place = circular ? (start + k) % to.length : indexIn(call, start + k, to.length);
        const block = to.inner * slots;
        copyBlock(update.data, (i * from.length + k) * block, values, (i * to.length + place) * block, block);
      }
    }
    return [Tensor.of(dtype, cache.dims, values)];
  },
});
