import { describe, expect, it } from "vitest";
import { SteadyBench } from "../../src/api/steady-bench.js";
import type { Benchmark } from "../../src/report/index.js";

/** Gives one measurement after another in which the first model takes so many milliseconds. */
function measuring(times: readonly number[]): { readonly time: () => Promise<Benchmark>; made(): number } {
  let made = 0;
  const time = (): Promise<Benchmark> => {
    const median = times[made++]!;
    return Promise.resolve({ models: [{ ms: { median } }] } as unknown as Benchmark);
  };
  return { time, made: () => made };
}

const first = ({ models }: Benchmark): number => models[0]!.ms.median;

describe("a steady bench", () => {
  it("measures again where the first model was far slower than it is known to be", async () => {
    const { time, made } = measuring([1.1, 1.5, 1.4, 1.2]);
    const steady = new SteadyBench(1, time);
    expect(first(await steady.run([], {}))).toBe(1.1);
    expect(first(await steady.run([], {}))).toBe(1.2);
    expect(made()).toBe(4);
  });

  it("learns how quick it can be, and gives up after three more", async () => {
    const { time, made } = measuring([2, 1, 2, 2.1, 2.2, 2.3]);
    const steady = new SteadyBench(undefined, time);
    expect([first(await steady.run([], {})), first(await steady.run([], {}))]).toEqual([2, 1]);
    expect(first(await steady.run([], {}))).toBe(2.3);
    expect(made()).toBe(6);
  });
});
