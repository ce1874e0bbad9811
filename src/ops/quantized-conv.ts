import { elementCount, Tensor } from "../ir/index.js";
import { checkBias, knownWeight, wholeBatch } from "./conv.js";
import {
  convMacs,
  resolveConv,
  type ConvAttributes,
  type ConvGeometry,
  type KnownConvGeometry,
} from "./conv-geometry.js";
import { fact, type Fact } from "./fact.js";
import { convolve } from "./kernels/convolution.js";
import { defineOp, type EvalCall, type OpCall } from "./op.js";
import { factOf, operand } from "./operand.js";
import { perLine, requantizer } from "./requantize.js";

type MaybeFact = Fact | null | undefined;

function geometryOf(call: OpCall<ConvAttributes>, x: MaybeFact, w: MaybeFact): ConvGeometry | null {
  const weight = knownWeight(w?.shape, call.attributes.kernel_shape);
  return x?.shape && weight ? resolveConv(call.attributes, x.shape, weight, call) : null;
}

function shapeOf(call: OpCall<ConvAttributes>, x: MaybeFact, w: MaybeFact): Fact["shape"] {
  const outputShape = geometryOf(call, x, w)?.outputShape;
  return outputShape ?? x?.shape?.map((dim, axis) => (axis === 0 ? dim : null)) ?? null;
}

function macsOf(call: OpCall<ConvAttributes>, x: MaybeFact, w: MaybeFact): number | null {
  const geometry = geometryOf(call, x, w);
  return geometry && wholeBatch(convMacs(geometry), geometry);
}

/** Exact integer sums of (x − x's zero point) · (w − w's zero point), in float64. */
function integerConvolution(
  call: EvalCall<ConvAttributes>,
  x: Tensor,
  w: Tensor,
  xZero: Tensor | null,
  wZero: Tensor | null,
  bias: Tensor | null,
): { readonly geometry: KnownConvGeometry; readonly sums: Float64Array } {
  const geometry = resolveConv(call.attributes, x.dims, w.dims, call);
  checkBias(call, bias?.dims, geometry.outChannels);
  const zeroX = perLine(call, "the input's zero point", xZero, 1)(0);
  const zeroW = perLine(call, "the weight's zero point", wZero, geometry.outChannels);
  const perChannel = w.size / Math.max(1, geometry.outChannels);
  const centered = Float64Array.from(x.numbers, (value) => value - zeroX);
  const weight = Float64Array.from(w.numbers, (value, i) => value - zeroW(Math.floor(i / perChannel)));
  const sums = new Float64Array(elementCount(geometry.outputShape));
  convolve({ geometry, x: centered, xDims: x.dims, weight, bias: bias?.numbers ?? null, y: sums });
  return { geometry, sums };
}

/** Convolution of 8-bit integers with int32 sums that wrap around. */
export const convInteger = defineOp("ConvInteger", {
  infer: (call) => [fact("int32", shapeOf(call, factOf(call, 0), factOf(call, 1)))],
  evaluate: (call) => {
    const [x, w] = [operand(call, 0), operand(call, 1)];
    const [xZero, wZero] = [call.inputs[2] ?? null, call.inputs[3] ?? null];
    const { geometry, sums } = integerConvolution(call, x, w, xZero, wZero, null);
    return [Tensor.of("int32", geometry.outputShape, Int32Array.from(sums))];
  },
  macs: (call, inputs) => macsOf(call, inputs[0], inputs[1]),
});

/** Convolution of quantized values: input, weight and output have scales and zero points. */
export const qLinearConv = defineOp("QLinearConv", {
  infer: (call) => {
    const dtype = factOf(call, 7).dtype ?? factOf(call, 0).dtype;
    return [fact(dtype, shapeOf(call, factOf(call, 0), factOf(call, 3)))];
  },
  evaluate: (call) => {
    const [x, w, yZero] = [operand(call, 0), operand(call, 3), operand(call, 7)];
    const bias = call.inputs[8] ?? null;
    const { geometry, sums } = integerConvolution(call, x, w, operand(call, 2), operand(call, 5), bias);
    const { outChannels, outputShape } = geometry;
    const xScale = perLine(call, "the input's scale", operand(call, 1), 1)(0);
    const wScale = perLine(call, "the weight's scale", operand(call, 4), outChannels);
    const yScale = perLine(call, "the output's scale", operand(call, 6), 1)(0);
    const zero = perLine(call, "the output's zero point", yZero, 1)(0);
    const size = elementCount(outputShape.slice(2));
    const y = call.allocate(yZero.dtype, sums.length) as Int8Array;
    const requantize = requantizer(yZero.dtype);
    for (let i = 0; i < sums.length; i++) {
      const scale = (xScale * wScale(Math.floor(i / size) % outChannels)) / yScale;
      y[i] = requantize(sums[i]! * scale, zero);
    }
    return [Tensor.of(yZero.dtype, outputShape, y)];
  },
  macs: (call, inputs) => macsOf(call, inputs[0], inputs[3]),
});
