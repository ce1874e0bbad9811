import { describe, expect, it } from "vitest";
import { attributes, attr, GraphBuilder, Node, Tensor, Value, type Model } from "../../src/ir/index.js";
import { inferFacts, modelCost, nodeMacs } from "../../src/measure/index.js";
import { buildModel, f32, ramp } from "./small-models.js";

function costOf(model: Model): ReturnType<typeof modelCost> {
  return modelCost(model, inferFacts(model));
}

/** A function `Twice` of domain "local": two convolutions with the weight it is given. */
function withFunction(): Model {
  const body = new GraphBuilder("Twice");
  body.graph.opsets.set("", 21);
  const [x, w] = [body.input("fx"), body.input("fw")];
  const pads = { kind: "reference", name: "border" } as const;
  const once = body.op("Conv", [x, w], new Map([["pads", pads]]), { outputs: ["once"] });
  body.output(body.op("Conv", [once, w], new Map([["pads", pads]]), { outputs: ["twice"] }));
  const model = buildModel((b) => {
    b.input("x", f32(["N", 2, 8, 8]));
    b.initializer("w", ramp([2, 2, 3, 3]));
    const first = b.op("Twice", ["x", "w"], { border: [1, 1, 1, 1] }, { domain: "local", outputs: ["a"] });
    b.output(b.op("Twice", [first, "w"], {}, { domain: "local", outputs: ["b"] }));
    b.graph.opsets.set("local", 1);
  });
  model.functions = [
    {
      domain: "local",
      name: "Twice",
      overload: "",
      attributes: [],
      defaults: new Map([["border", attr.ints([0, 0, 0, 0])]]),
      body: body.graph,
      source: null,
    },
  ];
  return model;
}

