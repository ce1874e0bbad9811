import { isFloat, isNarrowFloat, roundHalfEven, roundToNarrow, Tensor, type DType } from "../ir/index.js";
import { castTensor, dtypeAttribute } from "./cast.js";
import { fact } from "./fact.js";
import { integerRange } from "./integer-range.js";
import { defineOp, type EvalCall, type InferCall } from "./op.js";
import { axisIn, factOf, formatShape, operand, shapeError, type Site } from "./operand.js";
import { splitAt } from "./strided.js";

/* Linear quantization: q = saturate(round(x / scale) + zero point), per tensor, per axis or per block. */

/** For each element of a tensor, which element of the scale (or zero point) belongs to it. */
export function scaleIndex(
  site: Site,
  dims: readonly number[],
  scale: Tensor,
  axis: number,
  blockSize: number,
): (at: number) => number {
  if (scale.size === 1) return () => 0;
  const along = axisIn(site, axis, dims.length);
  const { length, inner } = splitAt(dims, along);
  if (blockSize > 0) {
    const blocks = scale.dims[along];
    if (scale.dims.length !== dims.length || blocks === undefined || blocks * blockSize < length) {
      throw shapeError(
        site,
        `scale ${formatShape(scale.dims)} has no block of ${blockSize} for all of ${formatShape(dims)}`,
      );
    }
    return (at) => {
      const [outer, place] = [Math.floor(at / (inner * length)), Math.floor(at / inner) % length];
      return (outer * blocks + Math.floor(place / blockSize)) * inner + (at % inner);
    };
  }
  if (scale.size !== length) {
    throw shapeError(
      site,
      `scale ${formatShape(scale.dims)} does not fit axis ${axis} of ${formatShape(dims)}`,
    );
  }
  return (at) => Math.floor(at / inner) % length;
}

/** Rounds a quotient to the type that it is computed in; float64 tensors of the exact interpreter are left alone. */
export function rounderOf(dtype: DType, exact: boolean): (x: number) => number {
  if (exact || dtype === "float64") return (x) => x;
  return isNarrowFloat(dtype) ? (x) => roundToNarrow([x], dtype)[0]! : Math.fround;
}

/** True under the interpreter's float64 precision, where float32 tensors carry float64 values. */
function isExact(tensor: Tensor): boolean {
  return tensor.dtype === "float32" && tensor.data instanceof Float64Array;
}

interface QuantizeAttributes {
  readonly axis: number | null;
  readonly block_size: number | null;
  readonly output_dtype: number | null;
}

function quantizedDtype(
  call: InferCall<QuantizeAttributes> | EvalCall<QuantizeAttributes>,
  zero: DType | null,
): DType {
  const code = call.attributes.output_dtype ?? 0;
  return zero ?? (code === 0 ? "uint8" : dtypeAttribute(call, code, "output_dtype"));
}

export const quantizeLinear = defineOp("QuantizeLinear", {
  infer: (call) => {
    const zero = call.inputs[2];
    const dtype = zero ? zero.dtype : quantizedDtype(call, null);
    return [fact(dtype, factOf(call, 0).shape)];
  },
  evaluate: (call) => {
    const [x, scale, zero] = [operand(call, 0), operand(call, 1), call.inputs[2] ?? null];
    const dtype = quantizedDtype(call, zero?.dtype ?? null);
    const { axis, block_size: block, saturate, precision } = call.attributes;
    const index = scaleIndex(call, x.dims, scale, axis ?? 1, block ?? 0);
    const computed = precision
      ? dtypeAttribute(call, precision, "precision")
      : isFloat(x.dtype)
        ? x.dtype
        : scale.dtype;
    const round = rounderOf(computed, isExact(x));
    const [numbers, scales] = [x.numbers, scale.numbers];
    const zeros = zero?.numbers;
    const quotients = new Float64Array(x.size);
    for (let i = 0; i < quotients.length; i++) quotients[i] = round(numbers[i]! / scales[index(i)]!);
    if (isFloat(dtype)) {
      if (zeros) for (let i = 0; i < quotients.length; i++) quotients[i]! += zeros[index(i)]!;
      const wide = Tensor.of("float64", x.dims, quotients);
      return [castTensor(call, wide, dtype, { saturate: saturate !== 0 })];
    }
    const [least, most] = integerRange(dtype);
    const out = call.allocate(dtype, x.size) as Int32Array;
    for (let i = 0; i < out.length; i++) {
      const rounded = roundQuotient(quotients[i]!) + (zeros ? zeros[index(i)]! : 0);
      out[i] = Math.min(most, Math.max(least, rounded));
    }
    return [Tensor.of(dtype, x.dims, out)];
  },
});

function roundQuotient(x: number): number {
  return Number.isFinite(x) ? roundHalfEven(x) : Number.isNaN(x) ? 0 : x;
}

/** (q − zero point)·scale. */
export const dequantizeLinear = defineOp("DequantizeLinear", {
  infer: (call) => {
    const { output_dtype: code } = call.attributes;
    return [
      fact(code ? dtypeAttribute(call, code, "output_dtype") : factOf(call, 1).dtype, factOf(call, 0).shape),
    ];
  },
  evaluate: (call) => {
    const [x, scale, zero] = [operand(call, 0), operand(call, 1), call.inputs[2] ?? null];
    const { axis, block_size: block, output_dtype: code } = call.attributes;
    const dtype = code ? dtypeAttribute(call, code, "output_dtype") : scale.dtype;
    const index = scaleIndex(call, x.dims, scale, axis ?? 1, block ?? 0);
    const [numbers, scales] = [x.numbers, scale.numbers];
    const zeros = zero?.numbers;
    const out = call.allocate(dtype, x.size) as Float64Array;
    for (let i = 0; i < out.length; i++) {
      const k = index(i);
      out[i] = (numbers[i]! - (zeros ? zeros[k]! : 0)) * scales[k]!;
    }
    return [Tensor.of(dtype, x.dims, out)];
  },
});

/** Quantizes to uint8 by the range of the values themselves, widened to hold zero. */
export const dynamicQuantizeLinear = defineOp("DynamicQuantizeLinear", {
  infer: (call) => [fact("uint8", factOf(call, 0).shape), fact("float32", []), fact("uint8", [])],
  evaluate: (call) => {
    const x = operand(call, 0);
    const round = rounderOf("float32", isExact(x));
    let [low, high] = [0, 0];
    for (const value of x.numbers) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    const scale = round(round(high - low) / 255);
    const zero = scale === 0 ? 0 : Math.min(255, Math.max(0, roundHalfEven(round(-low / scale))));
    const out = new Uint8Array(x.size);
    const numbers = x.numbers;
    for (let i = 0; i < out.length; i++) {
      const quotient = scale === 0 ? 0 : roundQuotient(round(numbers[i]! / scale));
      out[i] = Math.min(255, Math.max(0, quotient + zero));
    }
    const scales = call.floats(1);
    scales[0] = scale;
    return [
      Tensor.of("uint8", x.dims, out),
      Tensor.of("float32", [], scales),
      Tensor.of("uint8", [], Uint8Array.of(zero)),
    ];
  },
});
