import { matrix, type Matrix } from "../linalg/index.js";
import { tapCount, tapOffsets } from "./chain.js";
import type { ConvSpec, Form, Stage, StagePlan } from "./form.js";

/*
 * A chain composes to a kernel K of the layer's own shape. After stage s the partial kernel is held as
 * rows (channel, taps of s) over the columns of the stage before, the innermost columns being (input channel, taps of
 * stage 1): composing is then a series of axpys over contiguous runs, and the gradient a series of dots and axpys over
 * the same runs. Channels that a grouped first stage can't reach are left out of the runs.
 */

interface Partial {
  /** channels × width, row-major. */
  readonly data: Float64Array;
  readonly channels: number;
  readonly width: number;
  /** Columns of the innermost run that can be non-zero, per channel. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** How many runs of `run` columns a row holds. */
  readonly runs: number;
  readonly run: number;
}

/** The dense kernel that a form stands for, outChannels × (inChannels · taps), of the layer's geometry (group 1). */
export function compose(form: Form, layer: ConvSpec): Matrix {
  const kernel = new ChainSum(layer, form.branches);
  const result = kernel.compose(form.branches.map((chain) => chain.map((stage) => stage.weight)));
  return matrix(layer.outChannels, layer.inChannels * tapCount(layer), applyOrders(result, form, layer));
}

/** Kernel of the chains seen from outside the channel orders. */
export function applyOrders(kernel: Float64Array, form: Pick<Form, "inputOrder" | "outputOrder">, layer: ConvSpec): Float64Array {
  const { inputOrder, outputOrder } = form;
  if (!inputOrder && !outputOrder) return kernel;
  const { inChannels, outChannels } = layer;
  const taps = tapCount(layer);
  const result = new Float64Array(kernel.length);
  for (let o = 0; o < outChannels; o++) {
    const row = (outputOrder ? outputOrder[o]! : o) * inChannels;
    for (let i = 0; i < inChannels; i++) {
      const at = (o * inChannels + (inputOrder ? inputOrder[i]! : i)) * taps;
      for (let t = 0; t < taps; t++) result[at + t] = kernel[(row + i) * taps + t]!;
    }
  }
  return result;
}

/** Composition of a sum of chains and its gradient; the geometry is worked out once for many evaluations. */
export class ChainSum {
  readonly #chains: readonly Chain[];
  readonly #size: number;

  constructor(layer: ConvSpec, branches: readonly (readonly StagePlan[])[]) {
    this.#chains = branches.map((stages) => new Chain(layer, stages));
    this.#size = layer.outChannels * layer.inChannels * tapCount(layer);
  }

  /** Row-major outChannels × inChannels × taps, for weights by branch and stage. */
  compose(weights: readonly (readonly Float64Array[])[]): Float64Array {
    const kernel = new Float64Array(this.#size);
    this.#chains.forEach((chain, b) => chain.addTo(kernel, weights[b]!));
    return kernel;
  }

  /** Gradients by branch and stage of a function whose gradient at the composed kernel is `outer`. Call after `compose`. */
  gradient(outer: Float64Array, weights: readonly (readonly Float64Array[])[]): Float64Array[][] {
    return this.#chains.map((chain, b) => chain.gradient(outer, weights[b]!));
  }
}

class Chain {
  #partials: Partial[] = [];
  readonly #offsets: readonly Int32Array[];

  constructor(
    private readonly layer: ConvSpec,
    private readonly stages: readonly StagePlan[],
  ) {
    this.#offsets = stages.map((stage) => tapOffsets(layer, stage));
  }

  addTo(kernel: Float64Array, weights: readonly Float64Array[]): void {
    this.#partials = [];
    let partial = firstPartial(this.stages[0]!.spec, weights[0]!);
    this.#partials.push(partial);
    for (let s = 1; s < this.stages.length; s++) {
      partial = nextPartial(partial, this.stages[s]!.spec, weights[s]!);
      this.#partials.push(partial);
    }
    const { data } = partial;
    this.#forEachEntry((at, index) => (kernel[at]! += data[index]!));
  }

  gradient(outer: Float64Array, weights: readonly Float64Array[]): Float64Array[] {
    const last = this.#partials.at(-1)!;
    let upper: Float64Array = new Float64Array(last.data.length);
    this.#forEachEntry((at, index) => (upper[index] = outer[at]!));
    const gradients: Float64Array[] = [];
    for (let s = this.stages.length - 1; s > 0; s--) {
      const step = backPartial(this.#partials[s - 1]!, this.stages[s]!.spec, weights[s]!, upper);
      gradients.unshift(step.weight);
      upper = step.data;
    }
    gradients.unshift(firstGradient(this.stages[0]!.spec, upper));
    return gradients;
  }

  /** Pairs an index of the layer's kernel with one of the last partial, for all entries that can be non-zero. */
  #forEachEntry(visit: (kernelIndex: number, partialIndex: number) => void): void {
    const { inChannels } = this.layer;
    const taps = tapCount(this.layer);
    const last = this.#partials.at(-1)!;
    const first = this.#offsets[0]!;
    const outer = this.#offsets.slice(1).reduce<number[]>(
      (combined, offsets) => [...offsets].flatMap((offset) => combined.map((at) => offset + at)),
      [0],
    );
    const firstTaps = first.length;
    for (let o = 0; o < last.channels; o++) {
      const [from, to] = [last.from[o]! / firstTaps, last.to[o]! / firstTaps];
      for (let r = 0; r < last.runs; r++) {
        const base = o * last.width + r * last.run;
        for (let i = from; i < to; i++) {
          const at = (o * inChannels + i) * taps + outer[r]!;
          for (let t = 0; t < firstTaps; t++) visit(at + first[t]!, base + i * firstTaps + t);
        }
      }
    }
  }
}

