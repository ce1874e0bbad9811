import { ModelError, type Tensor } from "../ir/index.js";

/*
 * How far a tensor is from its reference. NaN beside NaN and an infinity beside the same infinity are equal; any
 * other value that isn't finite on one side is an infinite error. Nothing is ever NaN in a result.
 */

/** Values as plain numbers; int64 beyond ±2^53 becomes the nearest double. A ModelError for strings. */
export function comparableValues(tensor: Tensor): ArrayLike<number> {
  const { data } = tensor;
  if (Array.isArray(data))
    throw new ModelError("E_COMPARE_TYPE", "strings can't be compared by their values");
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number);
  return data;
}

/** A ModelError unless both have one shape. */
export function checkSameShape(a: Tensor, reference: Tensor): void {
  const same =
    a.dims.length === reference.dims.length && a.dims.every((dim, axis) => dim === reference.dims[axis]);
  if (same) return;
  throw new ModelError(
    "E_COMPARE_SHAPE",
    `shapes [${a.dims.join(", ")}] and [${reference.dims.join(", ")}] can't be compared`,
  );
}

/** |x − y| as said above: 0 for equal non-numbers, Infinity for one-sided ones. */
export function difference(x: number, y: number): number {
  if (x === y) return 0;
  const distance = Math.abs(x - y);
  if (!Number.isNaN(distance)) return distance;
  return Number.isNaN(x) && Number.isNaN(y) ? 0 : Infinity;
}

/** Running sums over pairs of tensors, so that many batches never sit in memory at once. */
export interface ErrorSums {
  readonly elements: number;
  /** Σ (a − reference)². */
  readonly squaredError: number;
  /** Σ reference² and Σ a² over the finite values. */
  readonly squaredReference: number;
  readonly squaredValue: number;
  /** Σ a · reference. */
  readonly product: number;
  /** Largest |a − reference| and where it was, as a flat index counted over all that was added. */
  readonly maxAbs: { readonly value: number; readonly index: number };
}

export const noErrors: ErrorSums = {
  elements: 0,
  squaredError: 0,
  squaredReference: 0,
  squaredValue: 0,
  product: 0,
  maxAbs: { value: 0, index: -1 },
};

/** `sums` with another pair added. Throws a ModelError when the shapes differ. */
export function addErrors(sums: ErrorSums, a: Tensor, reference: Tensor): ErrorSums {
  checkSameShape(a, reference);
  const [x, y] = [comparableValues(a), comparableValues(reference)];
  let { squaredError, squaredReference, squaredValue, product } = sums;
  let { value, index } = sums.maxAbs;
  for (let i = 0; i < y.length; i++) {
    const [p, q] = [x[i]!, y[i]!];
    const error = difference(p, q);
    squaredError += error * error;
    if (error > value || index < 0) {
      value = error;
      index = sums.elements + i;
    }
    if (Number.isFinite(q)) squaredReference += q * q;
    if (Number.isFinite(p)) squaredValue += p * p;
    if (Number.isFinite(p) && Number.isFinite(q)) product += p * q;
  }
  const elements = sums.elements + y.length;
  return { elements, squaredError, squaredReference, squaredValue, product, maxAbs: { value, index } };
}

/** ‖a − reference‖₂ / ‖reference‖₂ of sums; 0 where there is no error at all, Infinity against a reference of zeros. */
export function relativeErrorOf(sums: ErrorSums): number {
  return sums.squaredError === 0 ? 0 : Math.sqrt(sums.squaredError) / Math.sqrt(sums.squaredReference);
}

/** Cosine of the angle between both, in [−1, 1]; 1 for two zero vectors, 0 for one. */
export function cosineOf(sums: ErrorSums): number {
  if (sums.squaredReference === 0 && sums.squaredValue === 0) return 1;
  if (sums.squaredReference === 0 || sums.squaredValue === 0) return 0;
  const cosine = sums.product / (Math.sqrt(sums.squaredReference) * Math.sqrt(sums.squaredValue));
  return Math.min(1, Math.max(-1, cosine));
}

/** Peak signal-to-noise ratio in dB; Infinity without any error. */
export function psnrOf(sums: ErrorSums, peak = 1): number {
  if (sums.squaredError === 0) return Infinity;
  return 10 * Math.log10((peak * peak * sums.elements) / sums.squaredError);
}

/** ‖a − reference‖₂ / ‖reference‖₂ over all elements. */
export function relativeL2(a: Tensor, reference: Tensor): number {
  return relativeErrorOf(addErrors(noErrors, a, reference));
}

/** Largest absolute difference and its flat index (−1 for empty tensors). */
export function maxAbsDifference(a: Tensor, reference: Tensor): { value: number; index: number } {
  return addErrors(noErrors, a, reference).maxAbs;
}

export function cosineSimilarity(a: Tensor, reference: Tensor): number {
  return cosineOf(addErrors(noErrors, a, reference));
}

/** Peak signal-to-noise ratio of `a` in dB, for values up to `peak`. */
export function psnr(a: Tensor, reference: Tensor, peak = 1): number {
  return psnrOf(addErrors(noErrors, a, reference), peak);
}
