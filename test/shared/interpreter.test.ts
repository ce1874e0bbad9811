import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readNpy, writeNpy } from "../../src/index.js";
import { elementCount, Tensor, type Model } from "../../src/ir/index.js";
import { interpret, relativeL2 } from "../../src/measure/index.js";
import { loadModel } from "../../src/onnx/index.js";
import { openExecutor } from "../../src/runtime/index.js";
import { outputsBeforeSoftmax, withRandomWeights } from "./random-weights.js";
import { seededNormal } from "./seeded-normal.js";
import { lightModels, python, sharedHere, sharedModel } from "./shared-models.js";
import { runPeer } from "./peers.js";
import { scratchFolder } from "../cli/invoke.js";

const scratch = scratchFolder();

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

describe.runIf(sharedHere && python !== null)("the interpreter against NumPy in float64 on resnet20", () => {
  it("agrees to 1e-12 in float64, and by default as well as a runtime does", async () => {
    const model = await loadModel(sharedModel("resnet20"));
    const feeds = imageFeeds(model, { 0: 4 });
    const [name, image] = [...feeds][0]!;
    const [input, output] = [join(scratch, "input.npy"), join(scratch, "output.npy")];
    writeFileSync(input, writeNpy(Tensor.of("float64", image.dims, Float64Array.from(image.numbers))));
    const peer = runPeer("double_reference.py", { model: sharedModel("resnet20"), input, output });
    expect(peer).toEqual({ dtype: "float64" });
    const exact = readNpy(readFileSync(output));
    const run = (precision: "float64" | "default"): Tensor =>
      interpret(model, new Map([[name, image]]), { precision }).get("output")!;
    expect(relativeL2(run("float64"), exact)).toBeLessThanOrEqual(1e-12);
    expect(relativeL2(run("default"), exact)).toBeLessThanOrEqual(2.9e-7);
  });
});
