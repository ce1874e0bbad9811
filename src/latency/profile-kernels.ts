import type { Model } from "../ir/index.js";
import type { TimedModel } from "../runtime/index.js";
import { kernelRows, type KernelRow } from "./kernels.js";
import { namedCopy } from "./named-copy.js";

export interface ProfileRuns {
  readonly runs: number;
  /** Milliseconds of runs after which no further one begins, once there are `least`; no limit by default. */
  readonly budget?: number;
  readonly least?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The runtime's kernels of a model with their times in every run; empty where the runtime has no profiler, or where
 * `open`, which has to ask for the profile, gives null.
 */
export async function profileKernels(
  model: Model,
  open: (named: Model) => Promise<TimedModel | null>,
  { runs, budget = Infinity, least = 1, signal }: ProfileRuns,
): Promise<KernelRow[]> {
  const named = namedCopy(model);
  const timed = await open(named);
  if (!timed) return [];
  try {
    // The first run finds its memory not there yet.
    await timed.run();
    let spent = 0;
    for (let run = 0; run < runs && (run < least || spent < budget); run++) {
      signal?.throwIfAborted();
      spent += (await timed.run()).ms;
    }
    return kernelRows(named, await timed.kernels(), 1);
  } finally {
    await timed.dispose();
  }
}
