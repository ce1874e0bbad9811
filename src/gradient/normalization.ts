import type { Value } from "../ir/index.js";
import { attributes, unsupported, type GradientCall, type GradientRule, type GradientRules } from "./rule.js";

/** A per-channel value [C] as N × C × spatial sees it. */
function perChannel({ emit }: GradientCall, value: Value, shape: readonly number[]): Value {
  return emit.reshape(
    value,
    shape.map((size, axis) => (axis === 1 ? size : 1)),
  );
}

function othersThanChannel(shape: readonly number[]): readonly number[] {
  return shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
}

/** With the running statistics, BatchNormalization is an affine map per channel. */
const batchNormalization: GradientRule = (call) => {
  const { emit, gradient, node } = call;
  const view = attributes<"BatchNormalization">(call);
  if (view.training_mode) throw unsupported(node, "training mode");
  if (call.wants(3) || call.wants(4)) throw unsupported(node, "statistics have no gradient");
  const shape = call.shape(call.input(0));
  const deviation = emit.op("Sqrt", [emit.add(call.input(4), emit.scalar(view.epsilon))]);
  const slope = emit.op("Div", [call.input(1), deviation]);
  const ofScale = (): Value => {
    const centred = emit.subtract(call.input(0), perChannel(call, call.input(3), shape));
    return emit.op("Div", [
      emit.sum(emit.multiply(gradient, centred), othersThanChannel(shape), false),
      deviation,
    ]);
  };
  return [
    call.wants(0) ? emit.multiply(gradient, perChannel(call, slope, shape)) : null,
    call.wants(1) ? ofScale() : null,
    call.wants(2) ? emit.sum(gradient, othersThanChannel(shape), false) : null,
  ];
};

interface Standardized {
  readonly value: Value;
  readonly deviation: Value;
  /** Gradient of the input from that of the standardized value. */
  back(gradient: Value): Value;
}

/** (x − mean) / √(var + ε) over the axes, and its backward pass. */
function standardized(call: GradientCall, axes: readonly number[], epsilon: number): Standardized {
  const { emit } = call;
  const x = call.input(0);
  const count = axes.reduce((total, axis) => total * call.shape(x)[axis]!, 1);
  const mean = (value: Value): Value => emit.scale(emit.sum(value, axes, true), 1 / count);
  const centred = emit.subtract(x, mean(x));
  const variance = mean(emit.multiply(centred, centred));
  const deviation = emit.op("Sqrt", [emit.add(variance, emit.scalar(epsilon))]);
  const value = emit.op("Div", [centred, deviation]);
  return {
    value,
    deviation,
    back(gradient) {
      const slope = emit.multiply(value, mean(emit.multiply(gradient, value)));
      return emit.op("Div", [emit.subtract(emit.subtract(gradient, mean(gradient)), slope), deviation]);
    },
  };
}

const instanceNormalization: GradientRule = (call) => {
  const { emit, gradient } = call;
  const shape = call.shape(call.input(0));
  const axes = shape.slice(2).map((_, axis) => axis + 2);
  const inner = standardized(call, axes, attributes<"InstanceNormalization">(call).epsilon);
  const others = othersThanChannel(shape);
  return [
    call.wants(0) ? inner.back(emit.multiply(gradient, perChannel(call, call.input(1), shape))) : null,
    call.wants(1) ? emit.sum(emit.multiply(gradient, inner.value), others, false) : null,
    call.wants(2) ? emit.sum(gradient, others, false) : null,
  ];
};

const layerNormalization: GradientRule = (call) => {
  const { emit, gradient } = call;
  const shape = call.shape(call.input(0));
  const view = attributes<"LayerNormalization">(call);
  const first = view.axis < 0 ? view.axis + shape.length : view.axis;
  const axes = shape.flatMap((_, axis) => (axis >= first ? [axis] : []));
  const inner = standardized(call, axes, view.epsilon);
  return [
    call.wants(0) ? inner.back(emit.multiply(gradient, call.input(1))) : null,
    call.wants(1)
      ? emit.unbroadcast(emit.multiply(gradient, inner.value), shape, call.shape(call.input(1)))
      : null,
    call.wants(2) ? emit.unbroadcast(gradient, shape, call.shape(call.input(2))) : null,
  ];
};

/** y = x·d^−β with d = bias + α/size · Σ x² over neighbouring channels: the sum is a 1×1 conv with a band of ones. */
const lrn: GradientRule = (call) => {
  const { emit, gradient, output } = call;
  const x = call.input(0);
  const shape = call.shape(x);
  const { alpha, beta, bias, size } = attributes<"LRN">(call);
  const channels = shape[1]!;
  const band = (before: number, after: number): Value => {
    const data = new Float64Array(channels * channels);
    for (let o = 0; o < channels; o++) {
      for (let i = Math.max(0, o - before); i <= Math.min(channels - 1, o + after); i++)
        data[o * channels + i] = 1;
    }
    return emit.floats([channels, channels, ...shape.slice(2).map(() => 1)], data);
  };
  const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  const squares = emit.op("Conv", [emit.multiply(x, x), band(before, after)]);
  const d = emit.add(emit.scale(squares, alpha / size), emit.scalar(bias));
  const direct = emit.multiply(gradient, emit.op("Pow", [d, emit.scalar(-beta)]));
  const shared = emit.op("Conv", [emit.op("Div", [emit.multiply(gradient, output), d]), band(after, before)]);
  return [emit.subtract(direct, emit.multiply(x, emit.scale(shared, (2 * alpha * beta) / size)))];
};

/** Normalizations, as inference runs them. */
export const normalizationRules: GradientRules = {
  BatchNormalization: batchNormalization,
  InstanceNormalization: instanceNormalization,
  LayerNormalization: layerNormalization,
  LRN: lrn,
};
