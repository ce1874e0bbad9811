import { elementCount, Tensor, type Dim } from "../ir/index.js";
import { entriesFact, entriesOf, productOf } from "./entries.js";
import { fact, type Fact } from "./fact.js";
import { defineOp, type EvalCall, type InferCall } from "./op.js";
import {
  axesIn,
  axisIn,
  constantNumbers,
  factOf,
  formatShape,
  integersOf,
  operand,
  shapeError,
} from "./operand.js";

/** Rank bounds of Shape's slice: negative counts from the back, out of range is clamped. */
function shapeSlice(rank: number, start: number, end: number | null): [number, number] {
  const clamp = (x: number): number => Math.min(Math.max(x < 0 ? x + rank : x, 0), rank);
  const from = clamp(start);
  return [from, Math.max(from, clamp(end ?? rank))];
}

export const shape = defineOp("Shape", {
  infer: (call) => {
    const dims = factOf(call, 0).shape;
    if (!dims) return [fact("int64", [null])];
    const entries = dims.slice(...shapeSlice(dims.length, call.attributes.start ?? 0, call.attributes.end));
    return [entriesFact("int64", [entries.length], entries)];
  },
  evaluate: (call) => {
    const { dims } = operand(call, 0);
    const entries = dims.slice(...shapeSlice(dims.length, call.attributes.start ?? 0, call.attributes.end));
    return [Tensor.i64([entries.length], entries)];
  },
});

export const size = defineOp("Size", {
  infer: (call) => {
    const dims = factOf(call, 0).shape;
    return [entriesFact("int64", [], dims ? [productOf(dims)] : null)];
  },
  evaluate: (call) => [Tensor.i64([], [operand(call, 0).size])],
});

/** The same elements in the same order: what is known of a small integer tensor stays known. */
function reshaped(x: Fact, shape: readonly Dim[] | null): Fact {
  const dims = shape?.every((dim) => typeof dim === "number") ? (shape as number[]) : null;
  if (x.value && dims && elementCount(dims) === x.value.size) {
    return { dtype: x.dtype, shape, value: x.value.reshape(dims), dims: null };
  }
  const entries = shape && shape.length <= 1 ? entriesOf(x) : null;
  return entriesFact(x.dtype, shape, entries);
}

export const identity = defineOp("Identity", {
  infer: (call) => [call.inputs[0] ?? null],
  evaluate: (call) => [call.values[0] ?? null],
});

/** Target of Reshape: 0 copies the input's dimension (unless `allowzero`), one −1 takes what is left. */
function reshapeTarget(
  call: InferCall<{ readonly allowzero?: number | null }>,
  input: readonly Dim[] | null,
  target: readonly Dim[],
): Dim[] {
  const keepsZero = call.attributes.allowzero === 1;
  const out = target.map((entry, i): Dim => {
    if (entry !== 0 || keepsZero) return entry;
    if (input && i >= input.length) {
      throw shapeError(
        call,
        `the 0 at place ${i} of ${formatShape(target)} copies no dimension of ${formatShape(input)}`,
      );
    }
    return input ? input[i]! : null;
  });
  if (out.some((dim) => typeof dim === "number" && dim < -1)) {
    throw shapeError(call, `${formatShape(target)} is no shape to reshape ${formatShape(input)} to`);
  }
  const free = out.indexOf(-1);
  if (free < 0) {
    checkReshape(call, input, target, out);
    return out;
  }
  if (out.indexOf(-1, free + 1) >= 0)
    throw shapeError(call, `${formatShape(target)} leaves two dimensions open`);
  if (keepsZero && out.includes(0)) {
    throw shapeError(call, `${formatShape(target)} has both -1 and 0, which allowzero = 1 forbids`);
  }
  out[free] = input ? remaining(call, input, target, out, free) : null;
  return out;
}

function checkReshape(
  call: InferCall<unknown>,
  input: readonly Dim[] | null,
  target: readonly Dim[],
  out: readonly Dim[],
): void {
  const [have, want] = [input ? productOf(input) : null, productOf(out)];
  if (typeof have === "number" && typeof want === "number" && have !== want) {
    throw shapeError(
      call,
      `an input of shape ${formatShape(input)} (${have} elements) cannot be reshaped to ${formatShape(target)} (${want})`,
    );
  }
}

/** The dimension for −1: the input's elements by the others'; symbols on both sides cancel out. */
function remaining(
  call: InferCall<unknown>,
  input: readonly Dim[],
  target: readonly Dim[],
  out: readonly Dim[],
  free: number,
): Dim {
  const left: Dim[] = [...input];
  const others = out
    .filter((_, i) => i !== free)
    .filter((dim) => {
      const at = typeof dim === "string" ? left.indexOf(dim) : -1;
      if (at >= 0) left.splice(at, 1);
      return at < 0;
    });
  const [have, taken] = [productOf(left), productOf(others)];
  if (taken === 1) return have;
  if (typeof have !== "number" || typeof taken !== "number") return null;
  if (taken === 0 ? have !== 0 : have % taken !== 0) {
    throw shapeError(
      call,
      `an input of shape ${formatShape(input)} (${have} elements) cannot be reshaped to ${formatShape(target)}`,
    );
  }
  return taken === 0 ? 0 : have / taken;
}

