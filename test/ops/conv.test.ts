import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attr, ModelError, Tensor, type Dim } from "../../src/ir/index.js";
import { resolveConv } from "../../src/ops/conv-geometry.js";
import { fact } from "../../src/ops/index.js";
import { expectClose, geometries, naiveConv, nodeOf, operandsOf, type Geometry } from "./conv-cases.js";
import { evaluateOne, inferOne, macsOfOne, noise, runInOrt, type OneNode } from "./one-node.js";

describe("Conv", () => {
  it("agrees with its definition on any geometry", () => {
    fc.assert(
      fc.property(geometries, (g) => {
        const inputs = operandsOf(g);
        expectClose(evaluateOne(nodeOf(g, "Conv", inputs))[0]!, naiveConv(g, ...inputs));
      }),
      { numRuns: 300 },
    );
  });

  it("agrees with its definition where blocks and bands end", () => {
    const blocks: Geometry = {
      batch: 1, group: 1, inPerGroup: 29, outPerGroup: 97, spatial: [16, 17], kernel: [3, 3], strides: [1, 1],
      dilations: [1, 1], pads: [1, 1, 1, 1], bias: true,
    }; // prettier-ignore
    const bands: Geometry = {
      ...blocks, inPerGroup: 2, outPerGroup: 3, spatial: [700, 800], kernel: [2, 1], strides: [3, 2], pads: [1, 0, 2, 1],
    }; // prettier-ignore
    const row: Geometry = {
      ...blocks, inPerGroup: 12, outPerGroup: 3, spatial: [90_001], kernel: [2], strides: [1], dilations: [2], pads: [1, 4],
    }; // prettier-ignore
    for (const g of [blocks, bands, { ...bands, outPerGroup: 1 }, { ...bands, pads: [0, 0, 0, 0] }, row]) {
      const inputs = operandsOf(g);
      expectClose(evaluateOne(nodeOf(g, "Conv", inputs))[0]!, naiveConv(g, ...inputs), 1e-10);
    }
  });

  it("gives integers by hand", () => {
    const x = Tensor.f32([1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const w = Tensor.f32([1, 1, 2, 2], [1, 10, 100, 1000]);
    const b = Tensor.f32([1], [0.5]);
    const y = evaluateOne({ op: "Conv", inputs: [x, w, b] })[0]!;
    expect([...y.numbers]).toEqual([5421.5, 6532.5, 8754.5, 9865.5]);
    const padded = evaluateOne({
      op: "Conv",
      inputs: [x, w],
      attributes: { pads: [1, 0, 0, 1], strides: [2, 1] },
    })[0]!;
    expect(padded.dims).toEqual([1, 1, 1 + 1, 3]);
    expect([...padded.numbers]).toEqual([2100, 3200, 300, 8754, 9865, 906 + 60 - 60]);
  });

  it("takes huge pads without huge scratch", () => {
    const far = 50_000_000;
    const x = Tensor.f32([1, 1, 1, 2], [3, 4]);
    const w = Tensor.f32([1, 1, 1, 2], [1, 10]);
    const attributes = { pads: [0, far, 0, far], strides: [1, far], dilations: [1, 1] };
    const y = evaluateOne({ op: "Conv", inputs: [x, w], attributes })[0]!;
    expect([...y.numbers]).toEqual([0, 43, 0].slice(0, y.size));
  });

  it.each([
    ["SAME_UPPER", [5, 6], [3, 2], [2, 3]],
    ["SAME_LOWER", [5, 6], [3, 2], [2, 3]],
    ["SAME_LOWER", [7, 4], [4, 4], [1, 1]],
    ["SAME_UPPER", [5, 5], [1, 1], [3, 3]],
    ["VALID", [5, 6], [3, 2], [2, 3]],
  ] as const)(
    "%s agrees with ONNX Runtime on %j, kernel %j, strides %j",
    async (auto_pad, spatial, kernel, strides) => {
      const inputs = [noise([2, 3, ...spatial], 4), noise([4, 3, ...kernel], 5)];
      const one: OneNode = { op: "Conv", inputs, attributes: { auto_pad, strides } };
      expectClose(evaluateOne(one)[0]!, (await runInOrt(one))[0]!, 1e-5);
    },
  );

  it("agrees with ONNX Runtime over groups, strides and pads", async () => {
    for (const g of fc.sample(geometries, { seed: 7, numRuns: 25 })) {
      const one = nodeOf(g, "Conv", operandsOf(g));
      expectClose(evaluateOne(one)[0]!, (await runInOrt(one))[0]!, 2e-5);
    }
  });

  it("keeps symbolic dimensions where it keeps their size", () => {
    const x = fact("float32", ["N", 3, "H", null]);
    const w = fact("float32", [8, 3, 3, 3]);
    const shape = (attributes: OneNode["attributes"]): readonly Dim[] | null =>
      inferOne({ op: "Conv", inputs: [], ...(attributes ? { attributes } : {}) }, [x, w])[0]!.shape;
    expect(shape({ pads: [1, 1, 1, 1] })).toEqual(["N", 8, "H", null]);
    expect(shape({ auto_pad: "SAME_LOWER" })).toEqual(["N", 8, "H", null]);
    expect(shape({})).toEqual(["N", 8, null, null]);
    expect(shape({ pads: [1, 1, 1, 1], strides: [2, 1] })).toEqual(["N", 8, null, null]);
  });

  it("infers the shape that it evaluates to", () => {
    fc.assert(
      fc.property(geometries, (g) => {
        const inputs = operandsOf(g);
        const one = nodeOf(g, "Conv", inputs);
        const facts = inputs.map((tensor) => tensor && fact(tensor.dtype, tensor.dims));
        expect(inferOne(one, facts)[0]!.shape).toEqual(evaluateOne(one)[0]!.dims);
      }),
      { numRuns: 60 },
    );
  });

  it("counts multiply–accumulates", () => {
    const facts = (n: Dim): ReturnType<typeof fact>[] => [
      fact("float32", [n, 4, 8, 8]),
      fact("float32", [6, 2, 3, 3]),
    ];
    const one: OneNode = {
      op: "Conv",
      inputs: [],
      attributes: { group: 2, pads: [1, 1, 1, 1], strides: [2, 2] },
    };
    expect(macsOfOne(one, facts("N"))).toBe(6 * 4 * 4 * 2 * 9);
    expect(macsOfOne(one, facts(5))).toBe(5 * 6 * 4 * 4 * 2 * 9);
    expect(macsOfOne(one, [fact("float32", ["N", 4, "H", 8]), facts(1)[1]!])).toBeNull();
  });

  const bad: readonly [string, readonly number[], readonly number[], OneNode["attributes"], RegExp][] = [
    [
      "channels",
      [1, 6, 5, 5],
      [4, 4, 3, 3],
      { group: 2 },
      /input channels 6 must match weight channels 4 × group 2/,
    ],
    ["group 0", [1, 4, 5, 5], [4, 4, 3, 3], { group: 0 }, /group 0/],
    ["negative group", [1, 4, 5, 5], [4, 4, 3, 3], { group: -4 }, /group -4/],
    [
      "output channels",
      [1, 4, 5, 5],
      [3, 2, 3, 3],
      { group: 2 },
      /output channels 3 must be a multiple of group 2/,
    ],
    ["kernel too large", [1, 4, 2, 5], [4, 4, 3, 3], {}, /kernel spans 3 along spatial axis 0.* only 2/],
    ["zero stride", [1, 4, 5, 5], [4, 4, 3, 3], { strides: [0, 1] }, /strides \[0, 1\]/],
    ["zero dilation", [1, 4, 5, 5], [4, 4, 3, 3], { dilations: [1, 0] }, /dilations/],
    ["negative pad", [1, 4, 5, 5], [4, 4, 3, 3], { pads: [-1, 0, 0, 0] }, /pads/],
    ["short pads", [1, 4, 5, 5], [4, 4, 3, 3], { pads: [1, 1] }, /pads \[1, 1\] has 2 entries, 4 are needed/],
    ["kernel_shape", [1, 4, 5, 5], [4, 4, 3, 3], { kernel_shape: [3, 2] }, /kernel_shape \[3, 2\]/],
    ["rank", [1, 4, 5], [4, 4, 3, 3], {}, /rank/],
    ["auto_pad", [1, 4, 5, 5], [4, 4, 3, 3], { auto_pad: "SAME" }, /auto_pad "SAME"/],
    ["empty kernel", [1, 4, 5, 5], [4, 4, 0, 3], {}, /empty kernel/],
    ["giant output", [1, 4, 5, 5], [4, 4, 1, 1], { pads: [2 ** 40, 0, 0, 0] }, /elements, the limit/],
    ["huge attributes", [1, 4, 5, 5], [4, 4, 3, 3], { dilations: [2 ** 52, 1] }, /kernel spans/],
  ];
  it.each(bad)("refuses %s with both sides named", (_, x, w, attributes, message) => {
    const one: OneNode = {
      op: "Conv",
      inputs: [Tensor.zeros("float32", x), Tensor.zeros("float32", w)],
      ...(attributes ? { attributes } : {}),
    };
    expect(() => evaluateOne(one)).toThrow(message);
    expect(() => evaluateOne(one)).toThrow(ModelError);
    expect(() => inferOne(one, [fact("float32", x), fact("float32", w)])).toThrow(message);
    expect(() => resolveConv(attributes as Parameters<typeof resolveConv>[0], x, w)).toThrow(message);
  });

  it("refuses a bias of another length and a weight of another type", () => {
    const [x, w] = [noise([1, 2, 4, 4]), noise([3, 2, 1, 1])];
    expect(() => evaluateOne({ op: "Conv", inputs: [x, w, noise([2])] })).toThrow(
      /bias \[2\].* 3 output channels/,
    );
    const wide = Tensor.zeros("float64", [3, 2, 1, 1]);
    expect(() => evaluateOne({ op: "Conv", inputs: [x, wide] })).toThrow(/float32 and float64/);
  });

  it("takes an empty batch", () => {
    const y = evaluateOne({
      op: "Conv",
      inputs: [Tensor.zeros("float32", [0, 2, 4, 4]), noise([3, 2, 3, 3])],
    })[0]!;
    expect(y.dims).toEqual([0, 3, 2, 2]);
  });
});

describe("attributes of old files", () => {
  it("an empty list means the default", () => {
    const inputs = [noise([1, 2, 4, 4]), noise([3, 2, 3, 3])];
    const plain = evaluateOne({ op: "Conv", inputs })[0]!;
    const empty = evaluateOne({
      op: "Conv",
      inputs,
      attributes: { pads: attr.ints([]), strides: attr.ints([]) },
    })[0]!;
    expect([...empty.numbers]).toEqual([...plain.numbers]);
  });
});
