import { describe, expect, it } from "vitest";
import { cloneModel, diff, differenceSchema, load, renderDifference } from "../../src/index.js";
import { graph } from "../cli/invoke.js";
import { linearModel } from "./small-models.js";

describe("diff", () => {
  it("finds nothing between a model and itself", async () => {
    const model = await load(graph("conv-bn-relu"));
    const result = await diff(model, cloneModel(model));
    expect(differenceSchema.parse(result)).toEqual(result);
    expect(result).toMatchObject({ same: true, interface: [], model: [], nodes: [], weights: [] });
    expect(renderDifference(result)).toContain("No difference");
  });

  it("measures how far weights are apart", async () => {
    const [a, b] = [linearModel([[3, 4]]), linearModel([[3, 4.5]])];
    const { weights, same, nodes } = await diff(a, b);
    expect(weights).toEqual([
      { name: "w", change: "changed", a: "float32[1,2]", b: "float32[1,2]", relativeError: 0.1 },
    ]);
    expect([same, nodes]).toEqual([false, []]);
  });

  it("names interface, metadata, nodes and weights", async () => {
    const a = linearModel([
      [1, 2],
      [3, 4],
    ]);
    const b = linearModel(
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [0, 0],
      { output: "z" },
    );
    b.metadata.set("author", "x\u001b[2J");
    b.opsets.set("", 18);
    const result = await diff(a, b);
    expect(result.interface).toHaveLength(2);
    expect(result.model).toEqual([
      { what: "opset ai.onnx", a: "17", b: "18" },
      { what: "metadata author", a: null, b: "x\u001b[2J" },
    ]);
    expect(result.nodes).toEqual([
      { name: "fc", change: "changed", op: "Gemm", details: [{ what: "outputs", a: "y", b: "z" }] },
    ]);
    expect(result.weights).toEqual([
      { name: "w", change: "changed", a: "float32[2,2]", b: "float32[2,3]", relativeError: null },
    ]);
    expect(result.macs).toEqual({ a: 4, b: 6 });
    expect(renderDifference(result)).not.toContain("\u001b");
  });

  it("keeps nodes of one name apart", async () => {
    const model = await load(graph("duplicate-node-names"));
    expect((await diff(model, cloneModel(model))).same).toBe(true);
    const { nodes } = await diff(model, linearModel([[1]]));
    expect(nodes.filter(({ change }) => change === "removed")).toHaveLength(model.graph.nodes.length);
  });
});
