import type { LayerMeans } from "../calib/index.js";
import { isFloat, Tensor, UnsupportedError } from "../ir/index.js";
import { seededRandom } from "../linalg/index.js";
import type { Distance } from "./answers.js";
import type { LayerCandidates } from "./candidates.js";
import type { SearchContext } from "./context.js";
import { recoveryBlocks, wholeNetwork, type Block } from "./recovery-blocks.js";
import type { FittedLayer } from "./refit.js";
import type { LayerWeights, State } from "./staged-network.js";
import { imagesPerStep, trainBlock, type TrainingOptions } from "./train-block.js";
import { TrainableLayer } from "./trainable-layer.js";

export interface RecoveryOptions extends TrainingOptions {
  readonly seed: number;
  /** Multiply–accumulates of all forward passes together, at most; steps get fewer images, then there are fewer steps. */
  readonly macs: number;
  /** Training of the whole network at once: in place of its blocks where its outputs are dense, else after them; null for never. */
  readonly endToEnd: { readonly dense: TrainingOptions; readonly afterBlocks: TrainingOptions } | null;
}

/** What became of a block: its relative squared error on the selected images before and after, and why it was left. */
export interface RecoveredBlock {
  readonly layers: readonly string[];
  readonly before: number;
  readonly after: number | null;
  readonly kept: boolean;
  readonly reason: string | null;
}

export interface Recovery {
  readonly fitted: FittedLayer[];
  readonly blocks: readonly RecoveredBlock[];
}

/** What a recovery works on: the search's layers and what is known of their inputs. */
export interface RecoveryGround {
  readonly cx: SearchContext;
  readonly layers: readonly LayerCandidates[];
  /** Means of the original's activations, by layer; null without. */
  readonly means: readonly (LayerMeans | null)[];
}

/** The fewest steps and images per step that are worth a try. */
const fewestSteps = 40;
const fewestImages = 1;

/** Activations of the fitted and the selected images, in the original and in the compressed network. */
interface Flow {
  original: State[];
  changed: State[];
}

/**
 * Label-free recovery: block by block in topological order, all factors of the block's forms, the kernels of its
 * other layers and all biases are trained so that the block's output comes near the original's, from the inputs that
 * the compressed network really gives it (block-wise reconstruction, as in BRECQ, Li et al. 2021). A block keeps its
 * result only if its output's error became smaller on the selected images, which training never sees.
 */
export async function recover(
  ground: RecoveryGround,
  fitted: readonly FittedLayer[],
  options: RecoveryOptions,
): Promise<Recovery> {
  const { cx, layers } = ground;
  const training = affordable(
    options,
    layers.reduce((sum, { layer }) => sum + layer.macs, 0),
  );
  if (!training) return { fitted: [...fitted], blocks: [] };
  const blocks = recoveryBlocks(cx.network.steps, modelInputs(cx));
  const random = seededRandom(options.seed).fork("recovery");
  const total = blocks.length * training.steps;
  const result = [...fitted];
  const outcomes: RecoveredBlock[] = [];
  const start = (feeds: SearchContext["fitted"]): Flow => {
    const original = feeds.map((batch) => cx.network.start(batch));
    return { original, changed: original };
  };
  const [train, judge] = [start(cx.fitted), start(cx.selected)];
  /** The original's states behind the block; those before it go at once where the changed network has its own. */
  const ahead = async (block: Block, flow: Flow): Promise<State[]> =>
    flow.changed === flow.original
      ? through(cx, block, flow.original, null)
      : advanced(cx, block, flow.original, null);
  for (const [index, block] of blocks.entries()) {
    const own = block.slots.map((slot) => result[slot.index]!);
    const touched = own.some(({ candidate }) => candidate.plan) || train.changed !== train.original;
    const targets = await ahead(block, train);
    const wanted = await ahead(block, judge);
    if (touched && block.slots.length > 0 && block.outputs.length > 0) {
      const trainable = own.map((layer) => trainableOf(ground, layer));
      const before = await through(cx, block, judge.changed, own);
      const outcome = await attempt(block, relativeError(block, before, wanted), async () => {
        await trainBlock(
          cx,
          block,
          trainable,
          train.changed,
          targets,
          { ...training, images: imagesPerStep(training.images, block.outputs, targets) },
          random.fork(String(index)),
          (step) => cx.report("recovery", index * training.steps + step, total),
        );
        const trained = trainable.map((layer) => layer.result());
        return {
          trained,
          error: relativeError(block, await through(cx, block, judge.changed, trained), wanted),
        };
      });
      outcomes.push(outcome);
      if (outcome.kept) for (const layer of trainable) place(result, layer.result());
    }
    const now = block.slots.map((slot) => result[slot.index]!);
    train.changed = touched ? await advanced(cx, block, train.changed, now) : targets;
    judge.changed = touched ? await advanced(cx, block, judge.changed, now) : wanted;
    [train.original, judge.original] = [targets, wanted];
    cx.report("recovery", (index + 1) * training.steps, total);
  }
  return { fitted: result, blocks: outcomes };
}