describe("modelCost", () => {
  it("counts what functions do at their calls, each with its own attributes", () => {
    const cost = costOf(withFunction());
    const padded = 2 * (8 * 8 * 2 * 2 * 9);
    const bare = (6 * 6 + 4 * 4) * 2 * 2 * 9;
    expect(cost.nodes.map(({ macs }) => macs)).toEqual([padded, bare]);
    expect(cost.macs).toBe(padded + bare);
  });

  it("counts a shared weight once", () => {
    const model = buildModel((b) => {
      b.input("x", f32([1, 2, 5, 5]));
      b.initializer("w", ramp([2, 2, 1, 1]));
      const once = b.op("Conv", ["x", "w"], {}, { outputs: ["once"] });
      b.output(b.op("Conv", [once, "w"], {}, { outputs: ["twice"] }));
    });
    const cost = costOf(model);
    expect(cost.nodes.map(({ params }) => params)).toEqual([4, 0]);
    expect([cost.params, cost.macs]).toEqual([4, 200]);
  });

  it("counts weights that constant nodes make, where they are used", () => {
    const model = buildModel((b) => {
      b.input("x", f32([1, 3, 4, 4]));
      b.initializer("shape", Tensor.i64([4], [5, 3, 3, 3]));
      const value = Tensor.f32([1], [0.5]);
      const weight = b.op("ConstantOfShape", ["shape"], { value }, { outputs: ["w"] });
      b.output(b.op("Conv", ["x", weight], {}, { outputs: ["y"] }));
    });
    const cost = costOf(model);
    expect(cost.nodes.map(({ params }) => params)).toEqual([0, 135]);
    expect(cost.macs).toBe(2 * 2 * 135);
  });

  it("counts a weight that a caller may override as an input, not as a parameter", () => {
    const overridable = buildModel((b) => {
      b.input("x", f32([1, 2, 4, 4]));
      b.input("w", f32([2, 2, 1, 1]));
      b.initializer("w", ramp([2, 2, 1, 1]));
      b.output(b.op("Conv", ["x", "w"], {}, { outputs: ["y"] }));
    });
    expect(costOf(overridable)).toMatchObject({ macs: 64, params: 0 });
  });

  it("counts Gemm, MatMul and ConvTranspose without bias", () => {
    const model = buildModel((b) => {
      b.input("x", f32(["N", 6]));
      b.initializer("w", ramp([6, 4]));
      b.initializer("c", ramp([4]));
      b.initializer("v", ramp([4, 5]));
      const g = b.op("Gemm", ["x", "w", "c"], {}, { outputs: ["g"] });
      b.output(b.op("MatMul", [g, "v"], {}, { outputs: ["m"] }));
    });
    expect(costOf(model).nodes.map(({ macs }) => macs)).toEqual([24, 20]);
    const transposed = buildModel((b) => {
      b.input("x", f32(["N", 4, 5, 6]));
      b.initializer("w", ramp([4, 3, 3, 3]));
      b.output(b.op("ConvTranspose", ["x", "w"], { strides: [2, 2] }, { outputs: ["y"] }));
    });
    expect(costOf(transposed).macs).toBe(5 * 6 * 4 * 3 * 9);
  });

  it("is null where a size is open, and a number at given shapes", () => {
    const model = buildModel((b) => {
      b.input("x", f32(["N", 1, "H", "W"]));
      b.initializer("w", ramp([2, 1, 3, 3]));
      b.output(b.op("Conv", ["x", "w"], { pads: [1, 1, 1, 1] }, { outputs: ["y"] }));
    });
    expect(costOf(model)).toMatchObject({ macs: null, params: 18 });
    const shapes = new Map([["x", [1, 1, 64, 64]]]);
    expect(modelCost(model, inferFacts(model, { shapes })).macs).toBe(64 * 64 * 18);
  });

  it("finds a batch that hides in a product, and in values that inference hasn't met", () => {
    const model = buildModel((b) => {
      b.input("x", f32(["N", 4, 3]));
      b.initializer("rows", Tensor.i64([2], [-1, 3]));
      b.initializer("w", ramp([3, 5]));
      const flat = b.op("Reshape", ["x", "rows"], {}, { outputs: ["flat"] });
      b.output(b.op("Gemm", [flat, "w"], {}, { outputs: ["y"] }));
    });
    expect(costOf(model).macs).toBe(4 * 3 * 5);
    const facts = inferFacts(model);
    const type = f32(["N", 2]);
    const product = { op: "MatMul", inputs: [new Value("a", f32(["N", 6])), new Value("b", f32([6, 2]))] };
    const node = new Node({ ...product, outputs: [new Value("c", type)] });
    expect(nodeMacs(node, facts)).toBe(12);
  });

  it("does not take a product of unknown sizes for a batch", () => {
    const model = buildModel((b) => {
      b.input("x", f32(["N", "H", 3]));
      b.initializer("rows", Tensor.i64([2], [-1, 3]));
      b.initializer("w", ramp([3, 5]));
      const flat = b.op("Reshape", ["x", "rows"], {}, { outputs: ["flat"] });
      b.output(b.op("MatMul", [b.op("Abs", [flat], {}, { outputs: ["abs"] }), "w"], {}, { outputs: ["y"] }));
    });
    expect(costOf(model).macs).toBeNull();
  });

  it("counts all frames that a convolution sees per sample", () => {
    const model = (batch: number | string): Model =>
      buildModel((b) => {
        b.input("video", f32([batch, 7, 3, 8, 8]));
        b.initializer("frames", Tensor.i64([4], [-1, 3, 8, 8]));
        b.initializer("clips", Tensor.i64([5], [-1, 7, 2, 8, 8]));
        b.initializer("w", ramp([2, 3, 1, 1]));
        const flat = b.op("Reshape", ["video", "frames"], {}, { outputs: ["flat"] });
        const conv = b.op("Conv", [flat, "w"], {}, { outputs: ["conv"] });
        b.output(b.op("Reshape", [conv, "clips"], {}, { outputs: ["y"] }));
      });
    for (const batch of ["N", 1, 5]) expect(costOf(model(batch)).macs).toBe(7 * 64 * 6);
  });

  it("counts every node of a subgraph once", () => {
    const model = buildModel((b) => {
      b.input("x", f32([1, 2, 4, 4]));
      b.input("flag", { dtype: "bool", shape: [] });
      b.initializer("w", ramp([2, 2, 1, 1]));
      const branch = (times: number): GraphBuilder => {
        const inner = new GraphBuilder(`branch${times}`, b.graph);
        let value = b.graph.value("x")!;
        for (let i = 0; i < times; i++) {
          value = inner.op("Conv", [value, b.graph.value("w")!], {}, { outputs: [`c${times}_${i}`] });
        }
        inner.output(value);
        return inner;
      };
      const branches = attributes({
        then_branch: attr.graph(branch(1).graph),
        else_branch: attr.graph(branch(2).graph),
      });
      b.output(b.op("If", ["flag"], branches, { outputs: ["y"] }));
    });
    const cost = costOf(model);
    expect(cost.nodes.map(({ macs }) => macs)).toEqual([0, 64, 64, 64]);
    expect(cost.params).toBe(4);
  });

  it("knows nothing of operators that aren't counted", () => {
    const model = buildModel((b) => {
      b.input("x", f32([1, 2]));
      b.output(b.op("Swirl", ["x"], {}, { domain: "com.example", outputs: ["y"] }));
    });
    expect(nodeMacs(model.graph.nodes[0]!, inferFacts(model))).toBe(0);
  });
});
