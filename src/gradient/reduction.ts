import type { Value } from "../ir/index.js";
import { attributes, type GradientCall, type GradientRule, type GradientRules } from "./rule.js";

/** Axes of a reduction, from the attribute or the input; all of them when none are named. */
function axesOf(call: GradientCall): readonly number[] {
  const { axes, noop_with_empty_axes } = attributes<"ReduceMean">(call);
  const rank = call.shape(call.input(0)).length;
  const named = axes ?? call.numbers(1) ?? [];
  if (named.length > 0) return named.map((axis) => (axis < 0 ? axis + rank : axis));
  return noop_with_empty_axes ? [] : Array.from({ length: rank }, (_, axis) => axis);
}

/** The gradient spread over the axes that were reduced. */
export function spread(call: GradientCall, gradient: Value, axes: readonly number[]): Value {
  const shape = call.shape(call.input(0));
  const kept = call.emit.reshape(
    gradient,
    shape.map((size, axis) => (axes.includes(axis) ? 1 : size)),
  );
  return call.emit.op("Expand", [kept, call.emit.integers(shape)]);
}

function reduced(factor: (count: number) => number): GradientRule {
  return (call) => {
    const axes = axesOf(call);
    const shape = call.shape(call.input(0));
    const count = axes.reduce((product, axis) => product * shape[axis]!, 1);
    return [spread(call, call.emit.scale(call.gradient, factor(count)), axes)];
  };
}

/** Sums and means over axes. */
export const reductionRules: GradientRules = {
  ReduceSum: reduced(() => 1),
  ReduceMean: reduced((count) => 1 / count),
};
