import { splitImages, type DataSet, type LayerMoments } from "../calib/index.js";
import type { FormFamily } from "../engine/index.js";
import { cloneModel, type Model, type Tensor } from "../ir/index.js";
import { solveSpd } from "../linalg/index.js";
import { inferFacts, type FactTable } from "../measure/index.js";
import type { Executor } from "../runtime/index.js";
import { allocate, type Allocation, type CostLimits } from "./allocation.js";
import {
  answersOf,
  batchesOf,
  distance,
  outputKinds,
  type Answers,
  type Distance,
  type OutputKind,
} from "./answers.js";
import {
  fitCandidates,
  ownTargets,
  type Candidate,
  type FitEffort,
  type LayerCandidates,
} from "./candidates.js";
import type { FitTarget } from "../forms/index.js";
import { momentsOf, type SearchContext } from "./context.js";
import { candidatesCodec, resumed, solutionCodec, type Journal } from "./journal.js";
import { workingModel, type DeclinedLayer, type Scope } from "./layers.js";
import { Losses } from "./losses.js";
import { batchWithin, imagesWithin } from "./memory.js";
import { pauses } from "./pause.js";
import { RuntimeProducts } from "./products.js";
import { recoverNetwork, type RecoveryOptions } from "./recovery.js";
import { refitSequentially, type FittedLayer, type RefitOptions } from "./refit.js";
import { lossAt, measureChoices, measureSensitivities, type Sensitivity } from "./sensitivity.js";
import { StagedNetwork, type State } from "./staged-network.js";

/** How much work the search puts in. */
export interface SearchEffort {
  readonly fit: FitEffort;
  /** Images that are fitted, and images that sensitivities are measured on, at most. */
  readonly fittedImages: number;
  readonly selectedImages: number;
  /** Candidates per layer whose sensitivity is measured. */
  readonly measured: number;
  /** Rounds of measuring the choices of an allocation and allocating again. */
  readonly reallocations: number;
  readonly refit: RefitOptions;
  /** Label-free recovery after the refit; null for none. */
  readonly recovery: RecoveryOptions | null;
}

const refit: RefitOptions = { steps: 40, ridge: 1e-4, residualTargets: true, refitStandard: true };

const recovery: RecoveryOptions = {
  steps: 200,
  images: 128,
  rate: 5e-3,
  macs: 6e12,
  endToEnd: null,
  seed: 0,
};

export const efforts: Readonly<Record<"fast" | "normal" | "max", SearchEffort>> = {
  fast: {
    fit: { sizes: 6, rounds: [{ steps: 6, slack: 1.08 }] },
    fittedImages: 256,
    selectedImages: 128,
    measured: 3,
    reallocations: 1,
    refit: { ...refit, steps: 20 },
    recovery: null,
  },
  normal: {
    fit: { sizes: 10, rounds: [{ steps: 12, slack: 1.12 }] },
    fittedImages: 512,
    selectedImages: 256,
    measured: 4,
    reallocations: 3,
    refit: { ...refit, steps: 50 },
    recovery: null,
  },
  max: {
    fit: {
      sizes: 20,
      rounds: [
        { steps: 6, slack: 1.4 },
        { steps: 30, slack: 1.12 },
      ],
    },
    fittedImages: 1536,
    selectedImages: 256,
    measured: 6,
    reallocations: 5,
    refit: { ...refit, steps: 120 },
    recovery,
  },
};

/** Layers up to which every family tries all its sizes; of more layers each gets fewer. */
const layersInFull = 24;
const fewestSizes = 5;

function sizesFor(sizes: number, layers: number): number {
  return Math.min(sizes, Math.max(fewestSizes, Math.round((sizes * layersInFull) / layers)));
}

export interface SearchOptions {
  readonly families: readonly FormFamily[];
  readonly effort: SearchEffort;
  readonly seed: number;
  /** Images per run; `fixed` when the model takes no other number. */
  readonly batch: { readonly size: number; readonly fixed: boolean };
  /** Full shapes of inputs by name, as the facts were inferred with. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly scope: Scope;
  readonly open: (model: Model) => Promise<Executor>;
  readonly report: (step: string, done: number, total: number | null) => void;
  readonly signal?: AbortSignal | undefined;
  /** Finished units are written to it and taken from it. */
  readonly journal?: Journal | null;
}

/** How one budget is solved: other refit options than the effort's, or without recovery. */
export interface SolveOptions extends Partial<RefitOptions> {
  readonly recovery?: boolean;
}

/** A model with every layer's form chosen and fitted, and what it does on the selected images. */
export interface Solution {
  readonly allocation: Allocation;
  readonly fitted: readonly FittedLayer[];
  readonly measured: Distance;
}

