import type { LayerMeans } from "../calib/index.js";
import { allocate, type Allocation, type CostLimits } from "./allocation.js";
import type { Answers, OutputKind } from "./answers.js";
import type { Candidate, CandidateLatency, LayerCandidates } from "./candidates.js";
import type { SearchContext } from "./context.js";
import { Losses } from "./losses.js";
import { measureChoices, type Sensitivity } from "./sensitivity.js";
import { timedAgain, type SearchLatency } from "./timing.js";

export interface AllocatorOptions {
  readonly cx: SearchContext;
  readonly layers: readonly LayerCandidates[];
  readonly sensitivities: readonly Sensitivity[];
  readonly means: readonly LayerMeans[];
  readonly original: Answers;
  readonly kinds: readonly OutputKind[];
  readonly latency: SearchLatency | null;
  /** Rounds of measuring the choices and allocating again, at most. */
  readonly rounds: number;
}

/** Rounds of timing the choices again, at most: every candidate is timed again once only. */
const timingRounds = 12;

/**
 * Allocations whose choices are measured ones: what was only read off a curve is measured, and timings that looked good
 * among many are taken again, until a choice stands. Measurements are kept for further limits.
 */
export class Allocator {
  readonly #losses = new Map<Candidate, number>();
  readonly #latencies = new Map<Candidate, CandidateLatency>();

  constructor(private readonly o: AllocatorOptions) {}

  /** The least sum of losses within the limits; null when nothing fits. */
  async within(limits: CostLimits): Promise<Allocation | null> {
    const { layers, sensitivities, rounds, latency } = this.o;
    // Every budget starts from the curves, so that its result doesn't depend on the budgets solved before.
    const losses = new Losses(sensitivities);
    const isTimed = latency?.target.kind === "measured" && limits.ms !== undefined;
    const again = new Map<Candidate, CandidateLatency>();
    for (let round = 0; ; round++) {
      const allocation = allocate(layers, losses.of, limits, (candidate) => again.get(candidate)?.ms);
      if (!allocation) return null;
      const { chosen } = allocation;
      const unmeasured = chosen.map((candidate) => round < rounds && !losses.isMeasured(candidate));
      const untimed = chosen.map(
        (candidate) => isTimed && round < timingRounds && candidate.plan !== null && !again.has(candidate),
      );
      if (![...unmeasured, ...untimed].includes(true)) {
        return {
          ...allocation,
          chosen: chosen.map((candidate) => ({
            ...candidate,
            latency: again.get(candidate) ?? candidate.latency,
          })),
        };
      }
      await this.#measure(chosen.map((candidate, l) => (unmeasured[l] ? candidate : null)));
      for (const [l, candidate] of chosen.entries()) {
        if (unmeasured[l]) losses.add({ candidate, loss: this.#losses.get(candidate)! }, l);
        if (untimed[l]) again.set(candidate, await this.#timedAgain(candidate, l));
      }
    }
  }

  async #measure(chosen: readonly (Candidate | null)[]): Promise<void> {
    const { cx, layers, means, original, kinds } = this.o;
    const missing = chosen.map((candidate) => (candidate && this.#losses.has(candidate) ? null : candidate));
    for (const { candidate, loss } of await measureChoices(cx, layers, means, original, kinds, missing))
      this.#losses.set(candidate, loss);
  }

  async #timedAgain(candidate: Candidate, l: number): Promise<CandidateLatency> {
    const { cx, latency } = this.o;
    await cx.pause();
    cx.report("timing", l + 1, cx.slots.length);
    const known = this.#latencies.get(candidate) ?? (await timedAgain(candidate, cx.slots[l]!, latency!));
    this.#latencies.set(candidate, known);
    return known;
  }
}
