import { describe, expect, it } from "vitest";
import { preset } from "../../passes/index.js";
import { WholeCovariance, type ConvLayer } from "../../src/forms/index.js";
import { matrix } from "../../src/linalg/index.js";
import { fitCandidates, ownTargets } from "../../src/search/candidates.js";
import { measureConvergence } from "../../src/search/convergence.js";
import { efforts } from "../../src/search/efforts.js";
import type { LayerSlot } from "../../src/search/layers.js";
import { values } from "./random-forms.js";

const spec = {
  inChannels: 8,
  outChannels: 8,
  kernel: [3, 3],
  strides: [1, 1],
  dilations: [1, 1],
  pads: [1, 1, 1, 1],
  group: 1,
};

function randomLayer(name: string): ConvLayer {
  return {
    ...{ name, op: "Conv", spec, weight: values(576), bias: values(8), dtype: "float32" },
    ...{ inputShape: [8, 8], outputShape: [8, 8], macs: 576 * 64 },
  };
}

/** A random metric, D × D. */
function metric(d: number) {
  const a = values(d * d);
  const covariance = matrix(d, d);
  for (let i = 0; i < d; i++)
    for (let j = 0; j < d; j++)
      for (let k = 0; k < d; k++) covariance.data[i * d + j]! += (a[i * d + k]! * a[j * d + k]!) / d;
  return new WholeCovariance(covariance);
}

const families = preset.families.filter(({ name }) =>
  ["reduce-out", "spatially-separable", "inverted-bottleneck"].includes(name),
);
const layers = ["a", "b", "c"].map(randomLayer);
const targets = layers.map((layer) => ownTargets(layer, [metric(72)], () => null));
const slots = layers.map((layer, index) => ({ layer, index }) as LayerSlot);
const options = { slots, targets, threads: null, pause: async () => undefined };

describe("convergence", () => {
  it("is what the steps still to come leave: nothing to gain where the start is the optimum, less after every round", async () => {
    const effort = efforts.normal;
    const shares = await measureConvergence({ ...options, effort }, families);
    expect([...shares.keys()].sort()).toEqual(families.map(({ name }) => name).sort());
    for (const [name, own] of shares) {
      expect(own, name).toHaveLength(effort.fit.rounds.length + 1);
      const all = [...Array.from(own), 1];
      all.slice(1).forEach((share, r) => expect(share, name).toBeGreaterThanOrEqual(all[r]! - 1e-9));
    }
    expect(shares.get("reduce-out")![0]).toBeCloseTo(1, 6);
    expect(shares.get("inverted-bottleneck")![0]).toBeLessThan(0.95);
    expect(shares.get("inverted-bottleneck")![0]).toBeLessThan(shares.get("reduce-out")![0]!);
    expect(
      await measureConvergence({ ...options, effort: { ...effort, convergence: false } }, families),
    ).toEqual(new Map());
  });

  it("decides which candidates stay, and leaves their errors as they are", async () => {
    const fit = { sizes: 6, rounds: [{ steps: 2, slack: 1.05 }] };
    const plain = await fitCandidates(layers[0]!, targets[0]!, families, fit);
    const slow = "inverted-bottleneck";
    const convergence = new Map([[slow, [0.01, 0.01]]]);
    const favoured = await fitCandidates(layers[0]!, targets[0]!, families, { ...fit, convergence });
    for (const candidate of plain.tried) expect(candidate.expected).toBe(candidate.error);
    for (const { family, error, expected } of favoured.tried)
      expect(expected).toBeCloseTo(family === slow ? 0.01 * error : error, 12);
    // Whatever else is cheaper than a favoured one's cost can't stay behind it.
    const cheapest = Math.min(
      ...favoured.tried.filter(({ family }) => family === slow).map(({ cost }) => cost.macs),
    );
    expect(favoured.front.some(({ family }) => family === slow)).toBe(true);
    for (const { family, cost } of favoured.front) if (cost.macs > cheapest) expect(family).toBe(slow);
    expect(plain.front.some(({ family, cost }) => family !== slow && cost.macs > cheapest)).toBe(true);
  });
});
