import { describe, expect, it } from "vitest";
import { GraphBuilder, Model, Tensor } from "../../src/ir/index.js";
import { differentiate } from "../../src/gradient/index.js";
import { seededRandom } from "../../src/linalg/index.js";
import { inferFacts, interpret } from "../../src/measure/index.js";
import { cases, scalar, type Case } from "./operator-cases.js";

function modelOf({ op, inputs, attrs = {}, constants = [], opset = 17, outputs = 1 }: Case): Model {
  const builder = new GraphBuilder("case");
  builder.graph.irVersion = 9;
  builder.graph.opsets.set("", opset);
  const given = inputs.map((dims, i) =>
    dims ? builder.input(`x${i}`, { dtype: "float64", shape: dims }) : null,
  );
  const fixed = constants.map((tensor, i) => (tensor ? builder.initializer(`c${i}`, tensor) : null));
  const names = Array.from({ length: outputs }, (_, i) => `y${i}`);
  builder.node(op, [...given, ...fixed], attrs, { outputs: names });
  for (const name of names) builder.output(name, { dtype: "float64", shape: null });
  return new Model(builder.graph);
}

function randomTensor(dims: readonly number[], draw: () => number): Tensor {
  return Tensor.of("float64", dims, Float64Array.from({ length: dims.reduce((p, d) => p * d, 1) }, draw));
}

