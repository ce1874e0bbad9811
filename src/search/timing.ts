import type { FormFamily } from "../engine/index.js";
import { alignments } from "../forms/index.js";
import { shrunkTimings, type LatencyModel } from "../latency/index.js";
import {
  proposalsFor,
  timedFront,
  type Candidate,
  type CandidateLatency,
  type LayerCandidates,
  type SizeChoice,
} from "./candidates.js";
import type { LayerSlot } from "./layers.js";

/** Where the milliseconds of forms come from. */
export interface SearchLatency {
  readonly target: LatencyModel;
  /** A quick guess, to choose by which forms are worth fitting and timing. */
  readonly estimate: LatencyModel;
  /** MACs and params are limited too: lowerings may not add any. */
  readonly sameCost: boolean;
}

/** Channels that fast kernels take at a time: the widest vectors that runtimes keep activations in blocks of. */
export const channelBlock = Math.max(...alignments);

/** Rounds of timing for a candidate that an allocation chose. */
const chosenRounds = 64;

/** Estimated milliseconds of what the families propose for a layer, in the order of the proposals. */
export async function estimatesOf(
  { estimate, sameCost }: SearchLatency,
  slot: LayerSlot,
  families: readonly FormFamily[],
  sizes: SizeChoice,
): Promise<Float64Array> {
  const { plans } = proposalsFor(slot.layer, families, sizes);
  const costs = await estimate.costs(
    slot,
    plans.map(({ plan }) => plan),
    { sameCost },
  );
  return Float64Array.from(costs, ({ ms }) => ms);
}

/** A layer with its candidates' milliseconds on the target: what was measured, drawn to the estimates where it is noisy. */
export async function timed(
  layer: LayerCandidates,
  slot: LayerSlot,
  { target, estimate, sameCost }: SearchLatency,
): Promise<LayerCandidates> {
  const plans = layer.front.map(({ plan }) => plan!);
  const costs = await target.costs(slot, plans, { sameCost });
  const guesses = await estimate.costs(slot, plans, { sameCost });
  const ms = shrunkTimings(
    costs,
    guesses.map((guess) => guess.ms),
  );
  return timedFront(
    layer,
    costs.map(({ lowering, interval }, i) => ({ ms: ms[i]!, interval, lowering })),
    await target.layer(slot),
    sameCost,
  );
}

/** Times a candidate anew, for longer: among many that were timed the quickest ones were the luckiest too. */
export async function timedAgain(
  { plan }: Candidate,
  slot: LayerSlot,
  { target, sameCost }: SearchLatency,
): Promise<CandidateLatency> {
  const [cost] = await target.costs(slot, [plan!], { rounds: chosenRounds, sameCost });
  const { ms, interval, lowering } = cost!;
  return { ms, interval, lowering };
}