/** Opset 1 has the shape as an attribute, later ones as input 1. */
export const reshape = defineOp("Reshape", {
  infer: (call) => {
    const x = factOf(call, 0);
    const target = call.inputs[1] ? entriesOf(call.inputs[1]) : call.attributes.shape;
    if (target) return [reshaped(x, reshapeTarget(call, x.shape, target))];
    const rank = factOf(call, 1).shape?.[0];
    return [fact(x.dtype, typeof rank === "number" ? Array<null>(rank).fill(null) : null)];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    const target = call.inputs[1] ? integersOf(call.inputs[1]) : call.attributes.shape;
    if (!target)
      throw shapeError(call, "no target shape: neither input 1 nor the attribute `shape` is there");
    const dims = reshapeTarget(
      call as unknown as InferCall<{ allowzero: number }>,
      x.dims,
      target,
    ) as number[];
    return [x.reshape(dims)];
  },
});

/** Rows are the dimensions before `axis`, columns the rest. */
export const flatten = defineOp("Flatten", {
  infer: (call) => {
    const x = factOf(call, 0);
    if (!x.shape) return [fact(x.dtype, [null, null])];
    const axis = flattenAxis(call, x.shape.length);
    return [fact(x.dtype, [productOf(x.shape.slice(0, axis)), productOf(x.shape.slice(axis))])];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    const axis = flattenAxis(call, x.dims.length);
    return [x.reshape([elementCount(x.dims.slice(0, axis)), elementCount(x.dims.slice(axis))])];
  },
});

function flattenAxis(call: InferCall<{ axis: number }> | EvalCall<{ axis: number }>, rank: number): number {
  const { axis } = call.attributes;
  return axis === rank ? rank : axisIn(call, axis, rank);
}

/** Axes of Squeeze and Unsqueeze: an attribute before opset 13, input 1 from then on. Undefined when not known yet. */
function inferAxes(
  call: InferCall<{ axes: readonly number[] | null }>,
): readonly number[] | null | undefined {
  if (!call.inputs[1]) return call.attributes.axes;
  return constantNumbers(call, 1) ?? undefined;
}

function evaluateAxes(call: EvalCall<{ axes: readonly number[] | null }>): readonly number[] | null {
  return call.inputs[1] ? integersOf(call.inputs[1]) : call.attributes.axes;
}

function squeezedShape<D extends Dim>(
  call: InferCall<unknown> | EvalCall<unknown>,
  dims: readonly D[],
  axes: readonly number[] | null,
): D[] | null {
  if (axes === null) {
    return dims.every((dim) => typeof dim === "number") ? dims.filter((dim) => dim !== 1) : null;
  }
  const gone = new Set(axesIn(call, axes, dims.length));
  for (const axis of gone) {
    const dim: Dim = dims[axis]!;
    if (typeof dim === "number" && dim !== 1) {
      throw shapeError(
        call,
        `axis ${axis} of ${formatShape(dims)} has length ${dim}, only 1 can be squeezed`,
      );
    }
  }
  return dims.filter((_, axis) => !gone.has(axis));
}

export const squeeze = defineOp("Squeeze", {
  infer: (call) => {
    const x = factOf(call, 0);
    const axes = inferAxes(call);
    if (!x.shape || axes === undefined) return [fact(x.dtype, null)];
    return [reshaped(x, squeezedShape(call, x.shape, axes))];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    return [x.reshape(squeezedShape(call, x.dims, evaluateAxes(call))!)];
  },
});

function unsqueezedShape<D extends Dim>(
  call: InferCall<unknown> | EvalCall<unknown>,
  dims: readonly D[],
  axes: readonly number[],
): (D | 1)[] {
  const added = new Set(axesIn(call, axes, dims.length + axes.length));
  const rest = [...dims];
  return Array.from({ length: dims.length + axes.length }, (_, axis) =>
    added.has(axis) ? 1 : rest.shift()!,
  );
}

export const unsqueeze = defineOp("Unsqueeze", {
  infer: (call) => {
    const x = factOf(call, 0);
    const axes = inferAxes(call);
    if (axes === null) throw shapeError(call, "axes are missing");
    if (!x.shape || axes === undefined) return [fact(x.dtype, null)];
    return [reshaped(x, unsqueezedShape(call, x.shape, axes))];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    const axes = evaluateAxes(call);
    if (!axes) throw shapeError(call, "axes are missing");
    return [x.reshape(unsqueezedShape(call, x.dims, axes))];
  },
});
