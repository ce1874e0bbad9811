import { elementCount, isFloat, Tensor, type Dim, type NumberArray } from "../ir/index.js";
import { fact, type Fact } from "./fact.js";
import { defineOp, type EvalCall, type InferCall, type OpCall } from "./op.js";
import { factOf, formatShape, operand, shapeError, unsupported, type Site } from "./operand.js";

interface BatchNormAttributes {
  readonly epsilon: number;
  readonly momentum: number;
  readonly spatial: number | null;
  readonly is_test: number | null;
  readonly training_mode: number | null;
}

/** Training mode is an attribute from opset 14 on; before, it is asked for by the extra outputs. */
function isTraining({ node, opset, attributes }: OpCall<BatchNormAttributes>): boolean {
  if (opset >= 14) return attributes.training_mode === 1;
  return attributes.is_test !== 1 && node.outputs.slice(1).some((output) => output !== null);
}

/** Lines that share one scale, mean …: channels, or (spatial = 0) every activation of a sample by itself. */
function statisticsShape<D extends Dim>(
  { attributes }: OpCall<BatchNormAttributes>,
  dims: readonly D[],
): (D | 1)[] {
  if (attributes.spatial === 0) return dims.slice(1);
  return [dims.length > 1 ? dims[1]! : 1];
}

function checkStatistics(site: Site, name: string, dims: readonly Dim[], wanted: readonly Dim[]): void {
  const known = (shape: readonly Dim[]): number | null =>
    shape.every((dim) => typeof dim === "number") ? elementCount(shape as number[]) : null;
  const [have, want] = [known(dims), known(wanted)];
  if (have !== null && want !== null && have !== want) {
    throw shapeError(site, `${name} ${formatShape(dims)} must match the channels ${formatShape(wanted)}`);
  }
}

const parameterNames = ["scale", "B", "mean", "var"];

function inferBatchNorm(call: InferCall<BatchNormAttributes>): (Fact | null)[] {
  const { dtype, shape } = factOf(call, 0);
  if (shape) {
    const wanted = statisticsShape(call, shape);
    parameterNames.forEach((name, i) => {
      const dims = factOf(call, i + 1).shape;
      if (dims) checkStatistics(call, name, dims, wanted);
    });
  }
  const statistics = fact(factOf(call, 3).dtype ?? dtype, factOf(call, 3).shape);
  return call.node.outputs.map((_, i) => (i === 0 ? fact(dtype, shape) : statistics));
}

/**
 * Batch normalization. In training mode the batch's own statistics are used and the running ones returned,
 * momentum · old + (1 − momentum) · new; opsets before 14 return the batch's statistics beside them.
 */
export const batchNormalization = defineOp("BatchNormalization", {
  infer: (call) => inferBatchNorm(call),
  evaluate: (call) => evaluateBatchNorm(call),
});

function evaluateBatchNorm(call: EvalCall<BatchNormAttributes>): (Tensor | null)[] {
  const x = operand(call, 0);
  if (!isFloat(x.dtype)) throw unsupported(call, `BatchNormalization of ${x.dtype} is not evaluated`);
  const wanted = statisticsShape(call, x.dims) as number[];
  const [scale, shift, mean, variance] = parameterNames.map((name, i) => {
    const tensor = operand(call, i + 1);
    checkStatistics(call, name, tensor.dims, wanted);
    return tensor;
  }) as [Tensor, Tensor, Tensor, Tensor];
  const lines = elementCount(wanted);
  const length = call.attributes.spatial === 0 || x.dims.length < 2 ? 1 : elementCount(x.dims.slice(2));
  const samples = lines * length === 0 ? 0 : x.size / (lines * length);
  const data = x.numbers;
  const training = isTraining(call);
  const batch = training ? batchStatistics(data, samples, lines, length) : null;
  const [means, variances] = batch ?? [mean.numbers, variance.numbers];
  const y = call.floats(x.size);
  for (let c = 0; c < lines; c++) {
    const factor = scale.numbers[c]! / Math.sqrt(variances[c]! + call.attributes.epsilon);
    const [center, base] = [means[c]!, shift.numbers[c]!];
    for (let n = 0; n < samples; n++) {
      const at = (n * lines + c) * length;
      for (let i = at; i < at + length; i++) y[i] = (data[i]! - center) * factor + base;
    }
  }
  const out = Tensor.of(x.dtype, x.dims, y);
  return batch ? [out, ...trainingOutputs(call, batch, mean, variance)] : [out];
}

/** Mean and (population) variance of each line over samples and positions. */
function batchStatistics(
  x: NumberArray,
  samples: number,
  lines: number,
  length: number,
): [Float64Array, Float64Array] {
  const [means, variances] = [new Float64Array(lines), new Float64Array(lines)];
  for (let c = 0; c < lines; c++) {
    let [sum, squares] = [0, 0];
    for (let n = 0; n < samples; n++) {
      const at = (n * lines + c) * length;
      for (let i = at; i < at + length; i++) sum += x[i]!;
    }
    const mean = sum / (samples * length);
    for (let n = 0; n < samples; n++) {
      const at = (n * lines + c) * length;
      for (let i = at; i < at + length; i++) squares += (x[i]! - mean) ** 2;
    }
    means[c] = mean;
    variances[c] = squares / (samples * length);
  }
  return [means, variances];
}

function trainingOutputs(
  call: EvalCall<BatchNormAttributes>,
  [means, variances]: readonly [Float64Array, Float64Array],
  mean: Tensor,
  variance: Tensor,
): (Tensor | null)[] {
  const { momentum } = call.attributes;
  const made = (old: Tensor, value: (i: number) => number): Tensor => {
    const data = call.floats(old.size);
    for (let i = 0; i < data.length; i++) data[i] = value(i);
    return Tensor.of(old.dtype, old.dims, data);
  };
  const running = (old: Tensor, fresh: Float64Array): Tensor => {
    const before = old.numbers;
    return made(old, (i) => before[i]! * momentum + fresh[i]! * (1 - momentum));
  };
  const outputs = [
    running(mean, means),
    running(variance, variances),
    made(mean, (i) => means[i]!),
    made(variance, (i) => variances[i]!),
  ];
  return call.node.outputs.slice(1).map((output, i) => (output ? (outputs[i] ?? null) : null));
}
