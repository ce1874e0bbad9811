import { elementCount, isBigInt, Tensor, type DType, type Dim, type Node } from "../ir/index.js";
import { dtypeAttribute } from "./cast.js";
import { entriesOf } from "./entries.js";
import { fact, factOfTensor } from "./fact.js";
import { fillWith } from "./pad.js";
import { defineOp, type EvalCall, type InferCall } from "./op.js";
import {
  attributeError,
  commonDtype,
  constantNumbers,
  factOf,
  formatShape,
  integersOf,
  operand,
  sameDtype,
  scalarOf,
  shapeError,
  unsupported,
  type Site,
} from "./operand.js";
import { slotsOf } from "./strided.js";

/** The tensor that a Constant node holds, in any of the forms its attributes have. */
export function constantTensor(node: Node): Tensor {
  const site: Site = { node };
  const [entry] = [...node.attributes].filter(
    ([name]) => name.startsWith("value") || name === "sparse_value",
  );
  const attribute = entry?.[1];
  switch (attribute?.kind) {
    case "tensor":
      return attribute.value;
    case "int":
      return Tensor.i64([], [attribute.value]);
    case "float":
      return Tensor.f32([], [attribute.value]);
    case "string":
      return Tensor.of("string", [], [attribute.value]);
    case "ints":
      return Tensor.i64([attribute.value.length], attribute.value);
    case "floats":
      return Tensor.f32([attribute.value.length], attribute.value);
    case "strings":
      return Tensor.of("string", [attribute.value.length], [...attribute.value]);
    case "opaque":
      throw unsupported(site, "a sparse constant is not evaluated");
    default:
      throw attributeError(site, "a Constant needs one value attribute");
  }
}

export const constant = defineOp("Constant", {
  infer: (call) => {
    const opaque = [...call.node.attributes.values()].some(({ kind }) => kind === "opaque");
    return [opaque ? fact(null, null) : factOfTensor(constantTensor(call.node))];
  },
  evaluate: (call) => [constantTensor(call.node)],
});

/** The one element that a ConstantOfShape repeats; float32 zero by default. */
function fillTensor(call: InferCall<{ value: Tensor | null }> | EvalCall<{ value: Tensor | null }>): Tensor {
  const value = call.attributes.value ?? Tensor.f32([1], [0]);
  if (value.size !== 1) throw attributeError(call, `value must have one element, not ${value.size}`);
  return value;
}

function checkExtents(site: Site, dims: readonly Dim[]): void {
  if (dims.some((dim) => typeof dim === "number" && dim < 0)) {
    throw shapeError(site, `shape ${formatShape(dims)} has a negative entry`);
  }
}

export const constantOfShape = defineOp("ConstantOfShape", {
  infer: (call) => {
    const { dtype } = fillTensor(call);
    const entries = entriesOf(factOf(call, 0));
    if (entries) checkExtents(call, entries);
    const rank = factOf(call, 0).shape?.[0];
    return [fact(dtype, entries ?? (typeof rank === "number" ? Array<null>(rank).fill(null) : null))];
  },
  evaluate: (call) => {
    const value = fillTensor(call);
    const dims = integersOf(operand(call, 0));
    checkExtents(call, dims);
    return [filledTensor(call, value, dims)];
  },
});

function filledTensor(call: EvalCall<unknown>, value: Tensor, dims: readonly number[]): Tensor {
  const values = call.allocate(value.dtype, elementCount(dims));
  fillWith(values, value.data as ArrayLike<number | bigint | string>, slotsOf(value.dtype));
  return Tensor.of(value.dtype, dims, values);
}

/** start, start + step, … short of the limit. */
export const range = defineOp("Range", {
  infer: (call) => {
    const dtype = commonDtype(call, call.inputs);
    const [start, limit, step] = [0, 1, 2].map((index) => constantNumbers(call, index)?.[0]);
    const known = start !== undefined && limit !== undefined && step !== undefined && step !== 0;
    if (known) return [fact(dtype, [rangeLength(start, limit, step)])];
    const dims = entriesOf(factOf(call, 1));
    return [fact(dtype, [start === 0 && step === 1 && dims?.length === 1 ? dims[0]! : null])];
  },
  evaluate: (call) => {
    const bounds = [0, 1, 2].map((index) => operand(call, index));
    const dtype = sameDtype(call, bounds);
    const [start, limit, step] = bounds.map((tensor, i) =>
      scalarOf(call, tensor, ["start", "limit", "delta"][i]!),
    ) as [number, number, number];
    if (step === 0) throw shapeError(call, "delta is 0");
    const values = call.allocate(dtype, rangeLength(start, limit, step));
    if (isBigInt(dtype)) {
      const [first, delta] = [bounds[0]!, bounds[2]!].map((tensor) => (tensor.data as BigInt64Array)[0]!) as [
        bigint,
        bigint,
      ];
      const out = values as BigInt64Array;
      for (let i = 0; i < out.length; i++) out[i] = first + BigInt(i) * delta;
    } else {
      const out = values as Float64Array;
      for (let i = 0; i < out.length; i++) out[i] = start + i * step;
    }
    return [Tensor.of(dtype, [values.length], values)];
  },
});

function rangeLength(start: number, limit: number, step: number): number {
  return Math.max(0, Math.ceil((limit - start) / step));
}

function eyeDtype(call: InferCall<{ dtype: number | null }>, input: DType | null): DType | null {
  const { dtype } = call.attributes;
  return dtype === null ? input : dtypeAttribute(call, dtype, "dtype");
}

/** Ones on the k-th diagonal of a matrix as large as the input. */
export const eyeLike = defineOp("EyeLike", {
  infer: (call) => {
    const x = factOf(call, 0);
    if (x.shape && x.shape.length !== 2)
      throw shapeError(call, `the input must be a matrix, not ${formatShape(x.shape)}`);
    return [fact(eyeDtype(call, x.dtype), x.shape ?? [null, null])];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    const { dtype: code, k } = call.attributes;
    if (x.dims.length !== 2) throw shapeError(call, `the input must be a matrix, not ${formatShape(x.dims)}`);
    const dtype = code === null ? x.dtype : dtypeAttribute(call, code, "dtype");
    const [rows, columns] = x.dims as [number, number];
    const values = call.allocate(dtype, rows * columns) as unknown as Record<number, number | bigint>;
    for (let row = Math.max(0, -k); row < rows && row + k < columns; row++) {
      values[row * columns + row + k] = isBigInt(dtype) ? 1n : 1;
    }
    return [Tensor.of(dtype, x.dims, values as unknown as Float32Array)];
  },
});
