import type { DataSet } from "../calib/index.js";
import type { Ledger } from "../engine/index.js";
import { UsageError, type Model, type ModelFile } from "../ir/index.js";
import { decodeModel, encodeModel } from "../onnx/index.js";
import { notTimed, type Frontier, type Report } from "../report/index.js";
import { checkOptimizeOptions } from "./check-options.js";
import { BudgetSearch, type Compression } from "./compress.js";
import type { FileJournal } from "./journal.js";
import type { Judge } from "./judge.js";
import { inFile, load, save, type LoadOptions } from "./load.js";
import type { OptimizeOptions } from "./options.js";
import { budgetVerdicts } from "./optimize-report.js";
import { judgeOf, outcomeOf, reportOn, warnOf, type Outcome } from "./outcome.js";
import { prepareRun, type PreparedRun } from "./prepared-run.js";
import { hasQuality, qualityOf } from "./quality-budget.js";
import { withTimedRewrites } from "./timed-rewrites.js";
import { defaultJournal, openRunJournal, withJournal } from "./run-journal.js";

export interface OptimizeResult {
  readonly model: Model;
  readonly report: Report;
  readonly ledger: Ledger;
}

/**
 * Rewrites a model within a budget, in memory. Quality is measured on what the encoded result decodes to. Without a
 * budget only exact rewrites are applied. Throws a UsageError for budgets and options that can't go together, a
 * ModelError for models and data that can't be used.
 */
export async function optimize(model: Model, options: OptimizeOptions = {}): Promise<OptimizeResult> {
  checkOptimizeOptions(options);
  const prepared = await prepareRun(model, options);
  return compressing(prepared, options, async (compression, ready) => {
    const outcome = outcomeOf(ready, compression, ready.ledger);
    const judge = judgeOf(prepared, options, isOptional(compression, options));
    await judge.prepare(warnOf(outcome, options));
    const bytes = encodeModel(outcome.model);
    const report = await reportOn(outcome, judge, decodeModel(bytes), null, bytes.length, options);
    return { model: outcome.model, report, ledger: outcome.ledger };
  });
}

export interface OptimizedFile {
  /** Its output is empty where nothing was written. */
  readonly report: Report;
  readonly ledger: Ledger;
  readonly exitCode: 0 | 1;
  readonly original: Model;
  /** As it decodes from the written file, or would. */
  readonly written: Model;
  /** The calibration images, or the noise in their place. */
  readonly data: DataSet;
  /** What the search predicts for other budgets; null where nothing was searched. */
  readonly frontier: Frontier | null;
}

/**
 * The whole job on files: loads, rewrites, writes whole or not at all, loads what was written, measures it against the
 * original and reports. Exit code 1 when a budget was missed: the cheapest model that keeps every quality budget is
 * written then; nothing is written when no model keeps them. An interrupted run leaves a journal beside the output.
 */
export async function optimizeFile(
  input: string,
  output: string,
  given: OptimizeOptions = {},
): Promise<OptimizedFile> {
  checkOptimizeOptions(given);
  const options = { ...given, journal: defaultJournal(output, given) };
  const loading: LoadOptions = options.allowExternal ? { allowExternal: options.allowExternal } : {};
  const model = await load(input, loading);
  const prepared = await inFile(model, () => prepareRun(model, options));
  return compressing(prepared, options, async (compression, ready) => {
    const outcome = outcomeOf(ready, compression, ready.ledger);
    const judge = judgeOf(prepared, options, isOptional(compression, options));
    const warn = warnOf(outcome, options);
    await judge.prepare(warn);
    let file: ModelFile | null = null;
    let written: Model;
    const keeps = await keepsQuality(outcome, judge, options);
    if (!keeps) warn("no model was found that keeps every quality budget: nothing was written");
    if (options.dryRun || output === "-" || !keeps) {
      written = decodeModel(encodeModel(outcome.model));
      if (output === "-" && !options.dryRun && keeps) file = await save(outcome.model, output);
    } else {
      file = await save(outcome.model, output);
      written = await load(output, loading);
    }
    const bytes = file?.bytes ?? encodeModel(outcome.model).length;
    const report = await reportOn(outcome, judge, written, file, bytes, options);
    const exitCode = report.verdicts.every(({ met }) => met) ? 0 : 1;
    const { original, run } = prepared;
    return {
      report,
      ledger: outcome.ledger,
      exitCode,
      original,
      written,
      data: run.data,
      frontier: compression?.frontier ?? null,
    };
  });
}

