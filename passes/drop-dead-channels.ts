import {
  channelConstants,
  definePass,
  gatherAxis,
  isDecline,
  ownChannelRegion,
  planSelection,
  stayingChannels,
  takesBias,
  type ChannelConstants,
  type ChannelRegion,
  type LayerEdit,
  type LinearLayer,
  type RewriteContext,
} from "../src/engine/index.js";
import type { Node } from "../src/ir/index.js";

/*
 * A channel between two layers can go when nobody would notice:
 *   never read: every layer that reads it has a zero column for it;
 *   constant: its filters are zero, so that it is its bias, which becomes some number v on the way through the
 *     channelwise nodes; each reader gets W[:, c]·v as bias. Needs v = 0, or readers without pads, since a pad is 0;
 *   duplicate: another channel has the same filters, biases and parameters on the way; the readers' columns are
 *     summed.
 * Channels that reach anything else (an output, a Concat, a grouped convolution) stay, and as many dead ones as fill a block
 * of the runtime's kernels where all of them together would be slower without.
 */
export default definePass({
  kind: "rewrite",
  name: "drop-dead-channels",
  summary: "channels that are never read, constant, or copies of another one",
  anchors: ["Conv", "ConvTranspose", "Gemm", "MatMul"],
  propose(node, cx) {
    const region = ownChannelRegion(node, cx);
    if (region === null || isDecline(region)) return region;
    if (region.consumers.length === 0) return null;
    const edits = new Edits(region);
    const gone = new Map<number, string>();
    findUnread(region, gone);
    findConstants(region, cx, edits, gone);
    findDuplicates(region, cx, edits, gone);
    if (gone.size === region.channels) gone.delete(0);
    fillBlock(region, edits, gone);
    if (gone.size === 0) return null;
    const order = Int32Array.from({ length: region.channels }, (_, c) => c).filter((c) => !gone.has(c));
    const patch = cx.patch(node);
    planSelection(patch, [{ region, order }], cx, edits.layers);
    const count = (kind: string): number => [...gone.values()].filter((each) => each === kind).length;
    const parts = ["unread", "constant", "duplicate"]
      .filter((kind) => count(kind) > 0)
      .map((kind) => `${count(kind)} ${kind}`);
    cx.note(patch, `${gone.size} of ${region.channels} channels: ${parts.join(", ")}`);
    return patch;
  },
});

/** Lets as many of the dead channels stay as it takes, unread. */
function fillBlock(region: ChannelRegion, edits: Edits, gone: Map<number, string>): void {
  const needed = region.channels - gone.size;
  const filling = stayingChannels(region.channels, needed) - needed;
  if (filling >= gone.size) return gone.clear();
  for (const c of [...gone.keys()].sort((a, b) => a - b).slice(0, filling)) {
    gone.delete(c);
    for (const layer of region.consumers) {
      const { weight } = edits.of(layer);
      edits.columns(layer, c, (at) => (weight[at] = 0));
    }
  }
}

/** Copies of the readers' weights, made when one is changed. */
class Edits {
  readonly layers = new Map<Node, LayerEdit>();

  constructor(private readonly region: ChannelRegion) {}

  of(layer: LinearLayer): LayerEdit {
    let edit = this.layers.get(layer.node);
    if (!edit)
      this.layers.set(layer.node, (edit = { weight: layer.weight.slice(), bias: layer.bias.slice() }));
    return edit;
  }

  /** Calls `visit` with the position of each weight that reads channel `c`, and its output channel. */
  columns(layer: LinearLayer, c: number, visit: (at: number, o: number, entry: number) => void): void {
    const repeat = this.region.values.get(layer.input)!;
    for (let o = 0; o < layer.outChannels; o++) {
      for (let r = 0; r < repeat; r++) {
        const at = (o * layer.inChannels + c * repeat + r) * layer.taps;
        for (let t = 0; t < layer.taps; t++) visit(at + t, o, r * layer.taps + t);
      }
    }
  }
}

