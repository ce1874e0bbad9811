import { matrix, multiply, type Matrix } from "../linalg/index.js";
import { tapCount, tapOffsets } from "./chain.js";
import type { ConvSpec, Form, StagePlan } from "./form.js";

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
export function applyOrders(
  kernel: Float64Array,
  form: Pick<Form, "inputOrder" | "outputOrder">,
  layer: ConvSpec,
): Float64Array {
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
  /** Where the entries of the last partial lie in the layer's kernel; worked out with the first composition. */
  #places: Int32Array | null = null;
  readonly #offsets: readonly Int32Array[];

  constructor(
    private readonly layer: ConvSpec,
    private readonly stages: readonly StagePlan[],
  ) {
    this.#offsets = stages.map((stage) => tapOffsets(layer, stage));
  }

  addTo(kernel: Float64Array, weights: readonly Float64Array[]): void {
    let partial = firstPartial(this.stages[0]!.spec, weights[0]!);
    this.#partials = [partial];
    for (let s = 1; s < this.stages.length; s++) {
      partial = nextPartial(partial, this.stages[s]!.spec, weights[s]!);
      this.#partials.push(partial);
    }
    const places = (this.#places ??= this.#placesOf(partial));
    const { data } = partial;
    for (let i = 0; i < data.length; i++) kernel[places[i]!]! += data[i]!;
  }

  gradient(outer: Float64Array, weights: readonly Float64Array[]): Float64Array[] {
    const places = this.#places!;
    let upper: Float64Array = new Float64Array(places.length);
    for (let i = 0; i < upper.length; i++) upper[i] = outer[places[i]!]!;
    const gradients: Float64Array[] = [];
    for (let s = this.stages.length - 1; s > 0; s--) {
      const step = backPartial(this.#partials[s - 1]!, this.stages[s]!.spec, weights[s]!, upper);
      gradients.unshift(step.weight);
      upper = step.data;
    }
    gradients.unshift(firstGradient(this.stages[0]!.spec, upper));
    return gradients;
  }

  #placesOf(last: Partial): Int32Array {
    const { inChannels } = this.layer;
    const taps = tapCount(this.layer);
    const first = this.#offsets[0]!;
    const outer = this.#offsets
      .slice(1)
      .reduce<number[]>(
        (combined, offsets) => [...offsets].flatMap((offset) => combined.map((at) => offset + at)),
        [0],
      );
    const places = new Int32Array(last.data.length);
    let index = 0;
    for (let o = 0; o < last.channels; o++) {
      for (let r = 0; r < last.runs; r++) {
        for (let i = 0; i < inChannels; i++) {
          const at = (o * inChannels + i) * taps + outer[r]!;
          for (let t = 0; t < first.length; t++) places[index++] = at + first[t]!;
        }
      }
    }
    return places;
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
  const from = new Int32Array(spec.outChannels).fill(below.run);
  const to = new Int32Array(spec.outChannels);
  for (let o = 0; o < spec.outChannels; o++) {
    const base = Math.floor(o / perOut) * perIn;
    for (let m = base; m < base + perIn; m++) {
      if (below.from[m]! < from[o]!) from[o] = below.from[m]!;
      if (below.to[m]! > to[o]!) to[o] = below.to[m]!;
    }
  }
  const data = isDense(below, perIn) ? densely(below, spec, weight) : sparsely(below, spec, weight);
  return { data, channels: spec.outChannels, width, from, to, runs: taps * below.runs, run: below.run };
}

/** True when rows are full enough for a matrix product over whole rows to beat one over their runs. */
function isDense(below: Partial, perIn: number): boolean {
  let filled = 0;
  for (let m = 0; m < below.channels; m++) filled += below.to[m]! - below.from[m]!;
  return perIn >= 4 && filled * 4 >= below.channels * below.run;
}

/** A grouped stage's weight as (output, tap) × input matrices, one per group. */
function weightRows(spec: ConvSpec, weight: Float64Array, group: number): Matrix {
  const taps = tapCount(spec);
  const [perIn, perOut] = [spec.inChannels / spec.group, spec.outChannels / spec.group];
  const rows = matrix(perOut * taps, perIn);
  for (let o = 0; o < perOut; o++) {
    for (let j = 0; j < perIn; j++) {
      const at = ((group * perOut + o) * perIn + j) * taps;
      for (let t = 0; t < taps; t++) rows.data[(o * taps + t) * perIn + j] = weight[at + t]!;
    }
  }
  return rows;
}

function groupRows({ data, width }: Partial, first: number, count: number): Matrix {
  return matrix(count, width, data.subarray(first * width, (first + count) * width));
}

function densely(below: Partial, spec: ConvSpec, weight: Float64Array): Float64Array {
  const [perIn, perOut] = [spec.inChannels / spec.group, spec.outChannels / spec.group];
  if (spec.group === 1) return multiply(weightRows(spec, weight, 0), groupRows(below, 0, perIn)).data;
  const size = perOut * tapCount(spec) * below.width;
  const data = new Float64Array(size * spec.group);
  for (let g = 0; g < spec.group; g++) {
    data.set(multiply(weightRows(spec, weight, g), groupRows(below, g * perIn, perIn)).data, g * size);
  }
  return data;
}

function sparsely(below: Partial, spec: ConvSpec, weight: Float64Array): Float64Array {
  const taps = tapCount(spec);
  const [perIn, perOut] = [spec.inChannels / spec.group, spec.outChannels / spec.group];
  const width = taps * below.width;
  const data = new Float64Array(spec.outChannels * width);
  for (let o = 0; o < spec.outChannels; o++) {
    const base = Math.floor(o / perOut) * perIn;
    for (let j = 0; j < perIn; j++) {
      const m = base + j;
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
  return data;
}

interface StepGradient {
  readonly weight: Float64Array;
  readonly data: Float64Array;
}

function backPartial(
  below: Partial,
  spec: ConvSpec,
  weight: Float64Array,
  upper: Float64Array,
): StepGradient {
  const perIn = spec.inChannels / spec.group;
  return isDense(below, perIn)
    ? backDensely(below, spec, weight, upper)
    : backSparsely(below, spec, weight, upper);
}

function backDensely(
  below: Partial,
  spec: ConvSpec,
  weight: Float64Array,
  upper: Float64Array,
): StepGradient {
  const taps = tapCount(spec);
  const [perIn, perOut] = [spec.inChannels / spec.group, spec.outChannels / spec.group];
  const gradient = new Float64Array(weight.length);
  const data = new Float64Array(below.data.length);
  const size = perOut * taps * below.width;
  for (let g = 0; g < spec.group; g++) {
    const outer = matrix(perOut * taps, below.width, upper.subarray(g * size, (g + 1) * size));
    const rows = multiply(outer, groupRows(below, g * perIn, perIn), { transB: true }).data;
    for (let o = 0; o < perOut; o++) {
      for (let j = 0; j < perIn; j++) {
        const at = ((g * perOut + o) * perIn + j) * taps;
        for (let t = 0; t < taps; t++) gradient[at + t] = rows[(o * taps + t) * perIn + j]!;
      }
    }
    data.set(multiply(weightRows(spec, weight, g), outer, { transA: true }).data, g * perIn * below.width);
  }
  return { weight: gradient, data };
}

function backSparsely(
  below: Partial,
  spec: ConvSpec,
  weight: Float64Array,
  upper: Float64Array,
): StepGradient {
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
