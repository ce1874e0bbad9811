import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  cholesky,
  gram,
  invSqrtSpd,
  leastSquares,
  matrix,
  pseudoInverse,
  ridgeLeastSquares,
  solveSpd,
  sqrtSpd,
  svd,
  symmetricEigen,
} from "../../src/linalg/index.js";
import { expectMatrix } from "./generators.js";

interface Stored {
  readonly rows: number;
  readonly cols: number;
  readonly data: readonly number[];
}

interface Expectations {
  readonly cases: readonly {
    readonly name: string;
    readonly matrix: Stored;
    readonly singularValues: readonly number[];
    readonly pseudoInverse: Stored;
    readonly gramEigenvalues: readonly number[];
  }[];
  readonly spd: Readonly<
    Record<"matrix" | "b" | "cholesky" | "solution" | "ridgeSolution" | "root" | "inverseRoot", Stored>
  >;
  readonly leastSquares: {
    readonly a: Stored;
    readonly b: Stored;
    readonly weights: readonly number[];
    readonly solution: Stored;
    readonly weightedRidge: Stored;
  };
}

const numpy = JSON.parse(
  readFileSync(new URL("./numpy-expectations.json", import.meta.url), "utf8"),
) as Expectations;
const read = ({ rows, cols, data }: Stored) => matrix(rows, cols, data);

describe("numpy's answers", () => {
  for (const { name, ...expected } of numpy.cases) {
    it(name, () => {
      const a = read(expected.matrix);
      const { s } = svd(a);
      const largest = Math.max(...expected.singularValues, 0);
      expected.singularValues.forEach((value, i) =>
        expect(Math.abs(s[i]! - value)).toBeLessThanOrEqual(1e-13 * largest),
      );
      symmetricEigen(gram(a)).values.forEach((value, i) =>
        expect(Math.abs(value - expected.gramEigenvalues[i]!)).toBeLessThanOrEqual(1e-13 * largest * largest),
      );
      const inverse = pseudoInverse(a, 1e-10);
      if (name === "zero") expect(inverse).toEqual(matrix(2, 3));
      else expectMatrix(inverse, read(expected.pseudoInverse), 1e-8);
    });
  }

  it("of a positive definite matrix", () => {
    const { spd } = numpy;
    const a = read(spd.matrix);
    const b = read(spd.b);
    expectMatrix(cholesky(a), read(spd.cholesky), 1e-13);
    expectMatrix(solveSpd(a, b), read(spd.solution), 1e-12);
    expectMatrix(solveSpd(a, b, 0.5), read(spd.ridgeSolution), 1e-12);
    expectMatrix(sqrtSpd(a), read(spd.root), 1e-13);
    expectMatrix(invSqrtSpd(a), read(spd.inverseRoot), 1e-12);
  });

  it("of least squares", () => {
    const { a, b, weights, solution, weightedRidge } = numpy.leastSquares;
    expectMatrix(leastSquares(read(a), read(b)), read(solution), 1e-12);
    expectMatrix(ridgeLeastSquares(read(a), read(b), { weights, ridge: 0.01 }), read(weightedRidge), 1e-12);
  });
});
