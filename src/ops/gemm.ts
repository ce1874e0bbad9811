import { isFloat, Tensor, type Dim, type NumberArray, type Values } from "../ir/index.js";
import { broadcastStrides } from "./broadcast.js";
import { fact, type Fact } from "./fact.js";
import { multiplyMatrices } from "./kernels/matrix-product.js";
import { multiplyIntegers } from "./kernels/integer-product.js";
import { defineOp, type EvalCall, type InferCall } from "./op.js";
import { commonDtype, factOf, formatShape, operand, sameDtype, shapeError, type Site } from "./operand.js";

interface GemmAttributes {
  readonly alpha: number;
  readonly beta: number;
  readonly transA: number;
  readonly transB: number;
}

interface GemmShape<D extends Dim> {
  readonly rows: D;
  readonly cols: D;
  readonly depth: D;
}

/** Sizes of op(A) · op(B) where both are matrices; inner sizes that differ are an `E_SHAPE`. */
function gemmShape<D extends Dim>(
  site: Site,
  a: readonly D[],
  b: readonly D[],
  { transA, transB }: GemmAttributes,
): GemmShape<D> {
  if (a.length !== 2 || b.length !== 2) {
    throw shapeError(site, `A ${formatShape(a)} and B ${formatShape(b)} must both be matrices`);
  }
  const [rows, depth] = (transA ? [a[1], a[0]] : a) as readonly [D, D];
  const [inner, cols] = (transB ? [b[1], b[0]] : b) as readonly [D, D];
  if (typeof depth === "number" && typeof inner === "number" && depth !== inner) {
    throw shapeError(
      site,
      `A ${formatShape(a)}${transA ? "ᵀ" : ""} and B ${formatShape(b)}${transB ? "ᵀ" : ""} cannot be multiplied:` +
        ` the inner sizes ${depth} and ${inner} differ`,
    );
  }
  return { rows, cols, depth: typeof depth === "number" ? depth : inner };
}

/** Opset 1 flattens A and B of higher rank to matrices; later ones want matrices. */
function matrixDims<D extends Dim>(dims: readonly D[]): readonly (D | number | null)[] {
  if (dims.length <= 2) return dims;
  const rest = dims.slice(1);
  const known = rest.every((dim) => typeof dim === "number");
  return [dims[0]!, known ? (rest as number[]).reduce((product, dim) => product * dim, 1) : null];
}

function checkC(site: Site, c: readonly Dim[], rows: Dim, cols: Dim): void {
  const fits = (dim: Dim | undefined, size: Dim): boolean =>
    dim === undefined || dim === 1 || typeof dim !== "number" || typeof size !== "number" || dim === size;
  if (c.length > 2 || !fits(c.at(-1), cols) || !fits(c.at(-2), rows)) {
    throw shapeError(site, `C ${formatShape(c)} does not broadcast to ${formatShape([rows, cols])}`);
  }
}

/** alpha · op(A) · op(B) + beta · C. Opsets before 7 broadcast C by an attribute, the later ones always. */
export const gemm = defineOp("Gemm", {
  infer: (call) => [inferGemm(call)],
  evaluate: (call) => [evaluateGemm(call)],
  macs: (call, inputs) => {
    const [a, b] = [inputs[0]?.shape, inputs[1]?.shape];
    if (!a || !b) return null;
    const { rows, cols, depth } = gemmShape<Dim>(call, matrixDims(a), matrixDims(b), call.attributes);
    // A first dimension that is no number is the batch: one sample is counted.
    const samples = typeof rows === "number" ? rows : 1;
    return typeof cols === "number" && typeof depth === "number" ? samples * cols * depth : null;
  },
});

function inferGemm(call: InferCall<GemmAttributes>): Fact {
  const [a, b, c] = [factOf(call, 0), factOf(call, 1), call.inputs[2] ?? null];
  const dtype = commonDtype(call, [a, b, c]);
  if (!a.shape || !b.shape) return fact(dtype, [null, null]);
  const { rows, cols } = gemmShape<Dim>(call, matrixDims(a.shape), matrixDims(b.shape), call.attributes);
  if (c?.shape) checkC(call, c.shape, rows, cols);
  return fact(dtype, [rows, cols]);
}

function evaluateGemm(call: EvalCall<GemmAttributes>): Tensor {
  const [a, b, c] = [operand(call, 0), operand(call, 1), call.inputs[2] ?? null];
  const dtype = sameDtype(call, c ? [a, b, c] : [a, b]);
  const { alpha, beta, transA, transB } = call.attributes;
  const [aDims, bDims] = [matrixDims(a.dims) as number[], matrixDims(b.dims) as number[]];
  const { rows, cols, depth } = gemmShape<number>(call, aDims, bDims, call.attributes);
  if (c) checkC(call, c.dims, rows, cols);
  const dims = [rows, cols];
  const [rowStep, colStep] = c ? (broadcastStrides(c.dims, dims) as [number, number]) : [0, 0];
  const layout = {
    rows,
    cols,
    depth,
    a: { at: 0, row: transA ? 1 : aDims[1]!, col: transA ? aDims[1]! : 1 },
    b: { at: 0, row: transB ? 1 : bDims[1]!, col: transB ? bDims[1]! : 1 },
  };
  if (isFloat(dtype)) {
    const y = call.floats(rows * cols);
    const added = c?.numbers ?? null;
    multiplyMatrices(layout, a.numbers, b.numbers, (sum, row, col) => {
      const base = alpha * sum;
      y[row * cols + col] = added ? base + beta * added[row * rowStep + col * colStep]! : base;
    });
    return Tensor.of(dtype, dims, y);
  }
  const y = call.allocate(dtype, rows * cols);
  multiplyIntegers(call, layout, a, b, y, 0);
  scaleIntegers(y, c?.data ?? null, alpha, beta, rows, cols, rowStep, colStep);
  return Tensor.of(dtype, dims, y);
}

/** y = alpha · y + beta · c on integers; fractions are cut off when stored. */
function scaleIntegers(
  y: Values,
  c: Values | null,
  alpha: number,
  beta: number,
  rows: number,
  cols: number,
  rowStep: number,
  colStep: number,
): void {
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) {
      const at = row * cols + col;
      const from = row * rowStep + col * colStep;
      if (y instanceof BigInt64Array || y instanceof BigUint64Array) {
        const added = c ? (c as BigInt64Array)[from]! : 0n;
        const whole = alpha === 1 && beta === 1;
        y[at] = whole ? y[at]! + added : BigInt(Math.trunc(alpha * Number(y[at]!) + beta * Number(added)));
      } else {
        const numbers = y as NumberArray;
        numbers[at] = alpha * numbers[at]! + (c ? beta * (c as NumberArray)[from]! : 0);
      }
    }
  }
}
