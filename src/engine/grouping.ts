import { Tensor, type Patch, type Value } from "../ir/index.js";
import { channelRegion, type ChannelRegion } from "./channel-region.js";
import { planSelection, type ChannelSelection } from "./channel-selection.js";
import { isDecline } from "./decline.js";
import type { HiddenGroups } from "./hidden-groups.js";
import { remakeLinearLayer, type LinearLayer } from "./linear-layer.js";
import type { RewriteContext } from "./pass.js";

/**
 * Plans the layer as its hidden grouped convolution. A channel order is absorbed by the layers around, through the
 * channelwise nodes between, where all of them can take it, and is a Gather otherwise.
 */
export function planGroups(layer: LinearLayer, groups: HiddenGroups, cx: RewriteContext): Patch {
  const { node, input, output } = layer;
  const patch = cx.patch(node);
  const before = regionFor(input, groups.inputOrder, cx);
  const after = regionFor(output, groups.outputOrder, cx);
  // Channels that the layer reads and writes alike can't be in two orders.
  const loops = (before.region?.values.has(output) || after.region?.values.has(input)) ?? false;
  const selections: ChannelSelection[] = [];
  if (before.region && !loops) selections.push({ region: before.region, order: groups.inputOrder });
  if (after.region && !loops) selections.push({ region: after.region, order: groups.outputOrder });
  const absorbed = (side: OrderSide): boolean => !side.moved || (side.region !== null && !loops);
  const plan = (valueOf: (old: Value) => Value): Value => {
    const source = valueOf(input);
    const ordered = absorbed(before) ? source : gather(patch, source, groups.inputOrder, "order-in");
    const bias = layer.hasBias ? { bias: Float64Array.from(groups.outputOrder, (o) => layer.bias[o]!) } : {};
    const weight = groupedWeight(layer, groups);
    const made = remakeLinearLayer(
      patch,
      layer,
      { input: ordered, weight, ...bias, group: groups.group },
      cx,
    );
    return absorbed(after) ? made : gather(patch, made, inverse(groups.outputOrder), "order-out");
  };
  planSelection(patch, selections, cx, new Map(), new Map([[node, plan]]));
  const how = [before, after].map((side) =>
    !side.moved ? "as it is" : absorbed(side) ? "absorbed" : "gathered",
  );
  cx.note(patch, `${groups.group} groups; input order ${how[0]}, output order ${how[1]}`);
  return patch;
}

interface OrderSide {
  /** Whether the order is not the identity. */
  readonly moved: boolean;
  /** The region that can absorb it. */
  readonly region: ChannelRegion | null;
}

function regionFor(value: Value, order: Int32Array, cx: RewriteContext): OrderSide {
  if (order.every((channel, place) => channel === place)) return { moved: false, region: null };
  const region = channelRegion(value, cx);
  return { moved: true, region: isDecline(region) ? null : region };
}

function gather(patch: Patch, value: Value, order: Int32Array, suffix: string): Value {
  const indices = patch.constant(`${suffix}.indices`, Tensor.i64([order.length], Array.from(order)));
  return patch.op("Gather", [value, indices], { axis: 1 }, { suffix });
}

function inverse(order: Int32Array): Int32Array {
  const result = new Int32Array(order.length);
  order.forEach((channel, place) => (result[channel] = place));
  return result;
}

/** The non-zero blocks, row-major outChannels × inChannels/group × taps in the new orders. */
function groupedWeight(layer: LinearLayer, { group, inputOrder, outputOrder }: HiddenGroups): Float64Array {
  const { weight, taps, inChannels, outChannels } = layer;
  const [own, width] = [inChannels / layer.group, inChannels / group];
  const out = new Float64Array(outChannels * width * taps);
  outputOrder.forEach((o, place) => {
    const first = Math.floor(o / (outChannels / layer.group)) * own;
    const block = Math.floor(place / (outChannels / group)) * width;
    for (let i = 0; i < width; i++) {
      const column = inputOrder[block + i]! - first;
      // Channels put together in one new group may lie in different old ones, with no weight between them.
      if (column < 0 || column >= own) continue;
      const at = (o * own + column) * taps;
      out.set(weight.subarray(at, at + taps), (place * width + i) * taps);
    }
  });
  return out;
}
