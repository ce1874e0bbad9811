import { seededInput, type DataSet } from "../calib/index.js";
import type { FormFamily, Ledger } from "../engine/index.js";
import { describeForm } from "../forms/index.js";
import { cloneModel, print, sampleAxis, UsageError, type Model } from "../ir/index.js";
import { inferFacts } from "../measure/index.js";
import type { Frontier } from "../report/index.js";
import { openExecutor } from "../runtime/index.js";
import {
  applyLayers,
  efforts,
  lossAt,
  reasonFor,
  Search,
  type CostLimits,
  type FittedLayer,
  type Journal,
  type Solution,
} from "../search/index.js";
import { preset } from "../../passes/index.js";
import { batchFor } from "./batches.js";
import { shapesOfData } from "./data.js";
import { FitPool } from "./fit-pool.js";
import { openLatencyBudget, withinLatency, type LatencyBudget, type LatencyTry } from "./latency-budget.js";
import type { Budget, OptimizeOptions } from "./options.js";
import { frontierOf } from "./predicted-frontier.js";
import type { PreparedRun } from "./prepared-run.js";
import { QualityGuard } from "./quality-budget.js";
import { noiseSizes, probeShapes, type ShapeProbe } from "./shape-probe.js";

/** What the approximate part of a run gave: the model to write and how it came about. */
export interface Compression {
  readonly model: Model;
  readonly search: Search | null;
  readonly solution: Solution | null;
  /** What the search predicts for other budgets. */
  readonly frontier: Frontier | null;
  /** Milliseconds of layers on the target, where a latency budget asked for them. */
  readonly latency: LatencyBudget | null;
  readonly timings: {
    readonly calibrateMs: number | null;
    readonly searchMs: number | null;
    readonly refitMs: number | null;
    readonly recoverMs: number | null;
  };
  readonly images: { readonly fitted: number; readonly selected: number };
}

/** The images a run works with, and whether they are real. */
export interface RunData {
  readonly data: DataSet;
  readonly given: boolean;
  /** Why not even noise could be made; the data are empty then. */
  readonly missing: UsageError | null;
  /** Sizes that had to be made up, because the model leaves them open and nothing fixes them. */
  readonly probe: ShapeProbe | null;
}

/** Samples of noise where no calibration images were given. */
const noiseSamples = 128;

/** Calibration images, or seeded noise without them. */
export function runData(model: Model, calibration: DataSet | null, options: OptimizeOptions): RunData {
  if (calibration) return { data: calibration, given: true, missing: null, probe: null };
  const given = options.shapes ?? new Map<string, readonly number[]>();
  const probe = probeShapes(model, given, { sizes: noiseSizes, named: true });
  const facts = probe?.facts ?? inferFacts(model, { shapes: given });
  const inputs = model.graph.requiredInputs;
  const shapeOf = ({ name }: { name: string }) =>
    facts.of(inputs.find((input) => input.name === name) ?? null).shape;
  const axis = sampleAxis(inputs, model.graph.outputs);
  try {
    const data = seededInput(inputs, noiseSamples, options.seed ?? 0, shapeOf, axis);
    return { data, given: false, missing: null, probe };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const data = { count: 0, arrays: new Map(), labels: null, extra: new Map() };
    return { data, given: false, missing: error, probe };
  }
}

/** Shapes for costs: the user's, then what the data imply. */
export function costShapes(
  model: Model,
  data: DataSet,
  options: OptimizeOptions,
): Map<string, readonly number[]> {
  return new Map([...shapesOfData(data, model), ...(options.shapes ?? [])]);
}

/**
 * The search of a run, opened once and solved for as many budgets as wanted. Fractions refer to the original's cost; the
 * models of the run stay as they are.
 */
export class BudgetSearch {
  private constructor(
    private readonly prepared: PreparedRun,
    private readonly search: Search,
    private readonly clock: Stopwatch,
    private readonly pool: FitPool | null,
    private readonly options: OptimizeOptions,
    private readonly latency: LatencyBudget | null,
  ) {}

