import { isFloat, type Node, type Tensor, type Value } from "../ir/index.js";
import { attributesOf, type Fact } from "../ops/index.js";
import { resolveConv } from "../ops/conv-geometry.js";
import type { ConvLayer } from "./layer.js";
import { convMacs } from "./cost.js";

/** What reading a layer asks of inference. */
export interface LayerFacts {
  of(value: Value | null): Fact;
  constant(value: Value | null): Tensor | null;
}

/** Why a node is no layer that forms apply to. */
export interface NotALayer {
  readonly declined: string;
}

const writable: ReadonlySet<string> = new Set(["float32", "float64", "float16", "bfloat16"]);

/** The operators that forms apply to. */
export function isLayerOp(node: Node): boolean {
  return node.is("Conv", "Gemm");
}

/**
 * A Conv or Gemm with constant weights as a {@link ConvLayer}, or the reason why it is none. Spatial sizes must be
 * known numbers (bind symbolic dimensions before).
 */
export function readLayer(node: Node, facts: LayerFacts): ConvLayer | NotALayer {
  if (node.is("Conv")) return readConv(node, facts);
  if (node.is("Gemm")) return readGemm(node, facts);
  return { declined: `${node.op} is neither Conv nor Gemm` };
}

export function isLayer(layer: ConvLayer | NotALayer): layer is ConvLayer {
  return !("declined" in layer);
}

interface Weights {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
}

function readWeights(node: Node, facts: LayerFacts): Weights | NotALayer {
  const weight = facts.constant(node.input(1));
  if (!weight) return { declined: "the weights are not constant" };
  if (!isFloat(weight.dtype) || !writable.has(weight.dtype))
    return { declined: `weights of type ${weight.dtype} are not rewritten` };
  const bias = node.input(2) ? facts.constant(node.input(2)) : null;
  if (node.input(2) && !bias) return { declined: "the bias is not constant" };
  if (!finite(weight) || (bias && !finite(bias)))
    return { declined: "the weights are not all finite numbers" };
  return { weight, bias };
}

function finite(tensor: Tensor): boolean {
  const data = tensor.numbers;
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i]!)) return false;
  return true;
}

function readConv(node: Node, facts: LayerFacts): ConvLayer | NotALayer {
  const weights = readWeights(node, facts);
  if ("declined" in weights) return weights;
  const { weight, bias } = weights;
  const input = facts.of(node.input(0)).shape;
  if (!input) return { declined: "the input's shape is unknown" };
  const geometry = resolveConv(attributesOf<"Conv">(node, node.graph?.opset() ?? 1), input, weight.dims, {
    node,
  });
  const spatialIn = input.slice(2);
  const spatialOut = geometry.outputShape.slice(2);
  if (!allNumbers(spatialIn) || !allNumbers(spatialOut) || !geometry.pads) {
    return { declined: "the input's spatial size is symbolic; fix it with --shape or calibration data" };
  }
  const { kernel, strides, dilations, pads, group, inChannels, outChannels } = geometry;
  const spec = { inChannels, outChannels, kernel, strides, dilations, pads, group };
  return {
    name: node.label,
    op: "Conv",
    spec,
    weight: Float64Array.from(weight.numbers),
    bias: bias ? Float64Array.from(bias.numbers) : new Float64Array(outChannels),
    dtype: weight.dtype,
    inputShape: spatialIn,
    outputShape: spatialOut,
    macs: convMacs(
      spec,
      spatialOut.reduce((product, size) => product * size, 1),
    ),
  };
}

function allNumbers(dims: readonly unknown[]): dims is number[] {
  return dims.every((dim) => typeof dim === "number");
}

/** Gemm y = α·x·B + β·c as the pointwise layer W = α·Bᵀ, b = β·c. */
function readGemm(node: Node, facts: LayerFacts): ConvLayer | NotALayer {
  const weights = readWeights(node, facts);
  if ("declined" in weights) return weights;
  const { weight, bias } = weights;
  const { alpha, beta, transA, transB } = attributesOf<"Gemm">(node, node.graph?.opset() ?? 1);
  if (transA) return { declined: "the input is transposed" };
  if (weight.dims.length !== 2) return { declined: "the weight is not a matrix" };
  const [outChannels, inChannels] = transB
    ? [weight.dims[0]!, weight.dims[1]!]
    : [weight.dims[1]!, weight.dims[0]!];
  if (outChannels * inChannels === 0) return { declined: "the weight is empty" };
  const constant = new Float64Array(outChannels);
  if (bias) {
    if (bias.size !== outChannels && bias.size !== 1)
      return { declined: "the bias is not one value per output" };
    for (let o = 0; o < outChannels; o++) constant[o] = (beta ?? 1) * bias.numbers[bias.size === 1 ? 0 : o]!;
  }
  const matrix = new Float64Array(weight.size);
  for (let o = 0; o < outChannels; o++) {
    for (let i = 0; i < inChannels; i++) {
      matrix[o * inChannels + i] =
        (alpha ?? 1) * weight.numbers[transB ? o * inChannels + i : i * outChannels + o]!;
    }
  }
  const spec = { inChannels, outChannels, kernel: [], strides: [], dilations: [], pads: [], group: 1 };
  return {
    name: node.label,
    op: "Gemm",
    spec,
    weight: matrix,
    bias: constant,
    dtype: weight.dtype,
    inputShape: [],
    outputShape: [],
    macs: inChannels * outChannels,
  };
}
