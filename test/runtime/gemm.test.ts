import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matrix, multiply, type Matrix } from "../../src/linalg/index.js";
import { createOrtGemm } from "../../src/runtime/index.js";
import { seededNumbers } from "./graph-fixtures.js";

function random(rows: number, cols: number, seed: number): Matrix {
  const next = seededNumbers(seed);
  return matrix(
    rows,
    cols,
    Float64Array.from({ length: rows * cols }, () => next() - 0.5),
  );
}

function farthest(a: Matrix, b: Matrix): number {
  expect([a.rows, a.cols]).toEqual([b.rows, b.cols]);
  return a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i]!)), 0);
}

describe("createOrtGemm", () => {
  const size = fc.integer({ min: 0, max: 17 });

  it.each([
    ["float64", 1e-13],
    ["float32", 1e-5],
  ] as const)(
    "multiplies in %s like the portable product, transposed or not",
    async (precision, tolerance) => {
      const gemm = (await createOrtGemm({ precision, threads: 1 }))!;
      expect(gemm.name).toContain(precision);
      await fc.assert(
        fc.asyncProperty(size, size, size, fc.boolean(), fc.boolean(), async (m, n, k, transA, transB) => {
          const a = transA ? random(k, m, 1) : random(m, k, 1);
          const b = transB ? random(n, k, 2) : random(k, n, 2);
          const o = { transA, transB };
          expect(farthest(await gemm.multiply(a, b, o), multiply(a, b, o))).toBeLessThan(tolerance);
        }),
        { numRuns: 50 },
      );
      await gemm.dispose();
    },
  );

  it("refuses sizes that don't fit", async () => {
    const gemm = (await createOrtGemm())!;
    await expect(gemm.multiply(random(2, 3, 1), random(4, 2, 2))).rejects.toThrow(RangeError);
    await gemm.dispose();
  });
});
