import { describe, expect, it } from "vitest";
import { layerMilliseconds, ownerOf } from "../../src/api/layer-milliseconds.js";
import { optimize } from "../../src/api/optimize.js";
import { profileOf, residualNetwork } from "../latency/networks.js";

describe("milliseconds of layers", () => {
  it("belong to the layer whose place a node took", () => {
    const names = ["a", "a.b", "ab", "/a/Conv"];
    expect(
      ["a", "a.x", "a.b", "a.b.x", "ab", "abc", "/a/Conv.pointwise2", "c"].map((node) =>
        ownerOf(node, names),
      ),
    ).toEqual(["a", "a", "a.b", "a.b", "ab", null, "/a/Conv", null]);
  });

  it.each([1, 2])(
    "are shares of what the models take on %i threads, whatever their layers became",
    async (threads) => {
      const network = residualNetwork(2, 16);
      const shapes = new Map([["x", [1, 3, 8, 8]]]);
      const { report, model } = await optimize(network.model, {
        ...{ shapes, engine: "reference", effort: "fast", latencyProfile: await profileOf(network) },
        budget: { keepLatency: 0.6 },
      });
      const timed = { layers: report.layers, latencyMs: { ...report.latencyMs, before: 2, after: 1 } };
      const applied = report.layers.filter(({ verdict }) => verdict === "applied").map(({ name }) => name);
      expect(applied.length).toBeGreaterThan(0);
      const warnings: string[] = [];
      const options = { shapes, threads, onWarning: (text: string) => warnings.push(text) };
      const times = (await layerMilliseconds(network.model, model, timed, options))!;
      expect(warnings.filter((text) => text.includes("no data was given"))).toEqual([]);
      for (const { name, before, after } of times.layers) {
        expect(before, name).not.toBeNull();
        expect(after, name).not.toBeNull();
        for (const { ms, interval } of [before!, after!]) {
          expect(interval[0]).toBeLessThanOrEqual(ms);
          expect(interval[1]).toBeGreaterThanOrEqual(ms);
        }
      }
      for (const [side, total] of [
        ["before", 2],
        ["after", 1],
      ] as const) {
        const sum = times.layers.reduce((all, layer) => all + layer[side]!.ms, times.others[side]?.ms ?? 0);
        // Medians of sums are not sums of medians.
        expect(sum / total).toBeGreaterThan(0.7);
        expect(sum / total).toBeLessThan(1.3);
      }
      expect(
        await layerMilliseconds(network.model, model, timed, { shapes, engine: "reference" }),
      ).toBeNull();
    },
    60_000,
  );
});
