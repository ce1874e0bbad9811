import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { depthwiseSeparable, lowerings, programCost, spatiallySeparable } from "../../src/forms/index.js";
import { ModelError } from "../../src/ir/index.js";
import {
  createLatencyModel,
  EstimatedSource,
  fitConstants,
  LayerWindows,
  MeasuredSource,
  parseProfile,
  usualConstants,
} from "../../src/latency/index.js";
import { candidateChains } from "../../src/latency/candidate.js";
import { convKind, featureNames, programFeatures } from "../../src/latency/features.js";
import { estimate } from "../../src/latency/roofline.js";
import { seededRandom } from "../../src/linalg/index.js";
import { knownRuntime, profileOf, residualNetwork } from "./networks.js";

const network = residualNetwork(2, 16);
const profile = await profileOf(network);
const [, slot] = network.slots;

describe("a profile", () => {
  it("gives the times that were measured, after a way through a file", async () => {
    const { model, facts, slots, feeds } = network;
    const windows = new LayerWindows(model, facts, slots);
    const measured = createLatencyModel(
      windows,
      new MeasuredSource("known", {
        ...{ model, feeds, threads: 1 },
        open: knownRuntime().open,
      }),
    );
    const read = parseProfile(JSON.stringify(profile));
    const there = createLatencyModel(
      windows,
      new EstimatedSource({ model, feeds, facts, threads: 4, profile: read }),
    );
    expect([there.kind, there.threads]).toEqual(["profile", 1]);
    expect(there.engine).toBe("known on a phone (profile)");
    expect(await there.total()).toEqual(await measured.total());
    expect(await there.layer(slot!)).toBe(await measured.layer(slot!));
    const plans = [depthwiseSeparable(slot!.layer.spec, 1)];
    const [a, b] = [await there.costs(slot!, plans), await measured.costs(slot!, plans)];
    expect(a[0]!.ms).toBeCloseTo(b[0]!.ms, 12);
    expect(a[0]!.lowering).toEqual(b[0]!.lowering);
  });

  it("estimates what it doesn't hold, near to what the same machine takes", async () => {
    const other = residualNetwork(2, 16, 12);
    const { model, facts, slots, feeds } = other;
    const windows = new LayerWindows(model, facts, slots);
    const there = createLatencyModel(
      windows,
      new EstimatedSource({ model, feeds, facts, threads: 1, profile }),
    );
    const measured = createLatencyModel(
      windows,
      new MeasuredSource("known", {
        ...{ model, feeds, threads: 1 },
        open: knownRuntime().open,
      }),
    );
    const plans = [1, 2, 3].map((terms) => depthwiseSeparable(slots[1]!.layer.spec, terms));
    const [estimated, true_] = [await there.costs(slots[1]!, plans), await measured.costs(slots[1]!, plans)];
    const own = await measured.layer(slots[1]!);
    for (const [i, { ms }] of estimated.entries())
      expect(Math.abs(ms - true_[i]!.ms)).toBeLessThan(0.25 * own);
    expect(Math.abs((await there.total()).ms / (await measured.total()).ms - 1)).toBeLessThan(0.25);
  });

  const changes: readonly (readonly [string, (profile: Record<string, unknown>) => unknown])[] = [
    ["another schema", (p) => ({ ...p, schema: "convopt.latency-profile/2" })],
    ["a missing part", (p) => ({ ...p, constants: undefined })],
    ["features in another order", (p) => ({ ...p, features: [...featureNames].reverse() })],
    ["a negative time", (p) => ({ ...p, windows: { abc: -1 } })],
    ["a key that is no hash", (p) => ({ ...p, windows: { "../x": 1 } })],
    ["text for a number", (p) => ({ ...p, threads: "2" })],
    ["too few features", (p) => ({ ...p, entries: [{ ...profile.entries[0], features: [1] }] })],
    ["an infinite time", (p) => ({ ...p, entries: [{ ...profile.entries[0], ms: 1e300 }] })],
    ["a list", () => [1, 2]],
    ["null", () => null],
  ];
  it.each(changes)("that is %s is refused with the place", (_, change) => {
    const text = JSON.stringify(change(structuredClone(profile) as unknown as Record<string, unknown>));
    expect(() => parseProfile(text)).toThrow(ModelError);
  });

  it("never ends in another error, whatever the text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(() => parseProfile(text)).toThrow(ModelError);
      }),
    );
    expect(() => parseProfile('{"__proto__": {"schema": 1}}')).toThrow(ModelError);
  });
});

