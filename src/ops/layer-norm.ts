import { dtypeOfCode, elementCount, isFloat, Tensor, type Dim } from "../ir/index.js";
import { broadcastDims, broadcastShape, forEachRun, planBroadcast } from "./broadcast.js";
import { fact } from "./fact.js";
import { momentsOf } from "./kernels/moments.js";
import { defineOp, type EvalCall, type OpCall } from "./op.js";
import { axisIn, factOf, formatShape, operand, shapeError, unsupported, type Site } from "./operand.js";

interface LayerNormAttributes {
  readonly axis: number;
  readonly epsilon: number;
  readonly stash_type: number | null;
}

/** Scale and bias must broadcast to the input without making it larger. */
function checkFits(site: Site, x: readonly Dim[], name: string, dims: readonly Dim[]): void {
  const shape = broadcastShape(site, [x, dims]) ?? x;
  const grown = shape.some(
    (dim, axis) => typeof dim === "number" && typeof x[axis] === "number" && dim !== x[axis],
  );
  if (shape.length > x.length || grown) {
    throw shapeError(site, `${name} ${formatShape(dims)} does not broadcast to the input ${formatShape(x)}`);
  }
}

/** Statistics have the input's rank with ones from the axis on. */
function statisticsShape<D extends Dim>(dims: readonly D[], axis: number): (D | 1)[] {
  return dims.map((dim, i) => (i < axis ? dim : 1));
}

function stashType({ attributes }: OpCall<LayerNormAttributes>) {
  return dtypeOfCode(attributes.stash_type ?? 1) ?? "float32";
}

/** y = y · scale + bias, both broadcast. */
function scaleShift(
  call: EvalCall<unknown>,
  y: Float64Array,
  dims: readonly number[],
  scale: Tensor,
  bias: Tensor | null,
): Float32Array | Float64Array {
  const out = call.floats(y.length);
  const shapes = bias ? [scale.dims, bias.dims] : [scale.dims];
  const plan = planBroadcast(shapes, broadcastDims(call, [dims, ...shapes]));
  const [step, biasStep] = [plan.steps[0]!, plan.steps[1] ?? 0];
  const [factors, bases] = [scale.numbers, bias?.numbers ?? null];
  forEachRun(plan, (at, starts) => {
    const [p, q] = [starts[0]!, starts[1] ?? 0];
    for (let i = 0; i < plan.length; i++) {
      out[at + i] = y[at + i]! * factors[p + i * step]! + (bases ? bases[q + i * biasStep]! : 0);
    }
  });
  return out;
}

/** Normalizes everything from `axis` on by its mean and variance, then scales and shifts elementwise. */
export const layerNormalization = defineOp("LayerNormalization", {
  infer: (call) => {
    const { dtype, shape } = factOf(call, 0);
    const statistics = shape && statisticsShape(shape, axisIn(call, call.attributes.axis, shape.length));
    ["scale", "bias"].forEach((name, i) => {
      const dims = call.inputs[i + 1]?.shape;
      if (shape && dims) checkFits(call, shape, name, dims);
    });
    const stash = fact(stashType(call), statistics);
    return [fact(dtype, shape), stash, stash].slice(0, Math.max(1, call.node.outputs.length));
  },
  evaluate: (call) => {
    const [x, scale, bias] = [operand(call, 0), operand(call, 1), call.inputs[2] ?? null];
    if (!isFloat(x.dtype)) throw unsupported(call, `LayerNormalization of ${x.dtype} is not evaluated`);
    const axis = axisIn(call, call.attributes.axis, x.dims.length);
    checkFits(call, x.dims, "scale", scale.dims);
    if (bias) checkFits(call, x.dims, "bias", bias.dims);
    const length = elementCount(x.dims.slice(axis));
    const lines = elementCount(x.dims.slice(0, axis));
    const [means, inverses] = [call.floats(lines), call.floats(lines)];
    const normal = new Float64Array(x.size);
    const data = x.numbers;
    for (let line = 0; line < lines; line++) {
      const at = line * length;
      const { mean, variance } = momentsOf(data, at, length);
      const inverse = 1 / Math.sqrt(variance + call.attributes.epsilon);
      means[line] = mean;
      inverses[line] = inverse;
      for (let i = at; i < at + length; i++) normal[i] = (data[i]! - mean) * inverse;
    }
    const y = Tensor.of(x.dtype, x.dims, scaleShift(call, normal, x.dims, scale, bias));
    const shape = statisticsShape(x.dims, axis);
    const stash = stashType(call);
    return [y, Tensor.of(stash, shape, means), Tensor.of(stash, shape, inverses)].slice(
      0,
      Math.max(1, call.node.outputs.length),
    );
  },
});

/** Divides everything from `axis` on by its root mean square, then scales elementwise. */
export const rmsNormalization = defineOp("RMSNormalization", {
  infer: (call) => {
    const { dtype, shape } = factOf(call, 0);
    if (shape) axisIn(call, call.attributes.axis, shape.length);
    const scale = factOf(call, 1);
    if (shape && scale.shape) checkFits(call, shape, "scale", scale.shape);
    return [fact(scale.dtype ?? dtype, shape)];
  },
  evaluate: (call) => {
    const [x, scale] = [operand(call, 0), operand(call, 1)];
    if (!isFloat(x.dtype)) throw unsupported(call, `RMSNormalization of ${x.dtype} is not evaluated`);
    const axis = axisIn(call, call.attributes.axis, x.dims.length);
    checkFits(call, x.dims, "scale", scale.dims);
    const length = elementCount(x.dims.slice(axis));
    const normal = new Float64Array(x.size);
    const data = x.numbers;
    for (let at = 0; at < x.size; at += length) {
      let squares = 0;
      for (let i = at; i < at + length; i++) squares += data[i]! * data[i]!;
      const inverse = 1 / Math.sqrt(squares / length + call.attributes.epsilon);
      for (let i = at; i < at + length; i++) normal[i] = data[i]! * inverse;
    }
    return [Tensor.of(scale.dtype, x.dims, scaleShift(call, normal, x.dims, scale, null))];
  },
});
