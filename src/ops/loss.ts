import { elementCount, Tensor, type Dim } from "../ir/index.js";
import { fact, type Fact } from "./fact.js";
import { defineOp, type EvalCall, type InferCall } from "./op.js";
import { attributeError, factOf, formatShape, integersOf, operand, shapeError } from "./operand.js";

interface LossAttributes {
  readonly reduction: string;
  readonly ignore_index: number | null;
}

type LossCall = InferCall<LossAttributes> | EvalCall<LossAttributes>;

function inferLoss(call: InferCall<LossAttributes>): Fact {
  checkReduction(call);
  const [x, target] = [factOf(call, 0), factOf(call, 1)];
  return fact(x.dtype, call.attributes.reduction === "none" ? target.shape : []);
}

function checkReduction(call: LossCall): void {
  const { reduction } = call.attributes;
  if (!["none", "sum", "mean"].includes(reduction)) {
    throw attributeError(call, `reduction must be none, sum or mean, not "${reduction}"`);
  }
}

/** −weight·score at each target's class; the mean is over the weights of those that aren't ignored. */
function likelihoodLoss(
  call: EvalCall<LossAttributes>,
  scores: ArrayLike<number>,
  dims: readonly number[],
): Tensor {
  checkReduction(call);
  const target = operand(call, 1);
  const weight = call.inputs[2]?.numbers;
  const [, classes] = dims as [number, number];
  const inner = elementCount(dims.slice(2));
  const { reduction, ignore_index: ignored } = call.attributes;
  if (target.size * classes !== elementCount(dims)) {
    throw shapeError(call, `targets ${formatShape(target.dims)} do not fit scores ${formatShape(dims)}`);
  }
  const losses = new Float64Array(target.size);
  let [total, weights] = [0, 0];
  integersOf(target).forEach((kind, i) => {
    if (kind === ignored) return;
    if (kind < 0 || kind >= classes) throw shapeError(call, `class ${kind} is outside [0, ${classes - 1}]`);
    const own = weight ? weight[kind]! : 1;
    const at = (Math.floor(i / inner) * classes + kind) * inner + (i % inner);
    losses[i] = -own * scores[at]!;
    total += losses[i]!;
    weights += own;
  });
  const { dtype } = operand(call, 0);
  const out = call.allocate(dtype, reduction === "none" ? target.size : 1) as Float64Array;
  if (reduction === "none") out.set(losses);
  else out[0] = reduction === "sum" ? total : total / weights;
  return Tensor.of(dtype, reduction === "none" ? target.dims : [], out);
}

export const negativeLogLikelihoodLoss = defineOp("NegativeLogLikelihoodLoss", {
  infer: (call) => [inferLoss(call)],
  evaluate: (call) => {
    const x = operand(call, 0);
    return [likelihoodLoss(call, x.numbers, x.dims)];
  },
});

/** The loss on log-softmax over axis 1, and those log-probabilities. */
export const softmaxCrossEntropyLoss = defineOp("SoftmaxCrossEntropyLoss", {
  infer: (call) => {
    const shape: readonly Dim[] | null = factOf(call, 0).shape;
    return [inferLoss(call), fact(factOf(call, 0).dtype, shape)];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    const logs = logSoftmaxOverClasses(x);
    const out = call.allocate(x.dtype, x.size) as Float64Array;
    out.set(logs);
    return [likelihoodLoss(call, logs, x.dims), Tensor.of(x.dtype, x.dims, out)];
  },
});

function logSoftmaxOverClasses(x: Tensor): Float64Array {
  const [batches, classes] = x.dims as [number, number];
  const inner = elementCount(x.dims.slice(2));
  const data = x.numbers;
  const out = new Float64Array(x.size);
  for (let n = 0; n < batches; n++) {
    for (let j = 0; j < inner; j++) {
      const at = n * classes * inner + j;
      let [most, sum] = [-Infinity, 0];
      for (let c = 0; c < classes; c++) most = Math.max(most, data[at + c * inner]!);
      for (let c = 0; c < classes; c++) sum += Math.exp(data[at + c * inner]! - most);
      const shift = most + Math.log(sum);
      for (let c = 0; c < classes; c++) out[at + c * inner] = data[at + c * inner]! - shift;
    }
  }
  return out;
}
