import { describe, expect, it } from "vitest";
import { measureOverheads, noOverheads } from "../../src/latency/overheads.js";
import { knownRuntime } from "./networks.js";

describe("what timing costs", () => {
  it.each([
    noOverheads,
    { run: 0.01, profiler: 0.0017 },
    { run: 0, profiler: 0.003 },
    { run: 0.5, profiler: 0 },
  ])("of %j is found from two chains of kernels", async (overheads) => {
    const runtime = knownRuntime({ overheads });
    const { run, profiler } = await measureOverheads((model, feeds, special) =>
      runtime.open(model, feeds, special),
    );
    expect(run).toBeCloseTo(overheads.run, 9);
    expect(profiler).toBeCloseTo(overheads.profiler, 9);
    expect(runtime.alive()).toBe(0);
  });

  it("is nothing where the runtime takes neither chain", async () => {
    expect(await measureOverheads(() => Promise.resolve(null))).toEqual(noOverheads);
  });
});
