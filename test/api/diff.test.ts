import { describe, expect, it } from "vitest";
import {
  cloneModel,
  diff,
  differenceSchema,
  GraphBuilder,
  load,
  renderDifference,
  renderDifferenceMarkdown,
  Tensor,
  type Model,
} from "../../src/index.js";
import { graph } from "../cli/invoke.js";
import { linearModel, modelOf } from "./small-models.js";

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

  it("matches nodes and weights through renames", async () => {
    const named = (prefix: string, by: number): Model => {
      const builder = new GraphBuilder();
      const x = builder.input("x", { dtype: "float32", shape: ["N", 2] });
      const w = builder.initializer(`${prefix}w`, Tensor.f32([2, 2], [1, 2, 3, by]));
      const at = (name: string) => ({ name: `${prefix}${name}`, outputs: [`${prefix}${name}-out`] });
      const hidden = builder.op("MatMul", [x, w], {}, at("product"));
      builder.output(builder.op("Relu", [hidden], {}, { name: `${prefix}relu`, outputs: ["y"] }), {
        dtype: "float32",
        shape: ["N", 2],
      });
      return modelOf(builder);
    };
    const { nodes, weights } = await diff(named("a-", 4), named("b-", 5));
    expect(nodes.map(({ name, change }) => [name, change])).toEqual([
      ["a-product", "renamed"],
      ["a-relu", "renamed"],
    ]);
    expect(weights).toEqual([
      { name: "a-w", change: "renamed", a: "a-w", b: "b-w", relativeError: null },
      {
        name: "a-w",
        change: "changed",
        a: "float32[2,2]",
        b: "float32[2,2]",
        relativeError: 1 / Math.hypot(1, 2, 3, 4),
      },
    ]);
    const result = await diff(named("a-", 4), named("b-|x|\n", 4));
    expect(renderDifference(result)).toContain("= a-product MatMul: name a-product → b-|x|");
    const markdown = renderDifferenceMarkdown(result);
    for (const line of markdown
      .trim()
      .split("\n")
      .filter((text) => text !== ""))
      expect(line).toMatch(/^\| .* \|$/);
    expect(markdown).toContain("b-\\|x\\|");
  });
});
