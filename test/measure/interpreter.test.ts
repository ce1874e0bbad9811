import { describe, expect, it } from "vitest";
import {
  attr,
  attributes,
  GraphBuilder,
  ModelError,
  Tensor,
  UnsupportedError,
  UsageError,
  type Model,
} from "../../src/ir/index.js";
import { interpret, prepareInterpreter, relativeL2 } from "../../src/measure/index.js";
import { buildModel, f32, ramp } from "./small-models.js";

const feed = (tensor: Tensor, name = "x"): Map<string, Tensor> => new Map([[name, tensor]]);

/** y = relu(x · w) + 1 */
function smallModel(): Model {
  return buildModel((b) => {
    b.input("x", f32(["N", 2]));
    b.initializer("w", Tensor.f32([2, 2], [1, -1, 2, -2]));
    b.initializer("one", Tensor.f32([], [1]));
    const product = b.op("MatMul", ["x", "w"], {}, { name: "product", outputs: ["p"] });
    const positive = b.op("Relu", [product], {}, { outputs: ["r"] });
    b.output(b.op("Add", [positive, "one"], {}, { outputs: ["y"] }));
  });
}

describe("interpret", () => {
  it("computes", () => {
    const y = interpret(smallModel(), feed(Tensor.f32([2, 2], [1, 1, -1, -1]))).get("y")!;
    expect([y.dims, [...y.numbers]]).toEqual([
      [2, 2],
      [4, 1, 1, 4],
    ]);
  });

  it("returns inner values, inputs and weights by name, and computes nothing else", () => {
    const seen: string[] = [];
    const result = interpret(smallModel(), feed(Tensor.f32([1, 2], [1, 1])), {
      outputs: ["p", "x", "w"],
      onNode: (node) => seen.push(node.label),
    });
    expect([...result].map(([name, tensor]) => [name, [...tensor.numbers]])).toEqual([
      ["p", [3, -3]],
      ["x", [1, 1]],
      ["w", [1, -1, 2, -2]],
    ]);
    expect(seen).toEqual(["product"]);
    expect(() => interpret(smallModel(), new Map(), { outputs: ["q"] })).toThrow(UsageError);
  });

  it.each<[string, Map<string, Tensor>, string]>([
    ["no data", new Map(), "E_FEED_MISSING"],
    ["an unknown name", new Map([...feed(ramp([1, 2])), ["z", ramp([1])]]), "E_FEED_UNKNOWN"],
    ["a weight", new Map([...feed(ramp([1, 2])), ["w", ramp([2, 2])]]), "E_FEED_UNKNOWN"],
    ["another type", feed(Tensor.i64([1, 2], [1, 2])), "E_FEED_TYPE"],
    ["another rank", feed(ramp([2])), "E_FEED_TYPE"],
    ["another fixed dimension", feed(ramp([1, 3])), "E_FEED_TYPE"],
  ])("refuses %s and says what it expects", (_, feeds, code) => {
    const attempt = (): unknown => interpret(smallModel(), feeds);
    expect(attempt).toThrow(ModelError);
    expect(attempt).toThrow(expect.objectContaining({ code }) as Error);
    expect(attempt).toThrow(/x float32\[N, 2\]/);
  });

  it("takes an overridable initializer from the caller or from the file", () => {
    const make = (irVersion: number): Model =>
      buildModel(
        (b) => {
          b.input("x", f32([2]));
          b.input("gain", f32([]));
          b.initializer("gain", Tensor.f32([], [10]));
          b.output(b.op("Mul", ["x", "gain"], {}, { outputs: ["y"] }));
        },
        13,
        irVersion,
      );
    const x = Tensor.f32([2], [1, 2]);
    const both = new Map([
      ["x", x],
      ["gain", Tensor.f32([], [3])],
    ]);
    const prepared = prepareInterpreter(make(8));
    expect([...prepared.run(feed(x)).get("y")!.numbers]).toEqual([10, 20]);
    expect([...prepared.run(both).get("y")!.numbers]).toEqual([3, 6]);
    expect([...prepared.run(feed(x)).get("y")!.numbers]).toEqual([10, 20]);
    expect(() => interpret(make(3), both)).toThrow(
      expect.objectContaining({ code: "E_FEED_CONSTANT" }) as Error,
    );
  });

  it("evaluates constant parts once, others in every run", () => {
    const seen: string[] = [];
    const model = buildModel((b) => {
      b.input("x", f32([2, 2]));
      b.initializer("w", ramp([2, 2]));
      const t = b.op("Transpose", ["w"], {}, { name: "constant", outputs: ["t"] });
      b.output(b.op("MatMul", ["x", t], {}, { name: "product", outputs: ["y"] }));
    });
    const prepared = prepareInterpreter(model, { onNode: (node) => seen.push(node.name) });
    const first = prepared.run(feed(ramp([2, 2])));
    const second = prepared.run(feed(ramp([2, 2])));
    expect(seen).toEqual(["constant", "product", "product"]);
    expect(first.get("y")!.data).toEqual(second.get("y")!.data);
  });

  it("draws random numbers from the seed and the node, every run the same", () => {
    const model = buildModel((b) => {
      b.output(b.op("RandomNormal", [], { shape: [4] }, { name: "a", outputs: ["a"] }));
      b.output(b.op("RandomNormal", [], { shape: [4] }, { name: "b", outputs: ["b"] }));
    });
    const run = (seed: number): number[][] =>
      [...interpret(model, new Map(), { seed }).values()].map((tensor) => [...tensor.numbers]);
    expect(run(1)).toEqual(run(1));
    expect(run(1)).not.toEqual(run(2));
    expect(run(1)[0]).not.toEqual(run(1)[1]);
    const prepared = prepareInterpreter(model);
    expect(prepared.run(new Map()).get("a")!.data).toEqual(prepared.run(new Map()).get("a")!.data);
  });

  it("names operator, domain and node that it can't evaluate", () => {
    const model = buildModel((b) => {
      b.input("x", f32([1]));
      b.output(b.op("Swirl", ["x"], {}, { domain: "com.example", name: "twist", outputs: ["y"] }));
    });
    expect(() => interpret(model, feed(ramp([1])))).toThrow(UnsupportedError);
    expect(() => interpret(model, feed(ramp([1])))).toThrow(/Swirl.*com\.example.*"twist"/);
  });

  it("names the node where shapes only fail at run time", () => {
    const model = buildModel((b) => {
      b.input("x", f32(["A"]));
      b.input("z", f32(["B"]));
      b.output(b.op("Add", ["x", "z"], {}, { name: "sum", outputs: ["y"] }));
    });
    const feeds = new Map([
      ["x", ramp([2])],
      ["z", ramp([3])],
    ]);
    expect(() => interpret(model, feeds)).toThrow(
      expect.objectContaining({ where: { node: "sum", op: "Add" } }) as Error,
    );
  });

  it.each([
    ["ConstantOfShape", [2 ** 20, 2 ** 20]],
    ["Expand", [2 ** 16, 2 ** 16]],
    ["Tile", [2 ** 31]],
  ])("refuses a %s of terabytes before it allocates", (op, target) => {
    const model = buildModel((b) => {
      b.input("shape", { dtype: "int64", shape: ["R"] });
      b.initializer("one", Tensor.f32([1], [1]));
      const inputs = op === "ConstantOfShape" ? ["shape"] : ["one", "shape"];
      b.output(b.op(op, inputs, {}, { name: "big", outputs: ["y"] }));
    });
    const attempt = (): unknown => interpret(model, feed(Tensor.i64([target.length], target), "shape"));
    expect(attempt).toThrow(
      expect.objectContaining({ code: "E_MEMORY", where: { node: "big", op } }) as Error,
    );
  });

  it("stops between two nodes when it is aborted", () => {
    const controller = new AbortController();
    const seen: string[] = [];
    const attempt = (): unknown =>
      interpret(smallModel(), feed(ramp([1, 2])), {
        signal: controller.signal,
        onNode: (node) => {
          seen.push(node.label);
          controller.abort();
        },
      });
    expect(attempt).toThrow(expect.objectContaining({ name: "AbortError" }) as Error);
    expect(seen).toEqual(["product"]);
  });
});

