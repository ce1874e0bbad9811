import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { inferFacts, modelCost } from "../../src/measure/index.js";
import { loadModel } from "../../src/onnx/index.js";
import { lightModels, python, sharedHere, sharedModel } from "./shared-models.js";

const counted = ["Conv", "ConvTranspose", "Gemm", "MatMul"];

interface PeerCount {
  readonly output: string;
  readonly op: string;
  readonly macs: number;
  readonly bias: boolean;
  readonly elements: number;
}

function peerCounts(path: string, shapes: readonly string[]): PeerCount[] {
  const script = join(dirname(fileURLToPath(import.meta.url)), "onnx_tool_macs.py");
  const run = spawnSync(python!, [script, path, ...shapes], { encoding: "utf8", maxBuffer: 2 ** 26 });
  expect(run.status, run.stderr).toBe(0);
  return JSON.parse(run.stdout) as PeerCount[];
}

/** Sizes by axis for what a model leaves open. */
const sizes: Readonly<Record<number, number>> = { 0: 1, 2: 40, 3: 36 };

describe.runIf(sharedHere)("MACs of real models", () => {
  const peers = ["resnet20", "resnet56", "dncnn-s-25", "ultraface-rfb-320", ...lightModels];

  it.runIf(python !== null).each(peers)(
    "%s counts as onnx-tool does, its additions of a bias taken off",
    async (name) => {
      const path = sharedModel(name);
      const model = await loadModel(path);
      const shapes = new Map(
        model.graph.requiredInputs.map((input) => [
          input.name,
          input.type!.shape!.map((dim, axis) => (typeof dim === "number" ? dim : sizes[axis]!)),
        ]),
      );
      const theirs = peerCounts(
        path,
        [...shapes].map(([input, dims]) => `${input}=${dims.join("x")}`),
      );
      const ours = modelCost(model, inferFacts(model, { shapes })).nodes.filter(({ node }) =>
        counted.includes(node.op),
      );
      expect(ours.length).toBe(theirs.length);
      const byOutput = new Map(ours.map(({ node, macs }) => [node.output.name, macs]));
      for (const { output, macs, bias, elements } of theirs) {
        expect(byOutput.get(output), output).toBe(macs - (bias ? elements : 0));
      }
    },
  );

  it("resnet20 has 40.55 M", async () => {
    const model = await loadModel(sharedModel("resnet20"));
    // The stem, three stages of six 3×3 convolutions (the first of stages 2 and 3 has half the channels), the classifier.
    const stem = 32 * 32 * 16 * 3 * 9;
    const stage1 = 32 * 32 * 16 * 9 * (6 * 16);
    const stage2 = 16 * 16 * 32 * 9 * (16 + 5 * 32);
    const stage3 = 8 * 8 * 64 * 9 * (32 + 5 * 64);
    const { macs } = modelCost(model, inferFacts(model));
    expect(macs).toBe(stem + stage1 + stage2 + stage3 + 64 * 10);
    expect(macs! / 1e6).toBeCloseTo(40.55, 2);
  });

  it("super-resolution, which onnx-tool can't read, as counted from its shapes", async () => {
    const model = await loadModel(sharedModel("super-resolution"));
    const weights = 64 * 25 + 64 * 64 * 9 + 32 * 64 * 9 + 9 * 32 * 9;
    expect(modelCost(model, inferFacts(model)).macs).toBe(224 * 224 * weights);
  });

  it("style-mosaic, which onnx-tool can't read, as counted from its shapes", async () => {
    const model = await loadModel(sharedModel("style-mosaic"));
    const down = 800 ** 2 * 16 * 3 * 81 + 400 ** 2 * 32 * 16 * 9 + 200 ** 2 * 64 * 32 * 9;
    let residual = 0;
    for (let size = 198; size >= 180; size -= 2) residual += size ** 2 * 64 * 64 * 9;
    // A transposed convolution costs its weights once per input pixel.
    const up = 180 ** 2 * 64 * 32 * 9 + 360 ** 2 * 32 * 16 * 9 + 720 ** 2 * 16 * 3 * 81;
    expect(modelCost(model, inferFacts(model)).macs).toBe(down + residual + up);
  });

  it("resnet20 has the parameters of its file", async () => {
    const model = await loadModel(sharedModel("resnet20"));
    const floats = model.graph.initializers.filter((value) => value.initializer!.dtype === "float32");
    const elements = floats.reduce((total, value) => total + value.initializer!.size, 0);
    // Two Pads have their fill value as a constant, not as an initializer.
    expect(modelCost(model, inferFacts(model)).params).toBe(elements + 2);
  });
});
