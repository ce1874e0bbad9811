import type { DataSet } from "../calib/index.js";
import { Ledger, runRewrites, type FormFamily, type PassSummary, type Rewrite } from "../engine/index.js";
import { cloneModel, print, UsageError, type Model } from "../ir/index.js";
import { inferFacts, modelCost } from "../measure/index.js";
import { upgradeOpset } from "../upgrade/index.js";
import { preset } from "../../passes/index.js";
import { costShapes, runData, type RunData } from "./compress.js";
import { resolveCalibration } from "./data.js";
import type { CostPair } from "./optimize-report.js";
import type { OptimizeOptions } from "./options.js";
import { checkQualityBudget } from "./quality-budget.js";
import { scopeWarnings } from "./scope-warnings.js";

/** A run up to where budgets matter: the data are read and the exact rewrites done. */
export interface PreparedRun {
  readonly original: Model;
  /** The model after exact rewrites. */
  readonly exact: Model;
  /** What latencies are compared with: the model without the rewrites that only save time. */
  readonly reference: Model;
  /** Time of `exact` relative to `reference`. */
  readonly exactTime: number;
  /** Exact rewrites that are worth it where they save time. */
  readonly timedRewrites: readonly Rewrite[];
  readonly run: RunData;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Costs of the original and of the exactly rewritten model. */
  readonly before: CostPair;
  readonly exactCost: CostPair;
  readonly families: readonly FormFamily[];
  /** The exact passes. */
  readonly passes: readonly PassSummary[];
  readonly ledger: Ledger;
  readonly warnings: string[];
  readonly warn: (text: string) => void;
  /** From `performance.now()`. */
  readonly started: number;
}

/**
 * Checks the options, reads the data and applies the exact rewrites to a copy of the model. Throws a UsageError for
 * options that can't go together, a ModelError for models and data that can't be used.
 */
export async function prepareRun(given: Model, options: OptimizeOptions): Promise<PreparedRun> {
  const started = performance.now();
  checkOptions(options);
  const warnings: string[] = [];
  const warn = (text: string): void => {
    warnings.push(text);
    options.onWarning?.(text);
  };
  for (const text of given.warnings) warn(text);
  const opset = options.upgradeOpset ?? opsetToSearch(given, options);
  const original = opset === undefined ? given : upgradeOpset(given, opset);
  if (opset !== undefined && options.upgradeOpset === undefined) {
    warn(
      `operator set ${given.opsets.get("") ?? "of no version"} is too old for ONNX Runtime, which the search needs: the result has ${opset} (--engine reference searches without it, slowly)`,
    );
  }
  const calibration: DataSet | null = await resolveCalibration(options.calibration, original);
  const run = runData(original, calibration, options);
  checkQualityBudget(options.budget ?? {}, original, run);
  const { probe } = run;
  const shapes = new Map([...(probe?.shapes ?? []), ...costShapes(original, run.data, options)]);
  if (probe && options.budget?.keepLatency !== undefined) {
    throw new UsageError("E_SYMBOLIC", "milliseconds depend on dimensions that are not known", {
      hint: "fix them with --shape NAME=1x3x224x224 or give --calib",
    });
  }
  if (probe) {
    warn(
      `spatial dimensions are symbolic: MACs are counted${run.missing ? "" : ", and noise is made,"} at ${probe.text}; give --shape or data`,
    );
  }
  const ledger = new Ledger();
  const exact = cloneModel(original);
  const { rewrites, timedRewrites, families } = splitPasses(options);
  options.onProgress?.({ step: "exact rewrites", done: 0, total: null });
  const { passes } = runRewrites(exact, rewrites, {
    ledger,
    ...rewriteOptions(options, shapes),
    ...(options.stopAfter === undefined ? {} : { stopAfter: options.stopAfter }),
    onPatch: ({ entry, model: changed }) => {
      if (options.printAfter === "changed" || options.printAfter === entry.pass)
        options.onPrint?.(print(changed.graph));
    },
  });
  for (const text of scopeWarnings([original, exact], options, searches(options))) warn(text);
  const [before, exactCost] = [costOf(original, shapes), costOf(exact, shapes)];
  return {
    original,
    exact,
    ...{ reference: exact, exactTime: 1, timedRewrites },
    run,
    shapes,
    before,
    exactCost,
    families,
    passes,
    ledger,
    warnings,
    warn,
    started,
  };
}

/** ONNX Runtime runs models of this default operator set and later ones. */
const oldestRunnable = 7;
/** What older ones are upgraded to. */
const everyRuntimes = 17;

/** Whether the budget asks for forms. */
function searches({ budget: { lossless = false, ...limits } = {} }: OptimizeOptions): boolean {
  return !lossless && Object.values(limits).some((limit) => limit !== undefined);
}

/** The operator set that a model has to be upgraded to so that the search can run it; undefined where it needn't. */
function opsetToSearch(model: Model, options: OptimizeOptions): number | undefined {
  const { engine = "auto", deterministic = false } = options;
  const isOld = (model.opsets.get("") ?? everyRuntimes) < oldestRunnable;
  return searches(options) && isOld && engine !== "reference" && !deterministic ? everyRuntimes : undefined;
}

function checkOptions({ budget = {}, families, passes = preset.conv }: OptimizeOptions): void {
  if (budget.lossless && (budget.maxError !== undefined || budget.minAgreement !== undefined)) {
    throw new UsageError("E_BUDGET", "--lossless needs no quality budget", {
      hint: "leave out --max-error and --min-agreement",
    });
  }
  const known = passes.filter(({ kind }) => kind === "family").map(({ name }) => name);
  const unknown = families?.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UsageError("E_UNKNOWN_FAMILY", `there is no form family ${JSON.stringify(unknown)}`, {
      hint: `the families are ${known.join(", ")}`,
    });
  }
}

function splitPasses({ passes = preset.conv, families }: OptimizeOptions) {
  const rewrites = passes.filter((pass) => pass.kind === "rewrite");
  return {
    rewrites: rewrites.filter(({ timed }) => !timed),
    timedRewrites: rewrites.filter(({ timed }) => timed),
    families: passes
      .filter((pass) => pass.kind === "family")
      .filter(({ name }) => !families || families.includes(name)),
  };
}

/** What rewrites of a run have in common: where they may be, and how to stop them. */
export function rewriteOptions(
  { only, skip, revert, signal }: OptimizeOptions,
  shapes: ReadonlyMap<string, readonly number[]>,
) {
  return {
    shapes,
    ...(only ? { only } : {}),
    ...(skip ? { skip } : {}),
    ...(revert ? { revert } : {}),
    ...(signal ? { signal } : {}),
  };
}

export function costOf(model: Model, shapes: ReadonlyMap<string, readonly number[]>): CostPair {
  const { macs, params, nodes } = modelCost(model, inferFacts(model, { shapes }));
  return { macs, params, nodes };
}