  static async open(
    prepared: PreparedRun,
    options: OptimizeOptions,
    journal: Journal | null,
  ): Promise<BudgetSearch> {
    const { exact, run, families } = prepared;
    const shapes = costShapes(exact, run.data, options);
    const engine = options.deterministic ? "reference" : (options.engine ?? "auto");
    // Under a latency budget the threads are the target's.
    const own = options.budget?.keepLatency === undefined ? options.threads : undefined;
    const threads = options.deterministic ? 1 : own;
    const clock = new Stopwatch();
    const latency = await openLatencyBudget(prepared, { ...options, shapes });
    const pool = await fitPool(exact, families, options);
    const closed = async (error: unknown): Promise<never> => {
      await pool?.close();
      await latency?.target.dispose();
      throw error;
    };
    const search = await Search.prepare(exact, inferFacts(exact, { shapes }), run.data, {
      families,
      effort: efforts[options.effort ?? "normal"],
      seed: options.seed ?? 0,
      shapes,
      batch: batchFor(exact, run.data),
      scope: {
        ...(options.only ? { only: options.only } : {}),
        ...(options.skip ? { skip: options.skip } : {}),
        ...(options.revert ? { revert: options.revert } : {}),
      },
      open: (part) =>
        openExecutor(part, { engine, ...(threads === undefined ? {} : { threads }), signal: options.signal }),
      report: (step, done, total) => {
        clock.enter(step);
        options.onProgress?.({ step, done, total });
      },
      signal: options.signal,
      threads: pool,
      latency,
      journal,
    }).catch(closed);
    return new BudgetSearch(prepared, search, clock, pool, options, latency);
  }

  /** The same search with other families; it lives as long as this one. */
  async withFamilies(families: readonly FormFamily[]): Promise<BudgetSearch> {
    const search = await this.search.withFamilies(families);
    return new BudgetSearch(this.prepared, search, this.clock, null, this.options, this.latency);
  }

  /** The model that serves a budget best; decisions go to the ledger. */
  async solve(budget: Budget, ledger: Ledger): Promise<Compression> {
    const { prepared, search, clock } = this;
    const { before, exactCost } = prepared;
    const layerMacs = search.layers.reduce((sum, { layer }) => sum + layer.macs, 0);
    const layerParams = search.layers.reduce((sum, { layer }) => sum + layer.weight.length, 0);
    const fixed = {
      macs: (exactCost.macs ?? layerMacs) - layerMacs,
      params: exactCost.params - layerParams,
    };
    const limits: { macs?: number; params?: number } = {};
    if (budget.keepMacs !== undefined) limits.macs = budget.keepMacs * (before.macs ?? 0) - fixed.macs;
    if (budget.keepParams !== undefined) limits.params = budget.keepParams * before.params - fixed.params;
    const { latency, options } = this;
    const guard = new QualityGuard(search, budget, prepared.run.data.count, options.seed ?? 0);
    const refitted = latency
      ? await withinLatency(prepared, latency, { ...options, budget }, (ms) =>
          latencyTry(search, { ...limits, ms }, guard, latency.ownMs),
        )
      : await solveBudget(search, limits, guard, { axis: "macs", total: layerMacs });
    const found = refitted && (await recovered(search, refitted, guard));
    const solution = found && (await search.upTo(this.formsLeft(), found));
    if (solution) recordDecisions(search, solution, ledger);
    if (guard.isNeeded && isOver(limits, solution, search)) prepared.warn(guard.caution);
    const model = cloneModel(prepared.exact);
    if (solution)
      applyLayers(model, solution.fitted, ({ candidate }) => {
        if (options.printAfter === "changed" || options.printAfter === candidate.family)
          options.onPrint?.(print(model.graph));
      });
    const frontier = frontierOf(search, solution, { others: fixed.macs, before: before.macs ?? 0 });
    return { model, search, solution, frontier, latency, timings: clock.timings(), images: search.images };
  }

  /** Rewrites that may still be applied after the exact ones. */
  private formsLeft(): number {
    const exact = this.prepared.passes.reduce((sum, { applied }) => sum + applied, 0);
    return Math.max(0, (this.options.stopAfter ?? Infinity) - exact);
  }

  async dispose(): Promise<void> {
    await this.pool?.close();
    await this.latency?.target.dispose();
    await this.search.dispose();
  }
}

/** Whether the layers of a solution (as they are without one) cost more than they were to. */
function isOver(limits: CostLimits, solution: Solution | null, { layers }: Search): boolean {
  const chosen = solution?.allocation.chosen ?? layers.map(({ standard }) => standard);
  const sum = (axis: "macs" | "params"): number => chosen.reduce((total, { cost }) => total + cost[axis], 0);
  return sum("macs") > (limits.macs ?? Infinity) || sum("params") > (limits.params ?? Infinity);
}

/** Threads for the fits, where the executor asks for them and they pay; only families of the preset are known there. */
async function fitPool(
  model: Model,
  families: readonly FormFamily[],
  { executor = "auto", threads = 0, budget, signal }: OptimizeOptions,
): Promise<FitPool | null> {
  if (executor === "inline" || !families.every((family) => preset.families.includes(family))) return null;
  if (executor === "auto" && !FitPool.worthwhile(model)) return null;
  return FitPool.open(threads > 0 && budget?.keepLatency === undefined ? threads : null, signal);
}

