import { Ledger, runRewrites } from "../engine/index.js";
import { cloneModel } from "../ir/index.js";
import { ortAvailable } from "../runtime/index.js";
import { bench } from "./bench.js";
import { latencyOptions } from "./latency-budget.js";
import type { OptimizeOptions } from "./options.js";
import { costOf, rewriteOptions, type PreparedRun } from "./prepared-run.js";

const rounds = { runs: 40, seconds: 20 };
/** What a change of the model must at least bring, relative to its time, to be worth it. */
const leastGain = 0.01;

/**
 * The run with the exact rewrites that only save time, where the budget is one of time and the model is measured to be
 * faster with them. With a profile, or without ONNX Runtime, nothing can be measured here, and nothing is done.
 */
export async function withTimedRewrites(
  prepared: PreparedRun,
  options: OptimizeOptions,
): Promise<PreparedRun> {
  const { timedRewrites, exact, shapes } = prepared;
  const { budget, latencyProfile, engine } = options;
  if (
    budget?.keepLatency === undefined ||
    latencyProfile ||
    engine === "reference" ||
    timedRewrites.length === 0
  )
    return prepared;
  const faster = cloneModel(exact);
  const ledger = new Ledger();
  const { passes, applied } = runRewrites(faster, timedRewrites, {
    ...rewriteOptions(options, shapes),
    ledger,
  });
  if (applied === 0 || !(await ortAvailable())) return prepared;
  options.onProgress?.({ step: "timing rewrites", done: 0, total: null });
  const { models } = await bench([exact, faster], { ...latencyOptions({ ...options, shapes }), ...rounds });
  const ratio = models[1]!.ratio.median;
  const kept = ratio <= 1 - leastGain;
  const measured = `the model takes ${ratio.toFixed(2)} of its time with it`;
  for (const entry of ledger.entries)
    prepared.ledger.add(
      entry.verdict === "applied" && !kept
        ? { ...entry, verdict: "declined", by: "cost", reason: measured }
        : entry,
    );
  if (!kept) return prepared;
  return {
    ...prepared,
    ...{
      exact: faster,
      exactCost: costOf(faster, shapes),
      passes: [...prepared.passes, ...passes],
      exactTime: ratio,
    },
  };
}
