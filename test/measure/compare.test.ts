import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ModelError, Tensor } from "../../src/ir/index.js";
import {
  accuracy,
  addErrors,
  compareOutput,
  cosineSimilarity,
  hasClassScores,
  maxAbsDifference,
  mcnemar,
  noErrors,
  predictedClasses,
  psnr,
  relativeErrorOf,
  relativeL2,
  softmaxKl,
  top1Agreement,
  topKAgreement,
  wilsonInterval,
} from "../../src/measure/index.js";

const row = (...values: number[]): Tensor =>
  Tensor.of("float64", [1, values.length], Float64Array.from(values));
const rows = (...values: number[][]): Tensor =>
  Tensor.of("float64", [values.length, values[0]!.length], Float64Array.from(values.flat()));

describe("errors", () => {
  it("are what the formulas say", () => {
    const [a, b] = [row(1, 2, 4), row(1, 2, 2)];
    expect(relativeL2(a, b)).toBeCloseTo(2 / 3, 15);
    expect(maxAbsDifference(a, b)).toEqual({ value: 2, index: 2 });
    expect(cosineSimilarity(a, b)).toBeCloseTo(13 / (Math.sqrt(21) * 3), 15);
    expect(psnr(row(0.5, 0.5), row(0.5, 0.6))).toBeCloseTo(10 * Math.log10(1 / 0.005), 9);
    expect(psnr(row(128), row(118), 255)).toBeCloseTo(20 * Math.log10(25.5), 9);
  });

  it("say something definite of zeros, empty tensors and equality", () => {
    expect(relativeL2(row(0, 0), row(0, 0))).toBe(0);
    expect(relativeL2(row(1, 0), row(0, 0))).toBe(Infinity);
    expect(relativeL2(row(), row())).toBe(0);
    expect(maxAbsDifference(row(), row())).toEqual({ value: 0, index: -1 });
    expect(cosineSimilarity(row(0), row(0))).toBe(1);
    expect(cosineSimilarity(row(1), row(0))).toBe(0);
    expect(psnr(row(1), row(1))).toBe(Infinity);
  });

  it.each([
    [NaN, 1],
    [1, NaN],
    [Infinity, 1],
    [1, -Infinity],
    [Infinity, -Infinity],
    [NaN, Infinity],
  ])("are infinite where one side is not a number the other is: %d against %d", (x, y) => {
    expect(relativeL2(row(x, 1), row(y, 1))).toBe(Infinity);
    expect(maxAbsDifference(row(1, x), row(1, y))).toEqual({ value: Infinity, index: 1 });
  });

  it("are none where both sides hold the same NaN or infinity", () => {
    expect(relativeL2(row(NaN, Infinity, -Infinity, 3), row(NaN, Infinity, -Infinity, 3))).toBe(0);
    expect(relativeL2(row(NaN, 3), row(NaN, 4))).toBe(0.25);
  });

  it("read integers of every width, bools and float16", () => {
    expect(relativeL2(Tensor.i64([2], [3n, 4n]), Tensor.i64([2], [3n, 4n]))).toBe(0);
    expect(relativeL2(Tensor.i64([2], [3n, 9n]), Tensor.i64([2], [3n, 4n]))).toBe(1);
    expect(relativeL2(Tensor.floats("float16", [1], [2]), Tensor.f32([1], [1]))).toBe(1);
    expect(() => relativeL2(Tensor.of("string", [1], ["a"]), Tensor.of("string", [1], ["a"]))).toThrow(
      ModelError,
    );
  });

  it("refuse other shapes, of equal size too", () => {
    expect(() => relativeL2(row(1, 2), Tensor.f32([2, 1], [1, 2]))).toThrow(ModelError);
  });

  const values = fc.array(
    fc.tuple(fc.float({ noNaN: true, min: -1e6, max: 1e6 }), fc.float({ noNaN: true, min: -1e6, max: 1e6 })),
    {
      minLength: 1,
      maxLength: 30,
    },
  );

  it("of batches add up to the error of the whole", () => {
    fc.assert(
      fc.property(values, fc.nat(), (pairs, cut) => {
        const at = cut % (pairs.length + 1);
        const tensor = (part: typeof pairs, side: 0 | 1): Tensor => row(...part.map((pair) => pair[side]));
        const whole = addErrors(noErrors, tensor(pairs, 0), tensor(pairs, 1));
        const first = addErrors(noErrors, tensor(pairs.slice(0, at), 0), tensor(pairs.slice(0, at), 1));
        const both = addErrors(first, tensor(pairs.slice(at), 0), tensor(pairs.slice(at), 1));
        expect(both.maxAbs).toEqual(whole.maxAbs);
        const [one, two] = [relativeErrorOf(whole), relativeErrorOf(both)];
        if (Number.isFinite(one)) expect(two).toBeCloseTo(one, 9);
        else expect(two).toBe(one);
      }),
    );
  });

  it("scale with both sides, and the cosine not at all", () => {
    fc.assert(
      fc.property(values, fc.integer({ min: -6, max: 6 }), (pairs, exponent) => {
        // Scaling by a power of two is exact.
        const scale = 2 ** exponent;
        const [a, b] = [row(...pairs.map(([x]) => x)), row(...pairs.map(([, y]) => y))];
        const [sa, sb] = [row(...pairs.map(([x]) => x * scale)), row(...pairs.map(([, y]) => y * scale))];
        const error = relativeL2(a, b);
        if (Number.isFinite(error))
          expect(relativeL2(sa, sb) / (error || 1)).toBeCloseTo(error === 0 ? 0 : 1, 6);
        expect(Math.abs(cosineSimilarity(a, b))).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe("classes", () => {
  it("are the first largest score of each row; a NaN makes none", () => {
    expect([...predictedClasses(rows([1, 3, 3], [5, 1, 2], [0, NaN, 1]))]).toEqual([1, 0, -1]);
  });

  it("agree where they are equal", () => {
    const a = rows([1, 2, 3], [3, 2, 1], [NaN, 0, 0], [NaN, 0, 0]);
    const b = rows([0, 0, 9], [0, 1, 0], [NaN, 1, 1], [1, 0, 0]);
    expect(top1Agreement(a, b)).toEqual({ agreed: 2, total: 4 });
    expect(accuracy(a, [2, 1, 0, -1])).toEqual({ agreed: 2, total: 4 });
  });

  it("of the reference are looked for among the k largest", () => {
    const a = rows([6, 5, 4, 3, 2, 1], [6, 5, 4, 3, 2, 1]);
    const reference = rows([0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1]);
    expect(topKAgreement(a, reference)).toEqual({ agreed: 1, total: 2 });
    expect(topKAgreement(a, reference, 6)).toEqual({ agreed: 2, total: 2 });
    expect(topKAgreement(a, a, 1)).toEqual({ agreed: 2, total: 2 });
  });

  it("exist for N×C and N×C×1×1 only", () => {
    expect(
      [
        [4, 10],
        [4, 10, 1, 1],
        ["N", 2],
      ].map((dims) => hasClassScores(dims)),
    ).toEqual([true, true, true]);
    expect([[4], [4, 1], [4, 10, 2, 2], [4, null]].map((dims) => hasClassScores(dims))).toEqual(
      Array(4).fill(false),
    );
  });
});

describe("the divergence", () => {
  it("is Σ p log(p/q) of the softmax", () => {
    const [p, q] = [
      [0.5, 0.25, 0.25],
      [0.25, 0.5, 0.25],
    ];
    const expected = p.reduce((sum, x, i) => sum + x * Math.log(x / q[i]!), 0);
    expect(softmaxKl(row(...p.map(Math.log)), row(...q.map(Math.log)))).toBeCloseTo(expected, 12);
    expect(softmaxKl(row(...p), row(...q), { probabilities: true })).toBeCloseTo(expected, 12);
    expect(softmaxKl(row(1000, 1001), row(0, 1))).toBeCloseTo(0, 12);
  });

  it("is finite for certain predictions, and infinite for NaN on one side", () => {
    const certain = softmaxKl(row(1, 0), row(0, 1), { probabilities: true });
    expect(certain).toBeCloseTo(126 * Math.LN2, 6);
    expect(softmaxKl(row(1e4, 0), row(0, 1e4))).toBeLessThan(100);
    expect(softmaxKl(row(NaN, 0), row(0, 1))).toBe(Infinity);
    expect(softmaxKl(row(0, 1), row(NaN, 0))).toBe(Infinity);
    expect(softmaxKl(row(NaN, 0), row(NaN, 0))).toBe(0);
  });

  it("is the mean over rows and positions, classes along axis 1", () => {
    const a = Tensor.f32([1, 2, 1, 2], [1, 0, 0, 1]);
    const b = Tensor.f32([1, 2, 1, 2], [0, 0, 0, 1]);
    const one = softmaxKl(row(1, 0), row(0, 0));
    expect(softmaxKl(a, b)).toBeCloseTo(one / 2, 7);
  });

  it("is never negative and 0 for equal rows", () => {
    const scores = fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(scores, scores, (a, b) => {
        expect(softmaxKl(row(...a), row(...b))).toBeGreaterThanOrEqual(0);
        expect(softmaxKl(row(...a), row(...a))).toBeCloseTo(0, 12);
      }),
    );
  });
});

describe("statistics", () => {
  it("Wilson's interval has the published values", () => {
    // Newcombe 1998, table I, method 3.
    expect(wilsonInterval(81, 263).map((x) => Number(x.toFixed(4)))).toEqual([0.2553, 0.3662]);
    expect(wilsonInterval(15, 148).map((x) => Number(x.toFixed(4)))).toEqual([0.0624, 0.1605]);
    expect(wilsonInterval(0, 20).map((x) => Number(x.toFixed(4)))).toEqual([0, 0.1611]);
    expect(wilsonInterval(1, 29).map((x) => Number(x.toFixed(4)))).toEqual([0.0061, 0.1718]);
    expect(wilsonInterval(20, 20)[1]).toBe(1);
    expect(wilsonInterval(0, 0)).toEqual([0, 1]);
  });

  it("McNemar's exact test has hand-computed values", () => {
    // 1 against 5 discordant pairs: 2 · (1 + 6) / 2⁶.
    expect(mcnemar([1, 1, 1, 1, 1, 0, 1], [0, 0, 0, 0, 0, 1, 1])).toEqual({
      onlyFirst: 5,
      onlySecond: 1,
      pValue: expect.closeTo(14 / 64, 12) as number,
    });
    expect(mcnemar([1, 0], [1, 0]).pValue).toBe(1);
    expect(mcnemar([1, 0], [0, 1]).pValue).toBe(1);
    const many = mcnemar(new Uint8Array(4000).fill(1, 0, 2100), new Uint8Array(4000).fill(1, 2100));
    expect(many.pValue).toBeGreaterThan(0.0005);
    expect(many.pValue).toBeLessThan(0.005);
  });
});

describe("compareOutput", () => {
  it("sums batches up", () => {
    const comparison = compareOutput("scores");
    comparison.add(rows([1, 0], [0, 1]), rows([1, 0], [1, 0]));
    comparison.add(rows([2, 1]), rows([2, 1]));
    const summary = comparison.summary();
    expect(summary).toMatchObject({ name: "scores", elements: 6, maxAbs: { value: 1, index: 2 } });
    expect(summary.relativeError).toBeCloseTo(Math.sqrt(2 / 7), 12);
    expect(summary.top1).toMatchObject({ agreed: 2, total: 3, rate: 2 / 3, interval: wilsonInterval(2, 3) });
    expect(summary.klDivergence).toBeGreaterThan(0);
  });

  it("says nothing of classes for images", () => {
    const comparison = compareOutput("image");
    comparison.add(Tensor.zeros("float32", [1, 3, 4, 4]), Tensor.zeros("float32", [1, 3, 4, 4]));
    expect(comparison.summary()).toMatchObject({
      relativeError: 0,
      top1: null,
      top5: null,
      klDivergence: null,
    });
  });
});
