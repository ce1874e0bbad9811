import { splitImages, type DataSet } from "../calib/index.js";
import { Ledger, runRewrites, type FormFamily, type PassSummary, type Rewrite } from "../engine/index.js";
import { cloneModel, ModelError, print, UsageError, verify as verifyGraph, type Model, type ModelFile } from "../ir/index.js";
import { inferFacts, modelCost } from "../measure/index.js";
import { decodeModel, encodeModel } from "../onnx/index.js";
import type { Report } from "../report/index.js";
import { upgradeOpset } from "../upgrade/index.js";
import { preset } from "../../passes/index.js";
import { checkQualityBudget, compress, costShapes, runData, type Compression, type RunData } from "./compress.js";
import { resolveCalibration } from "./data.js";
import { judge } from "./judge.js";
import { inFile, load, save } from "./load.js";
import { buildReport, budgetVerdicts, type CostPair } from "./optimize-report.js";
import type { OptimizeOptions } from "./options.js";

export interface OptimizeResult {
  readonly model: Model;
  readonly report: Report;
  readonly ledger: Ledger;
}

/** The work on a model in memory, before anything is written. */
interface Outcome {
  readonly original: Model;
  readonly model: Model;
  readonly run: RunData;
  readonly before: CostPair;
  readonly after: CostPair;
  readonly compression: Compression | null;
  readonly passes: readonly PassSummary[];
  readonly ledger: Ledger;
  readonly warnings: string[];
  readonly started: number;
}

/**
 * Rewrites a model within a budget, in memory. Quality is measured on what the encoded result decodes to. Without a
 * budget only exact rewrites are applied. Throws a UsageError for budgets and options that can't go together, a
 * ModelError for models and data that can't be used.
 */
export async function optimize(model: Model, options: OptimizeOptions = {}): Promise<OptimizeResult> {
  const outcome = await rewrite(model, options);
  const bytes = encodeModel(outcome.model);
  const written = decodeModel(bytes);
  const report = await reportOn(outcome, written, null, bytes.length, options);
  return { model: outcome.model, report, ledger: outcome.ledger };
}

/**
 * The whole job on files: loads, rewrites, writes whole or not at all, loads what was written, measures it against the
 * original and reports. Exit code 1 when a budget was missed: the cheapest model that keeps every quality budget is
 * written then; nothing is written when no model keeps them.
 */
export async function optimizeFile(
  input: string,
  output: string,
  options: OptimizeOptions = {},
): Promise<{ report: Report; ledger: Ledger; exitCode: 0 | 1 }> {
  const model = await load(input, options.allowExternal ? { allowExternal: options.allowExternal } : {});
  const outcome = await inFile(model, () => rewrite(model, options));
  let file: ModelFile | null = null;
  let written: Model;
  if (options.dryRun || output === "-") {
    written = decodeModel(encodeModel(outcome.model));
    if (output === "-" && !options.dryRun) file = await save(outcome.model, output);
  } else {
    file = await save(outcome.model, output);
    written = await load(output, options.allowExternal ? { allowExternal: options.allowExternal } : {});
  }
  const report = await reportOn(outcome, written, file, file?.bytes ?? encodeModel(outcome.model).length, options);
  return { report, ledger: outcome.ledger, exitCode: report.verdicts.every(({ met }) => met) ? 0 : 1 };
}

async function rewrite(given: Model, options: OptimizeOptions): Promise<Outcome> {
  const started = performance.now();
  const { budget = {} } = options;
  checkOptions(options);
  const warnings: string[] = [];
  const warn = (text: string): void => {
    warnings.push(text);
    options.onWarning?.(text);
  };
  for (const text of given.warnings) warn(text);
  const original = options.upgradeOpset === undefined ? given : upgradeOpset(given, options.upgradeOpset);
  const calibration = await resolveCalibration(options.calibration, original);
  const run = runData(original, calibration, options);
  checkQualityBudget(budget, original, run);
  const shapes = costShapes(original, run.data, options);
  const before = costOf(original, shapes);
  const ledger = new Ledger();
  const model = cloneModel(original);
  const { rewrites, families } = splitPasses(options);
  options.onProgress?.({ step: "exact rewrites", done: 0, total: null });
  const { passes } = runRewrites(model, rewrites, {
    ledger,
    shapes,
    ...(options.only ? { only: options.only } : {}),
    ...(options.skip ? { skip: options.skip } : {}),
    ...(options.revert ? { revert: options.revert } : {}),
    ...(options.stopAfter === undefined ? {} : { stopAfter: options.stopAfter }),
    ...(options.signal ? { signal: options.signal } : {}),
    onPatch: ({ entry, model: changed }) => {
      if (options.printAfter === "changed" || options.printAfter === entry.pass) options.onPrint?.(print(changed.graph));
    },
  });
  const exact = costOf(model, shapes);
  const base = { original, run, before, ledger, warnings, started };
  if (!wantsApproximation(options, before, exact)) {
    return { ...base, model, after: exact, compression: null, passes };
  }
  if (before.macs === null) {
    throw new UsageError("E_SYMBOLIC", "the model's costs depend on dimensions that are not known", {
      hint: "fix them with --shape NAME=1x3x224x224 or give --calib",
    });
  }
  if (!run.given) warn("no calibration images were given: the fits are data-free, on seeded noise");
  const compression = await compress(model, run, { macs: before.macs, params: before.params }, families, options, ledger);
  verifyGraph(compression.model.graph);
  const after = costOf(compression.model, shapes);
  const summaries = [...passes, ...familySummaries(ledger, families)];
  return { ...base, model: compression.model, after, compression, passes: summaries };
}

