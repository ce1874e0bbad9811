import { isFloat, Tensor, type Node, type Patch, type Value } from "../ir/index.js";
import type { ChannelRegion } from "./channel-region.js";
import { remakeLinearLayer, type LinearLayer } from "./linear-layer.js";
import type { RewriteContext } from "./pass.js";

/** Which channels of a region stay, in their new order. */
export interface ChannelSelection {
  readonly region: ChannelRegion;
  readonly order: Int32Array;
}

/** Full-size weights and bias that take the place of a layer's own before the selection. */
export interface LayerEdit {
  readonly weight: Float64Array;
  readonly bias: Float64Array;
}

/** Plans a node in another way; gets the new value of each of its inputs. */
export type CustomPlan = (valueOf: (old: Value) => Value) => Value;

/**
 * Plans every node of the regions again with the selected channels: rows of producers, columns of consumers,
 * parameters of channelwise nodes. `edits` change layers first; `custom` plans a node in its own way (its output must
 * come out as the selections say). Values that leave the regions are replaced; what is inside dies with its readers.
 */
export function planSelection(
  patch: Patch,
  selections: readonly ChannelSelection[],
  cx: RewriteContext,
  edits: ReadonlyMap<Node, LayerEdit> = new Map(),
  custom: ReadonlyMap<Node, CustomPlan> = new Map(),
): void {
  const entriesOf = new Map<Value, Int32Array>();
  const layers = new Map<Node, LinearLayer>();
  const ops = new Map<Node, ChannelRegion["ops"][number]>();
  for (const { region, order } of selections) {
    for (const [value, repeat] of region.values) entriesOf.set(value, spread(order, repeat));
    for (const layer of [...region.producers, ...region.consumers]) layers.set(layer.node, layer);
    for (const op of region.ops) ops.set(op.node, op);
  }
  const fresh = new Map<Value, Value>();
  const valueOf = (old: Value): Value => fresh.get(old) ?? old;
  for (const node of cx.graph.nodes) {
    const layer = layers.get(node);
    const op = ops.get(node);
    const special = custom.get(node);
    if (!layer && !op && !special) continue;
    const made = special
      ? special(valueOf)
      : layer
        ? selectLayer(patch, layer, entriesOf, edits.get(node), valueOf, cx)
        : selectOp(patch, op!, entriesOf, valueOf, cx);
    if (entriesOf.has(node.output)) fresh.set(node.output, made);
    else patch.replace(node.output, made);
  }
}

/** Entry indices of channels that take `repeat` consecutive entries each. */
function spread(order: Int32Array, repeat: number): Int32Array {
  if (repeat === 1) return order;
  return Int32Array.from(
    { length: order.length * repeat },
    (_, i) => order[Math.floor(i / repeat)]! * repeat + (i % repeat),
  );
}

function selectLayer(
  patch: Patch,
  layer: LinearLayer,
  entriesOf: ReadonlyMap<Value, Int32Array>,
  edit: LayerEdit | undefined,
  valueOf: (old: Value) => Value,
  cx: RewriteContext,
): Value {
  const rows = entriesOf.get(layer.output);
  const columns = entriesOf.get(layer.input);
  const weight = pickWeight(edit?.weight ?? layer.weight, layer, rows, columns);
  const whole = edit?.bias ?? layer.bias;
  const bias = rows ? Float64Array.from(rows, (o) => whole[o]!) : whole;
  const needsBias = layer.hasBias || bias.some((b) => b !== 0);
  return remakeLinearLayer(
    patch,
    layer,
    {
      input: valueOf(layer.input),
      weight,
      ...(needsBias ? { bias } : {}),
      outChannels: rows?.length ?? layer.outChannels,
      inChannels: columns?.length ?? layer.inChannels,
      suffix: `${layer.node.label}.`,
    },
    cx,
  );
}

/** Rows and columns of a dense weight. */
export function pickWeight(
  weight: Float64Array,
  { inChannels, outChannels, taps }: LinearLayer,
  rows?: Int32Array,
  columns?: Int32Array,
): Float64Array {
  const [height, width] = [rows?.length ?? outChannels, columns?.length ?? inChannels];
  const out = new Float64Array(height * width * taps);
  for (let o = 0; o < height; o++) {
    for (let i = 0; i < width; i++) {
      const at = ((rows ? rows[o]! : o) * inChannels + (columns ? columns[i]! : i)) * taps;
      out.set(weight.subarray(at, at + taps), (o * width + i) * taps);
    }
  }
  return out;
}

function selectOp(
  patch: Patch,
  { node, how, depthwise }: ChannelRegion["ops"][number],
  entriesOf: ReadonlyMap<Value, Int32Array>,
  valueOf: (old: Value) => Value,
  cx: RewriteContext,
): Value {
  const entries = entriesOf.get(how.inputs[0]!)!;
  const suffix = `${node.label}.`;
  if (depthwise) {
    const { taps, hasBias } = depthwise;
    const weight = new Float64Array(entries.length * taps);
    entries.forEach((c, i) => weight.set(depthwise.weight.subarray(c * taps, (c + 1) * taps), i * taps));
    const bias = hasBias ? { bias: Float64Array.from(entries, (c) => depthwise.bias[c]!) } : {};
    const count = entries.length;
    const sizes = { outChannels: count, inChannels: count, group: count };
    return remakeLinearLayer(
      patch,
      depthwise,
      { input: valueOf(depthwise.input), weight, ...bias, ...sizes, suffix },
      cx,
    );
  }
  const inputs = node.inputs.map((input, slot) => {
    const axis = how.parameters.get(slot);
    if (input === null || axis === undefined) return input ? valueOf(input) : null;
    return patch.constant(`${suffix}${slot}`, gatherAxis(cx.constant(input)!, axis, entries));
  });
  return patch.op(node.op, inputs, Object.fromEntries(node.attributes), {
    suffix: `${suffix}${node.op.toLowerCase()}`,
    heirOf: node,
  });
}

/** Entries of a float tensor along one axis. */
export function gatherAxis(tensor: Tensor, axis: number, indices: Int32Array): Tensor {
  const dims = tensor.dims.map((dim, i) => (i === axis ? indices.length : dim));
  const inner = tensor.dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const outer = tensor.dims.slice(0, axis).reduce((product, dim) => product * dim, 1);
  const source = tensor.data as Float64Array;
  const out = new (source.constructor as Float64ArrayConstructor)(outer * indices.length * inner);
  for (let p = 0; p < outer; p++) {
    for (let i = 0; i < indices.length; i++) {
      const at = (p * tensor.dims[axis]! + indices[i]!) * inner;
      out.set(source.subarray(at, at + inner), (p * indices.length + i) * inner);
    }
  }
  return isFloat(tensor.dtype) ? Tensor.floats(tensor.dtype, dims, out) : Tensor.of(tensor.dtype, dims, out);
}