/** What does not depend on the families: the original's activations, answers and moments. */
interface Groundwork {
  readonly cx: SearchContext;
  readonly products: RuntimeProducts;
  readonly effort: SearchEffort;
  readonly declined: readonly DeclinedLayer[];
  readonly original: Answers;
  readonly kinds: readonly OutputKind[];
  readonly moments: readonly LayerMoments[];
  readonly targets: readonly (readonly FitTarget[])[];
  readonly images: { readonly fitted: number; readonly selected: number };
}

/** Candidates and sensitivities of a model, ready to be solved for any budget. */
export class Search {
  private constructor(
    private readonly ground: Groundwork,
    private readonly unit: string,
    readonly layers: readonly LayerCandidates[],
    readonly sensitivities: readonly Sensitivity[],
  ) {}

  /** Losses of candidates that were measured alone in their layers. */
  readonly #measured = new Map<Candidate, number>();

  static async prepare(model: Model, facts: FactTable, data: DataSet, o: SearchOptions): Promise<Search> {
    const { effort } = o;
    const working = workingModel(model, facts, o.scope);
    const split = splitImages(data.count, o.seed);
    const products = new RuntimeProducts(o.open);
    const workingFacts = inferFacts(working.model, { shapes: o.shapes });
    const network = new StagedNetwork(working.model, workingFacts, working.slots, o.open);
    const most = imagesWithin(network.bytesPerImage());
    const fitted = split.fitted.subarray(0, Math.min(most, effort.fittedImages));
    const selected = split.selected.subarray(0, Math.min(most, effort.selectedImages));
    const size = o.batch.fixed ? o.batch.size : Math.min(o.batch.size, batchWithin(working.slots));
    const cx: SearchContext = {
      network,
      slots: working.slots,
      model: working.model,
      open: o.open,
      productsFor: products.of,
      solve: solveSpd,
      fitted: batchesOf(data, fitted, size, o.batch.fixed),
      selected: batchesOf(data, selected, size, o.batch.fixed),
      report: o.report,
      checkAbort: () => o.signal?.throwIfAborted(),
      pause: pauses(o.signal),
      journal: o.journal ?? null,
    };
    const original = await runModel(cx, working.model, cx.selected);
    const kinds = outputKinds(working.model, original);
    const moments = await originalMoments(cx);
    const targets = cx.slots.map(({ layer, index }) => ownTargets(layer, moments[index]!, products.of));
    const images = { fitted: fitted.length, selected: selected.length };
    const { declined } = working;
    return Search.fit(
      { cx, products, effort, declined, original, kinds, moments, targets, images },
      o.families,
    );
  }

  /** Fits the families' forms to every layer and measures how sensitive the answers are to them. */
  private static async fit(ground: Groundwork, families: readonly FormFamily[]): Promise<Search> {
    const { cx, effort, original, kinds, moments } = ground;
    const unit = families.map(({ name }) => name).join("+");
    const layers: LayerCandidates[] = [];
    const fitEffort = { ...effort.fit, sizes: sizesFor(effort.fit.sizes, cx.slots.length) };
    for (const { layer, index } of cx.slots) {
      const targets = ground.targets[index]!;
      const fit = (): Promise<LayerCandidates> =>
        fitCandidates(layer, targets, families, fitEffort, cx.pause);
      const codec = candidatesCodec(layer, targets, families, fitEffort.sizes);
      layers.push(await resumed(cx.journal, `${unit} candidates ${index}`, codec, fit));
      await cx.pause();
      cx.report("candidates", layers.length, cx.slots.length);
    }
    const sensitivities = await measureSensitivities(
      cx,
      layers,
      moments,
      original,
      kinds,
      effort.measured,
      ({ index }) => `${unit} sensitivity ${index}`,
    );
    return new Search(ground, unit, layers, sensitivities);
  }

  /** The same search with other families; it lives as long as this one. */
  withFamilies(families: readonly FormFamily[]): Promise<Search> {
    return Search.fit(this.ground, families);
  }

  get declined(): readonly DeclinedLayer[] {
    return this.ground.declined;
  }

  /** Images that are fitted, and images that choices are made on. */
  get images(): Groundwork["images"] {
    return this.ground.images;
  }

  /** Allocates within the limits, refits, recovers, and measures the result on the selected images; null when nothing fits. */
  async solve(limits: CostLimits, options: SolveOptions = {}): Promise<Solution | null> {
    return this.resumed(`solution ${JSON.stringify([limits, options])}`, async () => {
      const allocation = await this.allocate(limits);
      return allocation && this.refit(allocation, options);
    });
  }

