import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fitForm, FitTarget, formError, lowRankPointwise, WholeCovariance } from "../../src/forms/index.js";
import { inputFactors, outputFactors } from "../../src/forms/starts.js";
import { dot, matrix, multiply, scaleCols, sqrtSpd, svd, type Matrix } from "../../src/linalg/index.js";
import { randomMatrix } from "../linalg/generators.js";

/** Squared singular values of W · C^{1/2} from `rank` on: what no factorisation of that rank keeps. */
function leastLoss(kernel: Matrix, covariance: Matrix, rank: number): number {
  const { s } = svd(multiply(kernel, sqrtSpd(covariance)));
  return s.subarray(rank).reduce((sum, value) => sum + value ** 2, 0);
}

describe("output factors", () => {
  it("of a smaller rank are the first rows of a larger one's", () => {
    const spec = {
      ...{ inChannels: 7, outChannels: 9, kernel: [3, 3], strides: [1, 1], dilations: [1, 1] },
      ...{ pads: [0, 0, 0, 0], group: 1 },
    };
    const kernel = randomMatrix(9, 63, 1);
    const root = randomMatrix(63, 80, 2);
    const covariance = new WholeCovariance(multiply(root, root, { transB: true }));
    const shared = new FitTarget(spec, kernel, covariance);
    const large = outputFactors(shared, 6);
    const buffers = new Set<ArrayBufferLike>();
    for (const rank of [6, 4, 1, 5]) {
      const factors = outputFactors(shared, rank);
      expect(factors).toEqual(outputFactors(new FitTarget(spec, kernel, covariance), rank));
      buffers.add(factors.front.data.buffer);
    }
    expect(buffers.size).toBe(1);
    expect(outputFactors(shared, 8).front.rows).toBe(8);
    expect(outputFactors(shared, 6)).toEqual(large);
  });
});

describe("input factors", () => {
  it("lose as little as any of their rank, whichever side of the unfolding is the smaller", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 0, max: 1000 }),
        (outChannels, inChannels, wanted, seed) => {
          const rank = Math.min(wanted, inChannels);
          const root = randomMatrix(inChannels, 2 * inChannels, seed);
          const covariance = multiply(root, root, { transB: true });
          const kernel = randomMatrix(outChannels, inChannels, seed + 1);
          const spec = {
            ...{ inChannels, outChannels, kernel: [1, 1], strides: [1, 1], dilations: [1, 1] },
            ...{ pads: [0, 0, 0, 0], group: 1 },
          };
          const target = new FitTarget(spec, kernel, new WholeCovariance(covariance));
          const { basis, back } = inputFactors(target, rank);
          expect([basis.rows, basis.cols, back.rows, back.cols]).toEqual([
            ...[rank, inChannels],
            ...[outChannels, rank],
          ]);
          const error = multiply(back, basis).data.map((w, i) => w - kernel.data[i]!);
          const weighted = multiply(matrix(outChannels, inChannels, error), covariance).data;
          const loss = weighted.reduce((sum, value, i) => sum + value * error[i]!, 0);
          const power = leastLoss(kernel, covariance, 0);
          expect(Math.abs(loss - leastLoss(kernel, covariance, rank)) / power).toBeLessThan(1e-9);
        },
      ),
    );
  });

  it("are found in part where few of very many are wanted", async () => {
    const [inChannels, outChannels, rank] = [1100, 1200, 20];
    const spec = { inChannels, outChannels, kernel: [], strides: [], dilations: [], pads: [], group: 1 };
    const decay = (count: number): Float64Array =>
      Float64Array.from({ length: count }, (_, i) => 1 / (1 + i));
    const kernel = multiply(
      scaleCols(randomMatrix(outChannels, 60, 1), decay(60)),
      randomMatrix(60, inChannels, 2),
    );
    const target = new FitTarget(spec, kernel, null);
    const { s } = svd(kernel);
    const lost = Math.sqrt(s.subarray(rank).reduce((sum, value) => sum + value ** 2, 0) / target.power);
    const { form, error } = await fitForm(lowRankPointwise(spec, rank), target, 0);
    expect(error).toBeCloseTo(lost, 6);
    expect(await formError(form, target)).toBeCloseTo(lost, 6);
    const { basis, back } = inputFactors(target, rank);
    const left = multiply(back, basis).data.map((w, i) => w - kernel.data[i]!);
    expect(Math.sqrt(dot(left, left) / target.power)).toBeCloseTo(lost, 6);
    expect(target.output(rank).vectors.cols).toBe(rank);
  }, 30_000);
});
