import { describe, expect, it } from "vitest";
import { attr, Tensor } from "../../src/ir/index.js";
import { fact } from "../../src/ops/index.js";
import { evaluateOne, inferOne, noise, runInOrt, type OneNode } from "./one-node.js";

function positive(dims: readonly number[], seed: number): Tensor {
  return Tensor.f32(
    dims,
    Array.from(noise(dims, seed).numbers, (value) => value * value + 0.1),
  );
}

async function expectOrt(one: OneNode, tolerance = 2e-5): Promise<void> {
  const [got, want] = [evaluateOne(one), await runInOrt(one)];
  want.forEach(({ dims, data }, output) => {
    expect(got[output]!.dims).toEqual(dims);
    data.forEach((value, i) =>
      expect(Math.abs(got[output]!.numbers[i]! - value)).toBeLessThanOrEqual(tolerance),
    );
  });
}

const shapes = [
  [2, 3],
  [2, 3, 5],
  [2, 3, 4, 5],
  [1, 3, 2, 3, 2],
];

describe("BatchNormalization", () => {
  const parameters = [noise([3], 2), noise([3], 3), noise([3], 4), positive([3], 5)];

  it.each(shapes)("agrees with ONNX Runtime on %j, %j …", async (...dims) => {
    for (const opset of [7, 9, 14, 15]) {
      const attributes = { epsilon: attr.float(0.01), ...(opset === 7 ? { spatial: 1 } : {}) };
      await expectOrt({
        op: "BatchNormalization",
        inputs: [noise(dims, 1), ...parameters],
        attributes,
        opset,
      });
    }
  });

  it("normalizes by the batch in training mode and returns running statistics", () => {
    const x = Tensor.f32([2, 1, 2], [1, 2, 3, 6]);
    const one = (value: number): Tensor => Tensor.f32([1], [value]);
    const inputs = [x, one(2), one(1), one(10), one(100)];
    const attributes = { training_mode: 1, momentum: attr.float(0.75), epsilon: attr.float(0) };
    const [y, mean, variance] = evaluateOne({
      op: "BatchNormalization",
      inputs,
      attributes,
      opset: 15,
      outputs: 3,
    }) as [Tensor, Tensor, Tensor];
    // Mean 3, population variance (4 + 1 + 0 + 9) / 4.
    expect(mean.numbers[0]).toBeCloseTo(0.75 * 10 + 0.25 * 3, 12);
    expect(variance.numbers[0]).toBeCloseTo(0.75 * 100 + 0.25 * 3.5, 12);
    [1, 2, 3, 6].forEach((value, i) =>
      expect(y.numbers[i]).toBeCloseTo(((value - 3) / Math.sqrt(3.5)) * 2 + 1, 12),
    );
  });

  it("tells training from inference by the outputs before opset 14", () => {
    const inputs = [noise([4, 3, 5], 1), ...parameters];
    const [plain] = evaluateOne({ op: "BatchNormalization", inputs, opset: 9 });
    const trained = evaluateOne({ op: "BatchNormalization", inputs, opset: 9, outputs: 5 });
    const tested = evaluateOne({ op: "BatchNormalization", inputs, opset: 6, attributes: { is_test: 1 } });
    expect(trained).toHaveLength(5);
    expect(Array.from(tested[0]!.numbers)).toEqual(Array.from(plain!.numbers));
    expect(Array.from(trained[0]!.numbers)).not.toEqual(Array.from(plain!.numbers));
    const channel = [0, 1, 2, 3].flatMap((n) => Array.from(trained[0]!.numbers.slice(n * 15, n * 15 + 5)));
    expect(channel.reduce((sum, value) => sum + value, 0) / 20).toBeCloseTo(parameters[1]!.numbers[0]!, 9);
  });

  it("has a statistic for every activation under spatial = 0", () => {
    const x = noise([2, 2, 3], 1);
    const inputs = [x, noise([2, 3], 2), noise([2, 3], 3), noise([2, 3], 4), positive([2, 3], 5)];
    const [y] = evaluateOne({ op: "BatchNormalization", inputs, attributes: { spatial: 0 }, opset: 7 });
    x.numbers.forEach((value, i) => {
      const [scale, shift, mean, variance] = inputs.slice(1).map((tensor) => tensor.numbers[i % 6]!) as [
        number,
        number,
        number,
        number,
      ];
      expect(y!.numbers[i]).toBeCloseTo(((value - mean) / Math.sqrt(variance + 1e-5)) * scale + shift, 9);
    });
  });

  it("refuses parameters that don't match the channels", () => {
    const inputs = [noise([2, 4, 3]), ...parameters];
    expect(() => evaluateOne({ op: "BatchNormalization", inputs })).toThrow(
      /scale \[3\] must match the channels \[4\]/,
    );
    const facts = inputs.map((tensor) => fact("float32", tensor.dims));
    expect(() => inferOne({ op: "BatchNormalization", inputs: [] }, facts)).toThrow(/scale \[3\]/);
  });
});