describe("precision", () => {
  /** (x + x · 2⁻³⁰) − x: what float32 loses and float64 keeps. */
  const model = (dtype: "float32" | "float16"): Model =>
    buildModel((b) => {
      b.input("x", { dtype, shape: [1] });
      b.initializer("small", Tensor.floats(dtype, [1], [dtype === "float32" ? 2 ** -30 : 2 ** -12]));
      const sum = b.op("Add", ["x", "small"], {}, { outputs: ["s"] });
      b.output(b.op("Sub", [sum, "x"], {}, { outputs: ["y"] }));
    });

  it("rounds between nodes by default, and keeps everything under float64", () => {
    const x = feed(Tensor.f32([1], [1]));
    expect(interpret(model("float32"), x).get("y")!.numbers[0]).toBe(0);
    const exact = interpret(model("float32"), x, { precision: "float64" }).get("y")!;
    expect([exact.dtype, exact.data.constructor.name, exact.numbers[0]]).toEqual([
      "float32",
      "Float64Array",
      2 ** -30,
    ]);
  });

  it("rounds narrow floats to their own type by default, to float32 as runtimes do", () => {
    const x = feed(Tensor.floats("float16", [1], [1]));
    expect(interpret(model("float16"), x).get("y")!.numbers[0]).toBe(0);
    expect(interpret(model("float16"), x, { precision: "float32" }).get("y")!.numbers[0]).toBe(2 ** -12);
  });

  it("rounds sums of narrow floats once, not by way of float32", () => {
    // 1 + 2⁻¹¹ + 2⁻³⁰ rounds up to 1 + 2⁻¹⁰ in float16; by way of float32 it is the tie 1 + 2⁻¹¹, which rounds to 1.
    const sum = buildModel((b) => {
      b.input("x", { dtype: "float16", shape: [1, 3] });
      b.initializer("w", Tensor.floats("float16", [3, 1], [1, 2 ** -11, 2 ** -15]));
      b.output(b.op("MatMul", ["x", "w"], {}, { outputs: ["y"] }));
    });
    const x = feed(Tensor.floats("float16", [1, 3], [1, 1, 2 ** -15]));
    expect(interpret(sum, x).get("y")!.numbers[0]).toBe(1 + 2 ** -10);
  });

  it("keeps float64 tensors in float64", () => {
    const wide = buildModel((b) => {
      b.input("x", { dtype: "float64", shape: [1] });
      b.initializer("small", Tensor.floats("float64", [1], [2 ** -40]));
      b.output(b.op("Add", ["x", "small"], {}, { outputs: ["y"] }));
    });
    expect(interpret(wide, feed(Tensor.floats("float64", [1], [1]))).get("y")!.numbers[0]).toBe(1 + 2 ** -40);
  });
});

