import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextLimit, type TriedLimit } from "../../src/api/latency-limit.js";

const ownMs = 2;
const own: TriedLimit = { limitMs: ownMs, promisedMs: ownMs, ratio: 1 };

/** Tries until the model takes between 0.99 of what is aimed at and that, or no limit is left. */
function search(aimed: number, modelAt: (limitMs: number) => Omit<TriedLimit, "limitMs">, most: number) {
  const tries: TriedLimit[] = [];
  let limit: number | null = ownMs * aimed;
  while (limit !== null && tries.length < most) {
    const tried: TriedLimit = { limitMs: limit, ...modelAt(limit) };
    tries.push(tried);
    if (tried.ratio <= aimed && tried.ratio >= 0.99 * aimed) return { tries, found: true };
    limit = nextLimit(tries, own, aimed);
  }
  return { tries, found: false };
}

const aims = fc.double({ min: 0.3, max: 0.95, noNaN: true });

describe("the limit on the layers' milliseconds", () => {
  it("is found soon where a model saves another share than its layers promise, or saves ever less", () => {
    const share = fc.double({ min: 0.7, max: 1.3, noNaN: true });
    const bend = fc.double({ min: 0.7, max: 1.5, noNaN: true });
    fc.assert(
      fc.property(aims, share, bend, (aimed, saved, power) => {
        const ratioAt = (ms: number): number => 1 - saved * (1 - ms / ownMs) ** power;
        fc.pre(ratioAt(0) < 0.8 * aimed);
        const { tries, found } = search(aimed, (ms) => ({ promisedMs: ms, ratio: ratioAt(ms) }), 8);
        expect(found, JSON.stringify(tries)).toBe(true);
      }),
    );
  });

  it("never asks for a model that was tried, and ends where there is none between", () => {
    const steps = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 });
    const noises = fc.array(fc.double({ min: -0.1, max: 0.1, noNaN: true }), {
      minLength: 41,
      maxLength: 41,
    });
    fc.assert(
      fc.property(aims, steps, noises, (aimed, sizes, noise) => {
        const modelAt = (limitMs: number): Omit<TriedLimit, "limitMs"> => {
          const step = Math.max(0, ...sizes.filter((size) => (size * ownMs) / 41 <= limitMs));
          return { promisedMs: (step * ownMs) / 41, ratio: Math.max(0.01, step / 41 + noise[step]!) };
        };
        const { tries } = search(aimed, modelAt, 60);
        expect(tries.length).toBeLessThan(60);
        const slow = tries.filter(({ ratio }) => ratio > aimed).map(({ promisedMs }) => promisedMs);
        expect(new Set(slow).size).toBe(slow.length);
        for (const { limitMs } of tries) expect(limitMs).toBeGreaterThan(0);
      }),
    );
  });

  it("goes on falling while every model is slower than it should be, or than the layers as they are", () => {
    const tries: TriedLimit[] = [{ limitMs: 1, promisedMs: 1, ratio: 1.1 }];
    for (let round = 0; round < 5; round++) {
      const limit = nextLimit(tries, own, 0.5)!;
      expect(limit).toBeLessThan(tries.at(-1)!.promisedMs);
      tries.push({ limitMs: limit, promisedMs: limit, ratio: 1.05 - 0.1 * round });
    }
  });

  it("is not asked for below the cheapest model", () => {
    const cheapest = { limitMs: 0.5, promisedMs: 0.6 };
    expect(nextLimit([{ ...cheapest, ratio: 0.9 }], own, 0.5)).toBeNull();
    expect(nextLimit([{ ...cheapest, ratio: 0.4 }], own, 0.5)!).toBeGreaterThan(0.6);
  });

  it("is not asked for where the layers as they are suffice", () => {
    expect(nextLimit([{ limitMs: 3, promisedMs: 2, ratio: 0.8 }], { ...own, ratio: 0.8 }, 0.9)).toBeNull();
  });
});
