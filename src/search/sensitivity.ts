import { answersOf, distance, type Answers, type OutputKind } from "./answers.js";
import type { Candidate, LayerCandidates } from "./candidates.js";
import type { SearchContext } from "./context.js";
import { resumed, sensitivityCodec } from "./journal.js";
import type { LayerSlot } from "./layers.js";
import type { State } from "./staged-network.js";
import { biasFor, composedKernel, layerWeights } from "./weights.js";
import type { LayerMeans } from "../calib/index.js";

/** Loss of a layer as a function of its relative error, through the measured points in log–log. */
export interface Sensitivity {
  /** Measured pairs, errors ascending. */
  readonly points: readonly { readonly error: number; readonly loss: number }[];
}

/** Loss at an error: a power law between measured points; beyond the ends the loss goes with the error squared. */
export function lossAt({ points }: Sensitivity, error: number): number {
  if (error <= 0 || points.length === 0) return 0;
  const upper = points.findIndex((point) => point.error >= error);
  if (upper === 0) return points[0]!.loss * (error / points[0]!.error) ** 2;
  if (upper < 0) return points.at(-1)!.loss * (error / points.at(-1)!.error) ** 2;
  const [a, b] = [points[upper - 1]!, points[upper]!];
  if (a.loss <= 0 || b.loss <= 0 || b.error === a.error) return b.loss;
  const share = Math.log(error / a.error) / Math.log(b.error / a.error);
  return Math.exp(Math.log(a.loss) + share * Math.log(b.loss / a.loss));
}

/**
 * Label-free sensitivity of every layer: single candidates are put in its place and the answers on the selected images
 * compared with the original's. `perLayer` candidates, evenly spread over the front, are measured; the rest is read off
 * the curve. Only what lies behind the layer is run again. `unit` names a layer's result in the journal.
 */
export async function measureSensitivities(
  cx: SearchContext,
  layers: readonly LayerCandidates[],
  means: readonly (LayerMeans | null)[],
  original: Answers,
  kinds: readonly OutputKind[],
  perLayer: number,
  unit: (slot: LayerSlot) => string,
): Promise<Sensitivity[]> {
  const { network } = cx;
  const result: Sensitivity[] = [];
  const states: State[] = cx.selected.map((feeds) => network.start(feeds));
  for (const step of network.steps) {
    await cx.pause();
    if (step.slot) {
      const { slot } = step;
      const picked = spread(layers[slot.index]!.front, perLayer);
      const measure = async (): Promise<Sensitivity> => {
        const layer = layers[slot.index]!;
        const own = means[slot.index]!;
        return curveThrough(await measureLayer(cx, slot, picked, layer, own, states, original, kinds));
      };
      result[slot.index] = await resumed(cx.journal, unit(slot), sensitivityCodec, measure);
      cx.report("sensitivity", slot.index + 1, cx.slots.length);
    }
    await network.advanceAll(step, states);
  }
  return result;
}

function curveThrough(measured: readonly MeasuredLoss[]): Sensitivity {
  const points = measured.map(({ candidate, loss }) => ({ error: candidate.error, loss }));
  return { points: points.sort((a, b) => a.error - b.error) };
}

function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.round((i * (items.length - 1)) / (count - 1))]!);
}

/** A candidate and the loss that it alone causes. */
export interface MeasuredLoss {
  readonly candidate: Candidate;
  readonly loss: number;
}

/** Measures one candidate per layer, each alone in its layer's place; null leaves a layer out. */
export async function measureChoices(
  cx: SearchContext,
  layers: readonly LayerCandidates[],
  means: readonly (LayerMeans | null)[],
  original: Answers,
  kinds: readonly OutputKind[],
  chosen: readonly (Candidate | null)[],
): Promise<MeasuredLoss[]> {
  const { network } = cx;
  const measured: MeasuredLoss[] = [];
  const last = chosen.findLastIndex((candidate) => candidate !== null);
  const states: State[] = cx.selected.map((feeds) => network.start(feeds));
  for (const step of network.steps) {
    await cx.pause();
    const { slot } = step;
    if (slot && slot.index > last) break;
    const candidate = slot ? chosen[slot.index] : null;
    if (slot && candidate) {
      const layer = layers[slot.index]!;
      measured.push(
        ...(await measureLayer(cx, slot, [candidate], layer, means[slot.index]!, states, original, kinds)),
      );
      cx.report("allocation", slot.index + 1, cx.slots.length);
    }
    await network.advanceAll(step, states);
  }
  return measured;
}

async function measureLayer(
  cx: SearchContext,
  slot: LayerSlot,
  candidates: readonly Candidate[],
  layer: LayerCandidates,
  means: LayerMeans | null,
  states: readonly State[],
  original: Answers,
  kinds: readonly OutputKind[],
): Promise<MeasuredLoss[]> {
  if (candidates.length === 0) return [];
  const suffix = await cx.network.openSuffix(slot);
  const measured: MeasuredLoss[] = [];
  try {
    for (const candidate of candidates) {
      await cx.pause();
      const kernel = composedKernel(candidate.forms, layer.targets);
      const { weight, bias } = layerWeights(slot, kernel, biasFor(kernel, slot.layer, means));
      const answers = await answersOf(
        suffix,
        states,
        new Map([
          [slot.weight, weight],
          [slot.bias, bias],
        ]),
      );
      measured.push({ candidate, loss: distance(original, answers, kinds).divergence });
    }
  } finally {
    await suffix.dispose();
  }
  return measured;
}
