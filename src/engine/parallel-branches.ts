import type { AttributeInput, Value } from "../ir/index.js";
import { attributesOf } from "../ops/index.js";
import { decline, isDecline, type Decline } from "./decline.js";
import { isLinearOp, readLinearLayer, type LinearLayer } from "./linear-layer.js";
import type { RewriteContext } from "./pass.js";

/** One summand of a sum of convolutions of one input: which input offset each tap reads, per axis. */
export interface ParallelBranch {
  /** Canonical weight over `group` groups. */
  readonly weight: Float64Array;
  readonly bias: Float64Array;
  readonly hasBias: boolean;
  readonly group: number;
  readonly kernel: readonly number[];
  /** Offset of each tap along each axis: dilation · tap − begin pad. */
  readonly offsets: readonly (readonly number[])[];
  /** Per axis, begin pad + end pad − extent: branches for which it is equal have equally many outputs. */
  readonly slack: readonly number[];
}

/**
 * The value as a branch that can be added to `first`: a convolution of `source` with its stride, `source` itself, or
 * a BatchNormalization of it. Null when it is something else.
 */
export function parallelBranch(
  value: Value,
  source: Value,
  first: LinearLayer,
  cx: RewriteContext,
): ParallelBranch | Decline | null {
  if (value === source) return diagonal(new Float64Array(first.inChannels).fill(1), null, first);
  const node = value.producer;
  if (node && isLinearOp(node)) {
    const layer = readLinearLayer(node, cx);
    if (isDecline(layer)) return decline(`of "${node.label}": ${layer.declined}`);
    return convolution(layer, first);
  }
  if (!node?.is("BatchNormalization") || node.outputs.slice(1).some(Boolean)) return null;
  const { epsilon, training_mode, spatial } = attributesOf<"BatchNormalization">(node, cx.graph.opset() ?? 1);
  const tensors = [1, 2, 3, 4].map((slot) => cx.constant(node.input(slot)));
  if (training_mode || spatial === 0 || tensors.some((tensor) => tensor?.size !== first.inChannels))
    return null;
  const [gamma, beta, mean, variance] = tensors.map((tensor) => new Float64Array(tensor!.numbers)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const scale = gamma.map((g, c) => g / Math.sqrt(variance[c]! + epsilon));
  return diagonal(
    scale,
    beta.map((b, c) => b - scale[c]! * mean[c]!),
    first,
  );
}

function convolution(layer: LinearLayer, first: LinearLayer): ParallelBranch | Decline {
  const { label } = layer.node;
  const sameKind =
    layer.op === first.op && layer.dtype === first.dtype && layer.kernel.length === first.kernel.length;
  if (!sameKind || layer.op === "ConvTranspose") return decline(`"${label}" is of another kind`);
  if (layer.outChannels !== first.outChannels) return decline(`"${label}" is broadcast`);
  if (layer.strides.some((stride, axis) => stride !== first.strides[axis]))
    return decline(`"${label}" has another stride`);
  if (!layer.pads) return decline(`the pads of "${label}" are unknown`);
  const { kernel, dilations, pads } = layer;
  const rank = kernel.length;
  return {
    weight: layer.weight,
    bias: layer.bias,
    hasBias: layer.hasBias,
    group: layer.group,
    kernel,
    offsets: kernel.map((k, axis) => Array.from({ length: k }, (_, t) => dilations[axis]! * t - pads[axis]!)),
    slack: kernel.map((k, axis) => pads[axis]! + pads[rank + axis]! - dilations[axis]! * (k - 1) - 1),
  };
}

function diagonal(
  scale: Float64Array,
  shift: Float64Array | null,
  first: LinearLayer,
): ParallelBranch | Decline {
  if (first.op !== "Conv" && shift === null && first.kernel.length > 0)
    return decline("it is no convolution");
  if (first.inChannels !== first.outChannels) return decline("the input is broadcast");
  if (first.strides.some((stride) => stride !== 1)) return decline("the input itself has no stride");
  return {
    weight: scale,
    bias: shift ?? new Float64Array(first.outChannels),
    hasBias: shift !== null,
    group: first.inChannels,
    kernel: first.kernel.map(() => 1),
    offsets: first.kernel.map(() => [0]),
    slack: first.kernel.map(() => -1),
  };
}

export interface MergedBranches {
  readonly weight: Float64Array;
  readonly bias: Float64Array;
  readonly hasBias: boolean;
  readonly group: number;
  readonly kernel: readonly number[];
  readonly attributes: Readonly<Record<string, AttributeInput | undefined>>;
}

/** All branches in one kernel, in place of `first`. */
export function sumOfBranches(
  first: LinearLayer,
  branches: readonly ParallelBranch[],
  cx: RewriteContext,
): MergedBranches | Decline {
  const group = branches.reduce((g, branch) => gcd(g, branch.group), branches[0]!.group);
  const rank = first.kernel.length;
  const axes = Array.from({ length: rank }, (_, axis) => axisOf(branches, axis));
  if (axes.includes(null)) return decline("the branches' taps don't fit under one kernel");
  const known = axes as readonly KernelAxis[];
  const sizes = cx.fact(first.output).shape;
  const differ = known.some(({ sameCount }, axis) => !sameCount && typeof sizes?.[axis + 2] !== "number");
  if (differ) return decline("the branches' outputs may differ in size");
  const kernel = known.map(({ count }) => count);
  const taps = kernel.reduce((product, k) => product * k, 1);
  const width = first.inChannels / group;
  const weight = new Float64Array(first.outChannels * width * taps);
  const bias = new Float64Array(first.outChannels);
  for (const branch of branches) {
    branch.bias.forEach((b, o) => (bias[o]! += b));
    const positions = tapPositions(branch, known);
    const inputs = first.inChannels / branch.group;
    for (let o = 0; o < first.outChannels; o++) {
      const shift =
        Math.floor(o / (first.outChannels / branch.group)) * inputs -
        Math.floor(o / (first.outChannels / group)) * width;
      for (let i = 0; i < inputs; i++) {
        positions.forEach((at, t) => {
          weight[(o * width + shift + i) * taps + at]! +=
            branch.weight[(o * inputs + i) * positions.length + t]!;
        });
      }
    }
  }
  const own = first.node.attributes;
  const dilations = known.map(({ step }) => step);
  const pads = [...known.map(({ begin }) => begin), ...known.map(({ end }) => end)];
  const spaced = own.has("dilations") || dilations.some((d) => d !== 1);
  return {
    weight,
    bias,
    hasBias: branches.some((branch) => branch.hasBias),
    group,
    kernel,
    attributes: rank === 0 ? {} : { pads, ...(spaced ? { dilations } : {}), auto_pad: undefined },
  };
}

interface KernelAxis {
  readonly first: number;
  readonly step: number;
  readonly count: number;
  readonly begin: number;
  readonly end: number;
  readonly sameCount: boolean;
}

/** The smallest evenly spaced row of taps that holds every branch's along one axis. */
function axisOf(branches: readonly ParallelBranch[], axis: number): KernelAxis | null {
  const offsets = [...new Set(branches.flatMap((branch) => branch.offsets[axis]!))].sort((a, b) => a - b);
  const first = offsets[0]!;
  const last = offsets.at(-1)!;
  if (first > 0) return null;
  const step = offsets.reduce((g, offset) => gcd(g, offset - first), 0) || 1;
  const slack = branches[0]!.slack[axis]!;
  const end = slack + last + 1;
  if (end < 0) return null;
  const sameCount = branches.every((branch) => branch.slack[axis] === slack);
  return { first, step, count: (last - first) / step + 1, begin: -first, end, sameCount };
}

/** Where each tap of a branch lies in the common kernel, row-major. */
function tapPositions(branch: ParallelBranch, axes: readonly KernelAxis[]): number[] {
  return axes.reduce(
    (positions, { first, step, count }, axis) =>
      positions.flatMap((at) => branch.offsets[axis]!.map((offset) => at * count + (offset - first) / step)),
    [0],
  );
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
