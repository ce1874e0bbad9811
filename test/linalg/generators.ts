import fc from "fast-check";
import { expect } from "vitest";
import {
  frobenius,
  identity,
  gram,
  matrix,
  multiply,
  seededRandom,
  subtract,
  type Matrix,
} from "../../src/linalg/index.js";

export function randomMatrix(rows: number, cols: number, seed: number): Matrix {
  const random = seededRandom(seed);
  return matrix(
    rows,
    cols,
    Float64Array.from({ length: rows * cols }, () => random.normal()),
  );
}

/** Sizes 0 … 40 with any rank up to the smaller one and a scale from 1e-200 to 1e200. */
export const matrices: fc.Arbitrary<Matrix> = fc
  .record({
    rows: fc.integer({ min: 0, max: 40 }),
    cols: fc.integer({ min: 0, max: 40 }),
    rank: fc.integer({ min: 0, max: 40 }),
    scale: fc.constantFrom(1, 1, 1e-200, 1e200, 1e-8),
    decay: fc.constantFrom(1, 1, 0.3, 0.01),
    seed: fc.integer(),
  })
  .map(({ rows, cols, rank, scale, decay, seed }) => {
    const r = Math.min(rank, rows, cols);
    const left = randomMatrix(rows, r, seed);
    const right = randomMatrix(r, cols, seed + 1);
    let factor = scale;
    for (let j = 0; j < r; j++, factor *= decay) {
      for (let c = 0; c < cols; c++) right.data[j * cols + c]! *= factor;
    }
    return multiply(left, right);
  });

export function expectOrthonormalColumns(q: Matrix, tolerance = 1e-12): void {
  expect(frobenius(subtract(gram(q), identity(q.cols)))).toBeLessThanOrEqual(tolerance * Math.max(1, q.cols));
}

export function expectMatrix(actual: Matrix, expected: Matrix, tolerance = 1e-11): void {
  expect([actual.rows, actual.cols]).toEqual([expected.rows, expected.cols]);
  expect(frobenius(subtract(actual, expected))).toBeLessThanOrEqual(
    tolerance * Math.max(frobenius(expected), 1e-300),
  );
}
