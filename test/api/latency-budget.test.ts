import { describe, expect, it } from "vitest";
import { withinLatency, type LatencyBudget } from "../../src/api/latency-budget.js";
import { optimize } from "../../src/api/optimize.js";
import { SteadyBench } from "../../src/api/steady-bench.js";
import { load, type Model } from "../../src/index.js";
import type { Candidate, Solution } from "../../src/search/index.js";
import { graph } from "../cli/invoke.js";
import { profileOf, residualNetwork } from "../latency/networks.js";

const network = residualNetwork(2, 16);
const profile = await profileOf(network);
const shapes = new Map([["x", [1, 3, 8, 8]]]);
const common = { shapes, engine: "reference", effort: "fast", latencyProfile: profile } as const;

describe("a latency budget on a profile's machine", () => {
  it("is kept as the profile has it, by forms that are faster than their layers", async () => {
    const { report } = await optimize(network.model, { ...common, budget: { keepLatency: 0.6 } });
    expect(report.latencyMs.ratio).toBeLessThanOrEqual(0.6);
    expect(report.verdicts).toMatchObject([{ budget: "keepLatency", met: true }]);
    const applied = report.layers.filter(({ verdict, form }) => verdict === "applied" && form !== "standard");
    expect(applied.length).toBeGreaterThan(0);
    for (const { ms, reason } of applied) {
      expect(ms[1]!).toBeLessThan(ms[0]!);
      expect(reason).toBe("least loss of answers within the budget");
    }
  }, 60_000);

  it("holds together with a MAC budget", async () => {
    const budget = { keepLatency: 0.8, keepMacs: 0.5 };
    const { report } = await optimize(network.model, { ...common, budget });
    expect(report.latencyMs.ratio).toBeLessThanOrEqual(0.8);
    expect(report.macs.ratio).toBeLessThanOrEqual(0.5);
    expect(report.verdicts.every(({ met }) => met)).toBe(true);
  }, 60_000);

  it("that nothing keeps is missed, with the fastest there is", async () => {
    const { report } = await optimize(network.model, { ...common, budget: { keepLatency: 0.001 } });
    expect(report.verdicts).toMatchObject([{ budget: "keepLatency", met: false }]);
    expect(report.latencyMs.ratio).toBeLessThan(0.6);
    const reasons = report.layers.filter(({ verdict }) => verdict === "applied").map(({ reason }) => reason);
    expect(new Set(reasons)).toEqual(new Set(["the cheapest choice: none keeps the budget"]));
  }, 60_000);

  it("leaves rewrites that spend MACs alone where they can't be timed, and without a latency budget", async () => {
    const shortcut = await load(graph("option-a-shortcut"));
    const budgets = [
      { budget: { keepLatency: 0.9 }, latencyProfile: profile },
      { budget: { lossless: true } },
      { budget: {} },
    ];
    for (const options of budgets) {
      const { report, ledger } = await optimize(shortcut, {
        ...options,
        engine: "reference",
        effort: "fast",
      });
      expect(ledger.entries.some(({ pass }) => pass === "pointwise-shortcut")).toBe(false);
      expect(report.macs.after).toBe(report.macs.before);
    }
  });
});

describe("a latency budget on this machine", () => {
  const [fast, slow] = [residualNetwork(1, 8, 16).model, residualNetwork(6, 32, 16).model];
  const timing = (of: number, ownMs: number) =>
    ({
      target: { kind: "measured", total: async () => ({ ms: of, interval: [of, of] }) },
      ...{ layersMs: 0.5 * ownMs, ownMs, bench: new SteadyBench() },
    }) as unknown as LatencyBudget;
  /** Tries that change nothing: the model takes what it takes, whatever the limit. */
  const outcome = async (exact: Model, reference: Model) => {
    const limits: number[] = [];
    const solution = { name: "solution" } as unknown as Solution;
    const found = await withinLatency(
      { exact, reference, exactTime: 1 },
      timing(1, 0.8),
      { budget: { keepLatency: 0.5 }, threads: 1, shapes: new Map([["x", [1, 3, 16, 16]]]) },
      async (limit) => {
        limits.push(limit);
        const chosen = [{ plan: limit, latency: { ms: limit } }] as unknown as Candidate[];
        return { fitted: [], allocation: { loss: 0, chosen }, finish: async () => solution };
      },
    );
    return { limits, kept: found === solution };
  };

  it("takes the fastest try where none keeps it", async () => {
    const { kept, limits } = await outcome(slow, residualNetwork(7, 32, 16).model);
    expect(kept).toBe(true);
    // Too slow every time: the limit only ever falls.
    expect(limits.length).toBeGreaterThan(1);
    for (const [i, limit] of limits.entries()) if (i > 0) expect(limit).toBeLessThan(limits[i - 1]!);
  }, 60_000);

  it("leaves the layers alone where nothing is faster than the reference", async () => {
    expect((await outcome(slow, fast)).kept).toBe(false);
  }, 60_000);
});
