import { describe, expect, it } from "vitest";
import { Ledger, runRewrites } from "../../src/engine/index.js";
import { cloneModel, Tensor, verify, type Model } from "../../src/ir/index.js";
import {
  inferFacts,
  interpret,
  maxAbsDifference,
  modelCost,
  perSample,
  relativeL2,
} from "../../src/measure/index.js";
import { encodeModel, loadModel } from "../../src/onnx/index.js";
import { openExecutor, ortAvailable } from "../../src/runtime/index.js";
import { preset } from "../../passes/index.js";
import { outputsBeforeSoftmax, withRandomWeights } from "./random-weights.js";
import { seededNormal } from "./seeded-normal.js";
import { sharedHere, sharedModel } from "./shared-models.js";

/** Relative L2 error that rounding of folded float32 weights may leave. */
const tolerance = 1e-5;

const real = ["resnet20", "resnet56", "dncnn-s-25", "ultraface-rfb-320"];
const light = [
  "light-bvlc-alexnet",
  "light-densenet121",
  "light-inception-v1",
  "light-inception-v2",
  "light-resnet50",
  "light-shufflenet",
  "light-squeezenet",
  "light-zfnet512",
];

function feedsFor(model: Model): Map<string, Tensor> {
  return new Map(
    model.graph.requiredInputs.map((input) => {
      const shape = input.type!.shape!.map((dim, axis) =>
        typeof dim === "number" ? dim : axis === 0 ? 2 : 48,
      );
      const random = seededNormal(1, input.name);
      return [
        input.name,
        Tensor.f32(shape, Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, random)),
      ];
    }),
  );
}

function convBatchNorms(model: Model): string[] {
  return model.graph.nodes
    .filter((node) => node.is("BatchNormalization"))
    .filter((node) => node.input(0)!.producer?.is("Conv") && node.input(0)!.uses.length === 1)
    .map((node) => node.label);
}

async function checkLossless(before: Model): Promise<void> {
  const after = cloneModel(before);
  const ledger = new Ledger();
  const { settled } = runRewrites(after, preset.exact, { ledger, verify: false });
  verify(after.graph);
  expect(settled).toBe(true);
  const cost = (model: Model): number | null => modelCost(model, perSample(inferFacts(model))).macs;
  const [macsBefore, macsAfter] = [cost(before), cost(after)];
  if (macsBefore !== null && macsAfter !== null) expect(macsAfter).toBeLessThanOrEqual(macsBefore);
  expect(convBatchNorms(after), "BatchNormalization left behind a Conv").toEqual([]);
  const named = (values: Model["graph"]["inputs"]): unknown => values.map(({ name, type }) => [name, type]);
  expect(named(after.graph.requiredInputs)).toEqual(named(before.graph.requiredInputs));
  expect(named(after.graph.outputs)).toEqual(named(before.graph.outputs));
  expect([...after.opsets]).toEqual([...before.opsets]);
  expect(after.irVersion).toBe(before.irVersion);
  expect([...after.metadata]).toEqual([...before.metadata]);
  expect(encodeModel(after).length, "bytes").toBeLessThanOrEqual(encodeModel(before).length);

  const feeds = feedsFor(before);
  const outputs = outputsBeforeSoftmax(before).filter((name) => after.graph.value(name));
  const [expected, actual] = await Promise.all([run(before, feeds, outputs), run(after, feeds, outputs)]);
  for (const name of outputs) {
    const error = relativeL2(actual.get(name)!, expected.get(name)!);
    expect(
      error,
      `${name}, largest difference ${maxAbsDifference(actual.get(name)!, expected.get(name)!).value}`,
    ).toBeLessThanOrEqual(tolerance);
  }
}

async function run(model: Model, feeds: Map<string, Tensor>, outputs: readonly string[]) {
  const executor = await openExecutor(model, { engine: "ort", outputs, threads: 2 });
  try {
    return await executor.run(feeds);
  } finally {
    await executor.dispose();
  }
}

const ort = await ortAvailable();

describe.runIf(sharedHere && ort !== null)("lossless on real models, in ONNX Runtime", () => {
  it.each(real)("%s", async (name) => {
    await checkLossless(await loadModel(sharedModel(name)));
  });

  it.each(light)("%s with seeded random weights", async (name) => {
    await checkLossless(withRandomWeights(await loadModel(sharedModel(name))));
  });
});

describe.runIf(sharedHere)("lossless in the reference interpreter", () => {
  it("super-resolution, which ONNX Runtime refuses", async () => {
    const before = await loadModel(sharedModel("super-resolution"));
    const after = cloneModel(before);
    runRewrites(after, preset.exact, { ledger: new Ledger() });
    const random = seededNormal(3);
    const shape = [1, 1, 224, 224];
    const feeds = new Map([
      [
        before.graph.requiredInputs[0]!.name,
        Tensor.f32(shape, Float32Array.from({ length: 224 * 224 }, random)),
      ],
    ]);
    const [expected, actual] = [interpret(before, feeds), interpret(after, feeds)];
    for (const [name, tensor] of expected)
      expect(relativeL2(actual.get(name)!, tensor)).toBeLessThanOrEqual(tolerance);
  });
});
