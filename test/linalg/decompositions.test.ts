import fc from "fast-check";
import {
  Matrix as MlMatrix,
  SingularValueDecomposition,
  EigenvalueDecomposition,
  pseudoInverse as mlPseudoInverse,
} from "ml-matrix";
import { describe, expect, it } from "vitest";
import {
  frobenius,
  gram,
  identity,
  invSqrtSpd,
  matrix,
  multiply,
  pseudoInverse,
  qr,
  scaleCols,
  seededRandom,
  sqrtSpd,
  squareRoots,
  subtract,
  svd,
  symmetricEigen,
  topEigen,
  transpose,
  truncatedSvd,
  type Matrix,
} from "../../src/linalg/index.js";
import { expectMatrix, expectOrthonormalColumns, matrices, randomMatrix } from "./generators.js";

function toMl(a: Matrix): MlMatrix {
  return MlMatrix.from1DArray(a.rows, a.cols, Array.from(a.data));
}

function recomposed({ u, s, v }: { u: Matrix; s: Float64Array; v: Matrix }): Matrix {
  return multiply(scaleCols(u, s), v, { transB: true });
}

describe("gemm", () => {
  it("agrees with the definition for every shape and transposition", () => {
    fc.assert(
      fc.property(
        fc.tuple(fc.nat(70), fc.nat(70), fc.nat(300), fc.boolean(), fc.boolean(), fc.integer()),
        ([m, n, k, transA, transB, seed]) => {
          const a = randomMatrix(m, k, seed);
          const b = randomMatrix(k, n, seed + 1);
          const expected = matrix(m, n);
          for (let i = 0; i < m; i++) {
            for (let j = 0; j < n; j++) {
              let sum = 0;
              for (let p = 0; p < k; p++) sum += a.data[i * k + p]! * b.data[p * n + j]!;
              expected.data[i * n + j] = sum;
            }
          }
          const product = multiply(transA ? transpose(a) : a, transB ? transpose(b) : b, { transA, transB });
          expect(frobenius(subtract(product, expected))).toBeLessThanOrEqual(
            1e-12 * (1 + frobenius(expected)),
          );
          expectMatrix(gram(a), multiply(a, a, { transA: true }), 1e-13);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("refuses inner sizes that differ", () => {
    expect(() => multiply(matrix(2, 3), matrix(2, 3))).toThrow(RangeError);
  });
});

describe("symmetricEigen", () => {
  it("decomposes any symmetric matrix", () => {
    fc.assert(
      fc.property(matrices, (x) => {
        const a = gram(scaled(x));
        const { values, vectors } = symmetricEigen(a);
        expectOrthonormalColumns(vectors);
        const back = multiply(scaleCols(vectors, values), vectors, { transB: true });
        expect(frobenius(subtract(back, a))).toBeLessThanOrEqual(1e-13 * Math.max(a.rows, 1) * frobenius(a));
        for (let i = 1; i < values.length; i++) expect(values[i]!).toBeLessThanOrEqual(values[i - 1]!);
      }),
      { numRuns: 100 },
    );
  });

  it("gets through the noise that matrices of low rank end in", () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = seededRandom(seed);
      const rank = 20 + random.integer(40);
      const scales = Float64Array.from({ length: rank }, () => 10 ** random.uniform(-5, 0));
      const x = scaleCols(randomMatrix(192, rank, seed), scales);
      const a = multiply(x, x, { transB: true });
      const { values, vectors } = symmetricEigen(a);
      expectOrthonormalColumns(vectors);
      const back = multiply(scaleCols(vectors, values), vectors, { transB: true });
      expect(frobenius(subtract(back, a))).toBeLessThanOrEqual(1e-13 * frobenius(a));
    }
  });

  it("agrees with ml-matrix, indefinite matrices included", () => {
    for (const n of [1, 2, 5, 33, 80]) {
      const x = randomMatrix(n, n, n);
      const a = matrix(
        n,
        n,
        x.data.map((value, i) => value + x.data[(i % n) * n + Math.floor(i / n)]!),
      );
      const expected = new EigenvalueDecomposition(toMl(a), { assumeSymmetric: true }).realEigenvalues;
      expected.sort((p, q) => q - p);
      const { values } = symmetricEigen(a);
      for (let i = 0; i < n; i++) expect(values[i]).toBeCloseTo(expected[i]!, 9);
    }
  });

  it("finds the top eigenpairs of a big matrix by iteration", () => {
    const decay = Float64Array.from({ length: 700 }, (_, i) => 1 / (1 + i * i));
    const { q } = qr(randomMatrix(700, 700, 3));
    const a = multiply(scaleCols(q, decay), q, { transB: true });
    const { values, vectors } = topEigen(a, 10);
    for (let i = 0; i < 10; i++) expect(values[i]).toBeCloseTo(decay[i]!, 11);
    expectOrthonormalColumns(vectors);
  });

  it("refuses what is not square, not symmetric or not finite", () => {
    expect(() => symmetricEigen(matrix(2, 3))).toThrow(RangeError);
    expect(() => symmetricEigen(matrix(2, 2, [1, 2, 3, 4]))).toThrow(RangeError);
    expect(() => symmetricEigen(matrix(1, 1, [NaN]))).toThrow(RangeError);
  });
});

describe("svd", () => {
  it("reconstructs, with orthonormal factors whatever rank and scale", () => {
    fc.assert(
      fc.property(matrices, (a) => {
        const result = svd(a);
        const k = Math.min(a.rows, a.cols);
        expect([result.u.cols, result.s.length, result.v.cols]).toEqual([k, k, k]);
        expectOrthonormalColumns(result.u);
        expectOrthonormalColumns(result.v);
        expect(frobenius(subtract(recomposed(result), a))).toBeLessThanOrEqual(
          1e-13 * frobenius(a) * Math.max(k, 1),
        );
        for (let i = 0; i < k; i++) {
          expect(result.s[i]!).toBeGreaterThanOrEqual(0);
          if (i > 0) expect(result.s[i]!).toBeLessThanOrEqual(result.s[i - 1]!);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("agrees with ml-matrix", () => {
    for (const [rows, cols] of [
      [1, 1],
      [9, 4],
      [4, 9],
      [60, 45],
      [45, 60],
    ] as const) {
      const a = randomMatrix(rows, cols, rows * cols);
      const expected = new SingularValueDecomposition(toMl(a), { autoTranspose: true }).diagonal;
      const { s } = svd(a);
      for (let i = 0; i < s.length; i++) expect(s[i]).toBeCloseTo(expected[i]!, 10);
    }
  });

  it("keeps small singular values to rounding of the largest", () => {
    const n = 40;
    const exact = Float64Array.from({ length: n }, (_, i) => 10 ** (-i / 3));
    const a = multiply(scaleCols(qr(randomMatrix(60, n, 1)).q, exact), qr(randomMatrix(n, n, 2)).q, {
      transB: true,
    });
    const { s } = svd(a);
    for (let i = 0; i < n; i++) expect(Math.abs(s[i]! - exact[i]!)).toBeLessThanOrEqual(1e-14);
  });

  it("handles repeated, zero and single entries", () => {
    expect(Array.from(svd(identity(30)).s)).toEqual(new Array(30).fill(1));
    expect(Array.from(svd(matrix(3, 2)).s)).toEqual([0, 0]);
    expectOrthonormalColumns(svd(matrix(30, 28)).u);
    expect(svd(matrix(1, 1, [-3]))).toEqual({
      u: matrix(1, 1, [1]),
      s: Float64Array.of(3),
      v: matrix(1, 1, [-1]),
    });
    expect(svd(matrix(0, 4)).s).toHaveLength(0);
    expect(() => svd(matrix(1, 2, [1, Infinity]))).toThrow(RangeError);
  });

  it("gives the same bytes again", () => {
    const a = randomMatrix(50, 40, 9);
    expect(svd(a)).toEqual(svd(a));
  });
});

describe("truncatedSvd", () => {
  it("is the head of the full one", () => {
    fc.assert(
      fc.property(matrices, fc.nat(40), (a, want) => {
        const k = Math.min(want, a.rows, a.cols);
        const whole = svd(a);
        const head = truncatedSvd(a, k);
        expectOrthonormalColumns(head.u);
        expectOrthonormalColumns(head.v);
        const largest = whole.s[0] ?? 0;
        for (let i = 0; i < k; i++)
          expect(Math.abs(head.s[i]! - whole.s[i]!)).toBeLessThanOrEqual(2e-8 * largest);
        const rest = frobenius(subtract(a, recomposed(head)));
        let best = 0;
        for (let i = k; i < whole.s.length; i++) best += (whole.s[i]! / (largest || 1)) ** 2;
        expect(rest).toBeLessThanOrEqual(Math.sqrt(best) * largest * (1 + 1e-6) + 1e-7 * largest);
      }),
      { numRuns: 100 },
    );
  });

  it("refuses a k that isn't there", () => {
    expect(() => truncatedSvd(matrix(2, 3), 3)).toThrow(RangeError);
    expect(() => truncatedSvd(matrix(2, 3), -1)).toThrow(RangeError);
  });
});

describe("pseudoInverse", () => {
  it("meets Penrose's four conditions", () => {
    fc.assert(
      fc.property(fc.tuple(fc.nat(12), fc.nat(12), fc.nat(12), fc.integer()), ([rows, cols, rank, seed]) => {
        const r = Math.min(rank, rows, cols);
        const a = multiply(randomMatrix(rows, r, seed), randomMatrix(r, cols, seed + 1));
        const p = pseudoInverse(a, 1e-10);
        const size = 1e-9 * (1 + frobenius(a)) * (1 + frobenius(p)) * (1 + frobenius(p));
        const ap = multiply(a, p);
        const pa = multiply(p, a);
        expect(frobenius(subtract(multiply(ap, a), a))).toBeLessThanOrEqual(size * frobenius(a));
        expect(frobenius(subtract(multiply(pa, p), p))).toBeLessThanOrEqual(size * frobenius(p));
        expect(frobenius(subtract(ap, transpose(ap)))).toBeLessThanOrEqual(size);
        expect(frobenius(subtract(pa, transpose(pa)))).toBeLessThanOrEqual(size);
      }),
      { numRuns: 100 },
    );
  });

  it("agrees with ml-matrix", () => {
    const a = randomMatrix(8, 5, 4);
    expectMatrix(pseudoInverse(a), matrix(5, 8, mlPseudoInverse(toMl(a)).to1DArray()), 1e-10);
  });
});

describe("square roots", () => {
  it("square to the matrix and invert each other", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 30 }), fc.integer(), (n, seed) => {
        const a = gram(randomMatrix(2 * n + 1, n, seed));
        const { root, inverse } = squareRoots(a);
        expectMatrix(multiply(root, root), a, 1e-12 * Math.max(n, 1));
        expectMatrix(sqrtSpd(a), root, 1e-12);
        expectMatrix(invSqrtSpd(a), inverse, 1e-13);
        expectMatrix(multiply(root, inverse), identity(n), 1e-10);
        expectMatrix(transpose(root), root, 0);
      }),
      { numRuns: 50 },
    );
  });

  it("raise eigenvalues to the floor where the rank is short", () => {
    const a = gram(matrix(1, 3, [1, 2, 2]));
    const { inverse } = squareRoots(a, 1e-4);
    const { values } = symmetricEigen(inverse);
    expect(Array.from(values)).toEqual([
      expect.closeTo(100 / 3, 8),
      expect.closeTo(100 / 3, 8),
      expect.closeTo(1 / 3, 10),
    ]);
    expect(squareRoots(matrix(2, 2)).inverse).toEqual(matrix(2, 2));
    expect(() => squareRoots(a, 0)).toThrow(RangeError);
  });
});

/** The same matrix at a scale whose squares neither overflow nor vanish. */
function scaled(x: Matrix): Matrix {
  const size = frobenius(x);
  return size > 1e100 || (size < 1e-100 && size > 0)
    ? matrix(
        x.rows,
        x.cols,
        x.data.map((v) => v / size),
      )
    : x;
}
