import {
  isFloat,
  isNarrowFloat,
  roundToNarrow,
  Tensor,
  type AttributeInput,
  type DType,
  type Node,
  type NumberArray,
  type Patch,
  type Value,
} from "../ir/index.js";
import { resolveConv, resolveConvTranspose } from "../ops/conv-geometry.js";
import { attributesOf } from "../ops/index.js";
import { decline, type Decline } from "./decline.js";
import type { RewriteContext } from "./pass.js";

export type LinearOp = "Conv" | "ConvTranspose" | "Gemm" | "MatMul";

/**
 * A node that is linear in its input and has constant weights. `weight` is row-major outChannels × inChannels/group ×
 * taps in float64 whatever the operator's own layout; Gemm's alpha and beta are multiplied in. Gemm and MatMul have
 * no spatial axes and one tap.
 */
export interface LinearLayer {
  readonly node: Node;
  readonly op: LinearOp;
  readonly input: Value;
  readonly output: Value;
  /** Decoded on first use: reading a layer's geometry alone costs nothing. */
  readonly weight: Float64Array;
  /** outChannels entries, zeros when the node has no bias. */
  readonly bias: Float64Array;
  readonly hasBias: boolean;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly group: number;
  readonly kernel: readonly number[];
  readonly taps: number;
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** All begins, then all ends; null when auto_pad needs a dimension that is unknown. */
  readonly pads: readonly number[] | null;
  readonly dtype: DType;
}

export function isLinearOp(node: Node | null): boolean {
  return node?.is("Conv", "ConvTranspose", "Gemm", "MatMul") ?? false;
}

/** Reads a Conv, ConvTranspose, Gemm or MatMul with constant float weights; a reason otherwise. */
export function readLinearLayer(node: Node, cx: RewriteContext): LinearLayer | Decline {
  const input = node.input(0);
  if (!isLinearOp(node) || !input || node.outputs.length !== 1) return decline("it is no convolution");
  const tensor = cx.constant(node.input(1));
  if (!tensor) return decline("its weights are not constant");
  if (!isFloat(tensor.dtype)) return decline(`its weights are ${tensor.dtype}`);
  if (tensor.size === 0) return decline("its weights are empty");
  return node.is("Conv", "ConvTranspose")
    ? readConv(node, input, tensor, cx)
    : readGemm(node, input, tensor, cx);
}

function readConv(node: Node, input: Value, tensor: Tensor, cx: RewriteContext): LinearLayer | Decline {
  const opset = cx.graph.opset() ?? 1;
  const shape = cx.fact(input).shape ?? tensor.dims.map(() => null);
  const transposed = node.op === "ConvTranspose";
  const geometry = transposed
    ? resolveConvTranspose(attributesOf<"ConvTranspose">(node, opset), shape, tensor.dims, { node })
    : resolveConv(attributesOf<"Conv">(node, opset), shape, tensor.dims, { node });
  const bias = readBias(node, geometry.outChannels, cx);
  if (!bias) return decline("its bias is not constant");
  const { kernel, strides, dilations, pads, group, inChannels, outChannels } = geometry;
  const taps = kernel.reduce((product, k) => product * k, 1);
  const weight = lazily(() => {
    return transposed
      ? swapChannels(tensor.numbers, inChannels / group, outChannels / group, taps, group)
      : new Float64Array(tensor.numbers);
  });
  return {
    node,
    op: transposed ? "ConvTranspose" : "Conv",
    input,
    output: node.output,
    get weight() {
      return weight();
    },
    bias,
    hasBias: node.input(2) !== null,
    inChannels,
    outChannels,
    group,
    kernel,
    taps,
    strides,
    dilations,
    pads,
    dtype: tensor.dtype,
  };
}

