import {
  elementCount,
  extract,
  InvariantError,
  Tensor,
  UnsupportedError,
  type Cut,
  type Model,
} from "../ir/index.js";
import { differentiate, oldestOpset } from "../gradient/index.js";
import type { Random } from "../linalg/index.js";
import { inferFacts } from "../measure/index.js";
import type { Executor } from "../runtime/index.js";
import { upgradeOpset } from "../upgrade/index.js";
import { Adam } from "./adam.js";
import type { SearchContext } from "./context.js";
import type { Block } from "./recovery-blocks.js";
import type { State } from "./staged-network.js";
import type { TrainableLayer } from "./trainable-layer.js";

export interface TrainingOptions {
  readonly steps: number;
  /** Images of a step. */
  readonly images: number;
  /** Highest learning rate, relative to each factor's root mean square. */
  readonly rate: number;
}

/** Bytes that the forward and backward pass of one run may take. */
const runBytes = 512 * 2 ** 20;
/** Positions of an output up to which a step takes all its images, and the fewest images of a step. */
const positionsForAll = 64;
const fewestImages = 1;
/** Patches laid out for the weights' gradients, and gradients of activations, per byte of activations. */
const backwardShare = 8;

/**
 * Trains all layers of a block by Adam so that its outputs come near those of the original (`targets`), from the inputs
 * that the compressed network gives it (`inputs`): squared error relative to each output's power. Layers are changed in
 * place. An UnsupportedError when the block can't be differentiated or doesn't fit into memory.
 */
export async function trainBlock(
  cx: SearchContext,
  block: Block,
  layers: readonly TrainableLayer[],
  inputs: readonly State[],
  targets: readonly State[],
  options: TrainingOptions,
  random: Random,
  onStep: (step: number) => void,
): Promise<void> {
  const sampler = new Sampler(block, inputs, targets);
  const { images } = options;
  const chunk = chunkSize(cx.model, block, sampler, images);
  const runs = Math.max(1, Math.round(images / chunk));
  const scales = new Map(
    block.outputs.map((name) => [
      `scale:${name}`,
      Tensor.f32([], [1 / (sampler.power(name) * chunk * runs || 1)]),
    ]),
  );
  const start = layers.map((layer) => layer.snapshot());
  const executor = await cx.open(gradientModel(cx.model, block, sampler, chunk));
  const parameters = layers.flatMap((layer) => layer.parameters);
  try {
    let adam = new Adam(parameters);
    let { rate } = options;
    let trend = new LossTrend();
    for (let step = 0; step < options.steps; step++) {
      await cx.pause();
      const weights = new Map<string, Tensor>();
      layers.forEach((layer, l) => {
        const { weight, bias } = layer.weights();
        weights.set(block.slots[l]!.weight, weight).set(block.slots[l]!.bias, bias);
      });
      const sums = new Map<string, Float64Array>();
      let loss = 0;
      for (let run = 0; run < runs; run++) {
        const feeds = new Map([...sampler.draw(chunk, random), ...scales, ...weights]);
        loss += await addGradients(executor, feeds, block, sums);
      }
      if (trend.diverges(loss)) {
        layers.forEach((layer, l) => layer.restore(start[l]!));
        [adam, trend] = [new Adam(parameters), new LossTrend()];
        rate /= 4;
        continue;
      }
      const gradients = layers.flatMap((layer, l) =>
        layer.gradients(sums.get(block.slots[l]!.weight)!, sums.get(block.slots[l]!.bias)!),
      );
      adam.step(gradients, rate * scheduled(step, options.steps));
      onStep(step + 1);
    }
  } finally {
    await executor.dispose();
  }
}

/** Share of the steps in which the learning rate rises: Adam's first steps go all one way, before it knows the gradients' sizes. */
const warmUp = 0.1;

