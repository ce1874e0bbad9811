import { elementCount, isFloat, Tensor, type Dim } from "../ir/index.js";
import {
  convMacs,
  convTransposeMacs,
  resolveConv,
  resolveConvTranspose,
  type ConvAttributes,
  type ConvGeometry,
  type ConvTransposeAttributes,
} from "./conv-geometry.js";
import { fact, type Fact } from "./fact.js";
import { convolve } from "./kernels/convolution.js";
import { convolveTransposed } from "./kernels/transposed-convolution.js";
import { defineOp, type EvalCall, type InferCall, type OpCall } from "./op.js";
import {
  commonDtype,
  factOf,
  formatShape,
  operand,
  sameDtype,
  shapeError,
  unsupported,
  type Site,
} from "./operand.js";

/** Weight dimensions when all are known; kernel_shape stands in for unknown taps. */
export function knownWeight(
  weight: readonly Dim[] | null | undefined,
  kernel: readonly number[] | null | undefined,
): number[] | null {
  const dims = weight?.map((dim, axis) => (typeof dim === "number" ? dim : (kernel?.[axis - 2] ?? null)));
  return dims?.every((dim) => dim !== null) ? (dims as number[]) : null;
}

/** Shape of a convolution whose weight is not known in full. */
function vagueShape(input: readonly Dim[], outChannels: Dim): readonly Dim[] {
  return input.map((dim, axis) => (axis === 0 ? dim : axis === 1 ? outChannels : null));
}

/** Refuses a bias whose length isn't the number of output channels. */
export function checkBias(site: Site, bias: readonly Dim[] | null | undefined, outChannels: number): void {
  if (!bias) return;
  const count = bias.length === 1 ? bias[0]! : null;
  if (bias.length !== 1 || (typeof count === "number" && count !== outChannels)) {
    throw shapeError(
      site,
      `the bias ${formatShape(bias)} must have one entry for each of ${outChannels} output channels`,
    );
  }
}

function inferConv(call: InferCall<ConvAttributes>): Fact {
  const [x, w, b] = [factOf(call, 0), factOf(call, 1), call.inputs[2]];
  const dtype = commonDtype(call, [x, w, b ?? null]);
  const geometry = geometryOf(call, call.inputs);
  if (geometry) checkBias(call, b?.shape, geometry.outChannels);
  if (geometry || !x.shape) return fact(dtype, geometry?.outputShape ?? null);
  return fact(dtype, vagueShape(x.shape, w.shape?.[0] ?? null));
}

function geometryOf(call: OpCall<ConvAttributes>, inputs: readonly (Fact | null)[]): ConvGeometry | null {
  const [input, weight] = [inputs[0]?.shape, knownWeight(inputs[1]?.shape, call.attributes.kernel_shape)];
  return input && weight ? resolveConv(call.attributes, input, weight, call) : null;
}

/** Convolution over any number of spatial axes, with groups. */
export const conv = defineOp("Conv", {
  infer: (call) => [inferConv(call)],
  evaluate: (call) => [evaluateConv(call, false)],
  // Relu keeps −0 where floats are stored wider.
  evaluateRectified: (call) => (call.floats(0) instanceof Float32Array ? [evaluateConv(call, true)] : null),
  macs: (call, inputs) => {
    const geometry = geometryOf(call, inputs);
    return geometry && wholeBatch(convMacs(geometry), geometry);
  },
});

/** MACs of a call from those of one sample; a batch of unknown size counts 1. */
export function wholeBatch(macs: number | null, { outputShape }: ConvGeometry): number | null {
  const samples = outputShape[0];
  return macs !== null && typeof samples === "number" ? macs * samples : macs;
}

function evaluateConv(call: EvalCall<ConvAttributes>, rectified: boolean): Tensor {
  const [x, w, b] = floatOperands(call);
  const geometry = resolveConv(call.attributes, x.dims, w.dims, call);
  checkBias(call, b?.dims, geometry.outChannels);
  const y = call.floats(elementCount(geometry.outputShape), "anything");
  convolve({
    geometry,
    x: x.numbers,
    xDims: x.dims,
    weight: w.numbers,
    bias: b?.numbers ?? null,
    y,
    rectified,
  });
  return Tensor.of(x.dtype, geometry.outputShape, y);
}

/** Input, weight and optional bias, of one float type. */
function floatOperands(call: EvalCall<unknown>): [Tensor, Tensor, Tensor | null] {
  const [x, w, b] = [operand(call, 0), operand(call, 1), call.inputs[2] ?? null];
  const dtype = sameDtype(call, b ? [x, w, b] : [x, w]);
  if (!isFloat(dtype)) throw unsupported(call, `${call.node.op} of ${dtype} is not evaluated`);
  return [x, w, b];
}

function transposeGeometry(
  call: OpCall<ConvTransposeAttributes>,
  inputs: readonly (Fact | null)[],
): ConvGeometry | null {
  const [input, weight] = [inputs[0]?.shape, knownWeight(inputs[1]?.shape, call.attributes.kernel_shape)];
  return input && weight ? resolveConvTranspose(call.attributes, input, weight, call) : null;
}

/** Transposed convolution: the gradient of Conv towards its input. */
export const convTranspose = defineOp("ConvTranspose", {
  infer: (call) => {
    const [x, b] = [factOf(call, 0), call.inputs[2]];
    const dtype = commonDtype(call, [x, factOf(call, 1), b ?? null]);
    const geometry = transposeGeometry(call, call.inputs);
    if (geometry) checkBias(call, b?.shape, geometry.outChannels);
    return [fact(dtype, geometry?.outputShape ?? (x.shape && vagueShape(x.shape, null)))];
  },
  evaluate: (call) => {
    const [x, w, b] = floatOperands(call);
    const geometry = resolveConvTranspose(call.attributes, x.dims, w.dims, call);
    checkBias(call, b?.dims, geometry.outChannels);
    const y = call.floats(geometry.outputShape.reduce((count, dim) => count * dim, 1));
    convolveTransposed({
      geometry,
      x: x.numbers,
      xDims: x.dims,
      weight: w.numbers,
      bias: b?.numbers ?? null,
      y,
    });
    return [Tensor.of(x.dtype, geometry.outputShape, y)];
  },
  macs: (call, inputs) => {
    const geometry = transposeGeometry(call, inputs);
    return geometry && wholeBatch(convTransposeMacs(geometry, inputs[0]!.shape!), geometry);
  },
});
