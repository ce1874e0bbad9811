import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  matrix,
  multiply,
  multiplySparse,
  multiplySparseTransposed,
  seededRandom,
  sparseRows,
  type Matrix,
} from "../../src/linalg/index.js";

/** A matrix of which the share `filled` differs from zero. */
function filledMatrix(rows: number, cols: number, filled: number, seed: number): Matrix {
  const random = seededRandom(seed);
  return matrix(
    rows,
    cols,
    Float64Array.from({ length: rows * cols }, () => (random.uniform() < filled ? random.normal() : 0)),
  );
}

const sizes = fc.record({
  rows: fc.integer({ min: 0, max: 7 }),
  inner: fc.integer({ min: 0, max: 9 }),
  cols: fc.integer({ min: 0, max: 7 }),
  filled: fc.double({ min: 0, max: 1, noNaN: true }),
  seed: fc.integer({ min: 0, max: 1000 }),
});

describe("rows that are mostly zeros", () => {
  it("multiply like the matrix that they are", () => {
    fc.assert(
      fc.property(sizes, ({ rows, inner, cols, filled, seed }) => {
        const a = filledMatrix(rows, inner, filled, seed);
        const sparse = sparseRows(a, 1)!;
        const b = filledMatrix(inner, cols, 1, seed + 1);
        const c = filledMatrix(cols, inner, 1, seed + 2);
        for (const [got, expected] of [
          [multiplySparse(sparse, b), multiply(a, b)],
          [multiplySparseTransposed(c, sparse), multiply(c, a, { transB: true })],
        ] as const) {
          expect([got.rows, got.cols]).toEqual([expected.rows, expected.cols]);
          for (let i = 0; i < got.data.length; i++) expect(got.data[i]).toBeCloseTo(expected.data[i]!, 12);
        }
      }),
    );
  });

  it("are those of matrices no fuller than the density", () => {
    const quarter = matrix(2, 4, [0, 1, 0, 0, 0, 0, 2, 0]);
    expect(sparseRows(quarter)).toBeNull();
    expect(sparseRows(quarter, 1 / 4)).toMatchObject({ starts: Int32Array.of(0, 1, 2), rows: 2, cols: 4 });
    expect(sparseRows(matrix(3, 5))!.values).toHaveLength(0);
  });

  it("have inner sizes that fit", () => {
    const sparse = sparseRows(matrix(2, 3))!;
    expect(() => multiplySparse(sparse, matrix(2, 2))).toThrow("the inner sizes 3 and 2 differ");
    expect(() => multiplySparseTransposed(matrix(2, 2), sparse)).toThrow(RangeError);
  });
});
