import { identity, seededRandom } from "../linalg/index.js";
import type { FitTarget } from "./target.js";

/** Channels of a grouping: input channels in the order of their groups, output channels likewise. */
export interface Grouping {
  readonly inputOrder: Int32Array;
  readonly outputs: Int32Array;
}

const restarts = 9;
const rounds = 20;

/**
 * Balanced co-clustering: puts input and output channels into `groups` equal groups so that as much as possible of the
 * layer's energy in the data's metric stays inside (o and i in one group). Alternates between assigning outputs given
 * the inputs and inputs given the outputs, by greedy assignment under capacity and improving swaps, from several
 * starts (as they are, by similarity, seeded); keeps the best.
 */
export function coCluster(target: FitTarget, groups: number): Grouping {
  const { inChannels, outChannels } = target.layer;
  const energy = channelEnergy(target);
  const across = transposed(energy, outChannels, inChannels);
  const random = seededRandom(groups * 7919 + inChannels);
  let best: { inputs: Int32Array; outputs: Int32Array; kept: number } | null = null;
  for (let start = 0; start < restarts; start++) {
    let inputs: Int32Array =
      start === 1
        ? similarGroups(across, inChannels, outChannels, groups)
        : initialGroups(inChannels, groups, start === 0 ? null : random);
    let outputs: Int32Array = new Int32Array(outChannels);
    let kept = -1;
    for (let round = 0; round < rounds; round++) {
      outputs = assign(scores(energy, outChannels, inChannels, inputs, groups), outChannels, groups);
      const inputScores = scores(across, inChannels, outChannels, outputs, groups);
      inputs = assign(inputScores, inChannels, groups);
      const now = inputs.reduce((sum, g, i) => sum + inputScores[i * groups + g]!, 0);
      if (now <= kept * (1 + 1e-9)) break;
      kept = now;
    }
    if (!best || kept > best.kept) best = { inputs, outputs, kept };
  }
  return { inputOrder: byGroup(best!.inputs), outputs: byGroup(best!.outputs) };
}

/** Energy of input channel i in output channel o: W[o,i,·] C[i,i] W[o,i,·]ᵀ. Row-major O × I. */
export function channelEnergy(target: FitTarget): Float64Array {
  const { inChannels, outChannels } = target.layer;
  const { taps, kernel, covariance } = target;
  const energy = new Float64Array(outChannels * inChannels);
  for (let i = 0; i < inChannels; i++) {
    const own = Int32Array.from({ length: taps }, (_, t) => i * taps + t);
    const c = covariance ? covariance.block(own, own) : identity(taps);
    for (let o = 0; o < outChannels; o++) {
      const at = o * kernel.cols + i * taps;
      let sum = 0;
      for (let s = 0; s < taps; s++) {
        for (let t = 0; t < taps; t++)
          sum += kernel.data[at + s]! * c.data[s * taps + t]! * kernel.data[at + t]!;
      }
      energy[o * inChannels + i] = Math.max(0, sum);
    }
  }
  return energy;
}

function transposed(data: Float64Array, rows: number, cols: number): Float64Array {
  const result = new Float64Array(data.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) result[c * rows + r] = data[r * cols + c]!;
  return result;
}

function initialGroups(
  count: number,
  groups: number,
  random: ReturnType<typeof seededRandom> | null,
): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  if (random) random.shuffle(order);
  const result = new Int32Array(count);
  order.forEach((channel, position) => (result[channel] = Math.floor((position * groups) / count)));
  return result;
}

/** Groups of the inputs whose energy goes to the same outputs: the strongest one left and those most like it (cosine). */
function similarGroups(across: Float64Array, count: number, others: number, groups: number): Int32Array {
  const row = (a: number): Float64Array => across.subarray(a * others, (a + 1) * others);
  const product = (a: number, b: number): number => row(a).reduce((sum, x, o) => sum + x * row(b)[o]!, 0);
  const norms = Float64Array.from({ length: count }, (_, a) => Math.sqrt(product(a, a)));
  const left = new Set(Array.from(norms.keys()).sort((a, b) => norms[b]! - norms[a]! || a - b));
  const result = new Int32Array(count);
  for (let g = 0; g < groups; g++) {
    const [strongest] = left;
    const alike = Array.from(left, (a) => ({
      a,
      cosine: product(a, strongest!) / (norms[a]! * norms[strongest!]! || 1),
    })).sort((p, q) => q.cosine - p.cosine || p.a - q.a);
    for (const { a } of alike.slice(0, count / groups)) {
      result[a] = g;
      left.delete(a);
    }
  }
  return result;
}

/** Energy of each item with each group of the other side: count × groups. */
function scores(
  energy: Float64Array,
  count: number,
  others: number,
  grouping: Int32Array,
  groups: number,
): Float64Array {
  const result = new Float64Array(count * groups);
  for (let a = 0; a < count; a++) {
    for (let b = 0; b < others; b++) result[a * groups + grouping[b]!]! += energy[a * others + b]!;
  }
  return result;
}

/** Assigns items to groups of equal capacity: those that would lose most by their second choice first, then swaps. */
function assign(score: Float64Array, count: number, groups: number): Int32Array {
  const capacity = new Int32Array(groups).fill(count / groups);
  const result = new Int32Array(count).fill(-1);
  const regret = Array.from({ length: count }, (_, a) => {
    const own = [...score.subarray(a * groups, (a + 1) * groups)].sort((p, q) => q - p);
    return { a, loss: own[0]! - (own[1] ?? 0) };
  }).sort((p, q) => q.loss - p.loss || p.a - q.a);
  for (const { a } of regret) {
    let choice = -1;
    for (let g = 0; g < groups; g++) {
      if (capacity[g]! > 0 && (choice < 0 || score[a * groups + g]! > score[a * groups + choice]!))
        choice = g;
    }
    capacity[choice]!--;
    result[a] = choice;
  }
  for (let improved = true; improved;) {
    improved = false;
    for (let a = 0; a < count; a++) {
      for (let b = a + 1; b < count; b++) {
        const [p, q] = [result[a]!, result[b]!];
        if (p === q) continue;
        const gain =
          score[a * groups + q]! + score[b * groups + p]! - score[a * groups + p]! - score[b * groups + q]!;
        if (gain > 1e-12 * (score[a * groups + p]! + score[b * groups + q]!)) {
          result[a] = q;
          result[b] = p;
          improved = true;
        }
      }
    }
  }
  return result;
}

function byGroup(grouping: Int32Array): Int32Array {
  return Int32Array.from(Array.from(grouping.keys()).sort((a, b) => grouping[a]! - grouping[b]! || a - b));
}
