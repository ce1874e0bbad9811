import {
  lowerings,
  plainLowering,
  programCost,
  type FormCost,
  type FormPlan,
  type LoweredProgram,
  type Lowering,
} from "../forms/index.js";
import type { Model } from "../ir/index.js";
import type { FactTable } from "../measure/index.js";
import { candidateChains } from "./candidate.js";
import type { LatencySource, Timing } from "./source.js";
import type { Feeds } from "../runtime/index.js";
import { layerWindow, modelWindow, smallModelMs, type LatencySlot, type LayerWindow } from "./window.js";

/** What a layer in a form costs on the target, in its best lowering. */
export interface PlanLatency extends Timing {
  readonly lowering: Lowering;
  /** Of the nodes: more than the form's own where zero channels are filled in. */
  readonly cost: FormCost;
}

export interface CostOptions {
  /**
   * Rounds of timing for the best lowering, half of them to choose it; 16 by default, 3 or fewer are a first look only.
   * More for forms close to the front.
   */
  readonly rounds?: number;
  /** Only lowerings that add no MACs and params to the form. */
  readonly sameCost?: boolean;
}

/** Milliseconds of a model and of its layers in other forms. */
export interface LatencyModel {
  readonly kind: LatencySource["kind"];
  readonly engine: string;
  readonly threads: number;
  /** The model as it is. */
  total(): Promise<Timing>;
  /**
   * What a layer's own nodes take as it is, on the average of those with equal windows; 0 for one that the runtime shows no
   * kernel of.
   */
  layer(slot: LatencySlot): Promise<number>;
  /**
   * What the layer takes in each of the forms. total() + Σ over changed layers of (costs − layer) predicts the model.
   * `ms` is Infinity for a form that the runtime can't run.
   */
  costs(
    slot: LatencySlot,
    plans: readonly FormPlan[],
    options?: CostOptions,
  ): Promise<readonly PlanLatency[]>;
}

const usualRounds = 16;
/** Of equally fast lowerings the simplest is taken: differences within this share of the window don't count. */
const indifference = 0.005;
/** A way of joining that is this much worse than the best in a family's form is not tried on its further sizes. */
const hopeless = 1.25;

/** Windows of the layers that can be changed, for {@link createLatencyModel} and its source. */
export class LayerWindows {
  readonly #byOutput = new Map<string, LayerWindow | null>();
  readonly #byKey = new Map<string, LayerWindow>();
  readonly #models = new Map<string, LayerWindow | null>();
  /** Outputs of the layers that share a window. */
  readonly #sharing = new Map<LayerWindow, string[]>();

  constructor(
    private readonly model: Model,
    private readonly facts: FactTable,
    slots: readonly LatencySlot[],
  ) {
    for (const slot of slots) this.of(slot);
  }

  /** The window of a layer; layers with equal windows share one. Null where it can't be cut. */
  of(slot: LatencySlot): LayerWindow | null {
    let window = this.#byOutput.get(slot.output);
    if (window === undefined) {
      window = layerWindow(this.model, this.facts, slot);
      const twin = window && this.#byKey.get(window.key);
      if (window && !twin) this.#byKey.set(window.key, window);
      this.#byOutput.set(slot.output, (window = twin ?? window));
      if (window) this.#sharing.set(window, [...(this.#sharing.get(window) ?? []), slot.output]);
    }
    return window;
  }

  /** The whole model as a layer's window; layers with equal windows share it. */
  modelFor(slot: LatencySlot, feeds: Feeds): LayerWindow | null {
    const { key = slot.output } = this.of(slot) ?? {};
    let window = this.#models.get(key);
    if (window === undefined)
      this.#models.set(key, (window = modelWindow(this.model, this.facts, feeds, slot)));
    return window;
  }

