import { Tensor, type Node, type Value } from "../ir/index.js";
import type { ChannelRegion, RegionOp } from "./channel-region.js";
import { foldNode } from "./fold.js";
import type { LinearLayer } from "./linear-layer.js";
import type { RewriteContext } from "./pass.js";

/** Per channel the number that it holds everywhere and for every input, NaN where it is no constant. */
export type ChannelConstants = Float64Array;

/**
 * Follows channels whose producers have zero filters, and which are therefore their bias, through a region. A constant
 * stays one through elementwise nodes and pools as long as no padding mixes another number in.
 */
export function channelConstants(
  region: ChannelRegion,
  cx: RewriteContext,
): ReadonlyMap<Value, ChannelConstants> {
  const known = new Map<Value, ChannelConstants>();
  for (const layer of region.producers) known.set(layer.output, constantRows(layer));
  if ([...known.values()].every((values) => values.every(Number.isNaN))) return known;
  for (const op of region.ops) {
    const inputs = op.how.inputs.map((input) => known.get(input));
    const values = inputs.includes(undefined)
      ? null
      : through(op, inputs as ChannelConstants[], region.channels, cx);
    known.set(op.node.output, values ?? new Float64Array(region.channels).fill(NaN));
  }
  return known;
}

function constantRows({ weight, bias, outChannels }: LinearLayer): ChannelConstants {
  const row = weight.length / outChannels;
  return bias.map((b, o) => (weight.subarray(o * row, (o + 1) * row).every((w) => w === 0) ? b : NaN));
}

function through(
  { node, how, depthwise }: RegionOp,
  inputs: readonly ChannelConstants[],
  channels: number,
  cx: RewriteContext,
): ChannelConstants | null {
  const [x] = inputs as [ChannelConstants];
  if (depthwise) return depthwiseConstants(depthwise, x);
  switch (node.op) {
    case "MaxPool":
    case "GlobalAveragePool":
    case "GlobalMaxPool":
    case "Flatten":
    case "Reshape":
    case "Squeeze":
    case "ReduceMean":
    case "ReduceMax":
    case "ReduceMin":
    case "Dropout":
      return x;
    case "AveragePool":
      return includesPads(node) ? x.map((v) => (v === 0 ? 0 : NaN)) : x;
    case "Pad":
      return padConstants(node, x, cx);
    case "Resize":
    case "Upsample": {
      const mode = node.attributes.get("mode");
      return !mode || (mode.kind === "string" && ["nearest", "linear"].includes(mode.value)) ? x : null;
    }
    case "LpPool":
    case "GlobalLpPool":
    case "InstanceNormalization":
    case "ReduceSum":
      return null;
    default:
      return evaluated(node, how.inputs, how.parameters, inputs, channels, cx);
  }
}

/** A padded filter sees zeros at the border in place of the constant. */
function depthwiseConstants(
  { weight, bias, taps, pads }: LinearLayer,
  x: ChannelConstants,
): ChannelConstants {
  const padded = !pads || pads.some((pad) => pad !== 0);
  return x.map((v, c) => {
    const filter = weight.subarray(c * taps, (c + 1) * taps);
    if (v === 0 || filter.every((w) => w === 0)) return bias[c]!;
    return padded ? NaN : filter.reduce((sum, w) => sum + w * v, bias[c]!);
  });
}

function includesPads(node: Node): boolean {
  const include = node.attributes.get("count_include_pad");
  const pads = node.attributes.get("pads");
  const auto = node.attributes.get("auto_pad");
  const padded =
    (pads?.kind === "ints" && pads.value.some((pad) => pad !== 0)) ||
    (auto?.kind === "string" && auto.value.startsWith("SAME"));
  return include?.kind === "int" && include.value !== 0 && padded;
}

function padConstants(node: Node, x: ChannelConstants, cx: RewriteContext): ChannelConstants | null {
  const mode = node.attributes.get("mode");
  if (mode?.kind === "string" && mode.value !== "constant") return x;
  const own = node.attributes.get("value");
  const given = node.input(2) ? cx.constant(node.input(2)) : null;
  if (node.input(2) && !given) return null;
  const value = own?.kind === "float" ? own.value : (given?.numbers[0] ?? 0);
  return x.map((v) => (v === value ? v : NaN));
}

/** Runs an elementwise node on one number per channel. */
function evaluated(
  node: Node,
  carriers: readonly Value[],
  parameters: ReadonlyMap<number, number>,
  inputs: readonly ChannelConstants[],
  channels: number,
  cx: RewriteContext,
): ChannelConstants | null {
  const shape = cx.fact(node.output).shape;
  const dtype = cx.fact(node.output).dtype;
  if (!shape || !dtype || shape[1] !== channels) return null;
  const dims = shape.map((_, axis) => (axis === 1 ? channels : 1));
  const tensors: (Tensor | null)[] = [];
  for (const [slot, input] of node.inputs.entries()) {
    const at = input ? carriers.indexOf(input) : -1;
    const constant = input ? cx.constant(input) : null;
    if (at >= 0) {
      tensors.push(
        Tensor.of(
          cx.fact(input).dtype ?? dtype,
          dims,
          inputs[at]!.map((v) => (Number.isNaN(v) ? 0 : v)),
        ),
      );
    } else if (!input) tensors.push(null);
    else if (constant && (constant.size === 1 || (parameters.has(slot) && constant.size === channels)))
      tensors.push(constant);
    else return null;
  }
  const result = foldNode(node, tensors, cx.graph.opset() ?? 1, "float64");
  if (result?.size !== channels || result.dtype !== dtype) return null;
  const numbers = result.numbers;
  const all = (c: number): boolean => inputs.every((values) => !Number.isNaN(values[c]!));
  return Float64Array.from({ length: channels }, (_, c) =>
    all(c) && Number.isFinite(numbers[c]!) ? numbers[c]! : NaN,
  );
}
