import { type Dim } from "../ir/index.js";
import { broadcastDims, broadcastShape, broadcastStrides, stridesOf } from "./broadcast.js";
import { entriesFact, entriesOf } from "./entries.js";
import { fact } from "./fact.js";
import { defineOp, type EvalCall, type InferCall } from "./op.js";
import { axesIn, axisIn, factOf, formatShape, integersOf, operand, scalarOf, shapeError } from "./operand.js";
import { gatherView, permute } from "./strided.js";

function transposeOrder(
  call: InferCall<{ perm: readonly number[] | null }> | EvalCall<{ perm: readonly number[] | null }>,
  rank: number,
): number[] {
  const { perm } = call.attributes;
  if (!perm || (perm.length === 0 && rank === 0)) return Array.from({ length: rank }, (_, i) => rank - 1 - i);
  if (perm.length !== rank) {
    throw shapeError(call, `perm [${perm.join(", ")}] has ${perm.length} axes, the input has ${rank}`);
  }
  return axesIn(call, perm, rank, "perm");
}

/** `perm` reverses the axes when it is absent. */
export const transpose = defineOp("Transpose", {
  infer: (call) => {
    const x = factOf(call, 0);
    if (!x.shape) return [fact(x.dtype, call.attributes.perm ? call.attributes.perm.map(() => null) : null)];
    const order = transposeOrder(call, x.shape.length);
    const entries = x.shape.length <= 1 ? entriesOf(x) : null;
    return [
      entriesFact(
        x.dtype,
        order.map((axis) => x.shape![axis]!),
        entries,
      ),
    ];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    return [permute(x, transposeOrder(call, x.dims.length))];
  },
});

function nonNegative(call: InferCall<unknown> | EvalCall<unknown>, dims: readonly Dim[], what: string): void {
  if (dims.some((dim) => typeof dim === "number" && dim < 0)) {
    throw shapeError(call, `${what} ${formatShape(dims)} has a negative entry`);
  }
}

/**
 * What is left of a shape that is broadcast to an unknown one of known rank: dimensions above 1 stay, and those in front
 * of the other's.
 */
function vaguelyExpanded(shape: readonly Dim[] | null, rank: Dim): readonly Dim[] | null {
  if (!shape || typeof rank !== "number") return null;
  const alone = shape.length - rank;
  const kept = shape.map((dim, axis): Dim =>
    axis < alone || (typeof dim === "number" && dim > 1) ? dim : null,
  );
  return [...Array<null>(Math.max(rank - shape.length, 0)).fill(null), ...kept];
}

/** Broadcasts the input with a shape; either may have the larger dimension. */
export const expand = defineOp("Expand", {
  infer: (call) => {
    const [x, target] = [factOf(call, 0), entriesOf(factOf(call, 1))];
    if (!x.shape || !target)
      return [fact(x.dtype, vaguelyExpanded(x.shape, factOf(call, 1).shape?.[0] ?? null))];
    nonNegative(call, target, "shape");
    const shape = broadcastShape(call, [x.shape, target]);
    const entries = shape && shape.length === 1 && typeof shape[0] === "number" ? entriesOf(x) : null;
    const repeated =
      entries?.length === 1 && shape
        ? Array<Dim>(Math.min(shape[0] as number, 64)).fill(entries[0]!)
        : entries;
    return [repeated?.length === shape?.[0] ? entriesFact(x.dtype, shape, repeated) : fact(x.dtype, shape)];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    const target = integersOf(operand(call, 1));
    nonNegative(call, target, "shape");
    const dims = broadcastDims(call, [x.dims, target]);
    return [gatherView(x, dims, 0, broadcastStrides(x.dims, dims))];
  },
});

/** Copies per axis. Opset 1 has them as `tiles` copies along one `axis`, both inputs. */
function repeatsOf(call: EvalCall<unknown>, rank: number): number[] {
  if (call.opset < 6 && call.inputs[2]) {
    const axis = axisIn(call, scalarOf(call, operand(call, 2), "axis"), rank);
    const tiles = scalarOf(call, operand(call, 1), "tiles");
    return Array.from({ length: rank }, (_, i) => (i === axis ? tiles : 1));
  }
  return integersOf(operand(call, 1));
}

export const tile = defineOp("Tile", {
  infer: (call) => {
    const x = factOf(call, 0);
    const repeats = call.inputs[2] ? null : entriesOf(factOf(call, 1));
    if (!x.shape || !repeats) return [fact(x.dtype, x.shape ? x.shape.map(() => null) : null)];
    checkRepeats(call, x.shape, repeats);
    const shape = x.shape.map((dim, i): Dim => {
      const times = repeats[i]!;
      if (dim === 0 || times === 0) return 0;
      if (times === 1) return dim;
      if (dim === 1) return times;
      return typeof dim === "number" && typeof times === "number" ? dim * times : null;
    });
    return [fact(x.dtype, shape)];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    const repeats = repeatsOf(call, x.dims.length);
    checkRepeats(call, x.dims, repeats);
    const strides = stridesOf(x.dims);
    const tiled = gatherView(
      x,
      x.dims.flatMap((dim, axis) => [repeats[axis]!, dim]),
      0,
      strides.flatMap((stride) => [0, stride]),
    );
    return [tiled.reshape(x.dims.map((dim, axis) => dim * repeats[axis]!))];
  },
});

function checkRepeats(
  call: InferCall<unknown> | EvalCall<unknown>,
  dims: readonly Dim[],
  repeats: readonly Dim[],
): void {
  nonNegative(call, repeats, "repeats");
  if (repeats.length !== dims.length) {
    throw shapeError(
      call,
      `repeats has ${repeats.length} entries, the input ${formatShape(dims)} has ${dims.length} axes`,
    );
  }
}
