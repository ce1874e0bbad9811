import { decline, type Decline } from "./decline.js";
import type { LinearLayer } from "./linear-layer.js";

/** A grouped convolution that hides behind channel permutations in a layer with more non-zero blocks than groups. */
export interface HiddenGroups {
  readonly group: number;
  /** Input channel of the layer at each place of the grouped convolution. */
  readonly inputOrder: Int32Array;
  readonly outputOrder: Int32Array;
}

interface Component {
  readonly inputs: number[];
  readonly outputs: number[];
}

/** Search steps after which packing gives up. */
const patience = 20_000;

/**
 * Connected components of the graph that joins an input and an output channel wherever a weight between them is not
 * zero, packed into as many equal groups as will do. Equal components are a group each; unequal ones are put together
 * where their sizes add up; otherwise there is no grouped convolution of this structure.
 */
export function hiddenGroups(layer: LinearLayer): HiddenGroups | Decline {
  const { inChannels, outChannels } = layer;
  if (layer.group === 1 && hasDenseRow(layer)) return decline("its channels are all connected");
  const components = componentsOf(layer);
  const connected = components.filter(
    ({ inputs, outputs }) => inputs.length > 0 && outputs.length > 0,
  ).length;
  const limit = Math.min(inChannels, outChannels);
  if (components.length <= layer.group || connected < 2) return decline("its channels are all connected");
  for (let group = limit; group > layer.group; group--) {
    if (inChannels % group !== 0 || outChannels % group !== 0) continue;
    const bins = pack(components, inChannels / group, outChannels / group);
    if (!bins) continue;
    const order = (pick: (bin: Component) => number[]): Int32Array => Int32Array.from(bins.flatMap(pick));
    return { group, inputOrder: order((bin) => bin.inputs), outputOrder: order((bin) => bin.outputs) };
  }
  const sizes = components.map(({ inputs, outputs }) => `${inputs.length}→${outputs.length}`);
  const shown = sizes.length > 6 ? [...sizes.slice(0, 6), "…"] : sizes;
  return decline(`its ${components.length} blocks (${shown.join(", ")}) do not make up equal groups`);
}

/** One output channel that reads all inputs joins every other that reads anything. */
function hasDenseRow({ weight, inChannels, taps }: LinearLayer): boolean {
  for (let i = 0; i < inChannels; i++) {
    if (weight.subarray(i * taps, (i + 1) * taps).every((w) => w === 0)) return false;
  }
  return true;
}

function componentsOf(layer: LinearLayer): Component[] {
  const { weight, inChannels, outChannels, group, taps } = layer;
  const parent = Int32Array.from({ length: inChannels + outChannels }, (_, i) => i);
  const root = (i: number): number => {
    while (parent[i] !== i) i = parent[i] = parent[parent[i]!]!;
    return i;
  };
  const width = inChannels / group;
  for (let o = 0; o < outChannels; o++) {
    const first = Math.floor(o / (outChannels / group)) * width;
    for (let i = 0; i < width; i++) {
      const at = (o * width + i) * taps;
      let t = 0;
      while (t < taps && weight[at + t] === 0) t++;
      if (t < taps) parent[root(first + i)] = root(inChannels + o);
    }
  }
  const components = new Map<number, Component>();
  for (let i = 0; i < inChannels + outChannels; i++) {
    const r = root(i);
    const component = components.get(r) ?? { inputs: [], outputs: [] };
    components.set(r, component);
    if (i < inChannels) component.inputs.push(i);
    else component.outputs.push(i - inChannels);
  }
  return [...components.values()];
}

/** Components put into bins of exactly `inputs` × `outputs` channels, in the order of their first channels; null if impossible. */
function pack(components: readonly Component[], inputs: number, outputs: number): Component[] | null {
  if (components.some((each) => each.inputs.length > inputs || each.outputs.length > outputs)) return null;
  const kinds = new Map<string, Component[]>();
  for (const component of components) {
    const key = `${component.inputs.length},${component.outputs.length}`;
    kinds.set(key, [...(kinds.get(key) ?? []), component]);
  }
  const stacks = [...kinds.values()].sort(
    (a, b) => b[0]!.inputs.length + b[0]!.outputs.length - a[0]!.inputs.length - a[0]!.outputs.length,
  );
  const used = stacks.map(() => 0);
  const bins: Component[] = [];
  let steps = 0;
  const fill = (kind: number, bin: Component): boolean => {
    if (++steps > patience) return false;
    if (bin.inputs.length === inputs && bin.outputs.length === outputs) {
      bins.push(bin);
      if (used.every((count, k) => count === stacks[k]!.length)) return true;
      const next = used.findIndex((count, k) => count < stacks[k]!.length);
      if (fill(next, { inputs: [], outputs: [] })) return true;
      bins.pop();
      return false;
    }
    for (let k = kind; k < stacks.length; k++) {
      const component = stacks[k]![used[k]!];
      if (!component) continue;
      const joined = {
        inputs: [...bin.inputs, ...component.inputs],
        outputs: [...bin.outputs, ...component.outputs],
      };
      if (joined.inputs.length <= inputs && joined.outputs.length <= outputs) {
        used[k]!++;
        if (fill(k, joined)) return true;
        used[k]!--;
      }
      // A bin starts with the largest component left; another choice would only permute bins.
      if (bin.inputs.length + bin.outputs.length === 0) return false;
    }
    return false;
  };
  if (!fill(0, { inputs: [], outputs: [] })) return null;
  const ascending = (a: number, b: number): number => a - b;
  for (const bin of bins) {
    bin.inputs.sort(ascending);
    bin.outputs.sort(ascending);
  }
  return bins.sort(
    (a, b) =>
      (a.inputs[0] ?? Infinity) - (b.inputs[0] ?? Infinity) || (a.outputs[0] ?? 0) - (b.outputs[0] ?? 0),
  );
}
