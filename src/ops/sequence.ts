import { elementCount, ModelError, Tensor, type Graph } from "../ir/index.js";
import { stridesOf } from "./broadcast.js";
import { dtypeAttribute } from "./cast.js";
import { concatShape, concatTensors } from "./concat.js";
import { fact, unknownFact } from "./fact.js";
import { defineOp, type EvalCall, type RuntimeValue } from "./op.js";
import { axisIn, integersOf, operand, scalarOf, shapeError, type Site } from "./operand.js";
import { gatherView } from "./strided.js";

/* Sequences of tensors and optionals. Inference knows nothing of them: their facts are unknown. */

function sequenceAt(call: EvalCall<unknown>, index: number): readonly Tensor[] {
  const value = call.values[index];
  if (value && !(value instanceof Tensor)) return value;
  throw new ModelError("E_INPUT", `input ${index} must be a sequence`, {
    where: { node: call.node.label, op: call.node.op },
  });
}

/** A place in a sequence; `extra` of 1 allows the place behind the last. */
function placeIn(site: Site, position: Tensor, length: number, extra: number): number {
  const place = scalarOf(site, position, "position");
  if (place >= -length && place < length + extra) return place < 0 ? place + length : place;
  throw shapeError(site, `position ${place} is outside of a sequence of ${length}`);
}

export const sequenceEmpty = defineOp("SequenceEmpty", {
  infer: (call) => {
    if (call.attributes.dtype !== null) dtypeAttribute(call, call.attributes.dtype, "dtype");
    return [unknownFact];
  },
  evaluate: () => [[]],
});

export const sequenceConstruct = defineOp("SequenceConstruct", {
  infer: () => [unknownFact],
  evaluate: (call) => [call.inputs.map((_, index) => operand(call, index))],
});

export const sequenceAtOp = defineOp("SequenceAt", {
  infer: () => [unknownFact],
  evaluate: (call) => {
    const sequence = sequenceAt(call, 0);
    return [sequence[placeIn(call, operand(call, 1), sequence.length, 0)]!];
  },
});

export const sequenceLength = defineOp("SequenceLength", {
  infer: () => [fact("int64", [])],
  evaluate: (call) => [Tensor.i64([], [sequenceAt(call, 0).length])],
});

export const sequenceInsert = defineOp("SequenceInsert", {
  infer: () => [unknownFact],
  evaluate: (call) => {
    const sequence = sequenceAt(call, 0);
    const place = call.inputs[2] ? placeIn(call, call.inputs[2], sequence.length, 1) : sequence.length;
    return [[...sequence.slice(0, place), operand(call, 1), ...sequence.slice(place)]];
  },
});

export const sequenceErase = defineOp("SequenceErase", {
  infer: () => [unknownFact],
  evaluate: (call) => {
    const sequence = sequenceAt(call, 0);
    const place = call.inputs[1] ? placeIn(call, call.inputs[1], sequence.length, 0) : sequence.length - 1;
    return [sequence.filter((_, i) => i !== place)];
  },
});

/** The body once per element of the first sequence; other sequences go along, tensors are passed whole. */
export const sequenceMap = defineOp("SequenceMap", {
  infer: (call) => (call.attributes.body as Graph).outputs.map(() => unknownFact),
  evaluate: (call) => {
    const body = call.attributes.body as Graph;
    const results = sequenceAt(call, 0).map((_, i) =>
      call.subgraph(
        body,
        call.values.map((value): RuntimeValue => {
          if (value === null || value instanceof Tensor) return value;
          const element = value[i];
          if (!element) throw shapeError(call, `a sequence has ${value.length} elements, the first one more`);
          return element;
        }),
      ),
    );
    return body.outputs.map((_, slot) =>
      results.map((outputs): Tensor => {
        const value = outputs[slot];
        if (value instanceof Tensor) return value;
        throw shapeError(call, "the body's outputs must be tensors");
      }),
    );
  },
});