describe("the roofline estimate", () => {
  it("says what it is and orders forms by their work", async () => {
    const { model, facts, slots, feeds } = network;
    const windows = new LayerWindows(model, facts, slots);
    const latency = createLatencyModel(windows, new EstimatedSource({ model, feeds, facts, threads: 1 }));
    expect(latency.engine).toContain("estimated");
    expect(latency.kind).toBe("estimated");
    const plans = [1, 2, 4].map((terms) => depthwiseSeparable(slot!.layer.spec, terms));
    const [one, two, four] = await latency.costs(slot!, plans);
    expect(one!.ms).toBeLessThan(two!.ms);
    expect(two!.ms).toBeLessThan(four!.ms);
    const sum = (await Promise.all(slots.map((each) => latency.layer(each)))).reduce((a, b) => a + b, 0);
    expect(sum).toBeLessThan((await latency.total()).ms);
  });

  it("counts a program's MACs once, whatever their kind", () => {
    const { layer } = slot!;
    for (const plan of [depthwiseSeparable(layer.spec, 3), spatiallySeparable(layer.spec, 6, 0)]) {
      for (const { program } of lowerings(candidateChains(plan, 1), { shortcut: true })) {
        const [dense, pointwise, depthwise, generic] = programFeatures(program, layer);
        expect(dense! + pointwise! + depthwise! + generic!).toBe(programCost(program, layer).macs);
      }
    }
  });

  it("knows which convolutions blocks of channels suit", () => {
    const kind = (inChannels: number, outChannels: number, kernel: number[], group = 1): string =>
      convKind({
        inChannels,
        outChannels,
        kernel,
        group,
        strides: [1, 1],
        dilations: [1, 1],
        pads: [0, 0, 0, 0],
      });
    expect(kind(16, 16, [3, 3])).toBe("dense");
    expect(kind(3, 7, [3, 3])).toBe("dense");
    expect(kind(18, 16, [3, 3])).toBe("generic");
    expect(kind(64, 10, [1, 1])).toBe("pointwise");
    expect(kind(24, 24, [3, 3], 24)).toBe("depthwise");
    expect(kind(16, 32, [3, 3], 16)).toBe("generic");
    expect(kind(64, 64, [3, 3], 4)).toBe("dense");
    expect(kind(64, 64, [3, 3], 8)).toBe("generic");
    expect(kind(8, 8, [3])).toBe("generic");
  });

  it("finds constants again from noisy observations, none below zero", () => {
    const random = seededRandom(5);
    const truth = [2e-8, 5e-8, 1e-7, 3e-7, 2e-7, 5e-3];
    const observations = Array.from({ length: 200 }, () => {
      const features = [1e6, 1e6, 1e5, 1e5, 1e5, 5].map((size) => size * random.uniform(-1, 2));
      const ms = estimate(features, truth) * (1 + 0.01 * random.normal());
      return { features, ms, weight: 1 / (ms ** 2 + 1e-4) };
    });
    const found = fitConstants(observations, usualConstants(1));
    for (const [i, constant] of found.entries()) expect(Math.abs(constant / truth[i]! - 1)).toBeLessThan(0.1);
    const inverted = observations.map((one) => ({ ...one, ms: -one.ms }));
    for (const constant of fitConstants(inverted, usualConstants(1)))
      expect(constant).toBeGreaterThanOrEqual(0);
    expect(fitConstants(observations.slice(0, 3), usualConstants(1))).toEqual(usualConstants(1));
  });

  it("shares work between threads, not the overhead of nodes", () => {
    const [one, four] = [usualConstants(1), usualConstants(4)];
    expect(four.slice(0, 5).every((constant, i) => constant < one[i]!)).toBe(true);
    expect(four[5]).toBe(one[5]);
  });
});
