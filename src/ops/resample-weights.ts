/* One axis of a resampling: which input samples an output sample reads, and how much of each. */

/** Reads of one output sample; null where it lies outside and takes the extrapolation value. */
export interface Taps {
  readonly indices: readonly number[];
  readonly weights: readonly number[];
}

export interface ResampleOptions {
  readonly mode: string;
  readonly coordinates: string;
  readonly nearest: string;
  readonly cubicA: number;
  readonly excludeOutside: boolean;
  readonly antialias: boolean;
  /** Part of the axis that is read, as fractions of its length (tf_crop_and_resize). */
  readonly roi: readonly [start: number, end: number];
}

/** Coordinate in the input of output sample `x`; null outside of the region under tf_crop_and_resize. */
function originalCoordinate(
  x: number,
  length: number,
  out: number,
  scale: number,
  o: ResampleOptions,
): number | null {
  const resized = scale * length;
  switch (o.coordinates) {
    case "asymmetric":
      return x / scale;
    case "align_corners":
      return resized === 1 || out === 1 ? 0 : (x * (length - 1)) / (resized - 1);
    case "pytorch_half_pixel":
      return out === 1 ? 0 : (x + 0.5) / scale - 0.5;
    case "tf_half_pixel_for_nn":
      return (x + 0.5) / scale;
    case "half_pixel_symmetric":
      // The centre of the output stays the centre although its length was rounded.
      return (length / 2) * (1 - out / resized) + (x + 0.5) / scale - 0.5;
    case "tf_crop_and_resize": {
      const [start, end] = o.roi;
      const inside =
        out === 1 ? ((end - start) * (length - 1)) / 2 : (x * (end - start) * (length - 1)) / (out - 1);
      const at = start * (length - 1) + inside;
      return at < 0 || at > length - 1 ? null : at;
    }
    default:
      return (x + 0.5) / scale - 0.5;
  }
}

function cubic(x: number, a: number): number {
  const d = Math.abs(x);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((d - 5) * d + 8) * d * a - 4 * a : 0;
}

/** Half-width of the kernel, in output samples where `scale` < 1 widens it against aliasing. */
function kernelOf(
  scale: number,
  o: ResampleOptions,
): { reach: number; weight: (distance: number) => number } {
  const shrink = o.antialias ? Math.min(scale, 1) : 1;
  const linear = (d: number): number => Math.max(0, 1 - Math.abs(d * shrink));
  if (o.mode === "cubic") return { reach: Math.ceil(2 / shrink), weight: (d) => cubic(d * shrink, o.cubicA) };
  return { reach: Math.ceil(1 / shrink), weight: linear };
}

function nearestIndex(x: number, scale: number, mode: string): number {
  switch (mode) {
    case "floor":
      return Math.floor(x);
    case "ceil":
      return Math.ceil(x);
    case "round_prefer_ceil":
      return Math.floor(x + 0.5);
    case "simple":
      return scale < 1 ? Math.ceil(x) : Math.floor(x);
    default:
      return Math.ceil(x - 0.5);
  }
}

/** Taps of every output sample of an axis of `length` resampled by `scale` to `out` samples. */
export function resampleTaps(
  length: number,
  out: number,
  scale: number,
  o: ResampleOptions,
): (Taps | null)[] {
  const clamp = (index: number): number => Math.min(Math.max(index, 0), length - 1);
  return Array.from({ length: out }, (_, i) => {
    const x = originalCoordinate(i, length, out, scale, o);
    if (x === null) return null;
    if (o.mode === "nearest") return { indices: [clamp(nearestIndex(x, scale, o.nearest))], weights: [1] };
    const { reach, weight } = kernelOf(scale, o);
    const first = Math.ceil(x) - reach;
    const reads = Array.from({ length: 2 * reach }, (_, k) => first + k);
    let weights = reads.map((index) => weight(index - x));
    if (o.excludeOutside) weights = weights.map((w, k) => (reads[k]! < 0 || reads[k]! >= length ? 0 : w));
    const total = weights.reduce((a, b) => a + b, 0);
    return { indices: reads.map(clamp), weights: weights.map((w) => w / total) };
  });
}
