import { expect, test } from "vitest";
import { shrunkTimings, type Timing } from "../../src/latency/index.js";
import { seededRandom } from "../../src/linalg/index.js";

/** Forms with true times off their estimates by `spread`, each timed with noise of its own width. */
function timedForms(seed: number, spread: number, noise: number) {
  const random = seededRandom(seed);
  return Array.from({ length: 40 }, (_, i) => {
    const estimate = 5 + i / 2;
    const truth = 3 + 0.8 * estimate + spread * random.normal();
    const width = noise * (0.5 + random.uniform());
    const ms = Math.max(0, truth + width * random.normal());
    const timing: Timing = { ms, interval: [ms - 1.96 * width, ms + 1.96 * width] };
    return { estimate, truth, timing };
  });
}

function shrunk(forms: ReturnType<typeof timedForms>): number[] {
  return shrunkTimings(
    forms.map(({ timing }) => timing),
    forms.map(({ estimate }) => estimate),
  );
}

const seeds = Array.from({ length: 50 }, (_, seed) => seed);

test("timings drawn to their estimates are nearer to the truth, and the quickest is no disappointment", () => {
  let [raw, drawn, rawRegret, drawnRegret] = [0, 0, 0, 0];
  for (const seed of seeds) {
    const forms = timedForms(seed, 1, 4);
    const posterior = shrunk(forms);
    forms.forEach(({ truth, timing }, i) => {
      raw += (timing.ms - truth) ** 2;
      drawn += (posterior[i]! - truth) ** 2;
    });
    const disappointment = (values: readonly number[]): number => {
      const pick = values.indexOf(Math.min(...values));
      return forms[pick]!.truth - values[pick]!;
    };
    rawRegret += disappointment(forms.map(({ timing }) => timing.ms)) / seeds.length;
    drawnRegret += disappointment(posterior) / seeds.length;
  }
  expect(drawn).toBeLessThan(0.25 * raw);
  expect(rawRegret).toBeGreaterThan(2);
  expect(Math.abs(drawnRegret)).toBeLessThan(0.7);
});

test("exact timings stay where they are, however far off the estimates", () => {
  for (const seed of seeds) {
    const forms = timedForms(seed, 5, 0.01);
    shrunk(forms).forEach((ms, i) => expect(Math.abs(ms - forms[i]!.timing.ms)).toBeLessThan(0.05));
  }
});

test("forms that can't be run stay infinite, and a few timings or ones without noise are left alone", () => {
  const never: Timing = { ms: Infinity, interval: [Infinity, Infinity] };
  const forms = timedForms(1, 1, 4);
  const timings = [never, ...forms.map(({ timing }) => timing)];
  const result = shrunkTimings(timings, [1, ...forms.map(({ estimate }) => estimate)]);
  expect(result[0]).toBe(Infinity);
  expect(result.slice(1)).toEqual(shrunk(forms));
  expect(shrunkTimings(timings.slice(0, 5), [1, 2, 3, 4, 5])).toEqual(
    timings.slice(0, 5).map(({ ms }) => ms),
  );
  const still = forms.map(({ timing: { ms } }): Timing => ({ ms, interval: [ms, ms] }));
  expect(
    shrunkTimings(
      still,
      forms.map(({ estimate }) => estimate),
    ),
  ).toEqual(still.map(({ ms }) => ms));
  expect(shrunkTimings([], [])).toEqual([]);
});
