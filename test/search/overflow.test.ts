import { describe, expect, it } from "vitest";
import { optimize } from "../../src/api/optimize.js";
import { dataSetOf } from "../../src/calib/index.js";
import { GraphBuilder, Model, Tensor } from "../../src/ir/index.js";
import { values } from "./random-forms.js";

/** Two 3×3 convolutions whose first makes its input `gain` times as large. */
function network(gain: number): Model {
  const b = new GraphBuilder("loud");
  b.graph.irVersion = 8;
  b.graph.opsets.set("", 17);
  const x = b.input("x", { dtype: "float32", shape: ["N", 4, 6, 6] });
  const weight = (name: string, scale: number) =>
    b.initializer(
      name,
      Tensor.f32(
        [4, 4, 3, 3],
        values(144).map((v) => v * scale),
      ),
    );
  const inner = b.op("Relu", [
    b.op("Conv", [x, weight("w1", gain)], { pads: [1, 1, 1, 1] }, { name: "first" }),
  ]);
  b.output(b.op("Conv", [inner, weight("w2", 1)], { pads: [1, 1, 1, 1] }, { name: "second" }));
  return new Model(b.graph);
}

const run = (gain: number) => {
  const model = network(gain);
  const images = Tensor.f32([64, 4, 6, 6], values(64 * 144));
  return optimize(model, {
    ...{ budget: { keepMacs: 0.6 }, effort: "fast" },
    calibration: dataSetOf(new Map([["x", images]]), model.graph.requiredInputs),
  });
};

describe("a network whose values are too large", () => {
  it.each([1e25, 1e38])(
    "to be squared or held in float32 (%d) is refused with the layer's name",
    async (gain) => {
      await expect(run(gain)).rejects.toMatchObject({ code: "E_NOT_FINITE", exitCode: 3 });
    },
  );

  it("but not more than that is compressed", async () => {
    const { report } = await run(1e6);
    expect(report.verdicts).toMatchObject([{ budget: "keepMacs", met: true }]);
  });
});
