import { describe, expect, it } from "vitest";
import {
  attr,
  attributes,
  GraphBuilder,
  ModelError,
  Tensor,
  UsageError,
  type Model,
} from "../../src/ir/index.js";
import { inferFacts, inferNode } from "../../src/measure/index.js";
import { buildModel, f32, ramp } from "./small-models.js";

const shapeOf = (model: Model, name: string, o = {}): unknown =>
  inferFacts(model, o).of(model.graph.value(name)!).shape;

/** Keeps the batch through Shape → Gather → Concat → Reshape, as exporters write a flatten. */
function exportersFlatten(): Model {
  return buildModel((b) => {
    b.input("x", f32(["N", 3, 4, 5]));
    b.initializer("zero", Tensor.i64([], [0]));
    b.initializer("axes", Tensor.i64([1], [0]));
    b.initializer("rest", Tensor.i64([1], [-1]));
    const shape = b.op("Shape", ["x"], {}, { outputs: ["shape"] });
    const batch = b.op("Gather", [shape, "zero"], {}, { outputs: ["batch"] });
    const vector = b.op("Unsqueeze", [batch, "axes"], {}, { outputs: ["vector"] });
    const target = b.op("Concat", [vector, "rest"], { axis: 0 }, { outputs: ["target"] });
    b.output(b.op("Reshape", ["x", target], {}, { outputs: ["flat"] }));
  });
}

