import { describe, expect, it } from "vitest";
import { optimize, type OptimizeOptions } from "../../src/index.js";
import { dataSetOf } from "../../src/calib/index.js";
import { GraphBuilder, Model, Tensor } from "../../src/ir/index.js";
import { seededRandom } from "../../src/linalg/index.js";
import { encodeModel } from "../../src/onnx/index.js";

const random = seededRandom(11);
const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal());
const weights = [numbers(8 * 8 * 9), numbers(8 * 8 * 9), numbers(8 * 8 * 9)];
const images = Tensor.f32([96, 8, 8, 8], numbers(96 * 512));

/** Three 3×3 convolutions of 8 channels with a shortcut, averaged into scores. */
function network(): Model {
  const b = new GraphBuilder("small");
  b.graph.irVersion = 8;
  b.graph.opsets.set("", 17);
  const x = b.input("x", { dtype: "float32", shape: ["N", 8, 8, 8] });
  const conv = (from: typeof x, i: number) =>
    b.op(
      "Conv",
      [from, b.initializer(`w${i}`, Tensor.f32([8, 8, 3, 3], weights[i]!))],
      { pads: [1, 1, 1, 1] },
      { name: `conv${i}` },
    );
  const first = b.op("Relu", [conv(x, 0)]);
  const block = b.op("Add", [first, conv(b.op("Relu", [conv(first, 1)]), 2)]);
  b.output(b.op("Flatten", [b.op("GlobalAveragePool", [block])]), { dtype: "float32", shape: ["N", 8] });
  return new Model(b.graph);
}

async function bytes(options: OptimizeOptions): Promise<Uint8Array> {
  const model = network();
  const result = await optimize(model, {
    ...{ budget: { keepMacs: 0.5 }, effort: "fast", deterministic: true, ...options },
    calibration: dataSetOf(new Map([["x", images]]), model.graph.requiredInputs),
  });
  expect(result.report.verdicts).toMatchObject([{ met: true }]);
  return encodeModel(result.model);
}

describe("--deterministic", () => {
  it("gives the same bytes again, in one thread or several, and others for another seed", async () => {
    const first = await bytes({});
    expect(await bytes({})).toEqual(first);
    expect(await bytes({ executor: "inline" })).toEqual(first);
    expect(await bytes({ seed: 1 })).not.toEqual(first);
  });
});