describe("subgraphs and functions", () => {
  it("runs loops over outer values, with results stacked", () => {
    const model = buildModel((b) => {
      b.input("x", f32([2]));
      b.initializer("trips", Tensor.i64([], [3]));
      b.initializer("go", Tensor.of("bool", [], Uint8Array.of(1)));
      b.initializer("gain", Tensor.f32([], [2]));
      const body = new GraphBuilder("body", b.graph);
      body.input("i", { dtype: "int64", shape: [] });
      const condition = body.input("condition", { dtype: "bool", shape: [] });
      const state = body.input("state", f32([2]));
      const next = body.op("Mul", [state, b.graph.value("gain")!], {}, { outputs: ["next"] });
      body.output(body.op("Identity", [condition], {}, { outputs: ["again"] }));
      body.output(next);
      body.output(body.op("Neg", [next], {}, { outputs: ["each"] }));
      const loop = attributes({ body: attr.graph(body.graph) });
      const node = b.node("Loop", ["trips", "go", "x"], loop, { outputs: ["last", "all"] });
      node.outputs.forEach((output) => b.output(output!));
    });
    const result = interpret(model, feed(Tensor.f32([2], [1, 5])));
    expect([...result.get("last")!.numbers]).toEqual([8, 40]);
    expect([result.get("all")!.dims, [...result.get("all")!.numbers]]).toEqual([
      [3, 2],
      [-2, -10, -4, -20, -8, -40],
    ]);
  });

  it("resolves references to the caller's attributes, defaults for the rest, also inside nested calls", () => {
    const define = (name: string, fill: (b: GraphBuilder) => void): GraphBuilder["graph"] => {
      const body = new GraphBuilder(name);
      body.graph.opsets.set("", 21);
      fill(body);
      return body.graph;
    };
    const leaky = define("Leaky", (b) => {
      const slope = new Map([["alpha", { kind: "reference", name: "slope" } as const]]);
      b.output(b.op("LeakyRelu", [b.input("in")], slope, { outputs: ["out"] }));
    });
    const twice = define("Twice", (b) => {
      const given = new Map([["slope", { kind: "reference", name: "factor" } as const]]);
      const once = b.op("Leaky", [b.input("in")], given, { domain: "local", outputs: ["once"] });
      b.output(b.op("Leaky", [once], {}, { domain: "local", outputs: ["out"] }));
    });
    const model = buildModel((b) => {
      b.input("x", f32([1]));
      const factor = { factor: attr.float(0.5) };
      b.output(b.op("Twice", ["x"], factor, { domain: "local", outputs: ["y"] }));
    });
    const rest = { domain: "local", overload: "", source: null };
    model.functions = [
      {
        ...rest,
        name: "Leaky",
        attributes: [],
        defaults: new Map([["slope", attr.float(0.25)]]),
        body: leaky,
      },
      { ...rest, name: "Twice", attributes: ["factor"], defaults: new Map(), body: twice },
    ];
    expect(interpret(model, feed(Tensor.f32([1], [-8]))).get("y")!.numbers[0]).toBe(-1);
  });

  it("gives sequences through runValues and refuses them as tensors", () => {
    const model = buildModel((b) => {
      b.input("x", f32([2]));
      b.output(b.op("SequenceConstruct", ["x", "x"], {}, { outputs: ["s"] }));
    });
    const prepared = prepareInterpreter(model);
    expect(prepared.runValues(feed(ramp([2]))).get("s")).toHaveLength(2);
    expect(() => prepared.run(feed(ramp([2])))).toThrow(UnsupportedError);
  });
});

describe("memory", () => {
  it("drops values behind their last reader", () => {
    // 300 tensors of 8 MB: all of them at once would be 2.4 GB.
    const model = buildModel((b) => {
      let value = b.input("x", f32([2 ** 21]));
      for (let i = 0; i < 300; i++) value = b.op("Neg", [value], {}, { outputs: [`v${i}`] });
      b.output(value);
    });
    let peak = 0;
    const y = interpret(model, feed(Tensor.zeros("float32", [2 ** 21])), {
      onNode: () => (peak = Math.max(peak, process.memoryUsage().arrayBuffers)),
    });
    expect(y.size).toBe(1);
    expect(peak).toBeLessThan(1.2e9);
  });

  it("agrees with itself", () => {
    const x = ramp([3, 2], 0.1);
    const [a, b] = [
      interpret(smallModel(), feed(x)),
      interpret(smallModel(), feed(x), { precision: "float64" }),
    ];
    expect(relativeL2(a.get("y")!, b.get("y")!)).toBeLessThan(1e-7);
  });
});
