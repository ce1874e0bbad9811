import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allocate, choicesOf, type CostLimits } from "../../src/search/allocation.js";
import { timedFront, type Candidate, type LayerCandidates } from "../../src/search/candidates.js";
import type { ConvLayer, FormPlan } from "../../src/forms/index.js";

const plan: FormPlan = { name: "standard", size: {}, terms: [], branches: [], start: () => null! };

function candidate(macs: number, params: number, ms: number, error: number): Candidate {
  const latency = { ms, interval: null, lowering: null };
  return {
    family: "test",
    plan: { ...plan },
    forms: [],
    cost: { macs, params },
    error,
    expected: error,
    latency,
  };
}

function layerOf(front: readonly Candidate[], standard: Candidate): LayerCandidates {
  const layer = { name: "layer", macs: standard.cost.macs } as ConvLayer;
  return { layer, targets: [], standard, front, tried: [], declined: [] };
}

const layers = fc.array(
  fc
    .array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), fc.nat(20)), {
      minLength: 0,
      maxLength: 3,
    })
    .map((choices) =>
      layerOf(
        choices.map(([macs, params, loss]) => candidate(macs, params, (macs * 7 + params) % 41, 1 + loss)),
        candidate(60, 60, 60, 0),
      ),
    ),
  { minLength: 1, maxLength: 4 },
);

const lossOf = (choice: Candidate): number => choice.error;

const costsOf = (chosen: readonly Candidate[]) => ({
  macs: chosen.reduce((sum, { cost }) => sum + cost.macs, 0),
  params: chosen.reduce((sum, { cost }) => sum + cost.params, 0),
  ms: chosen.reduce((sum, { latency }) => sum + latency!.ms, 0),
});

function fits(chosen: readonly Candidate[], limits: CostLimits): boolean {
  const costs = costsOf(chosen);
  return (["macs", "params", "ms"] as const).every((axis) => costs[axis] <= (limits[axis] ?? Infinity));
}

/** The least loss within the limits, of all combinations. */
function exhaustive(all: readonly LayerCandidates[], limits: CostLimits): number {
  const combinations = all
    .map(choicesOf)
    .reduce<Candidate[][]>((found, own) => found.flatMap((head) => own.map((one) => [...head, one])), [[]]);
  const losses = combinations
    .filter((chosen) => fits(chosen, limits))
    .map((chosen) => chosen.reduce((sum, choice) => sum + lossOf(choice), 0));
  return Math.min(Infinity, ...losses);
}

describe("allocation", () => {
  it("is the best of all combinations under one limit of any kind", () => {
    fc.assert(
      fc.property(
        layers,
        fc.constantFrom("macs" as const, "params" as const, "ms" as const),
        fc.nat(250),
        (all, axis, limit) => {
          const limits = { [axis]: limit };
          const found = allocate(all, lossOf, limits);
          expect(found?.loss ?? Infinity).toBeCloseTo(exhaustive(all, limits), 9);
          if (found) expect(fits(found.chosen, limits)).toBe(true);
        },
      ),
    );
  });

  it("uses a budget up to the last unit", () => {
    const standard = candidate(60, 60, 60, 0);
    const all = [
      layerOf([], standard),
      layerOf([], standard),
      layerOf([candidate(1, 1, 8, 2)], standard),
      layerOf([candidate(1, 1, 8, 2), candidate(35, 1, 0, 1)], standard),
    ];
    expect(allocate(all, lossOf, { macs: 215 })!.loss).toBe(1);
    expect(allocate(all, lossOf, { macs: 214.9 })!.loss).toBe(2);
  });

  it("keeps two and three limits at once, and never beats the best combination", () => {
    fc.assert(
      fc.property(
        layers,
        fc.record({ macs: fc.nat(250), params: fc.nat(250), ms: fc.option(fc.nat(250), { nil: undefined }) }),
        (all, { ms, ...two }) => {
          const limits: CostLimits = ms === undefined ? two : { ...two, ms };
          const found = allocate(all, lossOf, limits);
          const best = exhaustive(all, limits);
          if (!found) return;
          expect(fits(found.chosen, limits)).toBe(true);
          expect(found.loss).toBeGreaterThanOrEqual(best - 1e-9);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("leaves every layer as it is without a limit", () => {
    const all = [layerOf([candidate(1, 1, 1, 5)], candidate(60, 60, 60, 0))];
    expect(allocate(all, lossOf, {})!.chosen).toEqual([all[0]!.standard]);
  });
});

describe("the front in milliseconds", () => {
  const front = [candidate(10, 1, 0, 0.4), candidate(20, 1, 0, 0.3), candidate(30, 1, 0, 0.2)];
  const times = (ms: readonly number[]) => ms.map((one) => ({ ms: one, interval: null, lowering: null }));
  const msOf = (layer: LayerCandidates): (number | undefined)[] =>
    layer.front.map(({ latency }) => latency?.ms);

  it("never holds a form that is not faster than the layer", () => {
    const timed = timedFront(layerOf(front, candidate(60, 1, 0, 0)), times([2, 5, 9]), 5, false);
    expect(msOf(timed)).toEqual([2]);
    expect(timed.standard.latency).toEqual({ ms: 5, interval: null, lowering: null });
  });

  it("drops what is beaten in time, unless MACs count too", () => {
    const layer = layerOf(front, candidate(60, 1, 0, 0));
    expect(msOf(timedFront(layer, times([3, 2, 4]), 5, false))).toEqual([2, 4]);
    expect(msOf(timedFront(layer, times([3, 2, 4]), 5, true)).sort()).toEqual([2, 3, 4]);
  });
});