/** Values of the answers on the fitted images, per parameter, from which training on the answers alone doesn't overfit. */
const answersPerParameter = 0.25;

/**
 * Recovery of the whole network: end to end against the original's answers where these are dense (images, maps: every
 * position is a target of its own), else block by block, which has every block's output as its targets, then end to end.
 * A stage's result is kept only if the network's answers on the selected images came nearer to the original's.
 */
export async function recoverNetwork(
  ground: RecoveryGround,
  fitted: readonly FittedLayer[],
  options: RecoveryOptions,
  measure: (fitted: readonly FittedLayer[]) => Promise<Distance>,
): Promise<readonly FittedLayer[]> {
  if (!fitted.some(({ candidate }) => candidate.plan)) return fitted;
  const { endToEnd } = options;
  const whole =
    (training: TrainingOptions) =>
    (from: readonly FittedLayer[]): Promise<readonly FittedLayer[]> =>
      recoverEndToEnd(ground, from, { ...options, ...training });
  const blocks = async (from: readonly FittedLayer[]): Promise<readonly FittedLayer[]> =>
    (await recover(ground, from, options)).fitted;
  const isDense = endToEnd !== null && (await hasDenseAnswers(ground.cx, fitted));
  const stages = isDense
    ? [whole(endToEnd.dense)]
    : [blocks, ...(endToEnd ? [whole(endToEnd.afterBlocks)] : [])];
  let best = fitted;
  let { divergence } = await measure(fitted);
  for (const stage of stages) {
    const tried = await stage(best);
    const after = (await measure(tried)).divergence;
    if (after < divergence) [best, divergence] = [tried, after];
  }
  return best;
}

async function hasDenseAnswers(cx: SearchContext, fitted: readonly FittedLayer[]): Promise<boolean> {
  const parameters = fitted.reduce((sum, { candidate }) => sum + candidate.cost.params, 0);
  const [feeds] = cx.fitted;
  if (!feeds) return false;
  const block = wholeNetwork(cx.network.steps, modelInputs(cx));
  const [answers] = await through(cx, block, [cx.network.start(feeds)], null);
  const values = block.outputs.reduce((sum, name) => sum + answers!.get(name)!.size, 0);
  return values * cx.fitted.length >= answersPerParameter * parameters;
}

/**
 * Training of the whole network at once against the original's outputs, on the fitted images and their mirror images:
 * what is right for these the original says too, whatever the images show.
 */
export async function recoverEndToEnd(
  ground: RecoveryGround,
  fitted: readonly FittedLayer[],
  options: TrainingOptions & Pick<RecoveryOptions, "macs" | "seed">,
): Promise<FittedLayer[]> {
  const { cx, layers } = ground;
  if (fitted.length === 0) return [];
  const block = wholeNetwork(cx.network.steps, modelInputs(cx));
  const feeds = [...cx.fitted, ...cx.fitted.map(mirrored)];
  const inputs = feeds.map((batch) => cx.network.start(batch));
  const targets = await answersFor(cx, feeds);
  const training = affordable(
    {
      ...options,
      images: imagesPerStep(options.images, block.outputs, targets),
    },
    layers.reduce((sum, { layer }) => sum + layer.macs, 0),
  );
  if (!training) return [...fitted];
  const trainable = fitted.map((layer) => trainableOf(ground, layer));
  const random = seededRandom(options.seed).fork("end-to-end");
  try {
    await trainBlock(cx, block, trainable, inputs, targets, training, random, (step) =>
      cx.report("recovery", step, training.steps),
    );
  } catch (error) {
    if (error instanceof UnsupportedError) return [...fitted];
    throw error;
  }
  return trainable.map((layer) => layer.result());
}

