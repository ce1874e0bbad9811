import { isFloat, Tensor, type Dim } from "../ir/index.js";
import { fact, type Fact } from "./fact.js";
import { cellFunctions, type CellFunction } from "./kernels/recurrence-functions.js";
import {
  gruStep,
  lstmStep,
  rnnStep,
  runDirection,
  type CellStep,
  type CellWeights,
} from "./kernels/recurrence.js";
import { defineOp, type EvalCall, type InferCall, type OpCall } from "./op.js";
import {
  attributeError,
  factOf,
  formatShape,
  integerOperand,
  operand,
  shapeError,
  unsupported,
} from "./operand.js";

interface RecurrentAttributes {
  readonly activations: readonly string[] | null;
  readonly activation_alpha: readonly number[] | null;
  readonly activation_beta: readonly number[] | null;
  readonly clip: number | null;
  readonly direction: string;
  readonly hidden_size: number | null;
  readonly layout: number | null;
}

/** What tells RNN, GRU and LSTM apart. */
interface Family<A extends RecurrentAttributes> {
  readonly gates: number;
  readonly activations: readonly string[];
  /** The LSTM has a cell state and peepholes as well. */
  readonly cellState: boolean;
  step(
    call: EvalCall<A>,
    weights: CellWeights,
    functions: readonly CellFunction[],
    direction: number,
  ): CellStep;
}

function directionsOf(call: OpCall<RecurrentAttributes>): readonly boolean[] {
  const { direction } = call.attributes;
  switch (direction.toLowerCase()) {
    case "forward":
    case "foward": // The schema of GRU 1 misspells its default.
      return [false];
    case "reverse":
      return [true];
    case "bidirectional":
      return [false, true];
    default:
      throw attributeError(call, `direction ${JSON.stringify(direction)} is unknown`);
  }
}

function inferRecurrent(call: InferCall<RecurrentAttributes>, cellState: boolean): (Fact | null)[] {
  const { dtype, shape } = factOf(call, 0);
  if (shape && shape.length !== 3) throw shapeError(call, `the input ${formatShape(shape)} must have 3 axes`);
  const directions = directionsOf(call).length;
  const hidden: Dim = factOf(call, 2).shape?.[2] ?? call.attributes.hidden_size;
  const batchFirst = call.attributes.layout === 1;
  const [time, batch] = batchFirst
    ? [shape?.[1] ?? null, shape?.[0] ?? null]
    : [shape?.[0] ?? null, shape?.[1] ?? null];
  const state = fact(dtype, batchFirst ? [batch, directions, hidden] : [directions, batch, hidden]);
  const all = fact(dtype, batchFirst ? [batch, time, directions, hidden] : [time, directions, batch, hidden]);
  return [all, state, ...(cellState ? [state] : [])].slice(0, Math.max(1, call.node.outputs.length));
}

/** Sizes of a call, checked against each other. */
interface Sizes {
  readonly time: number;
  readonly batch: number;
  readonly inputs: number;
  readonly hidden: number;
  readonly batchFirst: boolean;
  readonly directions: readonly boolean[];
}

function sizesOf(call: EvalCall<RecurrentAttributes>, gates: number): Sizes {
  const [x, w, r] = [operand(call, 0), operand(call, 1), operand(call, 2)];
  const directions = directionsOf(call);
  if (x.dims.length !== 3 || r.dims.length !== 3) {
    throw shapeError(call, `the input ${formatShape(x.dims)} and R ${formatShape(r.dims)} must have 3 axes`);
  }
  const batchFirst = call.attributes.layout === 1;
  const [time, batch] = batchFirst ? [x.dims[1]!, x.dims[0]!] : [x.dims[0]!, x.dims[1]!];
  const [inputs, hidden] = [x.dims[2]!, r.dims[2]!];
  const count = directions.length;
  expectDims(call, "W", w, [count, gates * hidden, inputs]);
  expectDims(call, "R", r, [count, gates * hidden, hidden]);
  if (call.inputs[3]) expectDims(call, "B", call.inputs[3], [count, 2 * gates * hidden]);
  const state = batchFirst ? [batch, count, hidden] : [count, batch, hidden];
  if (call.inputs[5]) expectDims(call, "initial_h", call.inputs[5], state);
  if (call.inputs[6]) expectDims(call, "initial_c", call.inputs[6], state);
  if (call.inputs[7]) expectDims(call, "P", call.inputs[7], [count, 3 * hidden]);
  return { time, batch, inputs, hidden, batchFirst, directions };
}

function expectDims(call: EvalCall<unknown>, name: string, tensor: Tensor, wanted: readonly number[]): void {
  if (tensor.dims.length !== wanted.length || tensor.dims.some((dim, axis) => dim !== wanted[axis])) {
    throw shapeError(call, `${name} ${formatShape(tensor.dims)} must have the shape ${formatShape(wanted)}`);
  }
}

function sequenceLengths(call: EvalCall<unknown>, { time, batch }: Sizes): readonly number[] {
  const lengths = integerOperand(call, 4) ?? Array<number>(batch).fill(time);
  if (lengths.length !== batch || lengths.some((length) => !(length >= 0 && length <= time))) {
    throw shapeError(call, `sequence_lens [${lengths.join(", ")}] must be ${batch} lengths up to ${time}`);
  }
  return lengths;
}

