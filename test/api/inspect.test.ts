import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GraphBuilder, inspect, inspectionSchema, load, Tensor, type Model } from "../../src/index.js";
import { graph, root } from "../cli/invoke.js";
import { modelOf } from "./small-models.js";

interface Fixture {
  readonly name: string;
  readonly file: string;
  readonly checker: boolean;
}
const fixtures = JSON.parse(
  readFileSync(join(root, "fixtures", "graphs", "index.json"), "utf8"),
) as Fixture[];

function convModel(shape: readonly (number | string | null)[], strides = [1, 1]): Model {
  const builder = new GraphBuilder();
  const x = builder.input("x", { dtype: "float32", shape });
  const w = builder.initializer("w", Tensor.f32([8, 4, 3, 3], new Float32Array(288).fill(0.1)));
  const y = builder.op("Conv", [x, w], { pads: [1, 1, 1, 1], strides }, { name: "conv", outputs: ["y"] });
  builder.output(y);
  return modelOf(builder);
}

describe("inspect", () => {
  it("counts external data among the bytes", async () => {
    const folder = join(root, "fixtures", "graphs", "external-data");
    const model = await load(join(folder, "model.onnx"));
    const data = new Map<string, number>();
    for (const name of readdirSync(folder)) data.set(name, statSync(join(folder, name)).size);
    const own = data.get("model.onnx")!;
    data.delete("model.onnx");
    const { bytes } = await inspect(model);
    expect(bytes).toBe(own + [...data.values()].reduce((sum, size) => sum + size, 0));
  });

  it.each(fixtures.filter(({ name, checker }) => checker && !name.startsWith("bad-")))(
    "describes $name by its schema",
    async ({ file }) => {
      const model = await load(join(root, "fixtures", "graphs", file));
      const inspection = await inspect(model);
      expect(inspectionSchema.parse(inspection)).toEqual(inspection);
      const sum = inspection.layers.reduce((total, layer) => total + (layer.macs ?? 0), 0);
      if (inspection.macs !== null && inspection.functions === 0) expect(sum).toBe(inspection.macs);
    },
  );

  it("counts MACs and parameters by hand", async () => {
    const { layers, macs, params, countedAt } = await inspect(convModel([2, 4, 10, 12]));
    expect(macs).toBe(8 * 4 * 9 * 120);
    expect(params).toBe(288);
    expect(countedAt).toBe("file");
    expect(layers[0]).toMatchObject({
      name: "conv",
      shape: "8x4x3x3",
      group: 1,
      inputShape: [2, 4, 10, 12],
      outputShape: [2, 8, 10, 12],
    });
  });

  it("counts a symbolic batch as one", async () => {
    const { macs, countedAt } = await inspect(convModel(["N", 4, 10, 12]));
    expect([macs, countedAt]).toEqual([8 * 4 * 9 * 120, "batch 1"]);
  });

  it("counts per input pixel where the size is open, and says so", async () => {
    const inspection = await inspect(convModel(["N", 4, "H", "W"], [2, 2]));
    expect(inspection).toMatchObject({
      macs: null,
      macsPerPixel: (8 * 4 * 9) / 4,
      countedAt: "per input pixel",
    });
    expect(inspection.warnings.join()).toContain("per input pixel");
  });

  it("takes --shape before anything else, and writes it nowhere", async () => {
    const model = convModel(["N", 4, "H", "W"]);
    const shapes = new Map([["x", [1, 4, 5, 7]]]);
    expect(await inspect(model, { shapes })).toMatchObject({ macs: 8 * 4 * 9 * 35, countedAt: "option" });
    expect(model.graph.inputs[0]!.type!.shape).toEqual(["N", 4, "H", "W"]);
  });

  it("changes nothing in the model", async () => {
    const model = await load(graph("conv-bn-relu"));
    const before = model.graph.nodes.map((node) => node.label);
    const { layers } = await inspect(model);
    expect(model.graph.nodes.map((node) => node.label)).toEqual(before);
    expect(layers.flatMap(({ rewrites }) => rewrites).some(({ verdict }) => verdict === "applies")).toBe(
      true,
    );
  });
});