function trainableOf({ layers, means }: RecoveryGround, fitted: FittedLayer): TrainableLayer {
  const { index } = fitted.slot;
  return new TrainableLayer(fitted, layers[index]!.targets, means[index] ?? null);
}

function modelInputs(cx: SearchContext): readonly string[] {
  return cx.model.graph.requiredInputs.map(({ name }) => name);
}

function place(fitted: FittedLayer[], layer: FittedLayer): void {
  fitted[layer.slot.index] = layer;
}

async function attempt(
  block: Block,
  before: number,
  train: () => Promise<{ readonly error: number }>,
): Promise<RecoveredBlock> {
  const layers = block.slots.map(({ layer }) => layer.name);
  try {
    const { error: after } = await train();
    const kept = after < before;
    return { layers, before, after, kept, reason: kept ? null : "no better on the selected images" };
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    return { layers, before, after: null, kept: false, reason: error.message };
  }
}

/** States behind the block, with the given layers or the original's. */
function through(
  cx: SearchContext,
  block: Block,
  states: readonly State[],
  fitted: readonly FittedLayer[] | null,
): Promise<State[]> {
  return advanced(cx, block, [...states], fitted);
}

/** The same in place: each state gives way to its successor at once. */
async function advanced(
  cx: SearchContext,
  block: Block,
  states: State[],
  fitted: readonly FittedLayer[] | null,
): Promise<State[]> {
  const weights = new Map<number, LayerWeights>(fitted?.map((layer) => [layer.slot.index, layer.weights]));
  for (const [b, before] of states.entries()) {
    await cx.pause();
    let state = before;
    for (const step of block.steps)
      state = await cx.network.advance(step, state, step.slot ? weights.get(step.slot.index) : undefined);
    states[b] = state;
  }
  return states;
}

/** The original's outputs. */
async function answersFor(cx: SearchContext, feeds: SearchContext["fitted"]): Promise<State[]> {
  const executor = await cx.open(cx.model);
  try {
    const answers: State[] = [];
    for (const batch of feeds) {
      await cx.pause();
      answers.push(new Map(await executor.run(batch)));
    }
    return answers;
  } finally {
    await executor.dispose();
  }
}

/** A batch with its images (values of rank 4, N × C × H × W) from right to left. */
function mirrored(feeds: SearchContext["fitted"][number]): SearchContext["fitted"][number] {
  return new Map(
    [...feeds].map(([name, tensor]) => {
      const { dims, dtype } = tensor;
      const width = dims.at(-1)!;
      if (dims.length !== 4 || !isFloat(dtype)) return [name, tensor];
      const from = tensor.numbers;
      const turned = Float64Array.from(from, (_, i) => from[i - (i % width) + width - 1 - (i % width)]!);
      return [name, Tensor.floats(dtype, dims, turned)];
    }),
  );
}

/** Σ‖ŷ − y‖² / Σ‖y‖², averaged over the block's outputs. */
function relativeError(block: Block, states: readonly State[], wanted: readonly State[]): number {
  let total = 0;
  for (const name of block.outputs) {
    let [error, power] = [0, 0];
    states.forEach((state, s) => {
      const [a, b] = [state.get(name)!.numbers, wanted[s]!.get(name)!.numbers];
      for (let i = 0; i < a.length; i++) {
        error += (a[i]! - b[i]!) ** 2;
        power += b[i]! ** 2;
      }
    });
    total += error / (power || 1) / block.outputs.length;
  }
  return total;
}

/** The options with as many images per step, then steps, as the work allows; null when too few are left. */
function affordable(
  options: TrainingOptions & { readonly macs: number },
  macsPerImage: number,
): TrainingOptions | null {
  const { steps, rate } = options;
  const work = options.macs / Math.max(1, macsPerImage);
  const images = Math.min(options.images, Math.max(fewestImages, Math.floor(work / steps)));
  const possible = Math.min(steps, Math.floor(work / images));
  return possible < Math.min(steps, fewestSteps) ? null : { steps: possible, images, rate };
}
