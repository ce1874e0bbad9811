import type { Model } from "../ir/index.js";
import { profileKernels, type KernelRow } from "../latency/index.js";
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
export function profiledKernels(
  model: Model,
  feeds: Feeds,
  options: TimingOptions & RunControl,
): Promise<KernelRow[]> {
  return profileKernels(model, (named) => openForTiming(named, feeds, options, { profile: true }), {
    ...{ runs: profiledRuns, budget: profiledMs, signal: options.signal },
  });
}
