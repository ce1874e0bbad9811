import { elementCount, Tensor, UnsupportedError, type Model } from "../ir/index.js";
import { compareOutput as measureOutput, hasClassScores, wilsonInterval } from "../measure/index.js";
import type { OutputComparison, Share } from "../report/index.js";

/** Compares one output of two models batch by batch. */
export interface OutputComparer {
  /** `b` is judged against `a`. Throws a ModelError when the shapes differ. */
  add(a: Tensor, b: Tensor): void;
  result(): OutputComparison;
}

/** `probabilities`: the output is a softmax's already, so that the divergence takes it as it is. */
export function compareOutput(name: string, probabilities = false): OutputComparer {
  const measure = measureOutput(name, { probabilities });
  const nonFinite = { a: 0, b: 0, different: 0 };
  let dtype = "";
  let rows = 0;
  let inner: readonly number[] = [];
  let scalar = false;
  let largest = 0;
  return {
    add(a, b) {
      const [x, y] = a.dtype === "string" ? equalStrings(a, b) : [a, b];
      measure.add(y, x);
      countNonFinite(x, y, nonFinite);
      dtype = a.dtype;
      scalar = a.dims.length === 0 && rows === 0;
      if (isImage(a.dims)) largest = Math.max(largest, largestOf(x));
      rows += a.dims[0] ?? 1;
      inner = a.dims.slice(1);
    },
    result() {
      const { relativeError, maxAbs, cosine, psnr, top1, top5, klDivergence } = measure.summary();
      const shape = scalar ? [] : [rows, ...inner];
      const peak = largest > 2 ? 255 : 1;
      return {
        name,
        dtype,
        shape,
        relativeError: finite(relativeError),
        maxAbs: { value: finite(maxAbs.value), index: maxAbs.value > 0 ? indexOf(maxAbs.index, shape) : [] },
        cosine: rows === 0 || elementCount(shape) === 0 ? null : cosine,
        top1: top1 ? share(top1.agreed, top1.total) : null,
        top5: top5 && hasClassScores(shape) && shape[1]! > 5 ? share(top5.agreed, top5.total) : null,
        klDivergence: klDivergence === null ? null : finite(klDivergence),
        psnr: isImage(shape) ? { db: finite(psnr + 20 * Math.log10(peak)), peak } : null,
        nonFinite: { ...nonFinite },
      };
    },
  };
}

/** N×1, 3 or 4×H×W with an area. */
export function isImage(dims: readonly number[]): boolean {
  const [, channels = 0, height = 0, width = 0] = dims;
  return dims.length === 4 && [1, 3, 4].includes(channels) && height >= 8 && width >= 8;
}

function largestOf(tensor: Tensor): number {
  let largest = 0;
  if (isFloats(tensor.data)) for (const x of tensor.data) if (Math.abs(x) > largest) largest = Math.abs(x);
  return Number.isFinite(largest) ? largest : 0;
}

export function share(count: number, total: number): Share {
  return {
    agreed: count,
    total,
    share: total > 0 ? count / total : 0,
    interval: wilsonInterval(count, total),
  };
}

/** Whether a model's output comes out of a Softmax. */
export function isProbability(model: Model, output: string): boolean {
  return model.graph.value(output)?.producer?.op === "Softmax";
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** Strings as ones and zeros: how many differ is then the distance. */
function equalStrings(a: Tensor, b: Tensor): [Tensor, Tensor] {
  const [x, y] = [a.data, b.data];
  if (!Array.isArray(x) || !Array.isArray(y)) {
    throw new UnsupportedError("E_COMPARE_TYPE", "strings can't be compared with numbers");
  }
  const same = x.map((text, i) => (text === y[i] ? 1 : 0));
  return [Tensor.f32(a.dims, new Float32Array(same.length).fill(1)), Tensor.f32(b.dims, same)];
}

function countNonFinite(a: Tensor, b: Tensor, counts: { a: number; b: number; different: number }): void {
  const [x, y] = [a.data, b.data];
  if (!isFloats(x) || !isFloats(y)) return;
  for (let i = 0; i < x.length; i++) {
    const [p, q] = [x[i]!, y[i]!];
    if (Number.isFinite(p) && Number.isFinite(q)) continue;
    if (!Number.isFinite(p)) counts.a++;
    if (!Number.isFinite(q)) counts.b++;
    if (!Object.is(p, q)) counts.different++;
  }
}

function isFloats(data: unknown): data is Float32Array | Float64Array {
  return data instanceof Float32Array || data instanceof Float64Array;
}

/** Index of a flat position, row-major. */
function indexOf(flat: number, dims: readonly number[]): number[] {
  const index: number[] = [];
  let rest = flat;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    index.unshift(rest % dims[axis]!);
    rest = Math.floor(rest / dims[axis]!);
  }
  return index;
}
