import { Tensor, type Dim } from "../ir/index.js";
import { fact } from "./fact.js";
import { defineOp, type EvalCall, type InferCall } from "./op.js";
import { factOf, formatShape, operand, scalarOf, shapeError } from "./operand.js";
import { allocateLike, copyBlock } from "./strided.js";

/** Zeroes what lies below (`upper`) or above the k-th diagonal of each matrix. */
export const trilu = defineOp("Trilu", {
  infer: (call) => {
    checkMatrices(call, factOf(call, 0).shape);
    return [fact(factOf(call, 0).dtype, factOf(call, 0).shape)];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    checkMatrices(call, x.dims);
    const k = call.inputs[1] ? scalarOf(call, call.inputs[1], "k") : 0;
    const [rows, columns] = x.dims.slice(-2) as [number, number];
    const values = allocateLike(x.data, x.data.length);
    for (let at = 0, row = 0; at < x.size; at += columns, row = (row + 1) % rows) {
      const edge = Math.min(Math.max(row + k + (call.attributes.upper === 0 ? 1 : 0), 0), columns);
      if (call.attributes.upper === 0) copyBlock(x.data, at, values, at, edge);
      else copyBlock(x.data, at + edge, values, at + edge, columns - edge);
    }
    return [Tensor.of(x.dtype, x.dims, values)];
  },
});

function checkMatrices(call: InferCall<unknown> | EvalCall<unknown>, shape: readonly Dim[] | null): void {
  if (shape && shape.length < 2)
    throw shapeError(call, `the input must be matrices, not ${formatShape(shape)}`);
}

/** Determinants of square matrices, by elimination with partial pivoting. */
export const det = defineOp("Det", {
  infer: (call) => {
    const x = factOf(call, 0);
    checkMatrices(call, x.shape);
    return [fact(x.dtype, x.shape ? x.shape.slice(0, -2) : null)];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    checkMatrices(call, x.dims);
    const n = x.dims.at(-1)!;
    if (x.dims.at(-2) !== n) throw shapeError(call, `matrices must be square, not ${formatShape(x.dims)}`);
    const dims = x.dims.slice(0, -2);
    const out = call.allocate(
      x.dtype,
      dims.reduce((a, b) => a * b, 1),
    ) as Float64Array;
    const data = x.numbers;
    for (let i = 0; i < out.length; i++) {
      out[i] = determinant(Float64Array.from(data.subarray(i * n * n, (i + 1) * n * n)), n);
    }
    return [Tensor.of(x.dtype, dims, out)];
  },
});

/** Overwrites the matrix. */
function determinant(m: Float64Array, n: number): number {
  let product = 1;
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let row = column + 1; row < n; row++) {
      if (Math.abs(m[row * n + column]!) > Math.abs(m[pivot * n + column]!)) pivot = row;
    }
    const head = m[pivot * n + column]!;
    if (head === 0) return 0;
    if (pivot !== column) {
      for (let k = 0; k < n; k++) {
        const kept = m[column * n + k]!;
        m[column * n + k] = m[pivot * n + k]!;
        m[pivot * n + k] = kept;
      }
      product = -product;
    }
    product *= head;
    for (let row = column + 1; row < n; row++) {
      const factor = m[row * n + column]! / head;
      for (let k = column; k < n; k++) m[row * n + k]! -= factor * m[column * n + k]!;
    }
  }
  return product;
}