describe("InstanceNormalization, LayerNormalization, GroupNormalization", () => {
  it.each(shapes.slice(1))("InstanceNormalization agrees with ONNX Runtime on %j, %j …", async (...dims) => {
    await expectOrt(
      { op: "InstanceNormalization", inputs: [noise(dims, 1), noise([3], 2), noise([3], 3)], opset: 13 },
      5e-5,
    );
  });

  it.each([-1, -2, 1, 2, 3])("LayerNormalization over axis %i agrees with ONNX Runtime", async (axis) => {
    const dims = [2, 3, 4, 5];
    const tail = dims.slice(axis);
    const inputs = [noise(dims, 1), noise(tail, 2), noise(tail, 3)];
    await expectOrt({ op: "LayerNormalization", inputs, attributes: { axis }, opset: 17, outputs: 3 });
    await expectOrt({
      op: "LayerNormalization",
      inputs: inputs.slice(0, 2),
      attributes: { axis },
      opset: 17,
    });
  });

  it("LayerNormalization broadcasts its scale", () => {
    const x = noise([2, 3, 4], 1);
    const whole = (scale: Tensor): Tensor =>
      evaluateOne({ op: "LayerNormalization", inputs: [x, scale], attributes: { axis: 1 }, opset: 17 })[0]!;
    const row = noise([1, 4], 2);
    const repeated = Tensor.f32(
      [3, 4],
      [0, 1, 2].flatMap(() => Array.from(row.numbers)),
    );
    expect(Array.from(whole(row).numbers)).toEqual(Array.from(whole(repeated).numbers));
    expect(() => whole(noise([5, 3, 4]))).toThrow(/scale \[5, 3, 4\] does not broadcast|do not broadcast/);
  });

  it("GroupNormalization has parameters by group in opset 18, by channel from 21 on", async () => {
    const x = noise([2, 6, 3, 2], 1);
    const attributes = { num_groups: 3 };
    const byChannel: OneNode = {
      op: "GroupNormalization",
      inputs: [x, noise([6], 2), noise([6], 3)],
      attributes,
      opset: 21,
    };
    await expectOrt(byChannel, 5e-5);
    const [scale, bias] = [noise([3], 2), noise([3], 3)];
    const twice = (tensor: Tensor): Tensor =>
      Tensor.f32(
        [6],
        Array.from(tensor.numbers).flatMap((value) => [value, value]),
      );
    const old = evaluateOne({
      op: "GroupNormalization",
      inputs: [x, scale, bias],
      attributes,
      opset: 18,
    })[0]!;
    const now = evaluateOne({ ...byChannel, inputs: [x, twice(scale), twice(bias)] })[0]!;
    expect(Array.from(old.numbers)).toEqual(Array.from(now.numbers));
    expect(() => evaluateOne({ ...byChannel, opset: 18 })).toThrow(
      /scale \[6\] must have one entry for each of 3 groups/,
    );
    expect(() => evaluateOne({ ...byChannel, attributes: { num_groups: 4 } })).toThrow(
      /channels 6 must be a multiple of num_groups 4/,
    );
    expect(() => evaluateOne({ ...byChannel, attributes: { num_groups: 0 } })).toThrow(/num_groups 0/);
  });
});

describe("LRN, LpNormalization, MeanVarianceNormalization, RMSNormalization", () => {
  it.each([1, 2, 3, 4, 5, 9])("LRN over %i channels agrees with ONNX Runtime", async (size) => {
    const attributes = { size, alpha: attr.float(0.5), beta: attr.float(0.7), bias: attr.float(1.5) };
    const one: OneNode = { op: "LRN", inputs: [noise([2, 5, 3, 4], 1)], attributes, opset: 13 };
    // ONNX Runtime knows odd sizes only.
    if (size % 2 === 1) await expectOrt(one);
    else expect(evaluateOne(one)[0]!.dims).toEqual([2, 5, 3, 4]);
  });

  it("LRN of an even size reaches one channel further up than down", () => {
    const attributes = { size: 2, alpha: attr.float(2), beta: attr.float(1), bias: attr.float(1) };
    const [y] = evaluateOne({ op: "LRN", inputs: [Tensor.f32([1, 3, 1], [1, 2, 3])], attributes });
    expect(Array.from(y!.numbers)).toEqual([1 / 6, 2 / 14, 3 / 10]);
  });

  it.each([
    [1, 0],
    [2, -1],
    [2, 1],
  ])("LpNormalization with p %i over axis %i agrees with ONNX Runtime", async (p, axis) => {
    await expectOrt({
      op: "LpNormalization",
      inputs: [noise([3, 4, 2], 1)],
      attributes: { p, axis },
      opset: 13,
    });
  });

  it("MeanVarianceNormalization agrees with ONNX Runtime", async () => {
    await expectOrt({ op: "MeanVarianceNormalization", inputs: [noise([2, 3, 4, 5], 1)], opset: 13 });
    await expectOrt({
      op: "MeanVarianceNormalization",
      inputs: [noise([2, 3, 4, 5], 1)],
      attributes: { axes: [2, 3] },
      opset: 13,
    });
  });

  it("RMSNormalization divides by the root mean square", () => {
    const inputs = [Tensor.f32([2, 2], [3, 4, 6, 8]), Tensor.f32([2], [1, 10])];
    const [y] = evaluateOne({
      op: "RMSNormalization",
      inputs,
      attributes: { epsilon: attr.float(0) },
      opset: 23,
    });
    const root = Math.sqrt(12.5);
    [3 / root, 40 / root, 3 / root, 40 / root].forEach((value, i) =>
      expect(y!.numbers[i]).toBeCloseTo(value, 12),
    );
  });
});
