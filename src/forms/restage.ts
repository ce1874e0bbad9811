import { tapCount, weightSize } from "./chain.js";
import type { ConvSpec, StagePlan } from "./form.js";

/*
 * Stages in other widths and groups: zero channels put in, groups put together, branches joined. Each is a stage whose
 * weight entry (output o, input i) is an entry of one of the old stages or zero.
 */

/** A stage whose weight is made when it is written: geometry alone is enough to compare and cost lowerings. */
export interface LazyStage extends StagePlan {
  readonly weight: () => Float64Array;
}

export type LazyChain = readonly LazyStage[];

/** Where a weight entry comes from: the stage, and output and input channel counted over all its groups. */
type Source = readonly [stage: LazyStage, output: number, input: number] | null;

function restage(
  stage: LazyStage,
  change: Pick<ConvSpec, "inChannels" | "outChannels" | "group">,
  source: (output: number, input: number) => Source,
): LazyStage {
  const spec: ConvSpec = { ...stage.spec, ...change };
  const weight = (): Float64Array => {
    const taps = tapCount(spec);
    const [perIn, perOut] = [spec.inChannels / spec.group, spec.outChannels / spec.group];
    const result = new Float64Array(weightSize(spec));
    const made = new Map<LazyStage, Float64Array>();
    for (let o = 0; o < spec.outChannels; o++) {
      const first = Math.floor(o / perOut) * perIn;
      for (let i = 0; i < perIn; i++) {
        const from = source(o, first + i);
        const at = from ? entryOf(from[0].spec, from[1], from[2]) : -1;
        if (!from || at < 0) continue;
        let old = made.get(from[0]);
        if (!old) made.set(from[0], (old = from[0].weight()));
        result.set(old.subarray(at * taps, (at + 1) * taps), (o * perIn + i) * taps);
      }
    }
    return result;
  };
  return { taps: stage.taps, spec, weight };
}

/** Index of a (output, input) pair among a weight's runs of taps; −1 where the groups don't connect them. */
function entryOf({ inChannels, outChannels, group }: ConvSpec, output: number, input: number): number {
  const perIn = inChannels / group;
  const own = input - Math.floor((output * group) / outChannels) * perIn;
  return own < 0 || own >= perIn ? -1 : output * perIn + own;
}

/** True for a grouped stage with more than one input per group. */
export function isGrouped({ spec }: StagePlan): boolean {
  return spec.group > 1 && spec.group < spec.inChannels;
}

function isDepthwise({ spec }: StagePlan): boolean {
  return spec.group > 1 && spec.group === spec.inChannels && spec.outChannels === spec.inChannels;
}

/**
 * The chain with its inner widths filled up to multiples of `align`: at the end of the channels, in front of or behind
 * a grouped stage at the end of each group, around a depthwise stage by more groups. Widths that a depthwise stage ties
 * to the layer's own channels stay. From 8 on, neighbouring groups are put together until they are whole blocks.
 */
export function alignChain(chain: LazyChain, align: number): LazyChain {
  if (align === 1) return chain;
  const free = chain.flatMap((stage, place) => (isDepthwise(stage) ? [] : [place]));
  const widened = free
    .slice(1)
    .reduce<LazyChain>((stages, end, k) => widen(stages, free[k]!, end, align), chain);
  return align < 8 ? widened : widened.map((stage) => mergeGroups(stage, align));
}

/** Fills the channels between two stages with zeros, through the depthwise stages between them. */
function widen(chain: LazyChain, start: number, end: number, align: number): LazyChain {
  const [first, last] = [chain[start]!, chain[end]!];
  const [front, back] = [first.spec.group, last.spec.group];
  const runs = Math.max(front, back);
  if (front !== back && Math.min(front, back) !== 1) return chain;
  const width = first.spec.outChannels / runs;
  const to = Math.ceil(width / align) * align;
  if (width === to) return chain;
  const channels = runs * to;
  const old = (channel: number): number =>
    channel % to < width ? Math.floor(channel / to) * width + (channel % to) : -1;
  return chain.map((stage, place) => {
    if (place < start || place > end) return stage;
    const [grownIn, grownOut] = [place > start, place < end];
    const change = {
      inChannels: grownIn ? channels : stage.spec.inChannels,
      outChannels: grownOut ? channels : stage.spec.outChannels,
      group: grownIn && grownOut ? channels : stage.spec.group,
    };
    return restage(stage, change, (o, i) => {
      const [output, input] = [grownOut ? old(o) : o, grownIn ? old(i) : i];
      return output < 0 || input < 0 ? null : [stage, output, input];
    });
  });
}

/** Fewest neighbouring groups put together that have multiples of `block` inputs and outputs; the zeros between are written. */
function mergeGroups(stage: LazyStage, block: number): LazyStage {
  if (!isGrouped(stage)) return stage;
  const { group, inChannels, outChannels } = stage.spec;
  for (let together = 1; together <= group; together++) {
    if (group % together !== 0) continue;
    const whole = [inChannels, outChannels].every(
      (channels) => ((channels / group) * together) % block === 0,
    );
    if (!whole) continue;
    if (together === 1) return stage;
    return restage(stage, { inChannels, outChannels, group: group / together }, (o, i) => [stage, o, i]);
  }
  return stage;
}

