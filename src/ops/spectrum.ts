import { elementCount, isBigInt, Tensor, type Dim } from "../ir/index.js";
import { dtypeAttribute } from "./cast.js";
import { entriesOf } from "./entries.js";
import { fact, type Fact } from "./fact.js";
import { defineOp, type EvalCall, type InferCall, type OpName } from "./op.js";
import { axisIn, constantNumbers, factOf, formatShape, operand, scalarOf, shapeError } from "./operand.js";
import { splitAt } from "./strided.js";

/* Fourier transforms and the windows that go with them. */

/** Σ x·e^(∓2πi·jk/n) of the first n samples, zero beyond; `kept` coefficients. Direct sums: exact, quadratic. */
function transform(
  re: Float64Array,
  im: Float64Array,
  n: number,
  kept: number,
  inverse: boolean,
): [Float64Array, Float64Array] {
  const [outRe, outIm] = [new Float64Array(kept), new Float64Array(kept)];
  const [cos, sin] = [new Float64Array(n), new Float64Array(n)];
  for (let j = 0; j < n; j++) {
    cos[j] = Math.cos((2 * Math.PI * j) / n);
    sin[j] = (inverse ? 1 : -1) * Math.sin((2 * Math.PI * j) / n);
  }
  const used = Math.min(n, re.length);
  for (let k = 0; k < kept; k++) {
    let [a, b] = [0, 0];
    for (let j = 0; j < used; j++) {
      const turn = (j * k) % n;
      a += re[j]! * cos[turn]! - im[j]! * sin[turn]!;
      b += re[j]! * sin[turn]! + im[j]! * cos[turn]!;
    }
    outRe[k] = inverse ? a / n : a;
    outIm[k] = inverse ? b / n : b;
  }
  return [outRe, outIm];
}

interface DftAttributes {
  readonly axis: number | null;
  readonly inverse: number;
  readonly onesided: number;
}

/** The axis is an attribute before opset 20 (1 by default), input 2 from then on (−2 by default). */
function dftAxis(
  call: InferCall<DftAttributes> | EvalCall<DftAttributes>,
  given: number | null,
  rank: number,
): number {
  return axisIn(call, given ?? call.attributes.axis ?? (call.opset < 20 ? 1 : -2), rank);
}

function dftLength(call: { attributes: DftAttributes }, given: number | null, length: number): number {
  const { inverse, onesided } = call.attributes;
  return given ?? (inverse === 1 && onesided === 1 ? 2 * (length - 1) : length);
}

function inferDft(call: InferCall<DftAttributes>): Fact {
  const x = factOf(call, 0);
  const axis = call.inputs[2] ? (constantNumbers(call, 2)?.[0] ?? undefined) : null;
  if (!x.shape) return fact(x.dtype, null);
  if (axis === undefined) return fact(x.dtype, unknownAxis(call, x.shape));
  const along = dftAxis(call, axis, x.shape.length);
  const { inverse, onesided } = call.attributes;
  const given: Dim = call.inputs[1] ? (entriesOf(call.inputs[1])?.[0] ?? null) : null;
  const unknown = Boolean(call.inputs[1]) && typeof given !== "number";
  const length = x.shape[along]!;
  const known = !unknown && (typeof given === "number" || typeof length === "number");
  const n = known ? dftLength(call, typeof given === "number" ? given : null, length as number) : null;
  const whole: Dim = n ?? (unknown || (inverse === 1 && onesided === 1) ? null : length);
  const half: Dim = typeof whole === "number" ? Math.floor(whole / 2) + 1 : null;
  const out = onesided === 1 && inverse === 0 ? half : whole;
  const parts = onesided === 1 && inverse === 1 ? 1 : 2;
  return fact(
    x.dtype,
    x.shape.map((dim, i) => (i === along ? out : i === x.shape!.length - 1 ? parts : dim)),
  );
}

/** A plain transform of the whole axis changes no length, whichever axis it is. */
function unknownAxis(call: InferCall<DftAttributes>, shape: readonly Dim[]): readonly Dim[] {
  const { inverse, onesided } = call.attributes;
  const same = onesided === 0 && !call.inputs[1];
  const parts = onesided === 1 && inverse === 1 ? 1 : 2;
  return shape.map((dim, i) => (i === shape.length - 1 ? parts : same ? dim : null));
}