/**
 * The best solution within the cost limits; with quality budgets the cheapest that keeps them on the selected images,
 * found by bisection over the cost, before any recovery. Quality outranks cost: where the cost limits cost too much
 * quality, the result is dearer than they allow.
 */
async function solveBudget(
  search: Search,
  limits: CostLimits,
  guard: QualityGuard,
  { axis, total }: { readonly axis: "ms" | "macs"; readonly total: number },
): Promise<Solution | null> {
  const hasCost = Object.keys(limits).length > 0;
  if (hasCost) {
    const within = (await search.solve(limits)) ?? (await search.solveCheapest());
    if (await guard.keeps(within)) return within;
    if (await guard.keeps(await search.recover(within))) return within;
  }
  if (!guard.isNeeded) return null;
  let [low, high] = [hasCost ? Math.min(total, limits[axis] ?? total * 0.05) : 0, total];
  let best: Solution | null = null;
  for (let round = 0; round < bisections; round++) {
    const middle = (low + high) / 2;
    const tried = await search.solve({ [axis]: middle });
    if (tried && (await guard.keeps(tried))) [best, high] = [tried, middle];
    else low = middle;
  }
  return best;
}

/** What a limit on milliseconds is tried with: a draft, or the whole solution where that decides how far the limit holds. */
async function latencyTry(
  search: Search,
  limits: CostLimits,
  guard: QualityGuard,
  ownMs: number,
): Promise<LatencyTry | null> {
  const solve = () => solveBudget(search, limits, guard, { axis: "ms", total: ownMs });
  const draft = guard.isNeeded ? null : await search.draft(limits);
  if (draft) return { ...draft, finish: solve };
  const solution = await solve();
  return solution && { ...solution, finish: () => Promise.resolve(solution) };
}

/** Halvings of the range of costs in which the cheapest solution is looked for. */
const bisections = 6;

/** The solution after label-free recovery; as it was where that costs it a quality budget. */
async function recovered(search: Search, solution: Solution, guard: QualityGuard): Promise<Solution> {
  const after = await search.recover(solution);
  return (await guard.keeps(after)) || !(await guard.keeps(solution)) ? after : solution;
}

function recordDecisions(search: Search, { allocation, fitted }: Solution, ledger: Ledger): void {
  search.layers.forEach((layer, index) => {
    const chosen = fitted[index]!;
    for (const { family, reason } of layer.declined) {
      ledger.add({
        ...entryOf(chosen, family),
        verdict: "declined",
        by: "rule",
        reason,
        macs: [layer.layer.macs, layer.layer.macs],
        error: null,
      });
    }
    for (const candidate of layer.tried) {
      const onFront = layer.front.some(({ plan }) => plan === candidate.plan);
      const applied = chosen.candidate.plan === candidate.plan;
      ledger.add({
        ...entryOf(chosen, candidate.family),
        verdict: applied ? "applied" : "declined",
        by: onFront ? "budget" : "error",
        reason: applied
          ? reasonFor(allocation)
          : onFront
            ? `another choice serves the budget better (loss ${lossAt(search.sensitivities[index]!, candidate.expected).toExponential(1)} nats)`
            : "another form has a smaller error at this cost",
        macs: [layer.layer.macs, candidate.cost.macs],
        params: [layer.layer.weight.length, candidate.cost.params],
        error: applied ? chosen.candidate.error : candidate.expected,
        form: describeForm(candidate.plan),
        size: candidate.plan.size,
      });
    }
  });
}

function entryOf({ slot }: FittedLayer, pass: string) {
  const params = slot.layer.weight.length;
  return { pass, node: slot.layer.name, op: slot.layer.op, params: [params, params] as const };
}

/** Wall time by step of the search. */
class Stopwatch {
  readonly #spent = new Map<string, number>();
  #step = "calibration";
  #since = performance.now();

  enter(step: string): void {
    const now = performance.now();
    this.#spent.set(this.#step, (this.#spent.get(this.#step) ?? 0) + now - this.#since);
    [this.#step, this.#since] = [step, now];
  }

  timings(): Compression["timings"] {
    this.enter(this.#step);
    const of = (...steps: string[]): number | null => {
      const known = steps.filter((step) => this.#spent.has(step));
      return known.length === 0
        ? null
        : Math.round(known.reduce((sum, step) => sum + this.#spent.get(step)!, 0));
    };
    return {
      calibrateMs: of("calibration"),
      searchMs: of("candidates", "timing", "sensitivity", "allocation"),
      refitMs: of("refit"),
      recoverMs: of("recovery"),
    };
  }
}
