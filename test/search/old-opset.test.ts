import { describe, expect, it } from "vitest";
import { dataSetOf } from "../../src/calib/index.js";
import { optimize, type OptimizeOptions } from "../../src/index.js";
import { GraphBuilder, Model, Tensor, type Value } from "../../src/ir/index.js";
import { values } from "./random-forms.js";

/** Two unnamed 3×3 convolutions, each with its bias added behind it in the way of operator set 6. */
function oldModel(): Model {
  const b = new GraphBuilder("old");
  b.graph.irVersion = 3;
  b.graph.opsets.set("", 6);
  const x = b.input("x", { dtype: "float32", shape: ["N", 6, 8, 8] });
  const layer = (from: Value, i: number): Value => {
    const weight = b.initializer(`w${i}`, Tensor.f32([6, 6, 3, 3], values(324)));
    const bias = b.initializer(`b${i}`, Tensor.f32([6], values(6)));
    const conv = b.op("Conv", [from, weight], { pads: [1, 1, 1, 1] }, { outputs: [`conv${i}`] });
    return b.op("Add", [conv, bias], { axis: 1, broadcast: 1 }, { outputs: [`sum${i}`] });
  };
  b.output(layer(b.op("Relu", [layer(x, 1)], {}, { outputs: ["relu"] }), 2), {
    dtype: "float32",
    shape: ["N", 6, 8, 8],
  });
  return new Model(b.graph);
}

const run = (options: OptimizeOptions) => {
  const model = oldModel();
  const images = Tensor.f32([64, 6, 8, 8], values(64 * 384));
  return optimize(model, {
    effort: "fast",
    calibration: dataSetOf(new Map([["x", images]]), model.graph.requiredInputs),
    ...options,
  });
};

describe("a model whose operator set the runtime can't run", () => {
  it("is upgraded to be searched, with a warning, and reported under the names its layers were known by", async () => {
    const { model, report } = await run({ budget: { keepMacs: 0.6 } });
    expect(model.opsets.get("")).toBe(17);
    expect(report.warnings.join("\n")).toContain("operator set 6 is too old");
    expect(report.quality.engine).toContain("onnxruntime");
    expect(report.verdicts).toMatchObject([{ met: true }]);
    expect(report.layers.map(({ name }) => name)).toEqual(["conv1", "conv2"]);
    const { macs } = report;
    const left = report.layers.reduce((sum, layer) => sum + layer.macs[1]!, 0);
    expect(left).toBe(macs.after);
  });

  it("stays as it is where nothing is searched, or the reference interpreter searches", async () => {
    for (const options of [{}, { budget: { keepMacs: 0.6 }, engine: "reference" } as const]) {
      const { model, report } = await run(options);
      expect(model.opsets.get("")).toBe(6);
      expect(report.warnings.join("\n")).not.toContain("too old");
    }
  });
});
