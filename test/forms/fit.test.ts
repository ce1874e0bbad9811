import { describe, expect, it } from "vitest";
import { preset } from "../../passes/index.js";
import { isDecline } from "../../src/engine/index.js";
import {
  depthwiseSeparable,
  fitForm,
  FitTarget,
  formError,
  SampledCovariance,
  WholeCovariance,
  type ConvLayer,
} from "../../src/forms/index.js";
import { matrix, multiply, scale, scaleRows } from "../../src/linalg/index.js";
import { randomMatrix } from "../linalg/generators.js";

function layerOf(kernel: readonly number[]): ConvLayer {
  const axes = kernel.length;
  const spec = {
    ...{ inChannels: 8, outChannels: 8, kernel, strides: kernel.map(() => 1) },
    ...{ dilations: kernel.map(() => 1), pads: new Array<number>(2 * axes).fill(0), group: 1 },
  };
  const weights = 64 * kernel.reduce((product, size) => product * size, 1);
  const shape = kernel.map(() => 8);
  return {
    ...{ name: "layer", op: "Conv", spec, dtype: "float32", inputShape: shape, macs: weights * 36 },
    ...{ weight: randomMatrix(1, weights, 1).data, bias: new Float64Array(8) },
    outputShape: kernel.map((size) => 9 - size),
  };
}

function targetOf({ spec, weight }: ConvLayer, seed: number, residual = 0): FitTarget {
  const width = weight.length / 8;
  const root = scaleRows(
    randomMatrix(width, 2 * width, seed),
    Float64Array.from({ length: width }, (_, i) => 1 / (1 + ((i * seed) % 7))),
  );
  const covariance = new WholeCovariance(multiply(root, root, { transB: true }));
  const kernel = matrix(
    8,
    width,
    weight.map((w, i) => w + 0.3 * Math.cos(i * seed)),
  );
  return new FitTarget(spec, kernel, covariance, residual);
}

const cases = [layerOf([3, 3]), layerOf([1, 1])].flatMap((layer) =>
  preset.families.flatMap((family) => {
    const plans = family.propose(layer);
    if (isDecline(plans) || plans.length === 0) return [];
    const plan = plans[Math.floor(plans.length / 2)]!;
    return [[`${family.name}, ${layer.spec.kernel.join("×")}`, layer, plan] as const];
  }),
);

describe("a fit", () => {
  it.each(cases)("to another target loses nothing to a fresh one: %s", async (_, layer, plan) => {
    const [before, after] = [targetOf(layer, 3), targetOf(layer, 17)];
    const old = await fitForm(plan, before, 60);
    const stale = await formError(old.form, after);
    const refitted = await fitForm(plan, after, 60, { form: old.form, sameTarget: false });
    const fresh = await fitForm(plan, after, 60);
    expect(refitted.error).toBeLessThan(Math.min(stale, 1.1 * fresh.error));
  });

  it.each(cases)("says the error that its form has: %s", async (_, layer, plan) => {
    const target = targetOf(layer, 5, 40);
    for (const steps of [0, 6]) {
      const { form, error } = await fitForm(plan, target, steps);
      expect(error).toBeCloseTo(await formError(form, target), 8);
    }
  });

  it("solves mixers of a thousand channels too, and says their error", async () => {
    const [inChannels, outChannels] = [350, 4];
    const spec = {
      ...{ inChannels, outChannels, kernel: [3, 3], strides: [1, 1], dilations: [1, 1] },
      ...{ pads: [1, 1, 1, 1], group: 1 },
    };
    const width = 9 * inChannels;
    const patches = multiply(randomMatrix(40, 30, 1), randomMatrix(30, width, 2));
    const covariance = new SampledCovariance(scale(patches, 1 / Math.sqrt(40)));
    const target = new FitTarget(spec, randomMatrix(outChannels, width, 3), covariance);
    const { form, error } = await fitForm(depthwiseSeparable(spec, 3), target, 0);
    const start = await formError(depthwiseSeparable(spec, 3).start(target), target);
    expect(error).toBeCloseTo(await formError(form, target), 5);
    expect(error).toBeLessThan(start);
  });
});