describe("inferFacts", () => {
  it("keeps a symbolic batch through shape arithmetic", () => {
    expect(shapeOf(exportersFlatten(), "flat")).toEqual(["N", 60]);
  });

  it("binds symbols to the given shapes, and folds the arithmetic", () => {
    const model = exportersFlatten();
    const facts = inferFacts(model, { shapes: new Map([["x", [7, 3, 4, 5]]]) });
    expect(facts.of(model.graph.value("flat")!).shape).toEqual([7, 60]);
    expect(facts.constant(model.graph.value("target")!)!.toNumbers()).toEqual([7, -1]);
  });

  it("binds a symbol wherever it is declared", () => {
    const model = buildModel((b) => {
      b.input("x", f32(["N", 2]));
      b.input("other", f32(["N", 5]));
      b.output(b.op("Swirl", ["x"], {}, { domain: "com.example", outputs: ["y"] }), f32(["N", "K"]));
    });
    const facts = inferFacts(model, { shapes: new Map([["x", [3, 2]]]) });
    expect(facts.of(model.graph.value("other")!).shape).toEqual([3, 5]);
    expect(facts.of(model.graph.value("y")!).shape).toEqual([3, "K"]);
  });

  it.each([
    ["an unknown name", new Map([["z", [1, 3, 4, 5]]]), "E_SHAPE_NAME"],
    ["another rank", new Map([["x", [1, 3, 4]]]), "E_SHAPE_RANK"],
    ["a number against a fixed dimension", new Map([["x", [1, 4, 4, 5]]]), "E_SHAPE_DIM"],
    ["a negative size", new Map([["x", [-1, 3, 4, 5]]]), "E_SHAPE_DIM"],
    ["a fraction", new Map([["x", [1.5, 3, 4, 5]]]), "E_SHAPE_DIM"],
  ])("refuses %s", (_, shapes, code) => {
    const attempt = (): unknown => inferFacts(exportersFlatten(), { shapes });
    expect(attempt).toThrow(UsageError);
    expect(attempt).toThrow(expect.objectContaining({ code }) as Error);
  });

  it("lets numbers win over symbols, from either side", () => {
    const model = buildModel((b) => {
      b.input("x", f32(["N", "C"]));
      const y = b.op("Relu", ["x"], {}, { outputs: ["y"] });
      y.type = f32(["M", 4]);
      b.output(b.op("Neg", [y], {}, { outputs: ["z"] }));
    });
    expect(shapeOf(model, "z")).toEqual(["N", 4]);
    expect(model.warnings).toEqual([]);
  });

  it("warns of a declaration that contradicts inference once, which wins; strict refuses", () => {
    const model = buildModel((b) => {
      b.input("x", f32([2, 3]));
      b.output(b.op("Relu", ["x"], {}, { outputs: ["y"] }), f32([2, 4]));
    });
    expect(shapeOf(model, "y")).toEqual([2, 3]);
    expect(shapeOf(model, "y")).toEqual([2, 3]);
    expect(model.warnings).toHaveLength(1);
    expect(model.warnings[0]).toContain('"y"');
    expect(() => inferFacts(model, { strict: true })).toThrow(ModelError);
  });

  it("names the node whose inputs can't go together", () => {
    const model = buildModel((b) => {
      b.input("x", f32([1, 3, 8, 8]));
      b.initializer("w", ramp([4, 2, 3, 3]));
      b.output(b.op("Conv", ["x", "w"], {}, { name: "stem", outputs: ["y"] }));
    });
    expect(() => inferFacts(model)).toThrow(
      expect.objectContaining({ where: { node: "stem", op: "Conv" } }) as Error,
    );
  });

  it("takes declared types behind operators that it doesn't know", () => {
    const model = buildModel((b) => {
      b.input("x", f32([1, 2]));
      const y = b.op("Swirl", ["x"], {}, { domain: "com.example", outputs: ["y"] });
      y.type = f32([1, 7]);
      b.output(b.op("Relu", [y], {}, { outputs: ["z"] }));
    });
    expect(shapeOf(model, "z")).toEqual([1, 7]);
  });

  it("does not take an initializer that a caller may override for a constant", () => {
    const make = (irVersion: number): Model =>
      buildModel(
        (b) => {
          b.input("x", f32([2, 6]));
          b.input("target", { dtype: "int64", shape: [2] });
          b.initializer("target", Tensor.i64([2], [3, 4]));
          b.output(b.op("Reshape", ["x", "target"], {}, { outputs: ["y"] }));
        },
        13,
        irVersion,
      );
    expect(shapeOf(make(8), "y")).toEqual([null, null]);
    expect(shapeOf(make(3), "y")).toEqual([3, 4]);
  });

  it("evaluates constant sub-expressions on request, big ones included, and random ones never", () => {
    const model = buildModel((b) => {
      b.initializer("w", ramp([20, 30]));
      const t = b.op("Transpose", ["w"], {}, { outputs: ["t"] });
      const doubled = b.op("Add", [t, t], {}, { outputs: ["doubled"] });
      b.initializer("dims", Tensor.i64([1], [2 ** 28]));
      b.output(doubled);
      b.output(b.op("ConstantOfShape", ["dims"], {}, { outputs: ["huge"] }));
      b.output(b.op("RandomNormal", [], { shape: [2] }, { outputs: ["noise"] }));
    });
    const facts = inferFacts(model);
    const value = (name: string): Tensor | null => facts.constant(model.graph.value(name)!);
    expect(facts.of(model.graph.value("doubled")!).value).toBeNull();
    expect(value("doubled")!.dims).toEqual([30, 20]);
    expect(value("doubled")!.numbers[1]).toBe(60);
    expect(value("doubled")).toBe(value("doubled"));
    expect(value("huge")).toBeNull();
    expect(value("noise")).toBeNull();
  });

  it("forgives a branch that can't be inferred, and says so", () => {
    const model = buildModel((b) => {
      b.input("x", f32([2, 3]));
      b.input("flag", { dtype: "bool", shape: [] });
      b.initializer("axes", Tensor.i64([1], [0]));
      const squeeze = new GraphBuilder("squeeze", b.graph);
      squeeze.output(
        squeeze.op("Squeeze", [b.graph.value("x")!, b.graph.value("axes")!], {}, { outputs: ["s"] }),
      );
      const keep = new GraphBuilder("keep", b.graph);
      keep.output(keep.op("Identity", [b.graph.value("x")!], {}, { outputs: ["k"] }));
      const branches = attributes({
        then_branch: attr.graph(squeeze.graph),
        else_branch: attr.graph(keep.graph),
      });
      b.output(b.op("If", ["flag"], branches, { outputs: ["y"] }));
    });
    expect(inferFacts(model).of(model.graph.value("y")!).shape).toBeNull();
    expect(model.warnings.join()).toContain("subgraph");
    expect(() => inferFacts(model, { strict: true })).toThrow(ModelError);
  });

  it("refuses functions that call themselves or explode", () => {
    const model = buildModel((b) => {
      b.input("x", f32([1]));
      b.output(b.op("F0", ["x"], {}, { domain: "local", outputs: ["y"] }));
    });
    const define = (name: string, calls: readonly string[]): void => {
      const body = new GraphBuilder(name);
      body.graph.opsets.set("", 21);
      let value = body.input("in");
      calls.forEach((call, i) => {
        value = body.op(call, [value], {}, { domain: "local", outputs: [`v${i}`] });
      });
      body.output(value);
      const rest = { domain: "local", overload: "", attributes: [], defaults: new Map(), source: null };
      model.functions = [...model.functions, { ...rest, name, body: body.graph }];
    };
    define("F0", ["F0"]);
    expect(() => inferFacts(model)).toThrow(
      expect.objectContaining({ code: "E_FUNCTION_RECURSION" }) as Error,
    );
    model.functions = [];
    for (let i = 0; i < 40; i++) define(`F${i}`, [`F${i + 1}`, `F${i + 1}`]);
    define("F40", []);
    expect(() => inferFacts(model)).toThrow(expect.objectContaining({ code: "E_TOO_MANY_NODES" }) as Error);
  });
});

describe("inferNode", () => {
  const x = { dtype: "float32", shape: ["N", 3, 8, 8], value: null, dims: null } as const;
  const w = { dtype: "float32", shape: [5, 3, 3, 3], value: null, dims: null } as const;

  it("gives the facts of a node that is in no graph", () => {
    const [y] = inferNode({ op: "Conv", inputs: [x, w], attributes: attributes({ strides: [2, 2] }) }, 17);
    expect([y!.dtype, y!.shape]).toEqual(["float32", ["N", 5, 3, 3]]);
  });

  it("gives one fact per output, unknown ones for unknown operators", () => {
    expect(
      inferNode({ op: "Split", inputs: [x], attributes: attributes({ axis: 2 }), outputs: 2 }, 17),
    ).toHaveLength(2);
    expect(inferNode({ op: "Swirl", domain: "com.example", inputs: [x] }, 1)[0]!.shape).toBeNull();
  });

  it("refuses what can't go together", () => {
    expect(() =>
      inferNode({ op: "Conv", name: "c", inputs: [x, { ...w, shape: [5, 4, 3, 3] }] }, 17),
    ).toThrow(/"c"/);
  });
});
