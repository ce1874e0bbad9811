import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { onThreads, oneThread, threadingOf } from "../../src/latency/threading.js";

const ms = fc.double({ min: 0.01, max: 2000, noNaN: true });

describe("what several threads make of a model's kernels", () => {
  it("adds up to what the model takes on them, whatever that is", () => {
    fc.assert(
      fc.property(
        ms,
        ms,
        fc.integer({ min: 2, max: 64 }),
        fc.integer({ min: 1, max: 500 }),
        (one, all, threads, kernels) => {
          const threading = threadingOf(one, all, threads, kernels);
          fc.pre(threading.share > 0);
          expect(onThreads(threading, one, kernels)).toBeCloseTo(all, 6);
          expect(threading.perKernel).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });

  it("is some microseconds by kernel, and a greater share where more than that is missing", () => {
    expect(threadingOf(0.76, 0.38 + 54 * 0.0017, 2, 54)).toMatchObject({ share: expect.closeTo(0.5, 10), perKernel: expect.closeTo(0.0017, 10) }); // prettier-ignore
    const slow = threadingOf(700, 600, 2, 20);
    expect(slow.share).toBeGreaterThan(0.85);
    expect(slow.perKernel).toBeLessThanOrEqual(0.005);
    expect(threadingOf(10, 4, 2, 20)).toEqual({ share: 0.4, perKernel: 0 });
    expect(onThreads(oneThread, 3, 5)).toBe(3);
  });
});
