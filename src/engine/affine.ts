import type { Node, Patch, Value } from "../ir/index.js";
import { isDecline, type Decline } from "./decline.js";
import {
  inputAxis,
  isLinearOp,
  isRepresentable,
  outputAxis,
  readLinearLayer,
  remakeLinearLayer,
  takesBias,
  type LinearLayer,
} from "./linear-layer.js";
import type { RewriteContext } from "./pass.js";

/** y = scale · x + shift, one pair per channel along `axis`. */
export interface ChannelAffine {
  readonly axis: number;
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

const one = (value: number): boolean => value === 1;
const zero = (value: number): boolean => value === 0;

/**
 * The layer W·x + b behind which a·y + c stands, as one layer: a∘W·x + (a∘b + c). Exact for every geometry, since
 * channels don't mix and the shift comes after all padding. `node` is the affine node from `x` to its output.
 */
export function foldIntoProducer(
  node: Node,
  x: Value,
  affine: ChannelAffine,
  cx: RewriteContext,
): Patch | Decline {
  const layer = readLinearLayer(x.producer!, cx);
  if (isDecline(layer)) return cx.decline(`of "${x.producer!.label}": ${layer.declined}`);
  if (outputAxis(layer, cx) !== affine.axis)
    return cx.decline("its channels lie on another axis than the layer's");
  if (affine.scale.length !== layer.outChannels)
    return cx.decline(`${affine.scale.length} channels do not fit the layer's ${layer.outChannels}`);
  if (cx.soleReader(x) !== node)
    return cx.decline(`the output of "${layer.node.label}" is read elsewhere too`);
  const { scale, shift } = affine;
  const bias = layer.bias.map((b, o) => scale[o]! * b + shift[o]!);
  const needsBias = layer.hasBias || !bias.every(zero);
  if (needsBias && !takesBias(layer, cx)) return cx.decline("a MatMul of this rank can't take a bias");
  const weight = layer.weight.slice();
  const row = weight.length / layer.outChannels;
  for (let i = 0; i < weight.length; i++) weight[i]! *= scale[Math.floor(i / row)]!;
  if (!isRepresentable(weight, layer.dtype) || !isRepresentable(bias, layer.dtype))
    return cx.decline(`the folded weights leave the range of ${layer.dtype}`);
  const patch = cx.patch(node);
  const changes = { ...(scale.every(one) ? {} : { weight }), ...(needsBias ? { bias } : {}) };
  patch.replace(node.output, remakeLinearLayer(patch, layer, changes, cx));
  cx.note(patch, `into "${layer.node.label}"`);
  return patch;
}

/**
 * The layers W·(a·x + c) + b as W∘a·x + (W·c + b). The shift passes through a convolution unchanged only where every
 * output sees all taps: with pads it would be missing at the border, and in a ConvTranspose everywhere.
 */
export function foldIntoReaders(
  node: Node,
  x: Value,
  affine: ChannelAffine,
  cx: RewriteContext,
): Patch | Decline {
  const readers = cx.readers(node.output);
  if (!readers || readers.length === 0) return cx.decline("its output has to stay");
  const layers: LinearLayer[] = [];
  for (const reader of readers) {
    const layer = readLinearLayer(reader, cx);
    if (isDecline(layer)) return cx.decline(`of "${reader.label}": ${layer.declined}`);
    const problem = forwardProblem(layer, node.output, affine, cx);
    if (problem) return cx.decline(problem);
    layers.push(layer);
  }
  const patch = cx.patch(node);
  for (const layer of layers) {
    const { weight, bias } = absorbed(layer, affine);
    if (!isRepresentable(weight, layer.dtype) || !isRepresentable(bias, layer.dtype))
      return cx.decline(`the folded weights leave the range of ${layer.dtype}`);
    const shifted = !affine.shift.every(zero);
    const suffix = layers.length > 1 ? `${layer.node.label}.` : "";
    patch.replace(
      layer.output,
      remakeLinearLayer(patch, layer, { input: x, weight, ...(shifted ? { bias } : {}), suffix }, cx),
    );
  }
  cx.note(patch, `into ${layers.map((layer) => `"${layer.node.label}"`).join(", ")}`);
  return patch;
}

function forwardProblem(
  layer: LinearLayer,
  value: Value,
  affine: ChannelAffine,
  cx: RewriteContext,
): string | null {
  const { label } = layer.node;
  if (layer.input !== value || layer.node.inputs.filter((input) => input === value).length > 1)
    return `"${label}" reads it in another place than its input`;
  if (inputAxis(layer, cx) !== affine.axis) return `the channels of "${label}" lie on another axis`;
  if (affine.scale.length !== layer.inChannels) return `its channels do not fit those of "${label}"`;
  if (affine.shift.every(zero)) return null;
  if (!takesBias(layer, cx)) return "a MatMul of this rank can't take a bias";
  if (layer.op === "ConvTranspose") return `the shift would not reach every output of "${label}" alike`;
  if (!layer.pads) return `the pads of "${label}" are unknown`;
  return layer.pads.every(zero) ? null : `the shift would be missing in the pads of "${label}"`;
}

/** Weight times the scale of its input channel, bias plus what the shift contributes. */
function absorbed(
  layer: LinearLayer,
  { scale, shift }: ChannelAffine,
): { weight: Float64Array; bias: Float64Array } {
  const weight = layer.weight.slice();
  const bias = layer.bias.slice();
  const inputs = layer.inChannels / layer.group;
  const outputs = layer.outChannels / layer.group;
  for (let o = 0; o < layer.outChannels; o++) {
    const first = Math.floor(o / outputs) * inputs;
    for (let i = 0; i < inputs; i++) {
      for (let t = 0; t < layer.taps; t++) {
        const at = (o * inputs + i) * layer.taps + t;
        bias[o]! += weight[at]! * shift[first + i]!;
        weight[at]! *= scale[first + i]!;
      }
    }
  }
  return { weight, bias };
}

/**
 * Folds an affine node into the layer in front of it, else into the layers behind; null when it has no such
 * neighbours, and the more telling reason when both say no.
 */
export function foldAffine(
  node: Node,
  x: Value,
  affine: ChannelAffine,
  cx: RewriteContext,
): Patch | Decline | null {
  const before = isLinearOp(x.producer) ? foldIntoProducer(node, x, affine, cx) : null;
  if (before && !isDecline(before)) return before;
  const readers = cx.readers(node.output);
  const after = readers?.some((reader) => isLinearOp(reader)) ? foldIntoReaders(node, x, affine, cx) : null;
  if (after && !isDecline(after)) return after;
  return before ?? after;
}
