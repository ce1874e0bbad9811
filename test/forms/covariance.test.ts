import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  FitTarget,
  fitForm,
  lowRankPointwise,
  SampledCovariance,
  WholeCovariance,
} from "../../src/forms/index.js";
import { matrix, multiply, scale, sparseRows, type Matrix } from "../../src/linalg/index.js";
import { randomMatrix } from "../linalg/generators.js";

/** Centred patches over √N whose inputs depend on one another through few factors. */
function patches(count: number, size: number, seed: number): Matrix {
  const mixed = multiply(randomMatrix(count, 3, seed), randomMatrix(3, size, seed + 1));
  const noise = randomMatrix(count, size, seed + 2);
  const result = matrix(count, size);
  for (let q = 0; q < size; q++) {
    const column = Float64Array.from(
      { length: count },
      (_, k) => mixed.data[k * size + q]! + 0.3 * noise.data[k * size + q]!,
    );
    const mean = column.reduce((sum, value) => sum + value, 0) / count;
    column.forEach((value, k) => (result.data[k * size + q] = (value - mean) / Math.sqrt(count)));
  }
  return result;
}

/** The shrunk covariance, entry by entry: (1 − ρ) C + ρ diag(C). */
function written(rows: Matrix, intensity: number): Matrix {
  const covariance = multiply(rows, rows, { transA: true });
  for (let i = 0; i < covariance.rows; i++)
    for (let j = 0; j < covariance.cols; j++)
      if (i !== j) covariance.data[i * covariance.cols + j]! *= 1 - intensity;
  return covariance;
}

/** ρ by its definition: the unbiased variances of all covariances over their squares (Schäfer and Strimmer 2005). */
function intensityOf(rows: Matrix): number {
  const [n, d] = [rows.rows, rows.cols];
  const value = (k: number, i: number): number => rows.data[k * d + i]! * Math.sqrt(n);
  let [variances, squares] = [0, 0];
  for (let i = 0; i < d; i++)
    for (let j = 0; j < d; j++) {
      if (i === j) continue;
      const products = Array.from({ length: n }, (_, k) => value(k, i) * value(k, j));
      const mean = products.reduce((sum, w) => sum + w, 0) / n;
      const spread = products.reduce((sum, w) => sum + (w - mean) ** 2, 0);
      variances += (n / (n - 1) ** 3) * spread;
      squares += ((n / (n - 1)) * mean) ** 2;
    }
  return Math.min(1, variances / squares);
}

const close = (a: Matrix, b: Matrix, digits = 9): void => {
  expect([a.rows, a.cols]).toEqual([b.rows, b.cols]);
  for (let i = 0; i < a.data.length; i++) expect(a.data[i]).toBeCloseTo(b.data[i]!, digits);
};

const sizes = fc.record({
  count: fc.integer({ min: 3, max: 9 }),
  size: fc.integer({ min: 2, max: 14 }),
  seed: fc.integer({ min: 0, max: 1000 }),
});

describe("a covariance kept as patches", () => {
  it("shrinks by the intensity of its definition", () => {
    fc.assert(
      fc.property(sizes, ({ count, size, seed }) => {
        const rows = patches(count, size, seed);
        expect(new SampledCovariance(rows).intensity).toBeCloseTo(intensityOf(rows), 9);
      }),
    );
  });

  it("multiplies and gives blocks like the matrix that it stands for", () => {
    fc.assert(
      fc.property(sizes, ({ count, size, seed }) => {
        const rows = patches(count, size, seed);
        const sampled = new SampledCovariance(rows);
        const whole = new WholeCovariance(written(rows, sampled.intensity));
        const probe = randomMatrix(3, size, seed + 7);
        close(sampled.times(probe), whole.times(probe));
        const few = matrix(2, size);
        few.data[0] = 1.5;
        few.data[2 * size - 1] = -2;
        for (const covariance of [sampled, whole])
          close(covariance.timesSparse(sparseRows(few, 1)!), whole.times(few));
        close(sampled.timesObserved(probe), new WholeCovariance(written(rows, 0)).times(probe));
        const columns = [size - 1, 0, Math.floor(size / 2)];
        close(sampled.block(columns, [0, 1]), whole.block(columns, [0, 1]));
      }),
    );
  });

  it("refits a kernel as solving with the matrix does", () => {
    fc.assert(
      fc.property(sizes, ({ count, size, seed }) => {
        const rows = patches(count, size, seed);
        const sampled = new SampledCovariance(rows);
        const kernel = randomMatrix(2, size, seed + 3);
        const outputs = multiply(rows, randomMatrix(size, 2, seed + 4));
        const cross = multiply(outputs, rows, { transA: true });
        // What the kernel lacks is fitted in the shrunk metric: the cross covariance is that of the shrunk one too.
        const whole = new WholeCovariance(written(rows, sampled.intensity));
        const lost = sampled.timesObserved(kernel).data.map((w, i) => cross.data[i]! - w);
        const shrunk = matrix(
          2,
          size,
          whole.times(kernel).data.map((w, i) => w + lost[i]!),
        );
        close(sampled.refit(kernel, cross, 1e-2), whole.refit(kernel, shrunk, 1e-2), 7);
      }),
    );
  });

  it("is the same whole", () => {
    fc.assert(
      fc.property(sizes, ({ count, size, seed }) => {
        const rows = patches(count, size, seed);
        const sampled = new SampledCovariance(rows);
        fc.pre(sampled.intensity < 0.95);
        const observed = written(rows, 0);
        const whole = WholeCovariance.shrunk(observed, count, scale(rows, Math.sqrt(count)));
        expect(whole.intensity).toBeCloseTo(sampled.intensity, 9);
        const probe = randomMatrix(2, size, seed + 5);
        close(whole.times(probe), sampled.times(probe));
        close(whole.timesObserved(probe), sampled.timesObserved(probe));
        const cross = randomMatrix(2, size, seed + 6);
        close(whole.refit(probe, cross, 1e-2), sampled.refit(probe, cross, 1e-2), 6);
      }),
    );
  });

  it("leaves a kernel alone whose outputs are the wanted ones, and one whose inputs never vary", () => {
    const rows = patches(5, 12, 1);
    const kernel = randomMatrix(3, 12, 2);
    const sampled = new SampledCovariance(rows);
    close(sampled.refit(kernel, sampled.timesObserved(kernel), 1e-4), kernel);
    const still = new SampledCovariance(matrix(5, 12));
    expect(still.intensity).toBe(1);
    close(still.refit(kernel, matrix(3, 12), 1e-4), kernel);
  });

  it("keeps what few patches can't see: rank beyond their number still lowers the error", async () => {
    const [inChannels, outChannels] = [40, 30];
    const spec = {
      ...{ inChannels, outChannels, kernel: [], strides: [], dilations: [], pads: [], group: 1 },
    };
    const kernel = randomMatrix(outChannels, inChannels, 5);
    const target = new FitTarget(spec, kernel, new SampledCovariance(patches(6, inChannels, 6)));
    const errors = await Promise.all(
      [3, 6, 12, 24, 30].map(async (rank) => (await fitForm(lowRankPointwise(spec, rank), target, 0)).error),
    );
    for (const [i, error] of errors.entries()) if (i > 0) expect(error).toBeLessThan(errors[i - 1]!);
    expect(errors[1]).toBeGreaterThan(0.05);
    expect(errors.at(-1)).toBeLessThan(1e-6);
  });
});
