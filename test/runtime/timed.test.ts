import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { ConvoptError, UnsupportedError, type Model } from "../../src/ir/index.js";
import { loadModel } from "../../src/onnx/index.js";
import { openTimed } from "../../src/runtime/index.js";
import { fixturePath, graphFixtures, seededFeeds } from "./graph-fixtures.js";

const fixture = (name: string): Promise<Model> =>
  loadModel(fixturePath(graphFixtures.find((each) => each.name === name)!), {});
const profiles = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("convopt-profile-"));

describe("a timed model", () => {
  it.each(["ort", "reference"] as const)("of %s takes time and never less than nothing", async (engine) => {
    const model = await fixture("conv-bn-relu");
    const timed = await openTimed(model, seededFeeds(model), { engine, threads: 1 });
    for (let run = 0; run < 5; run++) {
      const { ms, cpu, preempted } = await timed.run();
      expect(ms).toBeGreaterThan(0);
      expect(cpu).toBeGreaterThanOrEqual(0);
      expect(typeof preempted).toBe("boolean");
    }
    expect(await timed.kernels()).toEqual([]);
    await timed.dispose();
  });

  it("tells its kernels when it was asked to, and leaves no file behind", async () => {
    const before = profiles();
    const model = await fixture("conv-bn-relu");
    const timed = await openTimed(model, seededFeeds(model), {
      engine: "ort",
      threads: 1,
      profile: true,
      quiet: true,
    });
    for (let run = 0; run < 3; run++) await timed.run();
    const kernels = await timed.kernels();
    expect(kernels.length % 3).toBe(0);
    expect(kernels.some(({ op }) => /Conv/.test(op))).toBe(true);
    for (const { ms } of kernels) expect(ms).toBeGreaterThanOrEqual(0);
    expect(await timed.kernels()).toEqual(kernels);
    await timed.dispose();
    expect(profiles()).toEqual(before);
  });

  it("runs every fixture that the runtime runs, again and again into the same outputs", async () => {
    let ran = 0;
    for (const { file, runtime } of graphFixtures) {
      if (!runtime) continue;
      const model = await loadModel(fixturePath({ file }), {});
      try {
        const timed = await openTimed(model, seededFeeds(model), { engine: "ort", threads: 1 });
        for (let run = 0; run < 3; run++) expect((await timed.run()).ms, file).toBeGreaterThanOrEqual(0);
        await timed.dispose();
        ran++;
      } catch (error) {
        // Sequences, and types that the binding has no tensors for.
        expect(error, file).toBeInstanceOf(UnsupportedError);
      }
    }
    expect(ran).toBeGreaterThan(20);
  });

  it("refuses what the runtime refuses, and feeds that don't fit, without leaving a file", async () => {
    const before = profiles();
    const model = await fixture("conv-bn-relu");
    await expect(openTimed(model, new Map(), { engine: "ort", profile: true })).rejects.toThrow(ConvoptError);
    const refused = graphFixtures.find(({ runtime }) => !runtime);
    if (refused) {
      const other = await loadModel(fixturePath(refused), {});
      await expect(openTimed(other, seededFeeds(other), { engine: "ort", profile: true })).rejects.toThrow(
        ConvoptError,
      );
    }
    expect(profiles()).toEqual(before);
  });
});
