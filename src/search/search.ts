import type { DataSet } from "../calib/index.js";
import type { FormFamily } from "../engine/index.js";
import { cloneModel, type Model, type Tensor } from "../ir/index.js";
import type { FactTable } from "../measure/index.js";
import { choicesOf, type Allocation, type CostLimits } from "./allocation.js";
import { Allocator } from "./allocator.js";
import { distance, type Answers, type Distance, type OutputKind } from "./answers.js";
import { fitCandidates, type Candidate, type LayerCandidates } from "./candidates.js";
import { sizesFor } from "./efforts.js";
import { fitJob } from "./fit-job.js";
import { measureConvergence, workOf } from "./convergence.js";
import { predictedLoss } from "./frontier.js";
import { layGroundwork, runModel, type Groundwork, type SearchOptions } from "./groundwork.js";
import { candidatesCodec, namedNumbersCodec, placeOf, resumed, solutionCodec } from "./journal.js";
import type { DeclinedLayer, LayerSlot } from "./layers.js";
import { recoverNetwork } from "./recovery.js";
import { refitSequentially, unfitted, type FittedLayer, type RefitOptions } from "./refit.js";
import { measureSensitivities, type Sensitivity } from "./sensitivity.js";
import { channelBlock, estimatesOf, timed } from "./timing.js";

/** A model with every layer's form chosen and fitted, and what it does on the selected images. */
export interface Solution {
  readonly allocation: Allocation;
  readonly fitted: readonly FittedLayer[];
  readonly measured: Distance;
}

/** An allocation with the candidates' own weights, before any refit: as good as the solution for timing. */
export interface Draft {
  readonly allocation: Allocation;
  readonly fitted: readonly FittedLayer[];
}

/** Candidates and sensitivities of a model, ready to be solved for any budget. */
export class Search {
  private constructor(
    private readonly ground: Groundwork,
    private readonly unit: string,
    readonly layers: readonly LayerCandidates[],
    readonly sensitivities: readonly Sensitivity[],
  ) {
    this.allocator = new Allocator({ ...ground, layers, sensitivities, rounds: ground.effort.reallocations });
  }

  private readonly allocator: Allocator;
  /** The original's answers to the spare images. */
  #spareAnswers: Promise<Answers> | null = null;
  readonly #recovered = new WeakMap<Solution, Promise<Solution>>();

  static async prepare(model: Model, facts: FactTable, data: DataSet, o: SearchOptions): Promise<Search> {
    const ground = await layGroundwork(model, facts, data, o);
    try {
      return await Search.fit(ground, o.families);
    } catch (error) {
      await ground.dispose();
      throw error;
    }
  }