/** The learning rate of a step, relative to the highest: up along a line, then down to 0 along a cosine. */
function scheduled(step: number, steps: number): number {
  const rise = warmUp * steps;
  return step < rise
    ? (step + 1) / (rise + 1)
    : 0.5 * (1 + Math.cos((Math.PI * (step - rise)) / (steps - rise)));
}

/**
 * Images of a step of at most `images` that their outputs make worthwhile: every position of an output is a sample of
 * its own, if not an independent one: with 16 times as many, a quarter of the images.
 */
export function imagesPerStep(images: number, outputs: readonly string[], targets: readonly State[]): number {
  const positions = outputs.map((name) => elementCount(targets[0]!.get(name)!.dims.slice(2)));
  const share = Math.sqrt(positionsForAll / Math.max(positionsForAll, ...positions));
  return Math.max(Math.min(images, fewestImages), Math.round(images * share));
}

/** Runs once; adds the gradients to the sums and returns the loss. */
async function addGradients(
  executor: Executor,
  feeds: ReadonlyMap<string, Tensor>,
  block: Block,
  sums: Map<string, Float64Array>,
): Promise<number> {
  const results = await executor.run(feeds);
  for (const name of block.slots.flatMap(({ weight, bias }) => [weight, bias])) {
    const gradient = results.get(`grad:${name}`)!.numbers;
    const sum = sums.get(name);
    if (!sum) sums.set(name, Float64Array.from(gradient));
    else for (let i = 0; i < sum.length; i++) sum[i]! += gradient[i]!;
  }
  return block.outputs.reduce((total, name) => total + results.get(`loss:${name}`)!.numbers[0]!, 0);
}

/** Forward and backward pass of the block for `chunk` images at a time. */
function gradientModel(model: Model, block: Block, sampler: Sampler, chunk: number): Model {
  const part = partOf(model, block, sampler, chunk);
  const wrt = block.slots.flatMap(({ weight, bias }) => [weight, bias]);
  return differentiate(part, wrt, inferFacts(part));
}

function partOf(model: Model, block: Block, sampler: Sampler, chunk: number): Model {
  const cuts: Cut[] = block.inputs.map((name) => ({
    name,
    type: { dtype: sampler.dtype(name), shape: [chunk, ...sampler.rowDims(name)] },
  }));
  for (const { weight, bias, weightDims, layer } of block.slots) {
    if (layer.dtype !== "float32") {
      throw new UnsupportedError("E_NO_GRADIENT", `layers of type ${layer.dtype} are not trained`, {
        where: { node: layer.name },
      });
    }
    cuts.push(
      { name: weight, type: { dtype: layer.dtype, shape: weightDims } },
      { name: bias, type: { dtype: layer.dtype, shape: [layer.spec.outChannels] } },
    );
  }
  const part = extract(model, cuts, block.outputs);
  return (part.graph.opset() ?? 0) < oldestOpset ? upgradeOpset(part, oldestOpset + 1) : part;
}

/** Images per run: as many as memory allows, at most `wanted`; what the model fixes where it does. */
function chunkSize(model: Model, block: Block, sampler: Sampler, wanted: number): number {
  const fixed = model.graph.requiredInputs[0]?.type?.shape?.[0];
  const unit = typeof fixed === "number" ? fixed : 1;
  const facts = inferFacts(partOf(model, block, sampler, unit));
  let bytes = 0;
  for (const node of facts.graph.nodes) {
    for (const output of node.outputs) {
      const shape = facts.of(output).shape;
      if (shape?.every((dim): dim is number => typeof dim === "number")) bytes += 4 * elementCount(shape);
    }
  }
  const fits = Math.floor(runBytes / Math.max(1, bytes * backwardShare));
  if (fits < 1) throw new UnsupportedError("E_NO_GRADIENT", "the block's activations take too much memory");
  return typeof fixed === "number" ? unit : Math.min(fits, wanted, 64, sampler.count);
}

/** Tells a training that gets worse from one whose images differ: steps of few images have losses of all sizes. */
class LossTrend {
  #first: number | null = null;
  #average = 0;
  #weight = 0;
  #least = Infinity;

