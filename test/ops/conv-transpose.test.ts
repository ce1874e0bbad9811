import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ModelError, Tensor } from "../../src/ir/index.js";
import { fact } from "../../src/ops/index.js";
import { expectClose, geometries, naiveTransposed, nodeOf, operandsOf, type Geometry } from "./conv-cases.js";
import { evaluateOne, inferOne, macsOfOne, noise, runInOrt, type OneNode } from "./one-node.js";

describe("ConvTranspose", () => {
  const extras = fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 3, maxLength: 3 });
  const leavesOutput = (g: Geometry, extra: readonly number[]): boolean =>
    g.spatial.every(
      (n, a) =>
        (n - 1) * g.strides[a]! + (g.kernel[a]! - 1) * g.dilations[a]! + 1 + extra[a]! >
        g.pads[a]! + g.pads[g.kernel.length + a]!,
    );

  it("agrees with its definition on any geometry", () => {
    fc.assert(
      fc.property(geometries, extras, (g, extra) => {
        fc.pre(leavesOutput(g, extra));
        const inputs = operandsOf(g, true);
        const one = nodeOf(g, "ConvTranspose", inputs, { output_padding: extra.slice(0, g.kernel.length) });
        const y = evaluateOne(one)[0]!;
        expectClose(y, naiveTransposed(g, extra, ...inputs));
        const facts = inputs.map((tensor) => tensor && fact(tensor.dtype, tensor.dims));
        expect(inferOne(one, facts)[0]!.shape).toEqual(y.dims);
      }),
      { numRuns: 200 },
    );
  });

  it("is the adjoint of Conv", () => {
    fc.assert(
      fc.property(geometries, (g) => {
        const [x, w] = operandsOf({ ...g, bias: false });
        const y = evaluateOne(nodeOf(g, "Conv", [x, w]))[0]!;
        const other = noise(y.dims, 9);
        const sizes = { output_shape: g.spatial, pads: g.pads };
        const rest = y.dims.slice(2).map((n, a) => {
          const full = (n - 1) * g.strides[a]! + (g.kernel[a]! - 1) * g.dilations[a]! + 1;
          return g.spatial[a]! + g.pads[a]! + g.pads[g.kernel.length + a]! - full;
        });
        const back = evaluateOne(
          nodeOf(g, "ConvTranspose", [other, w], { output_padding: rest, pads: sizes.pads }),
        )[0]!;
        const dot = (a: Tensor, b: Tensor): number =>
          Array.from(a.numbers).reduce((sum, v, i) => sum + v * b.numbers[i]!, 0);
        expect(back.dims).toEqual(x.dims);
        expect(dot(y, other)).toBeCloseTo(dot(x, back), 8);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    [{ strides: [2, 2], output_shape: [9, 8] }],
    [{ strides: [2, 2], output_shape: [10, 8], auto_pad: "SAME_UPPER" }],
    [{ strides: [2, 2], output_shape: [8, 7], auto_pad: "SAME_LOWER" }],
    [{ strides: [2, 3], auto_pad: "SAME_UPPER" }],
    [{ strides: [2, 3], auto_pad: "SAME_LOWER" }],
    [{ strides: [2, 2], auto_pad: "VALID" }],
    [{ strides: [3, 2], output_padding: [2, 1], pads: [1, 0, 0, 1], dilations: [2, 1] }],
    [{ strides: [2, 2], group: 2 }],
  ])("agrees with ONNX Runtime under %j", async (attributes) => {
    const group = "group" in attributes ? (attributes.group as number) : 1;
    const inputs = [noise([2, 4, 4, 3], 1), noise([4, 6 / group, 3, 3], 2), noise([6], 3)];
    const one: OneNode = { op: "ConvTranspose", inputs, attributes };
    expectClose(evaluateOne(one)[0]!, (await runInOrt(one))[0]!, 1e-5);
  });

  it("counts every input times the kernel", () => {
    const facts = [fact("float32", ["N", 4, 5, 5]), fact("float32", [4, 3, 2, 2])];
    expect(macsOfOne({ op: "ConvTranspose", inputs: [], attributes: { group: 2 } }, facts)).toBe(
      4 * 25 * 3 * 4,
    );
  });

  it("refuses pads that leave nothing and channels that don't match", () => {
    const [x, w] = [noise([1, 2, 2, 2]), noise([2, 1, 2, 2])];
    expect(() =>
      evaluateOne({ op: "ConvTranspose", inputs: [x, w], attributes: { pads: [2, 0, 2, 0] } }),
    ).toThrow(/pads 2 and 2 leave nothing of the 3 outputs/);
    expect(() => evaluateOne({ op: "ConvTranspose", inputs: [noise([1, 3, 2, 2]), w] })).toThrow(
      /input channels 3 must match weight channels 2/,
    );
    const huge = { strides: [2 ** 30, 2 ** 30], pads: [2 ** 30, 0, 0, 0] };
    expect(() => evaluateOne({ op: "ConvTranspose", inputs: [x, w], attributes: huge })).toThrow(ModelError);
  });

  it("takes strides so wide that the uncropped output would not fit", () => {
    const x = Tensor.f32([1, 1, 2], [3, 4]);
    const w = Tensor.f32([1, 1, 2], [1, 10]);
    const attributes = { strides: [2 ** 28], pads: [2 ** 28 - 2, 0] };
    const y = evaluateOne({ op: "ConvTranspose", inputs: [x, w], attributes })[0]!;
    expect([...y.numbers]).toEqual([0, 0, 4, 40]);
  });
});