/** Worst difference between the gradients and central differences of Σ g·y, relative to the largest entry. */
function worstError(model: Model, feeds: ReadonlyMap<string, Tensor>, draw: () => number): number {
  const run = (values: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> =>
    interpret(model, values, { precision: "float64" });
  const outputs = run(feeds);
  const weights = new Map([...outputs].map(([name, y]) => [name, randomTensor(y.dims, draw)]));
  const loss = (values: ReadonlyMap<string, Tensor>): number =>
    [...run(values)].reduce(
      (sum, [name, y]) =>
        y.toNumbers().reduce((part, v, i) => part + v * weights.get(name)!.numbers[i]!, sum),
      0,
    );
  const names = [...feeds.keys()];
  const backward = differentiate(model, names, inferFacts(model), { from: "gradient" });
  const seeds = new Map([...weights].map(([name, weight]) => [`grad:${name}`, weight]));
  const gradients = interpret(backward, new Map([...feeds, ...seeds]), { precision: "float64" });
  let [worst, largest] = [0, 1e-9];
  for (const [name, x] of feeds) {
    const gradient = gradients.get(`grad:${name}`)!;
    expect(gradient.dims).toEqual(x.dims);
    for (let i = 0; i < x.size; i++) {
      const at = (shift: number): number => {
        const data = Float64Array.from(x.numbers);
        data[i]! += shift;
        return loss(new Map([...feeds, [name, Tensor.of("float64", x.dims, data)]]));
      };
      const step = 1e-5;
      const wanted = (at(step) - at(-step)) / (2 * step);
      worst = Math.max(worst, Math.abs(wanted - gradient.numbers[i]!));
      largest = Math.max(largest, Math.abs(wanted));
    }
  }
  return worst / largest;
}

describe("gradients of single operators against central differences", () => {
  for (const [name, entry] of Object.entries(cases)) {
    it(name, () => {
      const random = seededRandom(1).fork(name);
      const [low, high] = entry.range ?? [-2, 2];
      const feeds = new Map(
        entry.inputs.flatMap((dims, i) =>
          dims ? [[`x${i}`, randomTensor(dims, () => random.uniform(low, high))] as const] : [],
        ),
      );
      expect(worstError(modelOf(entry), feeds, () => random.normal())).toBeLessThan(1e-7);
    });
  }
});

/** x → Conv → Relu → Conv → + x → Relu, with the weights as inputs. */
function residualBlock(): { readonly model: Model; readonly feeds: ReadonlyMap<string, Tensor> } {
  const random = seededRandom(3);
  const shapes = { x: [2, 3, 4, 4], w1: [3, 3, 3, 3], b1: [3], w2: [3, 3, 3, 3], b2: [3] };
  const builder = new GraphBuilder("block");
  builder.graph.irVersion = 8;
  builder.graph.opsets.set("", 17);
  for (const [name, shape] of Object.entries(shapes)) builder.input(name, { dtype: "float64", shape });
  const first = builder.op("Relu", [builder.op("Conv", ["x", "w1", "b1"], { pads: [1, 1, 1, 1] })]);
  const second = builder.op("Conv", [first, "w2", "b2"], { pads: [1, 1, 1, 1] });
  builder.output(builder.op("Relu", [builder.op("Add", [second, "x"])], {}, { outputs: ["y"] }));
  const feeds = Object.entries(shapes).map(
    ([name, dims]) => [name, randomTensor(dims, () => random.normal())] as const,
  );
  return { model: new Model(builder.graph), feeds: new Map(feeds) };
}

describe("gradients of parts of networks", () => {
  it("sums over several readers of a value", () => {
    const { model, feeds } = residualBlock();
    const random = seededRandom(4);
    expect(worstError(model, feeds, () => random.normal())).toBeLessThan(1e-7);
  });

  it("takes weights for what they are in a part that lists them as inputs too", () => {
    const builder = new GraphBuilder("old");
    builder.graph.irVersion = 3;
    builder.graph.opsets.set("", 16);
    const x = builder.input("x", { dtype: "float64", shape: [1, 2, 3, 3] });
    const w = builder.initializer(
      "w",
      randomTensor([2, 2, 1, 1], () => 0.5),
    );
    builder.output(builder.op("Conv", [x, w], {}, { outputs: ["y"] }));
    builder.graph.inputs_.push(w);
    const model = new Model(builder.graph);
    const backward = differentiate(model, ["w"], inferFacts(model));
    expect(backward.graph.requiredInputs.map(({ name }) => name)).not.toContain("w");
    expect(backward.graph.outputs.map(({ name }) => name)).toContain("grad:w");
  });

  it("gives the squared error and its gradient at once", () => {
    const { model, feeds } = residualBlock();
    const y = interpret(model, feeds, { precision: "float64" }).get("y")!;
    const target = Tensor.of(
      "float64",
      y.dims,
      Float64Array.from(y.numbers, (v, i) => v - (i % 3)),
    );
    const squares = target.toNumbers().reduce((sum, t, i) => sum + (y.numbers[i]! - t) ** 2, 0);
    const backward = differentiate(model, ["w1", "b2"], inferFacts(model));
    const extra = [
      ["target:y", target],
      ["scale:y", scalar(0.25)],
    ] as const;
    const results = interpret(backward, new Map([...feeds, ...extra]), { precision: "float64" });
    expect(results.get("loss:y")!.numbers[0]).toBeCloseTo(squares / 4, 8);
    const seeded = differentiate(model, ["w1", "b2"], inferFacts(model), { from: "gradient" });
    const seed = Tensor.of(
      "float64",
      y.dims,
      Float64Array.from(y.numbers, (v, i) => 0.5 * (v - target.numbers[i]!)),
    );
    const wanted = interpret(seeded, new Map([...feeds, ["grad:y", seed]]), { precision: "float64" });
    for (const name of ["grad:w1", "grad:b2"]) {
      wanted.get(name)!.numbers.forEach((v, i) => expect(results.get(name)!.numbers[i]).toBeCloseTo(v, 8));
    }
  });

  it("gives zeros for what doesn't reach an output, and leaves the part as it was", () => {
    const { model, feeds } = residualBlock();
    const before = model.graph.nodeCount;
    const gradients = interpret(
      differentiate(model, ["x", "w1"], inferFacts(model), { from: "gradient" }),
      new Map([...feeds, ["grad:y", Tensor.of("float64", [2, 3, 4, 4], new Float64Array(96))]]),
    );
    expect([...gradients.get("grad:w1")!.numbers].every((v) => v === 0)).toBe(true);
    expect(model.graph.nodeCount).toBe(before);
  });

  it.each([
    ["an operator without a rule", { op: "Cos", inputs: [[3]] }, /Cos/],
    ["a vector in a product", { op: "MatMul", inputs: [[3], [3, 2]] }, /vector/],
    ["an old operator set", { op: "Relu", inputs: [[3]], opset: 13 }, /operator set/],
    [
      "a linear resize",
      {
        op: "Resize",
        inputs: [[1, 1, 2, 2]],
        constants: [null, Tensor.f32([4], [1, 1, 2, 2])],
        attrs: { mode: "linear" },
      },
      /Resize|resizing/,
    ],
  ] as [string, Case, RegExp][])("refuses %s", (_, entry, message) => {
    const model = modelOf(entry);
    expect(() => differentiate(model, ["x0"], inferFacts(model))).toThrow(message);
  });

  it("refuses shapes that aren't numbers", () => {
    const builder = new GraphBuilder("open");
    builder.graph.opsets.set("", 17);
    builder.input("x", { dtype: "float32", shape: ["N", 3] });
    builder.output(builder.op("Relu", ["x"], {}, { outputs: ["y"] }));
    const model = new Model(builder.graph);
    expect(() => differentiate(model, ["x"], inferFacts(model))).toThrow(/shape is not known/);
  });
});
