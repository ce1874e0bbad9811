import { elementCount, isFloat, Tensor, type Dim } from "../ir/index.js";
import { broadcastShape, broadcastStrides } from "./broadcast.js";
import { fact } from "./fact.js";
import { multiplyIntegers } from "./kernels/integer-product.js";
import { multiplyMatrices, type ProductLayout } from "./kernels/matrix-product.js";
import { defineOp } from "./op.js";
import { commonDtype, factOf, formatShape, operand, sameDtype, shapeError, type Site } from "./operand.js";

/** Sizes of a stack of products by the rules of numpy.matmul. */
export interface MatMulShape<D extends Dim> {
  readonly batch: readonly D[];
  readonly rows: D;
  readonly cols: D;
  readonly depth: D;
  /** The result's shape: the batch, then rows and columns without those that a 1-D operand hasn't got. */
  readonly shape: readonly D[];
}

/** Inner sizes that differ, batches that don't broadcast and scalars are an `E_SHAPE`. */
export function matMulShape<D extends Dim>(site: Site, a: readonly D[], b: readonly D[]): MatMulShape<D> {
  if (a.length === 0 || b.length === 0) {
    throw shapeError(site, `${formatShape(a)} and ${formatShape(b)}: scalars have no matrix product`);
  }
  const [rows, depth] = (a.length === 1 ? [1, a[0]] : a.slice(-2)) as [D, D];
  const [inner, cols] = (b.length === 1 ? [b[0], 1] : b.slice(-2)) as [D, D];
  if (typeof depth === "number" && typeof inner === "number" && depth !== inner) {
    throw shapeError(
      site,
      `${formatShape(a)} and ${formatShape(b)} cannot be multiplied: the inner sizes ${depth} and ${inner} differ`,
    );
  }
  const batch = broadcastShape(site, [a.slice(0, -2), b.slice(0, -2)]) as D[];
  const shape = [...batch, ...(a.length > 1 ? [rows] : []), ...(b.length > 1 ? [cols] : [])];
  return { batch, rows, cols, depth: typeof depth === "number" ? depth : inner, shape };
}

/** MACs of one sample: the first dimension of the result counts 1 when it is no number. */
export function matMulMacs(
  site: Site,
  a: readonly Dim[] | null | undefined,
  b: readonly Dim[] | null | undefined,
): number | null {
  if (!a || !b) return null;
  const { batch, rows, cols, depth } = matMulShape(site, a, b);
  const sizes = [...batch, rows, cols, depth].map((dim, i) => (i === 0 && typeof dim !== "number" ? 1 : dim));
  return sizes.every((dim) => typeof dim === "number") ? elementCount(sizes as number[]) : null;
}

/** Calls `visit` for every matrix of a stack: where A, B and the result's matrix start, in elements. */
export function forEachMatrix(
  shape: MatMulShape<number>,
  a: readonly number[],
  b: readonly number[],
  visit: (layout: ProductLayout, at: number) => void,
): void {
  const { batch, rows, cols, depth } = shape;
  const [aSize, bSize] = [rows * depth, depth * cols];
  const aSteps = broadcastStrides(a.slice(0, -2), batch);
  const bSteps = broadcastStrides(b.slice(0, -2), batch);
  const count = elementCount(batch);
  // One matrix B for a whole stack of A: the stack is one tall matrix.
  if (
    count > 1 &&
    bSteps.every((step) => step === 0) &&
    a.length - 2 === batch.length &&
    elementCount(a) === count * aSize
  ) {
    const tall = { at: 0, row: depth, col: 1 };
    visit({ rows: rows * count, cols, depth, a: tall, b: { at: 0, row: cols, col: 1 } }, 0);
    return;
  }
  for (let i = 0; i < count; i++) {
    let [aAt, bAt, rest] = [0, 0, i];
    for (let axis = batch.length - 1; axis >= 0; axis--) {
      const index = rest % batch[axis]!;
      rest = (rest - index) / batch[axis]!;
      aAt += index * aSteps[axis]!;
      bAt += index * bSteps[axis]!;
    }
    const layout = {
      rows,
      cols,
      depth,
      a: { at: aAt * aSize, row: depth, col: 1 },
      b: { at: bAt * bSize, row: cols, col: 1 },
    };
    visit(layout, i * rows * cols);
  }
}

/** Matrix product by numpy's rules: stacks broadcast, 1-D operands are a row or a column. */
export const matMul = defineOp("MatMul", {
  infer: (call) => {
    const [a, b] = [factOf(call, 0), factOf(call, 1)];
    const dtype = commonDtype(call, [a, b]);
    return [fact(dtype, a.shape && b.shape ? matMulShape(call, a.shape, b.shape).shape : null)];
  },
  evaluate: (call) => {
    const [a, b] = [operand(call, 0), operand(call, 1)];
    const dtype = sameDtype(call, [a, b]);
    const shape = matMulShape<number>(call, a.dims, b.dims);
    const count = elementCount(shape.shape);
    if (!isFloat(dtype)) {
      const y = call.allocate(dtype, count);
      forEachMatrix(shape, a.dims, b.dims, (layout, at) => multiplyIntegers(call, layout, a, b, y, at));
      return [Tensor.of(dtype, shape.shape, y)];
    }
    const y = call.floats(count);
    const { cols } = shape;
    forEachMatrix(shape, a.dims, b.dims, (layout, at) => {
      multiplyMatrices(layout, a.numbers, b.numbers, (sum, row, col) => {
        y[at + row * cols + col] = sum;
      });
    });
    return [Tensor.of(dtype, shape.shape, y)];
  },
  macs: (call, inputs) => matMulMacs(call, inputs[0]?.shape, inputs[1]?.shape),
});
