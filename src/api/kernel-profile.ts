import type { Model } from "../ir/index.js";
import { kernelRows, namedCopy, type KernelRow } from "../latency/index.js";
import { openTimed, type Feeds, type TimedModel } from "../runtime/index.js";
import { inFile } from "./load.js";
import type { RunControl, TimingOptions } from "./options.js";

const profiledRuns = 30;
/** Milliseconds of runs after which no further one begins. */
const profiledMs = 5000;

/** Opens a model as {@link openTimed} does; errors name its file. */
export function openForTiming(
  model: Model,
  feeds: Feeds,
  { engine = "auto", threads = 0, browser, signal }: TimingOptions & RunControl,
  special: { readonly probe?: boolean; readonly profile?: boolean },
): Promise<TimedModel> {
  return inFile(model, () =>
    openTimed(model, feeds, { engine, threads, browser, ...special, ...(signal ? { signal } : {}) }),
  );
}

/** The runtime's kernels of a model with the times of some {@link profiledRuns} runs; empty where it has no profiler. */
export async function profiledKernels(
  model: Model,
  feeds: Feeds,
  options: TimingOptions & RunControl,
): Promise<KernelRow[]> {
  const named = namedCopy(model);
  const timed = await openForTiming(named, feeds, options, { profile: true });
  try {
    let spent = 0;
    for (let run = 0; run < profiledRuns && spent < profiledMs; run++) {
      options.signal?.throwIfAborted();
      spent += (await timed.run()).ms;
    }
    return kernelRows(named, await timed.kernels());
  } finally {
    await timed.dispose();
  }
}
