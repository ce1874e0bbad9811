import type { Value } from "../ir/index.js";
import { unsupported, type GradientCall, type GradientRule, type GradientRules } from "./rule.js";

/** A gradient of the output's shape, summed to the shape of input `index`. */
function fitted(call: GradientCall, index: number, gradient: Value): Value {
  return call.emit.unbroadcast(gradient, call.shape(call.output), call.shape(call.input(index)));
}

/** A rule from one gradient per input, each of the output's shape and computed only where it is wanted. */
function broadcasting(...of: readonly ((call: GradientCall) => Value)[]): GradientRule {
  return (call) => of.map((make, index) => (call.wants(index) ? fitted(call, index, make(call)) : null));
}

const sum: GradientRule = (call) =>
  call.node.inputs.map((_, index) => (call.wants(index) ? fitted(call, index, call.gradient) : null));

const mean: GradientRule = (call) => {
  const share = call.emit.scale(call.gradient, 1 / call.node.inputs.length);
  return call.node.inputs.map((_, index) => (call.wants(index) ? fitted(call, index, share) : null));
};

const power: GradientRule = (call) => {
  const exponents = call.numbers(1);
  if (exponents?.length !== 1) throw unsupported(call.node, "the exponent is not one number");
  const { emit, gradient } = call;
  const [exponent] = exponents as [number];
  if (exponent === 1) return [gradient];
  const slope = exponent === 2 ? call.input(0) : emit.op("Pow", [call.input(0), emit.scalar(exponent - 1)]);
  return [emit.multiply(gradient, emit.scale(slope, exponent))];
};

/** The gradient goes to the first of the operands that has the extreme value. */
function extreme(compare: "Greater" | "Less"): GradientRule {
  return (call) => {
    const { emit, gradient, node } = call;
    if (node.inputs.length === 1) return [gradient];
    if (node.inputs.length !== 2) throw unsupported(node, "more than two operands");
    const second = emit.op(compare, [call.input(1), call.input(0)]);
    const parts = [emit.op("Not", [second]), second];
    return parts.map((mask, index) =>
      call.wants(index) ? fitted(call, index, emit.masked(mask, gradient)) : null,
    );
  };
}

/** Element-wise arithmetic with NumPy broadcasting. */
export const arithmeticRules: GradientRules = {
  Add: sum,
  Sum: sum,
  Mean: mean,
  Sub: broadcasting(
    ({ gradient }) => gradient,
    ({ gradient, emit }) => emit.op("Neg", [gradient]),
  ),
  Mul: broadcasting(
    (call) => call.emit.multiply(call.gradient, call.input(1)),
    (call) => call.emit.multiply(call.gradient, call.input(0)),
  ),
  Div: broadcasting(
    (call) => call.emit.op("Div", [call.gradient, call.input(1)]),
    ({ emit, gradient, output, input }) =>
      emit.op("Neg", [emit.multiply(gradient, emit.op("Div", [output, input(1)]))]),
  ),
  Max: extreme("Greater"),
  Min: extreme("Less"),
  Pow: power,
  Neg: ({ emit, gradient }) => [emit.op("Neg", [gradient])],
  Abs: ({ emit, gradient, input }) => [emit.multiply(gradient, emit.op("Sign", [input(0)]))],
  Sqrt: ({ emit, gradient, output }) => [emit.op("Div", [gradient, emit.scale(output, 2)])],
  Exp: ({ emit, gradient, output }) => [emit.multiply(gradient, output)],
  Log: ({ emit, gradient, input }) => [emit.op("Div", [gradient, input(0)])],
  Reciprocal: ({ emit, gradient, output }) => [
    emit.op("Neg", [emit.multiply(gradient, emit.multiply(output, output))]),
  ],
};