/** Discrete Fourier transform along an axis; the last axis holds real and imaginary parts (or real ones alone). */
export const dft = defineOp("DFT", {
  infer: (call) => [inferDft(call)],
  evaluate: (call) => {
    const x = operand(call, 0);
    const given = call.inputs[2] ? scalarOf(call, call.inputs[2], "axis") : null;
    const axis = dftAxis(call, given, x.dims.length);
    const parts = x.dims.at(-1)!;
    if (axis === x.dims.length - 1 || (parts !== 1 && parts !== 2)) {
      throw shapeError(
        call,
        `the input ${formatShape(x.dims)} has no real and imaginary parts behind axis ${axis}`,
      );
    }
    const { inverse, onesided } = call.attributes;
    const n = dftLength(
      call,
      call.inputs[1] ? scalarOf(call, call.inputs[1], "dft_length") : null,
      x.dims[axis]!,
    );
    const real = inverse === 1 && onesided === 1;
    const kept = onesided === 1 && inverse === 0 ? Math.floor(n / 2) + 1 : n;
    const dims = x.dims.map((dim, i) => (i === axis ? kept : i === x.dims.length - 1 ? (real ? 1 : 2) : dim));
    const { outer, length, inner } = splitAt(x.dims.slice(0, -1), axis);
    const out = call.allocate(x.dtype, elementCount(dims)) as Float64Array;
    const step = real ? 1 : 2;
    for (let i = 0; i < outer; i++) {
      for (let j = 0; j < inner; j++) {
        const read = (part: number): Float64Array =>
          Float64Array.from({ length }, (_, t) =>
            part < parts ? x.numbers[((i * length + t) * inner + j) * parts + part]! : 0,
          );
        const [re, im] = real ? mirrored(read(0), read(1), n) : [read(0), read(1)];
        const [a, b] = transform(re, im, n, kept, inverse === 1);
        for (let k = 0; k < kept; k++) {
          const to = ((i * kept + k) * inner + j) * step;
          out[to] = a[k]!;
          if (!real) out[to + 1] = b[k]!;
        }
      }
    }
    return [Tensor.of(x.dtype, dims, out)];
  },
});

/** All n coefficients of a real signal from the first half. */
function mirrored(re: Float64Array, im: Float64Array, n: number): [Float64Array, Float64Array] {
  const [a, b] = [new Float64Array(n), new Float64Array(n)];
  for (let k = 0; k < n; k++) {
    const source = k <= n / 2 ? k : n - k;
    a[k] = re[source] ?? 0;
    // The imaginary parts of the constant and of the highest coefficient of a real signal are zero.
    b[k] = k === 0 || 2 * k === n ? 0 : (k <= n / 2 ? 1 : -1) * (im[source] ?? 0);
  }
  return [a, b];
}

/** Transforms of windowed frames of a signal [batch, length, 1 or 2], one every `frame_step` samples. */
export const stft = defineOp("STFT", {
  infer: (call) => {
    const x = factOf(call, 0);
    const step = constantNumbers(call, 1)?.[0];
    const size = frameLength(constantNumbers(call, 3)?.[0], factOf(call, 2).shape?.[0]);
    const length = x.shape?.[1];
    const known = typeof length === "number" && step !== undefined && typeof size === "number";
    const frames = known ? Math.floor((length - size) / step) + 1 : null;
    const bins =
      typeof size === "number" ? (call.attributes.onesided === 1 ? Math.floor(size / 2) + 1 : size) : null;
    return [fact(x.dtype, [x.shape?.[0] ?? null, frames, bins, 2])];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    const step = scalarOf(call, operand(call, 1), "frame_step");
    const window = call.inputs[2]?.numbers;
    const size = frameLength(
      call.inputs[3] ? scalarOf(call, call.inputs[3], "frame_length") : undefined,
      window?.length,
    );
    const [batches, length] = x.dims as [number, number];
    const parts = x.dims[2] ?? 1;
    if (typeof size !== "number" || size > length || !(step > 0)) {
      throw shapeError(
        call,
        `frames of ${size ?? "?"} every ${step} samples do not fit ${formatShape(x.dims)}`,
      );
    }
    const frames = Math.floor((length - size) / step) + 1;
    const bins = call.attributes.onesided === 1 ? Math.floor(size / 2) + 1 : size;
    const out = call.allocate(x.dtype, batches * frames * bins * 2) as Float64Array;
    let to = 0;
    for (let n = 0; n < batches; n++) {
      for (let f = 0; f < frames; f++) {
        const read = (part: number): Float64Array =>
          Float64Array.from({ length: size }, (_, t) =>
            part < parts
              ? x.numbers[(n * length + f * step + t) * parts + part]! * (window ? (window[t] ?? 0) : 1)
              : 0,
          );
        const [a, b] = transform(read(0), read(1), size, bins, false);
        for (let k = 0; k < bins; k++) {
          out[to++] = a[k]!;
          out[to++] = b[k]!;
        }
      }
    }
    return [Tensor.of(x.dtype, [batches, frames, bins, 2], out)];
  },
});