function firstPartial(spec: ConvSpec, weight: Float64Array): Partial {
  const taps = tapCount(spec);
  const [perIn, perOut] = [spec.inChannels / spec.group, spec.outChannels / spec.group];
  const run = spec.inChannels * taps;
  const data = new Float64Array(spec.outChannels * run);
  const from = new Int32Array(spec.outChannels);
  const to = new Int32Array(spec.outChannels);
  for (let o = 0; o < spec.outChannels; o++) {
    const start = Math.floor(o / perOut) * perIn * taps;
    data.set(weight.subarray(o * perIn * taps, (o + 1) * perIn * taps), o * run + start);
    from[o] = start;
    to[o] = start + perIn * taps;
  }
  return { data, channels: spec.outChannels, width: run, from, to, runs: 1, run };
}

function firstGradient(spec: ConvSpec, upper: Float64Array): Float64Array {
  const taps = tapCount(spec);
  const [perIn, perOut] = [spec.inChannels / spec.group, spec.outChannels / spec.group];
  const [run, own] = [spec.inChannels * taps, perIn * taps];
  const gradient = new Float64Array(spec.outChannels * own);
  for (let o = 0; o < spec.outChannels; o++) {
    const start = o * run + Math.floor(o / perOut) * own;
    gradient.set(upper.subarray(start, start + own), o * own);
  }
  return gradient;
}

function nextPartial(below: Partial, spec: ConvSpec, weight: Float64Array): Partial {
  const taps = tapCount(spec);
  const [perIn, perOut] = [spec.inChannels / spec.group, spec.outChannels / spec.group];
  const width = taps * below.width;
  const data = new Float64Array(spec.outChannels * width);
  const from = new Int32Array(spec.outChannels).fill(below.run);
  const to = new Int32Array(spec.outChannels);
  for (let o = 0; o < spec.outChannels; o++) {
    const base = Math.floor(o / perOut) * perIn;
    for (let j = 0; j < perIn; j++) {
      const m = base + j;
      if (below.from[m]! < from[o]!) from[o] = below.from[m]!;
      if (below.to[m]! > to[o]!) to[o] = below.to[m]!;
      for (let t = 0; t < taps; t++) {
        const w = weight[(o * perIn + j) * taps + t]!;
        for (let r = 0; r < below.runs; r++) {
          const source = m * below.width + r * below.run;
          const shift = o * width + t * below.width + r * below.run - source;
          const end = source + below.to[m]!;
          for (let p = source + below.from[m]!; p < end; p++) data[p + shift]! += w * below.data[p]!;
        }
      }
    }
  }
  return { data, channels: spec.outChannels, width, from, to, runs: taps * below.runs, run: below.run };
}

function backPartial(
  below: Partial,
  spec: ConvSpec,
  weight: Float64Array,
  upper: Float64Array,
): { weight: Float64Array; data: Float64Array } {
  const taps = tapCount(spec);
  const [perIn, perOut] = [spec.inChannels / spec.group, spec.outChannels / spec.group];
  const width = taps * below.width;
  const gradient = new Float64Array(weight.length);
  const data = new Float64Array(below.data.length);
  for (let o = 0; o < spec.outChannels; o++) {
    const base = Math.floor(o / perOut) * perIn;
    for (let j = 0; j < perIn; j++) {
      const m = base + j;
      for (let t = 0; t < taps; t++) {
        const index = (o * perIn + j) * taps + t;
        const w = weight[index]!;
        let sum = 0;
        for (let r = 0; r < below.runs; r++) {
          const source = m * below.width + r * below.run;
          const shift = o * width + t * below.width + r * below.run - source;
          const end = source + below.to[m]!;
          for (let p = source + below.from[m]!; p < end; p++) {
            const u = upper[p + shift]!;
            sum += u * below.data[p]!;
            data[p]! += w * u;
          }
        }
        gradient[index] = sum;
      }
    }
  }
  return { weight: gradient, data };
}

/** A stage with weights from a plan. */
export function stageOf(plan: StagePlan, weight: Float64Array): Stage {
  return { ...plan, weight };
}