/** Whether a result keeps the quality budgets, where there are any: a file that doesn't must not take the place of another. */
async function keepsQuality(
  outcome: Outcome,
  judge: Judge,
  { budget = {} }: OptimizeOptions,
): Promise<boolean> {
  if (!hasQuality(budget)) return true;
  const quality = await judge.quality(decodeModel(encodeModel(outcome.model)), () => undefined);
  return budgetVerdicts(qualityOf(budget), outcome, quality, notTimed).every(({ met }) => met);
}

/** Whether a run may end without a measured quality. */
function isOptional(compression: Compression | null, { budget = {} }: OptimizeOptions): boolean {
  return compression === null && !hasQuality(budget);
}

/** Runs the search where the budget asks for it, then `finish`; only when that is done the journal goes. */
async function compressing<T>(
  prepared: PreparedRun,
  options: OptimizeOptions,
  finish: (compression: Compression | null, ready: PreparedRun) => Promise<T>,
): Promise<T> {
  if (!wantsApproximation(options, prepared)) return finish(null, prepared);
  checkSearchable(prepared);
  const { original, run, families } = prepared;
  const ready = await inFile(original, () => withTimedRewrites(prepared, options));
  const journal = await openRunJournal(ready.exact, run, families, options);
  return withJournal(journal, options.keepJournal ?? false, async () =>
    finish(await inFile(original, () => search(ready, options, journal)), ready),
  );
}

async function search(
  prepared: PreparedRun,
  options: OptimizeOptions,
  journal: FileJournal | null,
): Promise<Compression> {
  const opened = await BudgetSearch.open(prepared, options, journal);
  try {
    return await opened.solve(options.budget ?? {}, prepared.ledger);
  } finally {
    await opened.dispose();
  }
}

/** Costs must be known for a search; noise instead of images is told. */
export function checkSearchable({ before, run, warn }: PreparedRun): void {
  if (run.missing) throw run.missing;
  if (before.macs === null) {
    throw new UsageError("E_SYMBOLIC", "the model's costs depend on dimensions that are not known", {
      hint: "fix them with --shape NAME=1x3x224x224 or give --calib",
    });
  }
  if (!run.given) warn("no calibration images were given: the fits are data-free, on seeded noise");
}

/** Approximate rewrites run only where a budget allows them and exact ones don't reach it. */
function wantsApproximation({ budget = {} }: OptimizeOptions, { before, exactCost }: PreparedRun): boolean {
  const reached =
    (budget.keepMacs === undefined ||
      (before.macs !== null && exactCost.macs !== null && exactCost.macs <= budget.keepMacs * before.macs)) &&
    (budget.keepParams === undefined || exactCost.params <= budget.keepParams * before.params) &&
    // What exact rewrites bring in time is within what the runtime does itself.
    (budget.keepLatency === undefined || budget.keepLatency >= 1);
  const hasCost = [budget.keepMacs, budget.keepParams, budget.keepLatency].some(
    (limit) => limit !== undefined,
  );
  if (budget.lossless) {
    if (hasCost && !reached) {
      const share = (after: number | null, whole: number | null): string =>
        after === null || !whole ? "an unknown part" : (after / whole).toFixed(3);
      const reach = `they leave ${share(exactCost.macs, before.macs)} of the MACs and ${share(exactCost.params, before.params)} of the parameters`;
      throw new UsageError("E_LOSSLESS", `exact rewrites alone do not reach the cost budget: ${reach}`, {
        hint: "leave out --lossless, or raise the budget",
      });
    }
    return false;
  }
  return hasCost ? !reached : hasQuality(budget);
}