function readGemm(node: Node, input: Value, tensor: Tensor, cx: RewriteContext): LinearLayer | Decline {
  if (tensor.dims.length !== 2) return decline("its weights are not a matrix");
  const [rows, columns] = tensor.dims as [number, number];
  const common = {
    node,
    input,
    output: node.output,
    group: 1,
    kernel: [],
    taps: 1,
    strides: [],
    dilations: [],
    pads: [],
  };
  if (node.op === "MatMul") {
    const weight = lazily(() => swapChannels(tensor.numbers, rows, columns, 1, 1));
    return {
      ...common,
      op: "MatMul",
      get weight() {
        return weight();
      },
      bias: new Float64Array(columns),
      hasBias: false,
      inChannels: rows,
      outChannels: columns,
      dtype: tensor.dtype,
    };
  }
  const { alpha, beta, transA, transB } = attributesOf<"Gemm">(node, cx.graph.opset() ?? 1);
  if (transA) return decline("its input is transposed");
  const [outChannels, inChannels] = transB ? [rows, columns] : [columns, rows];
  const bias = readBias(node, outChannels, cx);
  if (!bias) return decline("its bias is not one constant per output channel");
  const weight = lazily(() => {
    const values = transB
      ? new Float64Array(tensor.numbers)
      : swapChannels(tensor.numbers, inChannels, outChannels, 1, 1);
    if (alpha !== 1) for (let i = 0; i < values.length; i++) values[i]! *= alpha;
    return values;
  });
  return {
    ...common,
    op: "Gemm",
    get weight() {
      return weight();
    },
    bias: bias.map((b) => b * beta),
    hasBias: node.input(2) !== null,
    inChannels,
    outChannels,
    dtype: tensor.dtype,
  };
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}

/** One number per output channel; zeros without a bias, null for one that is no such constant. */
function readBias(node: Node, channels: number, cx: RewriteContext): Float64Array | null {
  const value = node.input(2);
  if (!value) return new Float64Array(channels);
  const tensor = cx.constant(value);
  if (!tensor || !isFloat(tensor.dtype)) return null;
  if (tensor.size === 1 && node.op === "Gemm") return new Float64Array(channels).fill(tensor.numbers[0]!);
  const fits = tensor.size === channels && tensor.dims.at(-1) === channels;
  return fits ? new Float64Array(tensor.numbers) : null;
}

/** Channels of a tile: reading rows and writing columns of a whole wide layer would miss the cache at every weight. */
const tile = 32;

/** Per group, a × b × taps becomes b × a × taps. */
function swapChannels(values: NumberArray, a: number, b: number, taps: number, groups: number): Float64Array {
  const out = new Float64Array(values.length);
  for (let g = 0; g < groups; g++) {
    const base = g * a * b * taps;
    for (let first = 0; first < b; first += tile) {
      const end = Math.min(b, first + tile);
      for (let i = 0; i < a; i++) {
        for (let j = first; j < end; j++) {
          const [to, from] = [base + (j * a + i) * taps, base + (i * b + j) * taps];
          for (let t = 0; t < taps; t++) out[to + t] = values[from + t]!;
        }
      }
    }
  }
  return out;
}

/** The axis of a layer's output that holds its output channels; null when the rank is unknown. */
export function outputAxis(layer: LinearLayer, cx: RewriteContext): number | null {
  if (layer.op !== "MatMul") return 1;
  const rank = cx.fact(layer.output).shape?.length ?? cx.fact(layer.input).shape?.length;
  return rank === undefined || rank < 2 ? null : rank - 1;
}

/** The axis of a layer's input that holds its input channels; null when the rank is unknown. */
export function inputAxis(layer: LinearLayer, cx: RewriteContext): number | null {
  if (layer.op !== "MatMul") return 1;
  const rank = cx.fact(layer.input).shape?.length;
  return rank === undefined || rank < 2 ? null : rank - 1;
}

export interface LayerChanges {
  readonly input?: Value;
  /** Canonical layout; absent = the node's own tensor stays, shared or not. */
  readonly weight?: Float64Array;
  /** Absent = the node's own bias stays; null = none. */
  readonly bias?: Float64Array | null;
  readonly inChannels?: number;
  readonly outChannels?: number;
  readonly group?: number;
  readonly kernel?: readonly number[];
  readonly attributes?: Readonly<Record<string, AttributeInput | undefined>>;
  readonly suffix?: string;
  /** Whether the new node takes over the old one's name (default true). */
  readonly heir?: boolean;
}

