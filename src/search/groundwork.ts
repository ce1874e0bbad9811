import { splitImages, type DataSet, type LayerMeans } from "../calib/index.js";
import type { FormFamily } from "../engine/index.js";
import type { FitTarget } from "../forms/index.js";
import type { Model, Tensor } from "../ir/index.js";
import { inferFacts, type FactTable } from "../measure/index.js";
import type { Executor } from "../runtime/index.js";
import { answersOf, batchesOf, outputKinds, type Answers, type OutputKind } from "./answers.js";
import { ownTargets } from "./candidates.js";
import { momentsOf, type SearchContext } from "./context.js";
import type { SearchEffort } from "./efforts.js";
import type { FitThreads } from "./fit-job.js";
import type { Journal } from "./journal.js";
import { workingModel, type DeclinedLayer, type Scope } from "./layers.js";
import { batchWithin, imagesWithin } from "./memory.js";
import { pauses } from "./pause.js";
import { RuntimeProducts } from "./products.js";
import { StagedNetwork, type State } from "./staged-network.js";
import type { SearchLatency } from "./timing.js";

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
  /** Milliseconds of forms on the target, for limits on them; null leaves them out. */
  readonly latency?: SearchLatency | null;
  /** Threads that fit candidates of the preset's families; none by default. */
  readonly threads?: FitThreads | null;
  /** Finished units are written to it and taken from it. */
  readonly journal?: Journal | null;
}

/** What does not depend on the families: the original's activations, answers and the metrics of its layers. */
export interface Groundwork {
  readonly cx: SearchContext;
  /** Closes what the groundwork opened. */
  readonly dispose: () => Promise<void>;
  readonly effort: SearchEffort;
  readonly declined: readonly DeclinedLayer[];
  readonly original: Answers;
  readonly kinds: readonly OutputKind[];
  readonly means: readonly LayerMeans[];
  readonly targets: readonly (readonly FitTarget[])[];
  readonly images: { readonly fitted: number; readonly selected: number };
  /** Images that neither part needs, for guards that want many. */
  readonly spare: { readonly count: number; batches(): Iterable<ReadonlyMap<string, Tensor>> };
  readonly threads: FitThreads | null;
  readonly latency: SearchLatency | null;
}

/** Images that a guard takes beside the selected ones at most, as their multiple. */
const widening = 4;

/** Runs the original over the images and takes the moments of its layers. */
export async function layGroundwork(
  model: Model,
  facts: FactTable,
  data: DataSet,
  o: SearchOptions,
): Promise<Groundwork> {
  const { effort } = o;
  const working = workingModel(model, facts, o.scope);
  const split = splitImages(data.count, o.seed);
  const products = new RuntimeProducts(o.open);
  const workingFacts = inferFacts(working.model, { shapes: o.shapes });
  const network = new StagedNetwork(working.model, workingFacts, working.slots, o.open);
  const most = imagesWithin(network.bytesPerImage());
  const fitted = split.fitted.subarray(0, Math.min(most, effort.fittedImages));
  const selected = split.selected.subarray(0, Math.min(most, effort.selectedImages));
  const others = split.fitted.subarray(fitted.length).subarray(0, widening * selected.length);
  const size = o.batch.fixed ? o.batch.size : Math.min(o.batch.size, batchWithin(working.slots));
  const batches = (images: Int32Array) => batchesOf(data, images, size, o.batch.fixed);
  const cx: SearchContext = {
    network,
    slots: working.slots,
    model: working.model,
    open: o.open,
    productsFor: products.of,
    fitted: [...batches(fitted)],
    selected: [...batches(selected)],
    report: o.report,
    pause: pauses(o.signal),
    journal: o.journal ?? null,
  };
  const dispose = async (): Promise<void> => {
    await network.dispose();
    await products.dispose();
  };
  try {
    const original = await runModel(cx, working.model, cx.selected);
    const { means, targets } = await originalLayers(cx);
    return {
      ...{ cx, dispose, effort, original, means, targets },
      declined: working.declined,
      kinds: outputKinds(working.model, original),
      images: { fitted: fitted.length, selected: selected.length },
      spare: { count: others.length, batches: () => batches(others) },
      threads: o.threads ?? null,
      latency: o.latency ?? null,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** The outputs of a model for batches of images. */
export async function runModel(
  cx: SearchContext,
  model: Model,
  batches: Iterable<ReadonlyMap<string, Tensor>>,
): Promise<Answers> {
  const executor = await cx.open(model);
  try {
    return await answersOf(executor, batches);
  } finally {
    await executor.dispose();
  }
}

/**
 * Every layer's means and targets by the moments of its own inputs and outputs on the fitted images. The moments' cross
 * covariances are not kept: of the original they are W·C, and as large as all weights together.
 */
async function originalLayers(cx: SearchContext): Promise<Pick<Groundwork, "means" | "targets">> {
  const { network } = cx;
  const means: LayerMeans[] = [];
  const targets: FitTarget[][] = [];
  let states: State[] = cx.fitted.map((feeds) => network.start(feeds));
  for (const step of network.steps) {
    await cx.pause();
    const next: State[] = [];
    for (const state of states) next.push(await network.advance(step, state));
    const { slot } = step;
    if (slot) {
      const outputs = next.map((state) => state.get(slot.output)!);
      const { groups } = await momentsOf(cx, slot, states, outputs);
      means[slot.index] = { groups: groups.map(({ meanIn, meanOut }) => ({ meanIn, meanOut })) };
      const metrics = groups.map(({ covariance }) => covariance);
      targets[slot.index] = ownTargets(slot.layer, metrics, cx.productsFor);
      cx.report("calibration", slot.index + 1, cx.slots.length);
    }
    states = next;
  }
  return { means, targets };
}