  /** Fits the families' forms to every layer and measures how sensitive the answers are to them. */
  private static async fit(ground: Groundwork, families: readonly FormFamily[]): Promise<Search> {
    const { cx, effort, original, kinds, means } = ground;
    const names = families.map(({ name }) => name).join("+");
    const unit = ground.latency ? `${names} timed by ${ground.latency.target.engine}` : names;
    const layers: LayerCandidates[] = [];
    cx.report("candidates", 0, cx.slots.length);
    const convergence = await resumed(cx.journal, `${unit} convergence`, namedNumbersCodec, () =>
      measureConvergence({ ...ground, slots: cx.slots, pause: cx.pause }, families),
    );
    const fitEffort = {
      ...{ ...effort.fit, sizes: sizesFor(effort.fit.sizes, cx.slots.length), convergence },
      ...(ground.latency ? { block: channelBlock } : {}),
    };
    let done = 0;
    const oneByOne = queue();
    const fitLayer = async ({ layer, index }: LayerSlot): Promise<void> => {
      const targets = ground.targets[index]!;
      const codec = candidatesCodec(layer, targets, families, fitEffort);
      const { latency } = ground;
      const slot = cx.slots[index]!;
      const estimates = latency && (await estimatesOf(latency, slot, families, fitEffort));
      const fit = async (): Promise<LayerCandidates> => {
        const job = fitJob("candidates", layer, targets, families, fitEffort, estimates);
        const elsewhere = job && (await ground.threads?.fit(job));
        if (elsewhere) return codec.decode(elsewhere);
        const fitted = await oneByOne(() =>
          fitCandidates(layer, targets, families, fitEffort, cx.pause, estimates),
        );
        for (const target of targets) await target.release();
        return fitted;
      };
      layers[index] = await resumed(cx.journal, `${unit} candidates ${index}`, codec, fit);
      cx.report("candidates", ++done, cx.slots.length);
    };
    // The longest jobs first, so that no thread is left alone with one of them at the end.
    const byWork = [...cx.slots].sort((a, b) => workOf(b.layer) - workOf(a.layer));
    if (ground.threads) await Promise.all(byWork.map(fitLayer));
    else
      for (const slot of cx.slots) {
        await cx.pause();
        await fitLayer(slot);
      }
    if (ground.latency) {
      for (const slot of cx.slots) {
        await cx.pause();
        layers[slot.index] = await timed(layers[slot.index]!, slot, ground.latency);
        cx.report("timing", slot.index + 1, cx.slots.length);
      }
    }
    const sensitivities = await measureSensitivities(
      cx,
      layers,
      means,
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

  /** What the outputs are compared by. */
  get kinds(): readonly OutputKind[] {
    return this.ground.kinds;
  }

  /** Images that are fitted, and images that choices are made on. */
  get images(): Groundwork["images"] {
    return this.ground.images;
  }

  /** Images that {@link measureWidely} measures on. */
  get guardImages(): number {
    return this.ground.images.selected + this.ground.spare.count;
  }

  /** Allocates within the limits, refits, and measures the result on the selected images; null when nothing fits. */
  async solve(limits: CostLimits, options: Partial<RefitOptions> = {}): Promise<Solution | null> {
    return this.resumed(`solution ${JSON.stringify([limits, options])}`, async () => {
      const allocation = await this.allocator.within(limits);
      return allocation && this.refit(allocation, options);
    });
  }

  /** What `solve` starts from with these limits; null when nothing fits. */
  async draft(limits: CostLimits): Promise<Draft | null> {
    const allocation = await this.allocator.within(limits);
    const { slots } = this.ground.cx;
    return (
      allocation && {
        allocation,
        fitted: allocation.chosen.map((candidate, l) =>
          unfitted(slots[l]!, candidate, this.layers[l]!.targets),
        ),
      }
    );
  }

  /** The cheapest choice of every layer, for budgets that nothing meets: by milliseconds where they are known. */
  async solveCheapest(): Promise<Solution> {
    const costOf = ({ cost, latency }: Candidate): number => latency?.ms ?? cost.macs;
    const chosen = this.layers.map((layer) =>
      choicesOf(layer).reduce((best, candidate) => (costOf(candidate) < costOf(best) ? candidate : best)),
    );
    const loss = predictedLoss(chosen, this.sensitivities);
    const refit = (): Promise<Solution> => this.refit({ chosen, loss, missed: true }, {});
    return (await this.resumed("cheapest", refit)) ?? refit();
  }

  /** The solution after the effort's label-free recovery: as it was where recovery doesn't help. */
  recover(solution: Solution): Promise<Solution> {
    const known = this.#recovered.get(solution) ?? this.improved(solution);
    this.#recovered.set(solution, known);
    return known;
  }

  private async improved(solution: Solution): Promise<Solution> {
    const { recovery } = this.ground.effort;
    if (!recovery) return solution;
    const improve = async (): Promise<Solution> => {
      const ground = { ...this.ground, layers: this.layers };
      const measure = (network: readonly FittedLayer[]): Promise<Distance> => this.measure(network);
      const fitted = await recoverNetwork(ground, solution.fitted, recovery, measure);
      return fitted === solution.fitted
        ? solution
        : { ...solution, fitted, measured: await this.measure(fitted) };
    };
    const places = solution.allocation.chosen.map((candidate, l) => placeOf(candidate, this.layers[l]!));
    return (await this.resumed(`recovered ${places.join(" ")}`, improve)) ?? solution;
  }

  private async refit(allocation: Allocation, options: Partial<RefitOptions>): Promise<Solution> {
    const { cx, effort } = this.ground;
    const fitted = await refitSequentially(cx, this.layers, allocation.chosen, {
      ...effort.refit,
      ...options,
    });
    return { allocation, fitted, measured: await this.measure(fitted) };
  }

  private resumed(unit: string, solve: () => Promise<Solution | null>): Promise<Solution | null> {
    const { cx } = this.ground;
    return resumed(cx.journal, `${this.unit} ${unit}`, solutionCodec(cx.slots, this.layers), solve);
  }

  /** The solution with its first forms only, in the order of the layers; those from the next one on stay as they are. */
  async upTo(forms: number, solution: Solution): Promise<Solution> {
    const { allocation, fitted } = solution;
    const end = fitted.flatMap(({ candidate }, l) => (candidate.plan ? [l] : []))[forms];
    if (end === undefined) return solution;
    const chosen = allocation.chosen.map((one, l) => (l < end ? one : this.layers[l]!.standard));
    const stopped = fitted.map((layer, l) =>
      l < end ? layer : unfitted(layer.slot, chosen[l]!, this.layers[l]!.targets),
    );
    return { allocation: { ...allocation, chosen }, fitted: stopped, measured: await this.measure(stopped) };
  }

  /** Distance on the selected images of the network with these layers. */
  async measure(fitted: readonly FittedLayer[]): Promise<Distance> {
    const { cx, original, kinds } = this.ground;
    const changed = await runModel(cx, this.composed(fitted), cx.selected);
    return distance(original, changed, kinds);
  }

  /** Distance on the selected images and on others that nothing was fitted to, where there are any, and their number. */
  async measureWidely(
    fitted: readonly FittedLayer[],
  ): Promise<{ readonly distance: Distance; readonly images: number }> {
    const { cx, original, kinds, spare } = this.ground;
    const more = (this.#spareAnswers ??= runModel(cx, cx.model, spare.batches()));
    const all = function* (): Iterable<ReadonlyMap<string, Tensor>> {
      yield* cx.selected;
      yield* spare.batches();
    };
    const changed = await runModel(cx, this.composed(fitted), all());
    return {
      distance: distance([...original, ...(await more)], changed, kinds),
      images: this.guardImages,
    };
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

  dispose(): Promise<void> {
    return this.ground.dispose();
  }
}

/** Runs work one piece after the other, in the order in which it came: side by side, layers fitted here would all take long. */
function queue(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
}

function replaceInitializer(model: Model, name: string, tensor: Tensor): void {
  model.graph.value(name)!.initializer_ = tensor;
}