function frameLength(given: number | undefined, window: Dim | undefined): Dim {
  return given ?? window ?? null;
}

/** a₀ − a₁·cos(2πn/N) + a₂·cos(4πn/N), N the size, or one less for a symmetric window. */
function defineWindow<N extends Extract<OpName, "HannWindow" | "HammingWindow" | "BlackmanWindow">>(
  name: N,
  [a0, a1, a2]: readonly [number, number, number],
) {
  return defineOp(name, {
    infer: (call) => [
      fact(dtypeAttribute(call, call.attributes.output_datatype, "output_datatype"), [
        entriesOf(factOf(call, 0))?.[0] ?? null,
      ]),
    ],
    evaluate: (call) => {
      const size = scalarOf(call, operand(call, 0), "size");
      const dtype = dtypeAttribute(call, call.attributes.output_datatype, "output_datatype");
      const period = Math.max(call.attributes.periodic === 1 ? size : size - 1, 1);
      const values = call.allocate(dtype, size);
      for (let n = 0; n < size; n++) {
        const angle = (2 * Math.PI * n) / period;
        const value = a0 - a1 * Math.cos(angle) + a2 * Math.cos(2 * angle);
        if (isBigInt(dtype)) (values as BigInt64Array)[n] = BigInt(Math.trunc(value));
        else (values as Float64Array)[n] = value;
      }
      return [Tensor.of(dtype, [size], values)];
    },
  });
}

export const hannWindow = defineWindow("HannWindow", [0.5, 0.5, 0]);
export const hammingWindow = defineWindow("HammingWindow", [25 / 46, 21 / 46, 0]);
export const blackmanWindow = defineWindow("BlackmanWindow", [0.42, 0.5, 0.08]);

/** Triangles of equal width on the mel scale, from spectrum bins to mel bins. */
export const melWeightMatrix = defineOp("MelWeightMatrix", {
  infer: (call) => {
    const [bins, length] = [constantNumbers(call, 0)?.[0], constantNumbers(call, 1)?.[0]];
    const rows = length === undefined ? null : Math.floor(length / 2) + 1;
    return [
      fact(dtypeAttribute(call, call.attributes.output_datatype, "output_datatype"), [rows, bins ?? null]),
    ];
  },
  evaluate: (call) => {
    const names = ["num_mel_bins", "dft_length", "sample_rate", "lower_edge_hertz", "upper_edge_hertz"];
    const [bins, length, rate, low, high] = names.map((name, i) =>
      scalarOf(call, operand(call, i), name),
    ) as [number, number, number, number, number];
    const dtype = dtypeAttribute(call, call.attributes.output_datatype, "output_datatype");
    const rows = Math.floor(length / 2) + 1;
    const mel = (hertz: number): number => 2595 * Math.log10(1 + hertz / 700);
    const [first, last] = [mel(low), mel(high)];
    const places = Array.from({ length: bins + 2 }, (_, i) => {
      const hertz = 700 * (10 ** ((i * ((last - first) / (bins + 2)) + first) / 2595) - 1);
      return Math.floor(((length + 1) * hertz) / rate);
    });
    const values = call.allocate(dtype, rows * bins) as Float64Array;
    for (let bin = 0; bin < bins; bin++) {
      const [lower, centre, upper] = [places[bin]!, places[bin + 1]!, places[bin + 2]!];
      if (lower === centre) values[centre * bins + bin] = 1;
      else for (let j = lower; j <= centre; j++) values[j * bins + bin] = (j - lower) / (centre - lower);
      if (upper > centre)
        for (let j = centre; j < upper; j++) values[j * bins + bin] = (upper - j) / (upper - centre);
    }
    return [Tensor.of(dtype, [rows, bins], values)];
  },
});