  /** Takes in a step's loss; true when the average of the recent steps has grown far beyond its least. */
  diverges(loss: number): boolean {
    this.#first ??= loss;
    this.#average = memory * this.#average + (1 - memory) * loss;
    this.#weight = memory * this.#weight + 1 - memory;
    const recent = this.#average / this.#weight;
    if (this.#weight > settled) this.#least = Math.min(this.#least, recent);
    return !(recent <= diverged * this.#least && loss <= far * this.#first);
  }
}

/** Share that a step leaves of the average before it, and weight from which the average counts. */
const [memory, settled] = [0.9, 0.6];
/** Times the least recent average, and times the first step's loss, that are too much. */
const [diverged, far] = [2, 10];

/** Draws images from states: rows of the block's inputs and targets. */
class Sampler {
  readonly #places: readonly (readonly [state: number, row: number])[];
  #order: Int32Array = new Int32Array();
  #at = 0;

  constructor(
    private readonly block: Block,
    private readonly inputs: readonly State[],
    private readonly targets: readonly State[],
  ) {
    this.#places = inputs.flatMap((state, s) => {
      const counts = block.inputs.map((name) => state.get(name)?.dims[0]);
      const rows = targets[s]!.get(block.outputs[0]!)?.dims[0] ?? 0;
      if (
        counts.some((count) => count !== rows) ||
        block.outputs.some((name) => targets[s]!.get(name)?.dims[0] !== rows)
      ) {
        throw new UnsupportedError("E_NO_GRADIENT", "the first axis of the block's values is not the batch");
      }
      return Array.from({ length: rows }, (_, row) => [s, row] as const);
    });
  }

  get count(): number {
    return this.#places.length;
  }

  dtype(name: string): Tensor["dtype"] {
    return this.#sample(name).dtype;
  }

  rowDims(name: string): readonly number[] {
    return this.#sample(name).dims.slice(1);
  }

  #sample(name: string): Tensor {
    const tensor = this.inputs[0]?.get(name) ?? this.targets[0]?.get(name);
    if (!tensor) throw new InvariantError("a value of the block is not live", { where: { tensor: name } });
    return tensor;
  }

  /** Mean over the images of Σ t². */
  power(name: string): number {
    let sum = 0;
    for (const state of this.targets) {
      const data = state.get(name)!.numbers;
      for (let i = 0; i < data.length; i++) sum += data[i]! * data[i]!;
    }
    return sum / Math.max(1, this.count);
  }

  /** The next `count` images of a shuffled round through all of them. */
  draw(count: number, random: Random): ReadonlyMap<string, Tensor> {
    const picked = Array.from({ length: count }, () => {
      if (this.#at >= this.#order.length) {
        this.#order = random.shuffle(Int32Array.from({ length: this.count }, (_, i) => i));
        this.#at = 0;
      }
      return this.#places[this.#order[this.#at++]!]!;
    });
    const feeds = new Map<string, Tensor>();
    for (const name of this.block.inputs) feeds.set(name, gathered(this.inputs, name, picked));
    for (const name of this.block.outputs) feeds.set(`target:${name}`, gathered(this.targets, name, picked));
    return feeds;
  }
}

function gathered(
  states: readonly State[],
  name: string,
  places: readonly (readonly [number, number])[],
): Tensor {
  const sample = states[0]!.get(name)!;
  const dims = sample.dims.slice(1);
  const size = elementCount(dims);
  if (sample.dtype !== "float32") {
    throw new UnsupportedError("E_NO_GRADIENT", `values of type ${sample.dtype} between layers`, {
      where: { tensor: name },
    });
  }
  const data = new Float32Array(places.length * size);
  places.forEach(([state, row], i) => {
    const source = states[state]!.get(name)!.numbers as Float32Array;
    data.set(source.subarray(row * size, (row + 1) * size), i * size);
  });
  return Tensor.of("float32", [places.length, ...dims], data);
}