  get all(): readonly LayerWindow[] {
    return [...this.#byKey.values()];
  }

  /** Places in the graph of the nodes that make the outputs of a layer and of all that share its window. */
  placesOf(slot: LatencySlot): number[] {
    const window = this.of(slot);
    const outputs = (window && this.#sharing.get(window)) ?? [slot.output];
    return outputs.flatMap((output) => {
      const node = this.model.graph.value(output)?.producer;
      return node ? [this.model.graph.nodes.indexOf(node)] : [];
    });
  }
}

export function createLatencyModel(windows: LayerWindows, source: LatencySource): LatencyModel {
  return new WindowedLatencyModel(windows, source);
}

class WindowedLatencyModel implements LatencyModel {
  /** Joins that lost clearly, by window and family. */
  readonly #losers = new Map<string, Map<string, number>>();

  constructor(
    private readonly windows: LayerWindows,
    private readonly source: LatencySource,
  ) {}

  get kind(): LatencySource["kind"] {
    return this.source.kind;
  }

  get engine(): string {
    return this.source.engine;
  }

  get threads(): number {
    return this.source.threads;
  }

  async total(): Promise<Timing> {
    return (await this.source.baseline()).total;
  }

  async layer(slot: LatencySlot): Promise<number> {
    const { nodes } = await this.source.baseline();
    const places = this.windows.placesOf(slot);
    // The runtime does the same work for all of them: what they differ by is noise.
    return places.reduce((sum, place) => sum + (nodes.get(place) ?? 0), 0) / Math.max(1, places.length);
  }

  async costs(
    slot: LatencySlot,
    plans: readonly FormPlan[],
    { rounds = usualRounds, sameCost = false }: CostOptions = {},
  ): Promise<readonly PlanLatency[]> {
    const { total } = await this.source.baseline();
    const { feeds } = this.source;
    const isSmall = feeds !== null && total.ms <= smallModelMs;
    const window = isSmall ? this.windows.modelFor(slot, feeds) : this.windows.of(slot);
    const own = await this.layer(slot);
    if (!window) return plans.map((plan) => unmeasured(plan, slot));
    const whole = (await this.source.windowMs(window)) ?? own;
    const { group } = slot.layer.spec;
    const results = new Map<FormPlan, PlanLatency>();
    // A few sizes of each family first: they show which ways of joining are hopeless.
    for (const part of probeFirst(plans)) {
      const groups = part.map((plan) => {
        const all = lowerings(candidateChains(plan, group), { shortcut: window.shortcut, sameCost });
        return all.filter(({ lowering }, i) => i === 0 || !this.#isHopeless(window, plan, lowering));
      });
      const changes = await this.source.changes(window, groups, rounds);
      for (const [i, plan] of part.entries()) {
        this.#learn(window, plan, groups[i]!, changes, own);
        results.set(plan, choose(groups[i]!, changes, own, indifference * whole, slot));
      }
    }
    return plans.map((plan) => results.get(plan)!);
  }

  #isHopeless(window: LayerWindow, plan: FormPlan, lowering: Lowering): boolean {
    return (this.#losers.get(familyKey(window, plan))?.get(joinKey(lowering)) ?? 0) >= 2;
  }

  #learn(
    window: LayerWindow,
    plan: FormPlan,
    group: readonly LoweredProgram[],
    changes: ReadonlyMap<string, Timing>,
    own: number,
  ): void {
    const best = Math.min(...group.map(({ key }) => own + (changes.get(key)?.ms ?? Infinity)));
    const joins = new Map<string, number>();
    for (const { lowering, key } of group) {
      const ms = own + (changes.get(key)?.ms ?? Infinity);
      joins.set(joinKey(lowering), Math.min(ms, joins.get(joinKey(lowering)) ?? Infinity));
    }
    const family = familyKey(window, plan);
    const losers = this.#losers.get(family) ?? new Map<string, number>();
    for (const [join, ms] of joins) {
      if (ms > hopeless * best) losers.set(join, (losers.get(join) ?? 0) + 1);
      else losers.delete(join);
    }
    this.#losers.set(family, losers);
  }
}

function choose(
  group: readonly LoweredProgram[],
  changes: ReadonlyMap<string, Timing>,
  own: number,
  indifferent: number,
  slot: LatencySlot,
): PlanLatency {
  const timed = group.flatMap((program) => {
    const change = changes.get(program.key);
    return change ? [{ program, change }] : [];
  });
  const best = Math.min(...timed.map(({ change }) => change.ms));
  const chosen = timed.find(({ change }) => change.ms <= best + indifferent);
  if (!chosen) {
    const { lowering, program } = group[0]!;
    return { ms: Infinity, interval: [Infinity, Infinity], lowering, cost: programCost(program, slot.layer) };
  }
  const { change, program } = chosen;
  const [low, high] = change.interval;
  return {
    ms: Math.max(0, own + change.ms),
    interval: [Math.max(0, own + low), Math.max(0, own + high)],
    lowering: program.lowering,
    cost: programCost(program.program, slot.layer),
  };
}

function unmeasured(plan: FormPlan, { layer }: LatencySlot): PlanLatency {
  const [plain] = lowerings(candidateChains(plan, layer.spec.group), { shortcut: false });
  return {
    ...{ ms: Infinity, interval: [Infinity, Infinity], lowering: plainLowering },
    cost: programCost(plain!.program, layer),
  };
}

/** Two plans of each family, from the ends of their list, then the rest. */
function probeFirst(plans: readonly FormPlan[]): FormPlan[][] {
  const families = new Map<string, FormPlan[]>();
  for (const plan of plans) {
    const name = familyOf(plan);
    families.set(name, [...(families.get(name) ?? []), plan]);
  }
  const first = new Set([...families.values()].flatMap((list) => [list[0]!, list.at(-1)!]));
  return [[...first], plans.filter((plan) => !first.has(plan))].filter((part) => part.length > 0);
}

function familyOf({ terms }: FormPlan): string {
  return terms.map(({ form }) => form).join("+");
}

function familyKey(window: LayerWindow, plan: FormPlan): string {
  return `${window.key} ${familyOf(plan)}`;
}

function joinKey({ join, split }: Lowering): string {
  return `${join} ${split}`;
}