/** How the channels of several stages lie in one: those of each of `runs` runs one branch after another. */
interface Interleaving {
  readonly runs: number;
  readonly widths: readonly number[];
}

function totalOf({ widths: each }: Interleaving): number {
  return each.reduce((sum, width) => sum + width, 0);
}

/** Branch and channel within the branch of a channel of the joined stage. */
function split(order: Interleaving, channel: number): readonly [branch: number, channel: number] {
  const { runs, widths: each } = order;
  const perRun = totalOf(order) / runs;
  const run = Math.floor(channel / perRun);
  let place = channel - run * perRun;
  for (const [branch, width] of each.entries()) {
    const own = width / runs;
    if (place < own) return [branch, run * own + place];
    place -= own;
  }
  throw new RangeError("a channel beyond the joined stage");
}

/** Stages that read the same input as one, their outputs interleaved. */
function stackOutputs(stages: LazyChain, order: Interleaving): LazyStage {
  const [first] = stages;
  const { inChannels, group } = first!.spec;
  return restage(first!, { inChannels, outChannels: totalOf(order), group }, (o, i) => {
    const [branch, output] = split(order, o);
    return [stages[branch]!, output, i];
  });
}

/** Stages whose outputs are added as one that reads their interleaved inputs. */
function stackInputs(stages: LazyChain, order: Interleaving): LazyStage {
  const [first] = stages;
  const { outChannels, group } = first!.spec;
  return restage(first!, { inChannels: totalOf(order), outChannels, group }, (o, i) => {
    const [branch, input] = split(order, i);
    return [stages[branch]!, o, input];
  });
}

/** Stages side by side as one: group g of branch b becomes a group of its own. */
function stackGroupsOf(stages: LazyChain, into: Interleaving, out: Interleaving): LazyStage {
  const group = stages.reduce((sum, { spec }) => sum + spec.group, 0);
  const change = { inChannels: totalOf(into), outChannels: totalOf(out), group };
  return restage(stages[0]!, change, (o, i) => {
    const [[branch, output], [other, input]] = [split(out, o), split(into, i)];
    return branch === other ? [stages[branch]!, output, input] : null;
  });
}

/** The same place in several chains. */
function column(chains: readonly LazyChain[], place: number): LazyChain {
  return chains.map((chain) => chain.at(place)!);
}

/**
 * Two-stage chains of one geometry as one chain: first stages stacked by outputs, last ones by inputs. Null where the
 * groups of both don't nest or don't divide the channels between.
 */
export function joinChains(chains: readonly LazyChain[]): LazyChain | null {
  if (chains.some((chain) => chain.length !== 2)) return null;
  const [heads, tails] = [column(chains, 0), column(chains, 1)];
  const [front, back] = [heads[0]!.spec.group, tails[0]!.spec.group];
  const runs = Math.max(front, back);
  const inner = heads.map(({ spec }) => spec.outChannels);
  if (runs % Math.min(front, back) !== 0 || inner.some((width) => width % runs !== 0)) return null;
  const order = { runs, widths: inner };
  return [stackOutputs(heads, order), stackInputs(tails, order)];
}

/** Two-stage chains of one geometry as one chain that reads the input once for each of them, copies one after another. */
export function joinOverCopies(chains: readonly LazyChain[]): LazyChain | null {
  if (chains.some((chain) => chain.length !== 2)) return null;
  const [heads, tails] = [column(chains, 0), column(chains, 1)];
  if (heads.some(({ spec }) => spec.group === 1) || tails.some(({ spec }) => spec.group !== 1)) return null;
  const copies = { runs: 1, widths: heads.map(({ spec }) => spec.inChannels) };
  const inner = { runs: 1, widths: heads.map(({ spec }) => spec.outChannels) };
  return [stackGroupsOf(heads, copies, inner), stackInputs(tails, inner)];
}

/** The last stages of chains as one that reads their inputs one after another; null where they are grouped. */
export function joinTails(chains: readonly LazyChain[]): LazyStage | null {
  const tails = column(chains, -1);
  if (chains.some((chain) => chain.length < 2) || tails.some(({ spec }) => spec.group !== 1)) return null;
  return stackInputs(tails, { runs: 1, widths: tails.map(({ spec }) => spec.inChannels) });
}

/** The first stages of chains as one whose outputs are theirs one after another; null where they are grouped. */
export function joinHeads(chains: readonly LazyChain[]): LazyStage | null {
  const heads = column(chains, 0);
  if (chains.some((chain) => chain.length < 2) || heads.some(({ spec }) => spec.group !== 1)) return null;
  return stackOutputs(heads, { runs: 1, widths: heads.map(({ spec }) => spec.outChannels) });
}

/** Group g of a grouped stage as a stage of its own. */
export function groupOf(stage: LazyStage, g: number): LazyStage {
  const { group } = stage.spec;
  const [perIn, perOut] = [stage.spec.inChannels / group, stage.spec.outChannels / group];
  const change = { inChannels: perIn, outChannels: perOut, group: 1 };
  return restage(stage, change, (o, i) => [stage, g * perOut + o, g * perIn + i]);
}