function reads({ weight, inChannels, outChannels, taps }: LinearLayer, c: number, repeat: number): boolean {
  for (let o = 0; o < outChannels; o++) {
    const at = (o * inChannels + c * repeat) * taps;
    for (let k = 0; k < repeat * taps; k++) if (weight[at + k] !== 0) return true;
  }
  return false;
}

function findUnread(region: ChannelRegion, gone: Map<number, string>): void {
  for (let c = 0; c < region.channels; c++) {
    if (!region.consumers.some((layer) => reads(layer, c, region.values.get(layer.input)!)))
      gone.set(c, "unread");
  }
}

function findConstants(
  region: ChannelRegion,
  cx: RewriteContext,
  edits: Edits,
  gone: Map<number, string>,
): void {
  const constants = channelConstants(region, cx);
  for (let c = 0; c < region.channels; c++) {
    if (
      gone.has(c) ||
      !region.consumers.every((layer) => absorbs(layer, constants.get(layer.input), c, region, cx))
    )
      continue;
    gone.set(c, "constant");
    for (const layer of region.consumers) {
      const value = constants.get(layer.input)![c]!;
      if (value === 0 || Number.isNaN(value)) continue;
      const { bias } = edits.of(layer);
      edits.columns(layer, c, (at, o) => (bias[o]! += layer.weight[at]! * value));
    }
  }
}

/** Whether what a constant channel contributes to a layer can move into its bias. */
function absorbs(
  layer: LinearLayer,
  constants: ChannelConstants | undefined,
  c: number,
  region: ChannelRegion,
  cx: RewriteContext,
): boolean {
  const value = constants?.[c] ?? NaN;
  if (value === 0 || !reads(layer, c, region.values.get(layer.input)!)) return true;
  if (Number.isNaN(value) || layer.op === "ConvTranspose" || !takesBias(layer, cx)) return false;
  return layer.pads?.every((pad) => pad === 0) ?? false;
}

function findDuplicates(
  region: ChannelRegion,
  cx: RewriteContext,
  edits: Edits,
  gone: Map<number, string>,
): void {
  const signatures = signaturesOf(region, cx);
  const kept: number[] = [];
  for (let c = 0; c < region.channels; c++) {
    if (gone.has(c)) continue;
    const twin = kept.find((other) => signatures.every((rows) => sameRow(rows, c, other)));
    if (twin === undefined) {
      kept.push(c);
      continue;
    }
    gone.set(c, "duplicate");
    for (const layer of region.consumers) {
      const { weight } = edits.of(layer);
      const columns: number[] = [];
      edits.columns(layer, c, (at) => columns.push(at));
      let next = 0;
      edits.columns(layer, twin, (at) => (weight[at]! += weight[columns[next++]!]!));
    }
  }
}

/** Arrays with one row per channel that together say all that tells channels apart. */
function signaturesOf(
  region: ChannelRegion,
  cx: RewriteContext,
): { readonly values: Float64Array; readonly row: number }[] {
  const rows = (values: Float64Array): { values: Float64Array; row: number } => ({
    values,
    row: values.length / region.channels,
  });
  const layers = [...region.producers, ...region.ops.flatMap(({ depthwise }) => depthwise ?? [])];
  const parameters = region.ops.flatMap(({ node, how }) =>
    [...how.parameters].map(([slot, axis]) => {
      const tensor = cx.constant(node.input(slot))!;
      const entries = tensor.dims[axis]!;
      const parts = Array.from({ length: entries }, (_, c) =>
        Float64Array.from(gatherAxis(tensor, axis, Int32Array.of(c)).numbers),
      );
      const values = new Float64Array(tensor.size);
      parts.forEach((part, c) => values.set(part, c * part.length));
      return rows(values);
    }),
  );
  return [...layers.flatMap((layer) => [rows(layer.weight), rows(layer.bias)]), ...parameters];
}

function sameRow(
  { values, row }: { readonly values: Float64Array; readonly row: number },
  a: number,
  b: number,
): boolean {
  for (let k = 0; k < row; k++) if (values[a * row + k] !== values[b * row + k]) return false;
  return true;
}