function functionsOf(
  call: OpCall<RecurrentAttributes>,
  defaults: readonly string[],
  directions: number,
): CellFunction[][] {
  const { activations, activation_alpha: alphas, activation_beta: betas, clip } = call.attributes;
  const perDirection = defaults.length;
  const all = Array.from({ length: directions }, () => defaults).flat();
  const names = activations && activations.length > 0 ? activations.slice(0, all.length) : all;
  // The function of the LSTM's cell state is not clipped, as in ONNX Runtime.
  const clips = names.map((_, i) => (i % perDirection < 2 ? clip : null));
  const made = cellFunctions(names, alphas ?? [], betas ?? [], clips);
  if (!made || made.length < all.length) {
    throw attributeError(
      call,
      `activations [${names.join(", ")}] must be ${all.length} functions that ONNX names`,
    );
  }
  return Array.from({ length: directions }, (_, d) => made.slice(d * perDirection, (d + 1) * perDirection));
}

/** All outputs: every step's state (zeros behind a sequence's end), the last states, the last cell states. */
function evaluateRecurrent<A extends RecurrentAttributes>(call: EvalCall<A>, family: Family<A>): Tensor[] {
  const x = operand(call, 0);
  if (!isFloat(x.dtype)) throw unsupported(call, `${call.node.op} of ${x.dtype} is not evaluated`);
  const sizes = sizesOf(call, family.gates);
  const { time, batch, inputs, hidden, batchFirst, directions } = sizes;
  const lengths = sequenceLengths(call, sizes);
  const functions = functionsOf(call, family.activations, directions.length);
  const count = directions.length;
  const y = call.floats(time * count * batch * hidden);
  const lastH = call.floats(count * batch * hidden);
  const lastC = call.floats(family.cellState ? lastH.length : 0);
  const stateAt = (d: number, n: number): number => (batchFirst ? n * count + d : d * batch + n) * hidden;
  const stepAt = (t: number, d: number, n: number): number =>
    (batchFirst ? (n * time + t) * count + d : (t * count + d) * batch + n) * hidden;
  const inputAt = (t: number, n: number): number => (batchFirst ? n * time + t : t * batch + n) * inputs;
  directions.forEach((reverse, d) => {
    const width = family.gates * hidden;
    const weights: CellWeights = {
      gates: family.gates,
      hidden,
      inputs,
      w: operand(call, 1).numbers,
      wAt: d * width * inputs,
      r: operand(call, 2).numbers,
      rAt: d * width * hidden,
      b: call.inputs[3]?.numbers ?? null,
      bAt: d * 2 * width,
    };
    const [h, c] = [new Float64Array(batch * hidden), new Float64Array(batch * hidden)];
    for (let n = 0; n < batch; n++) {
      for (let j = 0; j < hidden; j++) {
        h[n * hidden + j] = call.inputs[5]?.numbers[stateAt(d, n) + j] ?? 0;
        if (family.cellState) c[n * hidden + j] = call.inputs[6]?.numbers[stateAt(d, n) + j] ?? 0;
      }
    }
    const step = family.step(call, weights, functions[d]!, d);
    runDirection(weights, x.numbers, inputAt, batch, lengths, reverse, h, c, step, (t, n, at) => {
      y.set(h.subarray(at, at + hidden), stepAt(t, d, n));
    });
    for (let n = 0; n < batch; n++) {
      lastH.set(h.subarray(n * hidden, (n + 1) * hidden), stateAt(d, n));
      if (family.cellState) lastC.set(c.subarray(n * hidden, (n + 1) * hidden), stateAt(d, n));
    }
  });
  const stateDims = batchFirst ? [batch, count, hidden] : [count, batch, hidden];
  const dims = batchFirst ? [batch, time, count, hidden] : [time, count, batch, hidden];
  const outputs = [Tensor.of(x.dtype, dims, y), Tensor.of(x.dtype, stateDims, lastH)];
  if (family.cellState) outputs.push(Tensor.of(x.dtype, stateDims, lastC));
  return outputs.slice(0, Math.max(1, call.node.outputs.length));
}

export const rnn = defineOp("RNN", {
  infer: (call) => inferRecurrent(call, false),
  evaluate: (call) =>
    evaluateRecurrent(call, {
      gates: 1,
      activations: ["Tanh"],
      cellState: false,
      step: (_, weights, functions) => rnnStep(weights, functions),
    }),
});

export const gru = defineOp("GRU", {
  infer: (call) => inferRecurrent(call, false),
  evaluate: (call) =>
    evaluateRecurrent(call, {
      gates: 3,
      activations: ["Sigmoid", "Tanh"],
      cellState: false,
      step: ({ attributes }, weights, functions) =>
        gruStep(weights, functions, attributes.linear_before_reset === 1),
    }),
});

export const lstm = defineOp("LSTM", {
  infer: (call) => inferRecurrent(call, true),
  evaluate: (call) =>
    evaluateRecurrent(call, {
      gates: 4,
      activations: ["Sigmoid", "Tanh", "Tanh"],
      cellState: true,
      step: ({ inputs, attributes }, weights, functions, d) =>
        lstmStep(
          weights,
          functions,
          inputs[7]?.numbers ?? null,
          d * 3 * weights.hidden,
          attributes.input_forget === 1,
        ),
    }),
});
