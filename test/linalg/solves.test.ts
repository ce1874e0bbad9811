import fc from "fast-check";
import { CholeskyDecomposition, Matrix as MlMatrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import {
  add,
  cholesky,
  choleskySolve,
  frobenius,
  gram,
  identity,
  leastSquares,
  matrix,
  multiply,
  qr,
  ridgeLeastSquares,
  scale,
  solveSpd,
  subtract,
  svd,
  transpose,
} from "../../src/linalg/index.js";
import { expectMatrix, expectOrthonormalColumns, matrices, randomMatrix } from "./generators.js";

describe("cholesky", () => {
  it("factors and solves at every size around the panel's", () => {
    for (const n of [0, 1, 2, 3, 47, 48, 49, 95, 97, 150]) {
      const a = add(gram(randomMatrix(n + 5, n, n)), scale(identity(n), 0.5));
      const l = cholesky(a);
      for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) expect(l.data[i * n + j]).toBe(0);
      expectMatrix(multiply(l, l, { transB: true }), a, 1e-13);
      const b = randomMatrix(n, 3, n + 1);
      expectMatrix(multiply(a, choleskySolve(l, b)), b, 1e-9);
    }
  });

  it("agrees with ml-matrix", () => {
    const a = gram(randomMatrix(40, 20, 1));
    const expected = new CholeskyDecomposition(MlMatrix.from1DArray(20, 20, Array.from(a.data)))
      .lowerTriangularMatrix;
    expectMatrix(cholesky(a), matrix(20, 20, expected.to1DArray()));
  });

  it("refuses matrices that are not positive definite", () => {
    expect(() => cholesky(matrix(2, 2, [1, 2, 2, 1]))).toThrow(RangeError);
    expect(() => cholesky(matrix(2, 2, [1, 1, 1, 1]))).toThrow(RangeError);
    expect(() => cholesky(matrix(1, 1, [0]))).toThrow(RangeError);
    expect(() => cholesky(matrix(1, 1, [NaN]))).toThrow(RangeError);
    expect(() => cholesky(matrix(2, 3))).toThrow(RangeError);
    expect(() => choleskySolve(identity(2), matrix(3, 1))).toThrow(RangeError);
  });
});

describe("solveSpd", () => {
  it("grows the ridge on singular matrices until it solves", () => {
    fc.assert(
      fc.property(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.nat(60), fc.integer()), ([n, rank, seed]) => {
        const x = randomMatrix(Math.min(rank, n), n, seed);
        const a = gram(x);
        const b = multiply(a, randomMatrix(n, 2, seed + 1));
        const solution = solveSpd(a, b);
        expect(solution.data.every(Number.isFinite)).toBe(true);
        expect(frobenius(subtract(multiply(a, solution), b))).toBeLessThanOrEqual(1e-6 * frobenius(b));
      }),
      { numRuns: 60 },
    );
  });

  it("adds the ridge that it is given", () => {
    const a = gram(randomMatrix(9, 4, 1));
    const b = randomMatrix(4, 2, 2);
    let trace = 0;
    for (let i = 0; i < 4; i++) trace += a.data[i * 5]!;
    const exact = choleskySolve(cholesky(add(a, scale(identity(4), (0.25 * trace) / 4))), b);
    expectMatrix(solveSpd(a, b, 0.25), exact, 1e-13);
  });

  it("solves the zero matrix with zeros and refuses the rest", () => {
    expect(solveSpd(matrix(2, 2), matrix(2, 1, [1, 2]))).toEqual(matrix(2, 1));
    expect(solveSpd(matrix(0, 0), matrix(0, 3))).toEqual(matrix(0, 3));
    expect(() => solveSpd(matrix(2, 2, [-1, 0, 0, -1]), matrix(2, 1))).toThrow(RangeError);
    expect(() => solveSpd(matrix(2, 2, [1, 0, 0, -1]), matrix(2, 1))).toThrow(RangeError);
    expect(() => solveSpd(identity(2), matrix(3, 1))).toThrow(RangeError);
    expect(() => solveSpd(identity(2), matrix(2, 1), -1)).toThrow(RangeError);
    expect(() => solveSpd(identity(1), matrix(1, 1, [NaN]))).toThrow(RangeError);
  });
});

describe("qr", () => {
  it("factors any shape, rank and scale", () => {
    fc.assert(
      fc.property(matrices, (a) => {
        const { q, r } = qr(a);
        expectOrthonormalColumns(q);
        expect(frobenius(subtract(multiply(q, r), a))).toBeLessThanOrEqual(
          1e-13 * Math.max(1, a.cols) * frobenius(a),
        );
        for (let i = 0; i < r.rows; i++) {
          expect(r.data[i * r.cols + i]!).toBeGreaterThanOrEqual(0);
          for (let j = 0; j < i; j++) expect(r.data[i * r.cols + j]).toBe(0);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe("least squares", () => {
  it("leaves a residual orthogonal to the columns, with the least norm", () => {
    fc.assert(
      fc.property(
        fc.tuple(fc.integer({ min: 1, max: 15 }), fc.integer({ min: 1, max: 15 }), fc.nat(15), fc.integer()),
        ([rows, cols, rank, seed]) => {
          const r = Math.min(rank, rows, cols);
          const a = multiply(randomMatrix(rows, r, seed), randomMatrix(r, cols, seed + 1));
          const { s } = svd(a);
          fc.pre(r === 0 || s[r - 1]! > 1e-4 * s[0]!);
          const b = randomMatrix(rows, 2, seed + 2);
          const x = leastSquares(a, b);
          const residual = subtract(multiply(a, x), b);
          const size = 1 + frobenius(a);
          expect(frobenius(multiply(a, residual, { transA: true }))).toBeLessThanOrEqual(1e-8 * size);
          // The least-norm solution lies in the row space.
          const rows_ = svd(a).v;
          const inside = multiply(rows_, scaleRowsTo(multiply(rows_, x, { transA: true }), r));
          expect(frobenius(subtract(inside, x))).toBeLessThanOrEqual(1e-7 * (1 + frobenius(x)));
        },
      ),
      { numRuns: 150 },
    );
  });

  it("with weights counts a row as often as it weighs", () => {
    const a = randomMatrix(6, 3, 1);
    const b = randomMatrix(6, 2, 2);
    const weights = [1, 2, 0, 3, 1, 1];
    const repeat = (m: typeof a) =>
      matrix(
        8,
        m.cols,
        weights
          .flatMap((w, i) => new Array(w).fill(Array.from(m.data.subarray(i * m.cols, (i + 1) * m.cols))))
          .flat(),
      );
    expectMatrix(ridgeLeastSquares(a, b, { weights }), leastSquares(repeat(a), repeat(b)), 1e-10);
    expect(() => ridgeLeastSquares(a, b, { weights: [-1, 1, 1, 1, 1, 1] })).toThrow(RangeError);
    expect(() => leastSquares(a, transpose(b))).toThrow(RangeError);
  });
});

function scaleRowsTo(x: ReturnType<typeof matrix>, kept: number) {
  return matrix(
    x.rows,
    x.cols,
    x.data.map((value, at) => (Math.floor(at / x.cols) < kept ? value : 0)),
  );
}
