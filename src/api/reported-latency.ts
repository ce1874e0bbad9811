import type { Model } from "../ir/index.js";
import { meanInterval } from "../latency/index.js";
import type { Report } from "../report/index.js";
import type { Compression } from "./compress.js";
import { latencyOptions } from "./latency-budget.js";
import type { OptimizeOptions } from "./options.js";
import { SteadyBench } from "./steady-bench.js";

type Figures = Report["latencyMs"];

/** Rounds of one measurement; no further one begins after so many seconds. */
const budgetRounds = { runs: 80, seconds: 12 };
const quickRounds = { runs: 60, seconds: 2 };

/** Measurements of a model under a latency budget, and further ones where it is in doubt whether it is missed. */
const [measurements, more] = [3, 2];
/** A budget that looks missed by no more than this share of it is in doubt. */
const doubtful = 0.03;

/**
 * Wall times of two models in turn; nulls where they can't be measured here. Under a latency budget they are measured
 * several times, each in sessions of its own, and the median counts: how a session's memory happens to lie, and what else
 * the machine does for seconds, make measurements differ by more than the rounds of one let expect.
 */
export async function measuredLatency(
  original: Model,
  written: Model,
  options: OptimizeOptions,
  steady = new SteadyBench(),
): Promise<Figures> {
  const keep = options.budget?.keepLatency;
  const measure = async (): Promise<Figures> => {
    const { models, engine, threads } = await steady.run([original, written], {
      ...latencyOptions(options),
      ...(keep === undefined ? quickRounds : budgetRounds),
    });
    const [before, after] = models;
    const { ms, ratio } = after!;
    return {
      ...{ before: before!.ms.median, after: ms.median, ratio: ratio.median, ratioInterval: ratio.interval },
      ...{ threads, runs: before!.runs, engine },
    };
  };
  const all = [await measure()];
  if (keep === undefined) return all[0]!;
  const upTo = async (count: number): Promise<Figures> => {
    while (all.length < count) all.push(await measure());
    return together(all);
  };
  const first = await upTo(measurements);
  return isDoubtful(first, keep) ? upTo(measurements + more) : first;
}

/** The measurement of the median ratio, with the interval of them all. */
function together(all: readonly Figures[]): Figures {
  const sorted = [...all].sort((a, b) => a.ratio! - b.ratio!);
  const middle = sorted[Math.floor(sorted.length / 2)]!;
  const between = meanInterval(sorted.map(({ ratio }) => ratio!));
  const [low, high] = middle.ratioInterval!;
  return {
    ...middle,
    ratioInterval: [Math.min(low, between[0]), Math.max(high, between[1])],
    runs: all.reduce((sum, { runs }) => sum + runs!, 0),
  };
}

/** Whether a ratio above the budget may be so by chance. */
function isDoubtful({ ratio, ratioInterval }: Figures, keep: number): boolean {
  return ratio! > keep && (ratio! <= (1 + doubtful) * keep || ratioInterval![0] <= keep);
}

/** What a profile promises for a solution: the machine that it is for is not here. */
export async function predictedLatency({
  latency,
  solution,
}: Pick<Compression, "latency" | "solution">): Promise<Figures> {
  const { target, ownMs } = latency!;
  const before = (await target.total()).ms;
  const layers = solution?.fitted.reduce((sum, { candidate }) => sum + candidate.latency!.ms, 0) ?? ownMs;
  const after = before - ownMs + layers;
  const { engine, threads } = target;
  return { before, after, ratio: after / before, ratioInterval: null, threads, runs: null, engine };
}
