import { splitImages, type DataSet, type LayerMoments } from "../calib/index.js";
import type { FormFamily } from "../engine/index.js";
import { cloneModel, type Model, type Tensor } from "../ir/index.js";
import { solveSpd } from "../linalg/index.js";
import { inferFacts, type FactTable } from "../measure/index.js";
import type { Executor } from "../runtime/index.js";
import { allocate, type Allocation, type CostLimits } from "./allocation.js";
import { answersOf, batchesOf, distance, outputKinds, type Answers, type Distance, type OutputKind } from "./answers.js";
import { fitCandidates, ownTargets, type FitEffort, type LayerCandidates } from "./candidates.js";
import { momentsOf, type SearchContext } from "./context.js";
import { workingModel, type DeclinedLayer, type Scope } from "./layers.js";
import { RuntimeProducts } from "./products.js";
import { refitSequentially, type FittedLayer, type RefitOptions } from "./refit.js";
import { lossAt, measureSensitivities, type Sensitivity } from "./sensitivity.js";
import { StagedNetwork, type State } from "./staged-network.js";

/** How much work the search puts in. */
export interface SearchEffort extends FitEffort {
  /** Images that are fitted, and images that sensitivities are measured on, at most. */
  readonly fittedImages: number;
  readonly selectedImages: number;
  /** Candidates per layer whose sensitivity is measured. */
  readonly measured: number;
  readonly refit: RefitOptions;
}

const refit: RefitOptions = { steps: 40, ridge: 1e-4, residualTargets: true, refitStandard: true };

export const efforts: Readonly<Record<"fast" | "normal" | "max", SearchEffort>> = {
  fast: { screen: 0, refine: 8, slack: 1.1, fittedImages: 256, selectedImages: 128, measured: 3, refit: { ...refit, steps: 15 } },
  normal: { screen: 4, refine: 20, slack: 1.15, fittedImages: 512, selectedImages: 256, measured: 4, refit },
  max: { screen: 8, refine: 40, slack: 1.3, fittedImages: 1536, selectedImages: 256, measured: 6, refit: { ...refit, steps: 80 } },
};

export interface SearchOptions {
  readonly families: readonly FormFamily[];
  readonly effort: SearchEffort;
  readonly seed: number;
  readonly batchSize: number;
  /** Full shapes of inputs by name, as the facts were inferred with. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly scope: Scope;
  readonly open: (model: Model) => Promise<Executor>;
  readonly report: (step: string, done: number, total: number | null) => void;
  readonly signal?: AbortSignal | undefined;
}

/** A model with every layer's form chosen and fitted, and what it does on the selected images. */
export interface Solution {
  readonly allocation: Allocation;
  readonly fitted: readonly FittedLayer[];
  readonly measured: Distance;
}

/** Candidates and sensitivities of a model, ready to be solved for any budget. */
export class Search {
  private constructor(
    private readonly cx: SearchContext,
    private readonly products: RuntimeProducts,
    private readonly effort: SearchEffort,
    readonly layers: readonly LayerCandidates[],
    readonly sensitivities: readonly Sensitivity[],
    readonly declined: readonly DeclinedLayer[],
    private readonly original: Answers,
    private readonly kinds: readonly OutputKind[],
    readonly images: { readonly fitted: number; readonly selected: number },
  ) {}

  static async prepare(model: Model, facts: FactTable, data: DataSet, o: SearchOptions): Promise<Search> {
    const { effort } = o;
    const working = workingModel(model, facts, o.scope);
    const split = splitImages(data.count, o.seed);
    const fitted = split.fitted.subarray(0, effort.fittedImages);
    const selected = split.selected.subarray(0, effort.selectedImages);
    const products = new RuntimeProducts(o.open);
    const cx: SearchContext = {
      network: new StagedNetwork(working.model, inferFacts(working.model, { shapes: o.shapes }), working.slots, o.open),
      slots: working.slots,
      model: working.model,
      open: o.open,
      productsFor: products.of,
      solve: solveSpd,
      fitted: batchesOf(data, fitted, o.batchSize),
      selected: batchesOf(data, selected, o.batchSize),
      report: o.report,
      checkAbort: () => o.signal?.throwIfAborted(),
    };
    const original = await runModel(cx, working.model, cx.selected);
    const kinds = outputKinds(working.model, original);
    const moments = await originalMoments(cx);
    const layers: LayerCandidates[] = [];
    for (const slot of working.slots) {
      cx.checkAbort();
      const targets = ownTargets(slot.layer, moments[slot.index]!, products.of);
      layers.push(await fitCandidates(slot.layer, targets, o.families, effort));
      o.report("candidates", layers.length, working.slots.length);
    }
    const sensitivities = await measureSensitivities(cx, layers, moments, original, kinds, effort.measured);
    const images = { fitted: fitted.length, selected: selected.length };
    return new Search(cx, products, effort, layers, sensitivities, working.declined, original, kinds, images);
  }

  /** Allocates within the limits, refits, and measures the result on the selected images; null when nothing fits. */
  async solve(limits: CostLimits, options: Partial<RefitOptions> = {}): Promise<Solution | null> {
    const allocation = allocate(this.layers, this.sensitivities, limits);
    if (!allocation) return null;
    const fitted = await refitSequentially(this.cx, this.layers, allocation.chosen, { ...this.effort.refit, ...options });
    const measured = await this.measure(fitted);
    return { allocation, fitted, measured };
  }

  /** The cheapest choice of every layer, for budgets that nothing meets. */
  async solveCheapest(): Promise<Solution> {
    const chosen = this.layers.map((layer) => layer.front[0] ?? layer.standard);
    const fitted = await refitSequentially(this.cx, this.layers, chosen, this.effort.refit);
    const loss = chosen.reduce((sum, { error }, l) => sum + lossAt(this.sensitivities[l]!, error), 0);
    return { allocation: { chosen, loss }, fitted, measured: await this.measure(fitted) };
  }

  /** Distance on the selected images of the network with these layers. */
  async measure(fitted: readonly FittedLayer[]): Promise<Distance> {
    const changed = await runModel(this.cx, this.composed(fitted), this.cx.selected);
    return distance(this.original, changed, this.kinds);
  }

  /** The working model with the layers' dense kernels in place. */
  composed(fitted: readonly FittedLayer[]): Model {
    const model = cloneModel(this.cx.model);
    for (const { slot, weights } of fitted) {
      replaceInitializer(model, slot.weight, weights.weight);
      replaceInitializer(model, slot.bias, weights.bias);
    }
    return model;
  }

  async dispose(): Promise<void> {
    await this.cx.network.dispose();
    await this.products.dispose();
  }
}

function replaceInitializer(model: Model, name: string, tensor: Tensor): void {
  model.graph.value(name)!.initializer_ = tensor;
}

async function runModel(cx: SearchContext, model: Model, batches: readonly ReadonlyMap<string, Tensor>[]): Promise<Answers> {
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
    cx.checkAbort();
    const next: State[] = [];
    for (const state of states) next.push(await network.advance(step, state));
    if (step.slot) {
      moments[step.slot.index] = await momentsOf(cx, step.slot, states, next.map((state) => state.get(step.slot!.output)!));
      cx.report("calibration", step.slot.index + 1, cx.slots.length);
    }
    states = next;
  }
  return moments;
}
