import { elementCount, type Tensor } from "../ir/index.js";
import { checkSameShape, comparableValues } from "./compare.js";

/** Agreement on classes, counted in rows (samples). */
export interface Agreement {
  readonly agreed: number;
  readonly total: number;
}

/** Rows and classes of an N×C output (trailing axes of length 1 allowed), null for any other shape. */
export function classScores(tensor: Tensor): { rows: number; classes: number } | null {
  return hasClassScores(tensor.dims) ? { rows: tensor.dims[0]!, classes: tensor.dims[1]! } : null;
}

/** Whether outputs of this shape are class scores: N×C or N×C×1×1 with at least two classes. */
export function hasClassScores(dims: readonly (number | string | null)[]): boolean {
  const classes = dims[1];
  return (
    dims.length >= 2 && typeof classes === "number" && classes >= 2 && dims.slice(2).every((dim) => dim === 1)
  );
}

/** Class of each row: the first largest score along axis 1; −1 for a row that holds a NaN. */
export function predictedClasses(scores: Tensor): Int32Array {
  const { rows, classes } = rowsOf(scores);
  const values = comparableValues(scores);
  const predicted = new Int32Array(rows);
  for (let row = 0; row < rows; row++) predicted[row] = argmax(values, row * classes, classes);
  return predicted;
}

function argmax(values: ArrayLike<number>, at: number, count: number): number {
  let best = 0;
  for (let i = 0; i < count; i++) {
    const value = values[at + i]!;
    if (Number.isNaN(value)) return -1;
    if (value > values[at + best]!) best = i;
  }
  return best;
}

/** Rows whose predicted classes are equal. Shapes N×C or N×C×1×1; a ModelError when they differ. */
export function top1Agreement(a: Tensor, b: Tensor): Agreement {
  checkSameShape(a, b);
  const [p, q] = [predictedClasses(a), predictedClasses(b)];
  let agreed = 0;
  for (let row = 0; row < p.length; row++) if (p[row] === q[row]) agreed++;
  return { agreed, total: p.length };
}

/** Rows in which the reference's class is among the `k` largest scores of `a`. */
export function topKAgreement(a: Tensor, reference: Tensor, k = 5): Agreement {
  checkSameShape(a, reference);
  const { rows, classes } = rowsOf(a);
  const wanted = predictedClasses(reference);
  const values = comparableValues(a);
  let agreed = 0;
  for (let row = 0; row < rows; row++) {
    const at = row * classes;
    const target = wanted[row]!;
    if (target < 0 || argmax(values, at, classes) < 0) {
      if (target < 0 && argmax(values, at, classes) < 0) agreed++;
      continue;
    }
    const score = values[at + target]!;
    let larger = 0;
    for (let i = 0; i < classes; i++) {
      const value = values[at + i]!;
      if (value > score || (value === score && i < target)) larger++;
    }
    if (larger < k) agreed++;
  }
  return { agreed, total: rows };
}

/** Rows whose predicted class is the label. */
export function accuracy(scores: Tensor, labels: ArrayLike<number>): Agreement {
  const predicted = predictedClasses(scores);
  let agreed = 0;
  for (let row = 0; row < predicted.length; row++) if (predicted[row] === labels[row]) agreed++;
  return { agreed, total: predicted.length };
}

function rowsOf(tensor: Tensor): { rows: number; classes: number } {
  const rows = tensor.dims[0] ?? 0;
  return { rows, classes: rows === 0 ? 0 : tensor.size / rows };
}

/** Probabilities below this (the smallest normal float32) count as this in a divergence. */
const leastProbability = 2 ** -126;

export interface DivergenceOptions {
  /** The values are probabilities already (the model ends in a Softmax). */
  readonly probabilities?: boolean;
}

/** Sum over positions of KL(a‖b) in nats, and the number of positions; classes along axis 1. */
export function klSums(a: Tensor, b: Tensor, o: DivergenceOptions = {}): { sum: number; positions: number } {
  checkSameShape(a, b);
  const classes = a.dims[1] ?? 1;
  const inner = elementCount(a.dims.slice(2));
  const positions = a.size === 0 ? 0 : a.size / classes;
  const [x, y] = [comparableValues(a), comparableValues(b)];
  const logs = o.probabilities ? logProbabilities : logSoftmax;
  const [p, q] = [new Float64Array(classes), new Float64Array(classes)];
  let sum = 0;
  for (let position = 0; position < positions; position++) {
    const at = Math.floor(position / inner) * classes * inner + (position % inner);
    logs(x, at, inner, p);
    logs(y, at, inner, q);
    sum += divergence(p, q);
  }
  return { sum, positions };
}

/**
 * Mean KL(a‖b) in nats over all rows (and positions, for spatial outputs) of the softmax over axis 1. A NaN on one side
 * only is Infinity; rows with NaN on both sides count as equal.
 */
export function softmaxKl(a: Tensor, b: Tensor, o: DivergenceOptions = {}): number {
  const { sum, positions } = klSums(a, b, o);
  return positions === 0 ? 0 : sum / positions;
}

function divergence(p: Float64Array, q: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += Math.exp(p[i]!) * (p[i]! - q[i]!);
  if (!Number.isNaN(sum)) return Math.max(0, sum);
  return p.some(Number.isNaN) && q.some(Number.isNaN) ? 0 : Infinity;
}

function logSoftmax(values: ArrayLike<number>, at: number, step: number, out: Float64Array): void {
  let largest = -Infinity;
  for (let i = 0; i < out.length; i++) largest = Math.max(largest, values[at + i * step]!);
  let total = 0;
  for (let i = 0; i < out.length; i++) total += Math.exp(values[at + i * step]! - largest);
  const log = Math.log(total) + largest;
  for (let i = 0; i < out.length; i++) {
    out[i] = Math.max(values[at + i * step]! - log, Math.log(leastProbability));
  }
}

function logProbabilities(values: ArrayLike<number>, at: number, step: number, out: Float64Array): void {
  let total = 0;
  for (let i = 0; i < out.length; i++) total += values[at + i * step]!;
  for (let i = 0; i < out.length; i++) {
    out[i] = Math.log(Math.max(values[at + i * step]! / total, leastProbability));
  }
}