/** Joins a sequence along an axis, a new one under `new_axis`. */
export const concatFromSequence = defineOp("ConcatFromSequence", {
  infer: () => [unknownFact],
  evaluate: (call) => {
    const sequence = sequenceAt(call, 0);
    const first = sequence[0];
    if (!first) throw shapeError(call, "the sequence is empty");
    const { axis, new_axis: stacked } = call.attributes;
    const along = axisIn(call, axis, first.dims.length + (stacked === 1 ? 1 : 0));
    const parts =
      stacked === 1
        ? sequence.map((tensor) =>
            tensor.reshape([...tensor.dims.slice(0, along), 1, ...tensor.dims.slice(along)]),
          )
        : sequence;
    concatShape(
      call,
      parts.map(({ dims }) => dims),
      along,
    );
    return [concatTensors(call, parts, along)];
  },
});

/** Splits along an axis: into ones (dropped axis unless `keepdims`), chunks of one length, or named lengths. */
export const splitToSequence = defineOp("SplitToSequence", {
  infer: () => [unknownFact],
  evaluate: (call) => {
    const x = operand(call, 0);
    const axis = axisIn(call, call.attributes.axis, x.dims.length);
    const length = x.dims[axis]!;
    const split = call.inputs[1] ?? null;
    const lengths = split ? splitLengths(call, split, length) : Array<number>(length).fill(1);
    const drop = !split && call.attributes.keepdims === 0;
    const strides = stridesOf(x.dims);
    let at = 0;
    const parts = lengths.map((part) => {
      const dims = x.dims.map((dim, i) => (i === axis ? part : dim));
      const tensor = gatherView(x, dims, at * strides[axis]!, strides);
      at += part;
      return drop ? tensor.reshape(dims.filter((_, i) => i !== axis)) : tensor;
    });
    return [parts];
  },
});

function splitLengths(site: Site, split: Tensor, length: number): number[] {
  const named = integersOf(split);
  if (split.dims.length > 0) {
    if (named.some((part) => part < 0) || named.reduce((a, b) => a + b, 0) !== length) {
      throw shapeError(site, `split [${named.join(", ")}] does not sum to ${length}`);
    }
    return named;
  }
  const part = named[0]!;
  if (part <= 0) throw shapeError(site, `split ${part} is not positive`);
  return Array.from({ length: Math.ceil(length / part) }, (_, i) => Math.min(part, length - i * part));
}

/** Reverses the first `sequence_lens[b]` steps of each batch. */
export const reverseSequence = defineOp("ReverseSequence", {
  infer: (call) => [fact(call.inputs[0]?.dtype ?? null, call.inputs[0]?.shape ?? null)],
  evaluate: (call) => {
    const x = operand(call, 0);
    const lengths = integersOf(operand(call, 1));
    const [batchAxis, timeAxis] = [call.attributes.batch_axis, call.attributes.time_axis].map((axis) =>
      axisIn(call, axis, x.dims.length),
    ) as [number, number];
    const strides = stridesOf(x.dims);
    const source = x.data as Float64Array;
    const values = Array.isArray(x.data) ? [...x.data] : x.data.slice();
    for (let at = 0; at < elementCount(x.dims); at++) {
      const batch = Math.floor(at / strides[batchAxis]!) % x.dims[batchAxis]!;
      const time = Math.floor(at / strides[timeAxis]!) % x.dims[timeAxis]!;
      const length = lengths[batch]!;
      if (length > x.dims[timeAxis]!)
        throw shapeError(call, `sequence length ${length} is above ${x.dims[timeAxis]}`);
      if (time < length) {
        const from = at + (length - 1 - 2 * time) * strides[timeAxis]!;
        (values as Float64Array)[at] = source[from]!;
      }
    }
    return [Tensor.of(x.dtype, x.dims, values)];
  },
});

export const optional = defineOp("Optional", {
  infer: (call) => [call.inputs[0] ?? unknownFact],
  evaluate: (call) => [call.values[0] ?? null],
});

export const optionalHasElement = defineOp("OptionalHasElement", {
  infer: () => [fact("bool", [])],
  evaluate: (call) => [Tensor.of("bool", [], Uint8Array.of((call.values[0] ?? null) === null ? 0 : 1))],
});

export const optionalGetElement = defineOp("OptionalGetElement", {
  infer: (call) => [call.inputs[0] ?? unknownFact],
  evaluate: (call) => {
    const value = call.values[0] ?? null;
    if (value === null) {
      throw new ModelError("E_INPUT", "the optional is empty", {
        where: { node: call.node.label, op: call.node.op },
      });
    }
    return [value];
  },
});
