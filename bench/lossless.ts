/*
 * Lossless rewriting of the shared models, those that are too big for continuous integration too:
 *
 *     npx tsx bench/lossless.ts style-mosaic light-vgg19 [--threads 1]
 *
 * All exact passes run in memory; original and result are compared in ONNX Runtime on one seeded image. A light model
 * gets seeded random weights and is compared before its Softmax. Prints the relative output error (bar: 1e-5), MACs,
 * encoded bytes, the time of the passes, and the result's time relative to the original's, timed in turn (bar: 1.02). A
 * model of an opset that ONNX Runtime doesn't load is upgraded first.
 */
import { parseArgs } from "node:util";
import { bench } from "../src/api/bench.js";
import { Ledger, runRewrites } from "../src/engine/index.js";
import { cloneModel, Tensor, verify, type Model } from "../src/ir/index.js";
import { inferFacts, modelCost, perSample, relativeL2 } from "../src/measure/index.js";
import { encodeModel } from "../src/onnx/index.js";
import { openExecutor, type Feeds } from "../src/runtime/index.js";
import { preset } from "../passes/index.js";
import { outputsBeforeSoftmax } from "../test/shared/random-weights.js";
import { seededNormal } from "../test/shared/seeded-normal.js";
import { benchModel } from "./shared-model.js";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { threads: { type: "string", default: "1" } },
});

function imageFor(model: Model): Feeds {
  return new Map(
    model.graph.requiredInputs.map(({ name, type }) => {
      const shape = type!.shape!.map((dim, axis) => (typeof dim === "number" ? dim : axis === 0 ? 1 : 224));
      const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, seededNormal(1, name));
      return [name, Tensor.f32(shape, values)];
    }),
  );
}

async function answers(model: Model, feeds: Feeds, outputs: readonly string[]): Promise<Feeds> {
  const executor = await openExecutor(model, { engine: "ort", outputs });
  return executor.run(feeds).finally(() => executor.dispose());
}

const macsOf = (model: Model): number | null => modelCost(model, perSample(inferFacts(model))).macs;

for (const name of positionals) {
  const { model: before } = await benchModel(name);
  const after = cloneModel(before);
  const start = performance.now();
  const { applied } = runRewrites(after, preset.exact, { ledger: new Ledger(), verify: false });
  const seconds = (performance.now() - start) / 1000;
  verify(after.graph);
  const outputs = outputsBeforeSoftmax(before).filter((output) => after.graph.value(output));
  const feeds = imageFor(before);
  const expected = await answers(before, feeds, outputs);
  const actual = await answers(after, feeds, outputs);
  const error = Math.max(...outputs.map((output) => relativeL2(actual.get(output)!, expected.get(output)!)));
  const bytes = [before, after].map((model) => encodeModel(model).length);
  const shapes = new Map([...feeds].map(([input, { dims }]) => [input, dims]));
  const timed = await bench([before, after], {
    ...{ shapes, threads: Number(values.threads), noiseMeant: true, runs: 60, seconds: 30 },
  });
  const time = timed.models[1]!.ratio.median;
  console.log(
    JSON.stringify({ name, applied, error, macs: [macsOf(before), macsOf(after)], bytes, seconds, time }),
  );
}
