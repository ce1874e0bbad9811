import { describe, expect, it } from "vitest";
import { elementCount, Tensor, type Model } from "../../src/ir/index.js";
import { interpret, relativeL2 } from "../../src/measure/index.js";
import { loadModel } from "../../src/onnx/index.js";
import { openExecutor } from "../../src/runtime/index.js";
import { outputsBeforeSoftmax, withRandomWeights } from "./random-weights.js";
import { seededNormal } from "./seeded-normal.js";
import { lightModels, sharedHere, sharedModel } from "./shared-models.js";

/** Too slow for a test (bench only): vgg19 and style-mosaic. ONNX Runtime refuses super-resolution. */
const light = lightModels.filter((name) => name !== "light-vgg19");

function imageFeeds(model: Model, sizes: Readonly<Record<number, number>>): Map<string, Tensor> {
  return new Map(
    model.graph.requiredInputs.map((input) => {
      const dims = input.type!.shape!.map((dim, axis) =>
        typeof dim === "number" ? dim : (sizes[axis] ?? 1),
      );
      const normal = seededNormal(1, input.name);
      return [
        input.name,
        Tensor.f32(
          dims,
          Float32Array.from({ length: elementCount(dims) }, () => normal()),
        ),
      ];
    }),
  );
}

async function compare(model: Model, outputs: readonly string[], feeds: Map<string, Tensor>): Promise<void> {
  const executor = await openExecutor(model, { engine: "ort", threads: 1, optimization: "none", outputs });
  const expected = await executor.run(feeds);
  await executor.dispose();
  const computed = interpret(model, feeds, { outputs });
  for (const name of outputs) {
    expect(computed.get(name)!.dims, name).toEqual(expected.get(name)!.dims);
    expect(relativeL2(expected.get(name)!, computed.get(name)!), name).toBeLessThan(1e-4);
  }
}

describe.runIf(sharedHere)("the interpreter against ONNX Runtime on real models", () => {
  it.each(["resnet20", "resnet56", "dncnn-s-25", "ultraface-rfb-320"])("%s", async (name) => {
    const model = await loadModel(sharedModel(name));
    const feeds = imageFeeds(model, { 0: 2, 2: 40, 3: 36 });
    await compare(
      model,
      model.graph.outputs.map((output) => output.name),
      feeds,
    );
  });

  it.each(light)("%s with random weights, before the Softmax", async (name) => {
    const model = withRandomWeights(await loadModel(sharedModel(name)));
    await compare(model, outputsBeforeSoftmax(model), imageFeeds(model, {}));
  });

  it("runs super-resolution, which the runtime refuses", async () => {
    const model = await loadModel(sharedModel("super-resolution"));
    const [output] = interpret(model, imageFeeds(model, { 0: 1 })).values();
    expect(output!.dims).toEqual([1, 1, 672, 672]);
    expect(output!.numbers.every(Number.isFinite)).toBe(true);
  });
});
