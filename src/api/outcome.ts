import { splitImages, type DataSet } from "../calib/index.js";
import type { Ledger, FormFamily, PassSummary } from "../engine/index.js";
import { ModelError, UsageError, verify as verifyGraph, type Model, type ModelFile } from "../ir/index.js";
import { externalBytes } from "../onnx/index.js";
import { notTimed, type Report } from "../report/index.js";
import type { Compression, RunData } from "./compress.js";
import { openJudge, type Judge } from "./judge.js";
import { measuredLatency, predictedLatency } from "./reported-latency.js";
import { budgetVerdicts, buildReport, type CostPair } from "./optimize-report.js";
import type { OptimizeOptions } from "./options.js";
import { costOf, type PreparedRun } from "./prepared-run.js";

/** The work on a model in memory, before anything is written. */
export interface Outcome {
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

/** What came of a run: the exactly rewritten model, or what a budget made of it. */
export function outcomeOf(prepared: PreparedRun, compression: Compression | null, ledger: Ledger): Outcome {
  const { original, exact, run, before, exactCost, families, warnings, started } = prepared;
  const base = { original, run, before, ledger, warnings: [...warnings], started };
  if (!compression) {
    return { ...base, model: exact, after: exactCost, compression, passes: prepared.passes };
  }
  const { model } = compression;
  verifyGraph(model.graph);
  const passes = [...prepared.passes, ...familySummaries(ledger, families)];
  return { ...base, model, after: costOf(model, prepared.shapes), compression, passes };
}

function familySummaries(ledger: Ledger, families: readonly FormFamily[]): PassSummary[] {
  return families.map(({ name }) => {
    const own = ledger.entries.filter((entry) => entry.pass === name);
    const nodes = (verdict: string): Set<string> =>
      new Set(own.filter((entry) => entry.verdict === verdict).map(({ node }) => node));
    const applied = nodes("applied");
    return {
      name,
      applied: applied.size,
      declined: [...nodes("declined")].filter((node) => !applied.has(node)).length,
      ms: 0,
    };
  });
}

/**
 * A judge for one original and the judged images of a run's data, for as many results as there are. It is `optional` where
 * only exact rewrites were made and no budget asks for quality: these are right also for what nothing here can run.
 */
export function judgeOf(
  { original, run, before }: PreparedRun,
  options: OptimizeOptions,
  optional = false,
): Judge {
  const { data, given, missing } = run;
  const images = judgedImages(data, options.seed ?? 0);
  const input = { original, data, given, images, macs: before.macs, optional };
  return openJudge({ ...input, missing: missing?.message ?? null }, options);
}

/** Warnings of a run, each told once. */
export function warnOf(
  { warnings }: Pick<Outcome, "warnings">,
  { onWarning }: OptimizeOptions,
): (text: string) => void {
  return (text) => {
    if (!warnings.includes(text)) warnings.push(text);
    onWarning?.(text);
  };
}

/** The report on an outcome from what was written, or would be, as it decodes; `bytes` are of the model file alone. */
export async function reportOn(
  outcome: Outcome,
  judge: Judge,
  written: Model,
  file: ModelFile | null,
  bytes: number,
  options: OptimizeOptions,
): Promise<Report> {
  const start = performance.now();
  const warn = warnOf(outcome, options);
  const quality = await judge.quality(written, warn).catch((error: unknown) => {
    if (!(error instanceof ModelError)) throw error;
    throw error.at({ file: written.file?.path ?? "the result" });
  });
  const verifyMs = Math.round(performance.now() - start);
  const latencyMs = await latencyOf(outcome, written, options, warn);
  const verdicts = budgetVerdicts(options.budget ?? {}, outcome, quality, latencyMs);
  return buildReport({
    outcome,
    quality,
    latencyMs,
    verdicts,
    judged: quality.images ?? 0,
    file,
    bytes: bytes + externalBytes(written),
    verifyMs,
    options,
  });
}

/**
 * Wall times of what was written against the original. Under a latency budget they must be had; else they are given
 * where they can be, with a warning when MACs fell and milliseconds didn't.
 */
async function latencyOf(
  { original, compression }: Outcome,
  written: Model,
  options: OptimizeOptions,
  warn: (text: string) => void,
): Promise<Report["latencyMs"]> {
  const { budget = {}, deterministic, latencyProfile, engine } = options;
  if (compression?.latency && latencyProfile) return predictedLatency(compression);
  const asked = budget.keepLatency !== undefined;
  if (!asked && (!compression || deterministic || engine === "reference")) return notTimed;
  try {
    const measured = await measuredLatency(original, written, options, compression?.latency?.bench);
    if (!asked && measured.ratio !== null && measured.ratio > 1.02) {
      warn(
        `MACs fell, but on this machine the result takes ${measured.ratio.toFixed(2)} times as long: --keep-latency chooses by milliseconds`,
      );
    }
    return measured;
  } catch (error) {
    if (asked || !(error instanceof UsageError || error instanceof ModelError)) throw error;
    return notTimed;
  }
}

/** The judged images; a data set too small to be split is judged whole. */
function judgedImages(data: DataSet, seed: number): Int32Array {
  const { judged } = splitImages(data.count, seed);
  return judged.length > 0 ? judged : Int32Array.from({ length: data.count }, (_, i) => i);
}
