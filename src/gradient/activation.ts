import type { Value } from "../ir/index.js";
import { attributes, type GradientCall, type GradientRule, type GradientRules } from "./rule.js";

/** gradient · slope(call): for functions of one element. */
function elementwise(slope: (call: GradientCall) => Value): GradientRule {
  return (call) => [call.emit.multiply(call.gradient, slope(call))];
}

function isPositive({ emit }: GradientCall, x: Value): Value {
  return emit.op("Greater", [x, emit.scalar(0)]);
}

/** 1 where x > 0, `otherwise` elsewhere. */
function slopes(call: GradientCall, x: Value, otherwise: Value): Value {
  return call.emit.op("Where", [isPositive(call, x), call.emit.scalar(1), otherwise]);
}

const prelu: GradientRule = (call) => {
  const { emit, gradient, output } = call;
  const [x, slope] = [call.input(0), call.input(1)];
  const sum = (value: Value, index: number): Value =>
    emit.unbroadcast(value, call.shape(output), call.shape(call.input(index)));
  return [
    call.wants(0) ? emit.multiply(gradient, slopes(call, x, slope)) : null,
    call.wants(1) ? sum(emit.multiply(gradient, emit.op("Min", [x, emit.scalar(0)])), 1) : null,
  ];
};

const clip: GradientRule = (call) => {
  const { emit, gradient, node } = call;
  const x = call.input(0);
  const bounds = (
    [
      ["Less", 1],
      ["Greater", 2],
    ] as const
  ).flatMap(([compare, index]) => {
    const bound = node.input(index);
    return bound ? [emit.op("Not", [emit.op(compare, [x, bound])])] : [];
  });
  return [bounds.reduce((value, within) => emit.masked(within, value), gradient)];
};

/** Φ(x) + x·φ(x), or the derivative of the tanh approximation. */
function geluSlope(call: GradientCall): Value {
  const { emit } = call;
  const x = call.input(0);
  const squared = emit.multiply(x, x);
  if (attributes<"Gelu">(call).approximate === "tanh") {
    const [a, b] = [Math.sqrt(2 / Math.PI), 0.044715];
    const inner = emit.multiply(emit.scale(x, a), emit.add(emit.scale(squared, b), emit.scalar(1)));
    const tanh = emit.op("Tanh", [inner]);
    const rise = emit.multiply(
      emit.subtract(emit.scalar(1), emit.multiply(tanh, tanh)),
      emit.add(emit.scale(squared, 3 * a * b), emit.scalar(a)),
    );
    return emit.scale(emit.add(emit.add(tanh, emit.scalar(1)), emit.multiply(x, rise)), 0.5);
  }
  const cumulative = emit.scale(emit.add(emit.op("Erf", [emit.scale(x, Math.SQRT1_2)]), emit.scalar(1)), 0.5);
  const density = emit.scale(emit.op("Exp", [emit.scale(squared, -0.5)]), 1 / Math.sqrt(2 * Math.PI));
  return emit.add(cumulative, emit.multiply(x, density));
}

const softmax: GradientRule = (call) => {
  const { emit, gradient, output } = call;
  const weighted = emit.sum(emit.multiply(gradient, output), [attributes<"Softmax">(call).axis], true);
  return [emit.multiply(output, emit.subtract(gradient, weighted))];
};

const logSoftmax: GradientRule = (call) => {
  const { emit, gradient, output } = call;
  const total = emit.sum(gradient, [attributes<"LogSoftmax">(call).axis], true);
  return [emit.subtract(gradient, emit.multiply(emit.op("Exp", [output]), total))];
};

function eluSlope(call: GradientCall): Value {
  const { emit, output } = call;
  return slopes(call, call.input(0), emit.add(output, emit.scalar(attributes<"Elu">(call).alpha)));
}

function seluSlope(call: GradientCall): Value {
  const { emit, output } = call;
  const { alpha, gamma } = attributes<"Selu">(call);
  const negative = emit.add(output, emit.scalar(alpha * gamma));
  return emit.op("Where", [isPositive(call, call.input(0)), emit.scalar(gamma), negative]);
}

function hardSwishSlope(call: GradientCall): Value {
  const { emit } = call;
  const x = call.input(0);
  const inner = emit.scale(emit.add(emit.scale(x, 2), emit.scalar(3)), 1 / 6);
  const below = emit.op("Less", [x, emit.scalar(-3)]);
  const above = emit.op("Greater", [x, emit.scalar(3)]);
  return emit.op("Where", [above, emit.scalar(1), emit.op("Where", [below, emit.scalar(0), inner])]);
}

/** Activations; where a function has a kink, the derivative there is PyTorch's. */
export const activationRules: GradientRules = {
  Relu: (call) => [call.emit.masked(isPositive(call, call.output), call.gradient)],
  LeakyRelu: elementwise((call) =>
    slopes(call, call.input(0), call.emit.scalar(attributes<"LeakyRelu">(call).alpha)),
  ),
  PRelu: prelu,
  Clip: clip,
  Sigmoid: elementwise(({ emit, output }) => emit.multiply(output, emit.subtract(emit.scalar(1), output))),
  Tanh: elementwise(({ emit, output }) => emit.subtract(emit.scalar(1), emit.multiply(output, output))),
  HardSigmoid: (call) => {
    const { emit, output } = call;
    const within = emit.op("And", [isPositive(call, output), emit.op("Less", [output, emit.scalar(1)])]);
    return [emit.scale(emit.masked(within, call.gradient), attributes<"HardSigmoid">(call).alpha)];
  },
  HardSwish: elementwise(hardSwishSlope),
  Elu: elementwise(eluSlope),
  Selu: elementwise(seluSlope),
  Softplus: elementwise((call) => call.emit.op("Sigmoid", [call.input(0)])),
  Erf: elementwise((call) => {
    const { emit } = call;
    const squared = emit.multiply(call.input(0), call.input(0));
    return emit.scale(emit.op("Exp", [emit.op("Neg", [squared])]), 2 / Math.sqrt(Math.PI));
  }),
  Gelu: elementwise(geluSlope),
  Softmax: softmax,
  LogSoftmax: logSoftmax,
};
