import { roundHalfEven, Tensor, type DType } from "../ir/index.js";
import { stridesOf } from "./broadcast.js";
import { fact, type Fact } from "./fact.js";
import { integerRange } from "./integer-range.js";
import { forEachMatrix, matMulMacs, matMulShape } from "./matmul.js";
import { multiplyMatrices } from "./kernels/matrix-product.js";
import { defineOp, type InferCall } from "./op.js";
import { factOf, formatShape, operand, shapeError, type Site } from "./operand.js";

/* Matrix products of quantized tensors: zero points taken off, summed exactly, rescaled once. */

/** An integer tensor less its zero point (one, or one per index of `axis`), as float64: every sum is exact. */
function centered(site: Site, x: Tensor, zero: Tensor | null, axis: number): Tensor {
  const values = Float64Array.from(x.numbers);
  if (!zero) return Tensor.of("float64", x.dims, values);
  const zeros = zero.numbers;
  const along = Math.max(axis < 0 ? axis + x.dims.length : axis, 0);
  if (zero.size !== 1 && zero.size % x.dims[along]! !== 0) {
    throw shapeError(site, `zero point ${formatShape(zero.dims)} does not fit ${formatShape(x.dims)}`);
  }
  const stride = stridesOf(x.dims)[along] ?? 1;
  const length = zero.size === 1 ? 1 : x.dims[along]!;
  for (let i = 0; i < values.length; i++) {
    const place = zero.size === 1 ? 0 : Math.floor(i / stride) % length;
    // A zero point per matrix of a stack and per row of each comes as a whole stack of vectors.
    const batch = zero.size > length ? Math.floor(i / (stride * length)) * length : 0;
    values[i]! -= zeros[(place + batch) % zero.size]!;
  }
  return Tensor.of("float64", x.dims, values);
}

function productOf(site: Site, a: Tensor, b: Tensor): Tensor {
  const shape = matMulShape<number>(site, a.dims, b.dims);
  const out = new Float64Array(shape.shape.reduce((x, y) => x * y, 1));
  forEachMatrix(shape, a.dims, b.dims, (layout, at) => {
    multiplyMatrices(layout, a.numbers, b.numbers, (sum, row, col) => {
      out[at + row * shape.cols + col] = sum;
    });
  });
  return Tensor.of("float64", shape.shape, out);
}

function inferProduct(call: InferCall<unknown>, b: number, dtype: DType | null): Fact {
  const [left, right] = [factOf(call, 0).shape, factOf(call, b).shape];
  return fact(dtype, left && right ? matMulShape(call, left, right).shape : null);
}

export const matMulInteger = defineOp("MatMulInteger", {
  infer: (call) => [inferProduct(call, 1, "int32")],
  evaluate: (call) => {
    const a = centered(call, operand(call, 0), call.inputs[2] ?? null, -2);
    const b = centered(call, operand(call, 1), call.inputs[3] ?? null, -1);
    const product = productOf(call, a, b);
    return [Tensor.of("int32", product.dims, Int32Array.from(product.numbers))];
  },
  macs: (call, inputs) => matMulMacs(call, inputs[0]?.shape, inputs[1]?.shape),
});

/** Rounded and saturated to the quantized type; `factor` says by what element i is multiplied. */
function requantized(product: Tensor, factor: (i: number) => number, zero: Tensor): Tensor {
  const [least, most] = integerRange(zero.dtype);
  const shift = zero.numbers[0] ?? 0;
  const sums = product.numbers;
  const values = Tensor.zeros(zero.dtype, product.dims);
  const out = values.numbers;
  for (let i = 0; i < sums.length; i++) {
    out[i] = Math.min(most, Math.max(least, roundHalfEven(sums[i]! * factor(i)) + shift));
  }
  return values;
}

export const qLinearMatMul = defineOp("QLinearMatMul", {
  infer: (call) => [inferProduct(call, 3, factOf(call, 7).dtype)],
  evaluate: (call) => {
    const [aScale, bScale, yScale] = [1, 4, 6].map((index) => operand(call, index).numbers) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const a = centered(call, operand(call, 0), operand(call, 2), -2);
    const b = centered(call, operand(call, 3), operand(call, 5), -1);
    const product = productOf(call, a, b);
    const cols = b.dims.at(-1)!;
    const rows = product.dims.at(-2) ?? 1;
    const factor = (i: number): number => {
      const left = aScale.length === 1 ? 0 : Math.floor(i / cols) % rows;
      const right = bScale.length === 1 ? 0 : i % cols;
      return (aScale[left]! * bScale[right]!) / yScale[0]!;
    };
    return [requantized(product, factor, operand(call, 7))];
  },
  macs: (call, inputs) => matMulMacs(call, inputs[0]?.shape, inputs[3]?.shape),
});