  /**
   * Allocates, measures the choices that were only read off a curve, and allocates again with what that showed, until
   * all choices are measured ones or the effort's rounds are used up.
   */
  private async allocate(limits: CostLimits): Promise<Allocation | null> {
    const { cx, effort, original, kinds, moments } = this.ground;
    // Every budget starts from the curves, so that its result doesn't depend on the budgets solved before.
    const losses = new Losses(this.sensitivities);
    for (let round = 0; ; round++) {
      const allocation = allocate(this.layers, losses.of, limits);
      if (!allocation || round >= effort.reallocations) return allocation;
      const open = allocation.chosen.map((candidate) => (losses.isMeasured(candidate) ? null : candidate));
      if (open.every((candidate) => candidate === null)) return allocation;
      const missing = open.map((candidate) =>
        candidate && this.#measured.has(candidate) ? null : candidate,
      );
      for (const { candidate, loss } of await measureChoices(
        cx,
        this.layers,
        moments,
        original,
        kinds,
        missing,
      ))
        this.#measured.set(candidate, loss);
      open.forEach((candidate, l) => {
        if (candidate) losses.add({ candidate, loss: this.#measured.get(candidate)! }, l);
      });
    }
  }

  /** The cheapest choice of every layer, for budgets that nothing meets. */
  async solveCheapest(): Promise<Solution> {
    const chosen = this.layers.map((layer) => layer.front[0] ?? layer.standard);
    const loss = chosen.reduce((sum, { error }, l) => sum + lossAt(this.sensitivities[l]!, error), 0);
    const refit = (): Promise<Solution> => this.refit({ chosen, loss }, {});
    return (await this.resumed("cheapest", refit)) ?? refit();
  }

  /** The solution after the effort's label-free recovery: as it was where recovery doesn't help. */
  async recover(solution: Solution): Promise<Solution> {
    const { cx, effort } = this.ground;
    if (!effort.recovery) return solution;
    const fitted = await recoverNetwork(cx, this.layers, solution.fitted, effort.recovery, (network) =>
      this.measure(network),
    );
    return fitted === solution.fitted
      ? solution
      : { ...solution, fitted, measured: await this.measure(fitted) };
  }

  private async refit(
    allocation: Allocation,
    { recovery = true, ...options }: SolveOptions,
  ): Promise<Solution> {
    const { cx, effort } = this.ground;
    const fitted = await refitSequentially(cx, this.layers, allocation.chosen, {
      ...effort.refit,
      ...options,
    });
    const refitted = { allocation, fitted, measured: await this.measure(fitted) };
    return recovery ? this.recover(refitted) : refitted;
  }

  private resumed(unit: string, solve: () => Promise<Solution | null>): Promise<Solution | null> {
    const { cx } = this.ground;
    return resumed(cx.journal, `${this.unit} ${unit}`, solutionCodec(cx.slots, this.layers), solve);
  }

  /** Distance on the selected images of the network with these layers. */
  async measure(fitted: readonly FittedLayer[]): Promise<Distance> {
    const { cx, original, kinds } = this.ground;
    const changed = await runModel(cx, this.composed(fitted), cx.selected);
    return distance(original, changed, kinds);
  }

  /** The working model with the layers' dense kernels in place. */
  composed(fitted: readonly FittedLayer[]): Model {
    const model = cloneModel(this.ground.cx.model);
    for (const { slot, weights } of fitted) {
      replaceInitializer(model, slot.weight, weights.weight);
      replaceInitializer(model, slot.bias, weights.bias);
    }
    return model;
  }

  async dispose(): Promise<void> {
    await this.ground.cx.network.dispose();
    await this.ground.products.dispose();
  }
}

function replaceInitializer(model: Model, name: string, tensor: Tensor): void {
  model.graph.value(name)!.initializer_ = tensor;
}

async function runModel(
  cx: SearchContext,
  model: Model,
  batches: readonly ReadonlyMap<string, Tensor>[],
): Promise<Answers> {
  const executor = await cx.open(model);
  try {
    return await answersOf(executor, batches);
  } finally {
    await executor.dispose();
  }
}

/** Moments of every layer's own inputs and outputs on the fitted images. */
async function originalMoments(cx: SearchContext): Promise<LayerMoments[]> {
  const { network } = cx;
  const moments: LayerMoments[] = [];
  let states: State[] = cx.fitted.map((feeds) => network.start(feeds));
  for (const step of network.steps) {
    await cx.pause();
    const next: State[] = [];
    for (const state of states) next.push(await network.advance(step, state));
    if (step.slot) {
      moments[step.slot.index] = await momentsOf(
        cx,
        step.slot,
        states,
        next.map((state) => state.get(step.slot!.output)!),
      );
      cx.report("calibration", step.slot.index + 1, cx.slots.length);
    }
    states = next;
  }
  return moments;
}