function checkOptions({ budget = {}, families, passes = preset.conv }: OptimizeOptions): void {
  if (budget.keepLatency !== undefined) {
    throw new UsageError("E_NOT_AVAILABLE", "--keep-latency is not available yet", { hint: "use --keep-macs" });
  }
  if (budget.lossless && (budget.maxError !== undefined || budget.minAgreement !== undefined)) {
    throw new UsageError("E_BUDGET", "--lossless needs no quality budget", { hint: "leave out --max-error and --min-agreement" });
  }
  const known = passes.filter(({ kind }) => kind === "family").map(({ name }) => name);
  const unknown = families?.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UsageError("E_UNKNOWN_FAMILY", `there is no form family ${JSON.stringify(unknown)}`, {
      hint: `the families are ${known.join(", ")}`,
    });
  }
}

function splitPasses({ passes = preset.conv, families }: OptimizeOptions): { rewrites: Rewrite[]; families: FormFamily[] } {
  return {
    rewrites: passes.filter((pass) => pass.kind === "rewrite"),
    families: passes.filter((pass) => pass.kind === "family").filter(({ name }) => !families || families.includes(name)),
  };
}

/** Approximate rewrites run only where a budget allows them and exact ones don't reach it. */
function wantsApproximation({ budget = {} }: OptimizeOptions, before: CostPair, exact: CostPair): boolean {
  const reached =
    (budget.keepMacs === undefined || (before.macs !== null && exact.macs !== null && exact.macs <= budget.keepMacs * before.macs)) &&
    (budget.keepParams === undefined || exact.params <= budget.keepParams * before.params);
  const hasCost = budget.keepMacs !== undefined || budget.keepParams !== undefined;
  const hasQuality = budget.maxError !== undefined || budget.minAgreement !== undefined;
  if (budget.lossless) {
    if (hasCost && !reached) {
      throw new UsageError("E_LOSSLESS", "exact rewrites alone do not reach the cost budget", {
        hint: "leave out --lossless, or raise the budget",
      });
    }
    return false;
  }
  return hasCost ? !reached : hasQuality;
}

function costOf(model: Model, shapes: ReadonlyMap<string, readonly number[]>): CostPair {
  const { macs, params, nodes } = modelCost(model, inferFacts(model, { shapes }));
  return { macs, params, nodes };
}

function familySummaries(ledger: Ledger, families: readonly FormFamily[]): PassSummary[] {
  return families.map(({ name }) => {
    const own = ledger.entries.filter((entry) => entry.pass === name);
    const nodes = (verdict: string): Set<string> => new Set(own.filter((entry) => entry.verdict === verdict).map(({ node }) => node));
    const applied = nodes("applied");
    return { name, applied: applied.size, declined: [...nodes("declined")].filter((node) => !applied.has(node)).length, ms: 0 };
  });
}

async function reportOn(
  outcome: Outcome,
  written: Model,
  file: ModelFile | null,
  bytes: number,
  options: OptimizeOptions,
): Promise<Report> {
  const { original, run, before } = outcome;
  const judged = judgedImages(run.data, options.seed ?? 0);
  const start = performance.now();
  const quality = await judge(original, written, run.data, judged, before.macs, {
    ...options,
    onWarning: (text) => {
      if (!outcome.warnings.includes(text)) outcome.warnings.push(text);
      options.onWarning?.(text);
    },
  }).catch((error: unknown) => {
    if (!(error instanceof ModelError)) throw error;
    throw error.at({ file: written.file?.path ?? "the result" });
  });
  const verifyMs = Math.round(performance.now() - start);
  const verdicts = budgetVerdicts(options.budget ?? {}, outcome, quality);
  return buildReport({ outcome, quality, verdicts, judged: judged.length, file, bytes, verifyMs, options });
}

/** The judged images; a data set too small to be split is judged whole. */
function judgedImages(data: DataSet, seed: number): Int32Array {
  const { judged } = splitImages(data.count, seed);
  return judged.length > 0 ? judged : Int32Array.from({ length: data.count }, (_, i) => i);
}
