import { describe, expect, it } from "vitest";
import { ConvoptError, Tensor, type Model } from "../../src/ir/index.js";
import { loadModel } from "../../src/onnx/index.js";
import { guardModel } from "../../src/runtime/index.js";
import { buildModel, f32, ramp } from "../measure/small-models.js";
import { fixturePath, graphFixtures } from "./graph-fixtures.js";

const constant = (op: string, inputs: readonly Tensor[]): Model =>
  buildModel((b) => {
    inputs.forEach((tensor, i) => b.initializer(`in${i}`, tensor));
    b.output(
      b.op(
        op,
        inputs.map((_, i) => `in${i}`),
        {},
        { name: "big", outputs: ["y"] },
      ),
    );
  });

describe("guardModel", () => {
  it.each(graphFixtures.filter(({ runtime }) => runtime).map((fixture) => [fixture.name, fixture] as const))(
    "lets %s pass",
    async (_, fixture) => {
      guardModel(await loadModel(fixturePath(fixture)));
    },
  );

  it("stops a convolution whose channels don't fit, which onnx.checker lets pass", async () => {
    const model = await loadModel(fixturePath({ file: "bad-channel-mismatch.onnx" }));
    expect(() => guardModel(model)).toThrow(ConvoptError);
  });

  it.each([
    ["ConstantOfShape", [Tensor.i64([2], [2 ** 25, 2 ** 25])]],
    ["Expand", [Tensor.f32([1], [1]), Tensor.i64([2], [2 ** 20, 2 ** 20])]],
    ["Tile", [Tensor.f32([4], [1, 2, 3, 4]), Tensor.i64([1], [2 ** 40])]],
    ["Range", [Tensor.i64([], [0]), Tensor.i64([], [2 ** 50]), Tensor.i64([], [1])]],
    ["Pad", [Tensor.f32([1], [1]), Tensor.i64([2], [0, 2 ** 40])]],
  ] as const)("stops a constant %s of terabytes", (op, inputs) => {
    expect(() => guardModel(constant(op, inputs))).toThrow(
      expect.objectContaining({ code: "E_MEMORY", exitCode: 3 }) as Error,
    );
  });

  it.each([
    ["group", { group: 0 }],
    ["group", { group: -1 }],
    ["strides", { strides: [0, 1] }],
    ["dilations", { dilations: [1, -1] }],
    ["kernel_shape", { kernel_shape: [0, 1] }],
  ] as const)("stops a convolution with a bad %s", (name, bad) => {
    const model = buildModel((b) => {
      b.input("x", f32([1, 2, 4, 4]));
      b.initializer("w", ramp([2, 2, 1, 1]));
      b.output(b.op("Conv", ["x", "w"], bad, { name: "conv", outputs: ["y"] }));
    });
    const error = expect.objectContaining({
      code: "E_ATTRIBUTE",
      where: { node: "conv", op: "Conv" },
    }) as Error;
    expect(() => guardModel(model)).toThrow(error);
    expect(() => guardModel(model)).toThrow(name);
  });

  it("stops tensors of more than 64 axes", () => {
    const model = buildModel((b) => {
      b.input("x", f32(Array<number>(65).fill(1)));
      b.output(b.op("Relu", ["x"], {}, { outputs: ["y"] }));
    });
    expect(() => guardModel(model)).toThrow(expect.objectContaining({ code: "E_RANK" }) as Error);
  });

  it("stops a graph that isn't in order", () => {
    const model = buildModel((b) => {
      b.input("x", f32([1]));
      b.output(b.op("Neg", [b.op("Relu", ["x"], {}, { outputs: ["r"] })], {}, { outputs: ["y"] }));
    });
    model.graph.nodes_.reverse();
    expect(() => guardModel(model)).toThrow(ConvoptError);
  });
});