/**
 * Plans the layer again with some things changed, in the operator's own weight layout and dtype (rounded once), and
 * returns its output. A MatMul that gets a bias becomes a Gemm, which takes inputs of rank 2 only: see
 * {@link takesBias}.
 */
export function remakeLinearLayer(
  patch: Patch,
  layer: LinearLayer,
  changes: LayerChanges,
  cx: RewriteContext,
): Value {
  const { node, dtype } = layer;
  const suffix = changes.suffix ?? "";
  const group = changes.group ?? layer.group;
  const outChannels = changes.outChannels ?? layer.outChannels;
  const inChannels = changes.inChannels ?? layer.inChannels;
  const kernel = changes.kernel ?? layer.kernel;
  const taps = kernel.reduce((product, k) => product * k, 1);
  const gemm = layer.op === "Gemm" || (layer.op === "MatMul" && Boolean(changes.bias));
  const scaled = layer.op === "Gemm" && (node.attributes.has("alpha") || node.attributes.has("beta"));
  const remakes = changes.weight !== undefined || scaled;
  const stored = (): Tensor => {
    const weight = changes.weight ?? layer.weight;
    const perGroup = [inChannels / group, outChannels / group] as const;
    if (layer.op === "Conv") return Tensor.floats(dtype, [outChannels, perGroup[0], ...kernel], weight);
    const transB = layer.op === "Gemm" && node.attributes.get("transB");
    if (transB && transB.kind === "int" && transB.value !== 0)
      return Tensor.floats(dtype, [outChannels, inChannels], weight);
    const swapped = swapChannels(weight, perGroup[1], perGroup[0], taps, group);
    const dims =
      layer.op === "ConvTranspose" ? [inChannels, perGroup[1], ...kernel] : [inChannels, outChannels];
    return Tensor.floats(dtype, dims, swapped);
  };
  const weight = remakes ? patch.constant(`${suffix}weight`, stored()) : node.input(1);
  const bias = scaled && changes.bias === undefined && layer.hasBias ? layer.bias : changes.bias;
  const biasValue =
    bias === undefined
      ? node.input(2)
      : bias === null
        ? null
        : patch.constant(`${suffix}bias`, Tensor.floats(dtype, [outChannels], bias));
  const own = Object.fromEntries(node.attributes);
  const attrs: Record<string, AttributeInput | undefined> = gemm
    ? { ...own, alpha: undefined, beta: undefined, ...((cx.graph.opset() ?? 1) < 7 ? { broadcast: 1 } : {}) }
    : { ...own };
  if (group !== layer.group) attrs["group"] = group;
  if (changes.kernel && "kernel_shape" in attrs) attrs["kernel_shape"] = changes.kernel;
  const inputs = [changes.input ?? layer.input, weight, ...(biasValue ? [biasValue] : [])];
  return patch.op(
    gemm ? "Gemm" : layer.op,
    inputs,
    { ...attrs, ...changes.attributes },
    {
      suffix: `${suffix}${(gemm ? "Gemm" : layer.op).toLowerCase()}`,
      ...(changes.heir === false ? {} : { heirOf: node }),
    },
  );
}

/** Whether the layer can be given a bias without another node. */
export function takesBias(layer: LinearLayer, cx: RewriteContext): boolean {
  if (layer.op !== "MatMul") return true;
  return cx.fact(layer.input).shape?.length === 2 && (cx.graph.opset() ?? 1) >= 7;
}

/** Whether all values stay finite in the dtype that they will be stored in. */
export function isRepresentable(values: Float64Array, dtype: DType): boolean {
  const rounded = isNarrowFloat(dtype)
    ? roundToNarrow(values, dtype)
    : dtype === "float64"
      ? values
      : new Float32Array(values);
  return rounded.every(Number.isFinite);
}
