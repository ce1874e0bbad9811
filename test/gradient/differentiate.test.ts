import { describe, expect, it } from "vitest";
import { attr, GraphBuilder, Model, Tensor, type AttributeInput } from "../../src/ir/index.js";
import { differentiate } from "../../src/gradient/index.js";
import { seededRandom } from "../../src/linalg/index.js";
import { inferFacts, interpret } from "../../src/measure/index.js";

interface Case {
  readonly op: string;
  readonly inputs: readonly (readonly number[] | null)[];
  readonly attrs?: Readonly<Record<string, AttributeInput>>;
  /** Constant inputs behind the others. */
  readonly constants?: readonly (Tensor | null)[];
  /** Values are drawn from here; [-2, 2] by default. */
  readonly range?: readonly [number, number];
  readonly opset?: number;
  readonly outputs?: number;
}

const ints = (...values: number[]): Tensor => Tensor.i64([values.length], values);
const real = (...values: number[]): Tensor =>
  Tensor.of("float64", [values.length], Float64Array.from(values));
const scalar = (value: number): Tensor => Tensor.of("float64", [], Float64Array.of(value));

const cases: Readonly<Record<string, Case>> = {
  "Conv 3×3, padded": {
    op: "Conv",
    inputs: [[2, 3, 5, 6], [4, 3, 3, 3], [4]],
    attrs: { pads: [1, 1, 1, 1] },
  },
  "Conv, strided, pads that leave a rest": {
    op: "Conv",
    inputs: [[2, 2, 6, 7], [3, 2, 3, 2], [3]],
    attrs: { strides: [2, 3], pads: [1, 0, 0, 1] },
  },
  "Conv, dilated": {
    op: "Conv",
    inputs: [
      [1, 2, 7, 7],
      [2, 2, 3, 3],
    ],
    attrs: { dilations: [2, 2], pads: [2, 1, 0, 2] },
  },
  "Conv, pads wider than the kernel": {
    op: "Conv",
    inputs: [
      [1, 2, 3, 3],
      [2, 2, 1, 1],
    ],
    attrs: { pads: [1, 2, 0, 1] },
  },
  "Conv, strided and dilated, many channels": {
    op: "Conv",
    inputs: [[2, 33, 5, 5], [2, 33, 2, 3], [2]],
    attrs: { strides: [2, 1], dilations: [1, 2], pads: [1, 2, 1, 1] },
  },
  "Conv 1×1, many channels": { op: "Conv", inputs: [[2, 32, 2, 3], [3, 32, 1, 1], [3]] },
  "Conv, grouped": {
    op: "Conv",
    inputs: [[2, 4, 4, 4], [6, 2, 3, 3], [6]],
    attrs: { group: 2, pads: [1, 1, 1, 1] },
  },
  "Conv, depthwise, strided": {
    op: "Conv",
    inputs: [[2, 3, 5, 5], [3, 1, 3, 3], [3]],
    attrs: { group: 3, pads: [1, 1, 1, 1], strides: [2, 2] },
  },
  "Conv, auto_pad": {
    op: "Conv",
    inputs: [
      [1, 2, 5, 5],
      [2, 2, 2, 2],
    ],
    attrs: { auto_pad: "SAME_LOWER", strides: [2, 2] },
  },
  "Conv, 1-D": { op: "Conv", inputs: [[2, 2, 9], [3, 2, 3], [3]], attrs: { strides: [2], pads: [0, 1] } },
  "Conv, 3-D": {
    op: "Conv",
    inputs: [[1, 2, 3, 4, 3], [2, 2, 2, 2, 2], [2]],
    attrs: { strides: [1, 2, 1], pads: [1, 0, 0, 0, 0, 1] },
  },
  ConvTranspose: {
    op: "ConvTranspose",
    inputs: [[2, 3, 3, 4], [3, 2, 3, 3], [2]],
    attrs: { strides: [2, 2], pads: [1, 0, 1, 1], output_padding: [1, 0] },
  },
  "ConvTranspose, uncovered rest": {
    op: "ConvTranspose",
    inputs: [[1, 4, 3, 3], [4, 1, 2, 2], [2]],
    attrs: { strides: [3, 3], output_padding: [2, 1], group: 2 },
  },
  Gemm: { op: "Gemm", inputs: [[3, 4], [4, 5], [5]], attrs: { alpha: attr.float(0.5), beta: attr.float(2) } },
  "Gemm, transposed": {
    op: "Gemm",
    inputs: [
      [4, 3],
      [5, 4],
      [3, 1],
    ],
    attrs: { transA: 1, transB: 1 },
  },
  "Gemm, transA": {
    op: "Gemm",
    inputs: [
      [4, 3],
      [4, 5],
    ],
    attrs: { transA: 1 },
  },
  "Gemm, transB": { op: "Gemm", inputs: [[3, 4], [5, 4], [1]], attrs: { transB: 1 } },
  MatMul: {
    op: "MatMul",
    inputs: [
      [2, 1, 3, 4],
      [3, 4, 2],
    ],
  },
  "Add, broadcast": {
    op: "Add",
    inputs: [
      [2, 3, 4],
      [3, 1],
    ],
  },
  "Sub, broadcast": {
    op: "Sub",
    inputs: [
      [3, 1],
      [2, 3, 4],
    ],
  },
  "Mul, broadcast": {
    op: "Mul",
    inputs: [
      [2, 3],
      [2, 1],
    ],
  },
  "Div, broadcast": { op: "Div", inputs: [[2, 3], [3]], range: [0.5, 2] },
  Sum: {
    op: "Sum",
    inputs: [
      [2, 3],
      [1, 3],
      [2, 1],
    ],
  },
  Mean: {
    op: "Mean",
    inputs: [
      [2, 3],
      [1, 3],
      [2, 1],
    ],
  },
  Max: { op: "Max", inputs: [[2, 3], [3]] },
  Min: {
    op: "Min",
    inputs: [
      [2, 3],
      [2, 1],
    ],
  },
  Pow: { op: "Pow", inputs: [[5]], constants: [scalar(3)] },
  "Pow, fractional": { op: "Pow", inputs: [[5]], constants: [real(0.5)], range: [0.5, 2] },
  Neg: { op: "Neg", inputs: [[3]] },
  Abs: { op: "Abs", inputs: [[7]] },
  Sqrt: { op: "Sqrt", inputs: [[4]], range: [0.5, 2] },
  Exp: { op: "Exp", inputs: [[4]] },
  Log: { op: "Log", inputs: [[4]], range: [0.5, 2] },
  Reciprocal: { op: "Reciprocal", inputs: [[4]], range: [0.5, 2] },
  Relu: { op: "Relu", inputs: [[9]] },
  LeakyRelu: { op: "LeakyRelu", inputs: [[9]], attrs: { alpha: attr.float(0.1) } },
  PRelu: {
    op: "PRelu",
    inputs: [
      [2, 3, 4],
      [3, 1],
    ],
  },
  Clip: { op: "Clip", inputs: [[12]], constants: [scalar(-1), scalar(0.7)] },
  "Clip, one bound": { op: "Clip", inputs: [[12]], constants: [null, scalar(0.7)] },
  Sigmoid: { op: "Sigmoid", inputs: [[4]] },
  Tanh: { op: "Tanh", inputs: [[4]] },
  HardSigmoid: { op: "HardSigmoid", inputs: [[12]], attrs: { alpha: attr.float(0.4) } },
  HardSwish: { op: "HardSwish", inputs: [[12]], range: [-5, 5] },
  Elu: { op: "Elu", inputs: [[8]], attrs: { alpha: attr.float(1.5) } },
  Selu: { op: "Selu", inputs: [[8]] },
  Softplus: { op: "Softplus", inputs: [[8]] },
  Erf: { op: "Erf", inputs: [[8]] },
  Gelu: { op: "Gelu", inputs: [[8]], opset: 20 },
  "Gelu, tanh": { op: "Gelu", inputs: [[8]], attrs: { approximate: "tanh" }, opset: 20 },
  Softmax: { op: "Softmax", inputs: [[2, 3, 2]], attrs: { axis: 1 } },
  LogSoftmax: { op: "LogSoftmax", inputs: [[2, 4]] },
  Concat: {
    op: "Concat",
    inputs: [
      [2, 1, 2],
      [2, 3, 2],
    ],
    attrs: { axis: -2 },
  },
  Split: { op: "Split", inputs: [[2, 5]], constants: [ints(2, 3)], attrs: { axis: 1 }, outputs: 2 },
  Slice: { op: "Slice", inputs: [[5, 7]], constants: [ints(1, -1), ints(4, 0), ints(0, 1), ints(2, -3)] },
  "Slice to the end": {
    op: "Slice",
    inputs: [[2, 3, 5]],
    constants: [ints(1), Tensor.i64([1], [9223372036854775807n]), ints(2), ints(2)],
  },
  "Pad, zeros": { op: "Pad", inputs: [[2, 3]], constants: [ints(0, 1, 2, 0)] },
  "Pad, reflected": {
    op: "Pad",
    inputs: [[1, 2, 4, 3]],
    constants: [ints(0, 0, 2, 1, 0, 0, 3, 2)],
    attrs: { mode: "reflect" },
  },
  "Pad, edge": { op: "Pad", inputs: [[2, 3]], constants: [ints(1, 2, 0, 1)], attrs: { mode: "edge" } },
  Flatten: { op: "Flatten", inputs: [[2, 3, 2]] },
  Reshape: { op: "Reshape", inputs: [[2, 6]], constants: [ints(0, 3, -1)] },
  Squeeze: { op: "Squeeze", inputs: [[2, 1, 3]], constants: [ints(1)] },
  Unsqueeze: { op: "Unsqueeze", inputs: [[2, 3]], constants: [ints(0, 3)] },
  Transpose: { op: "Transpose", inputs: [[2, 3, 4]], attrs: { perm: [2, 0, 1] } },
  "Transpose, reversed": { op: "Transpose", inputs: [[2, 3, 4]] },
  Expand: { op: "Expand", inputs: [[3, 1]], constants: [ints(2, 3, 4)] },
  "DepthToSpace, DCR": { op: "DepthToSpace", inputs: [[1, 8, 2, 3]], attrs: { blocksize: 2 } },
  "DepthToSpace, CRD": { op: "DepthToSpace", inputs: [[1, 8, 2, 3]], attrs: { blocksize: 2, mode: "CRD" } },
  SpaceToDepth: { op: "SpaceToDepth", inputs: [[1, 2, 4, 6]], attrs: { blocksize: 2 } },
  "Resize, nearest": {
    op: "Resize",
    inputs: [[1, 2, 2, 3]],
    constants: [null, Tensor.f32([4], [1, 1, 2, 3])],
    attrs: { mode: "nearest", nearest_mode: "floor", coordinate_transformation_mode: "asymmetric" },
  },
  GlobalAveragePool: { op: "GlobalAveragePool", inputs: [[2, 3, 2, 4]] },
  GlobalMaxPool: { op: "GlobalMaxPool", inputs: [[2, 3, 2, 4]] },
  AveragePool: {
    op: "AveragePool",
    inputs: [[2, 2, 5, 6]],
    attrs: { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1] },
  },
  "AveragePool, pads counted, ceil_mode": {
    op: "AveragePool",
    inputs: [[1, 2, 6, 6]],
    attrs: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 0, 0], count_include_pad: 1, ceil_mode: 1 },
    opset: 19,
  },
  MaxPool: {
    op: "MaxPool",
    inputs: [[2, 2, 5, 6]],
    attrs: { kernel_shape: [3, 3], strides: [1, 2], pads: [1, 1, 1, 1] },
  },
  ReduceMean: { op: "ReduceMean", inputs: [[2, 3, 4]], attrs: { axes: [-1, 0], keepdims: 0 } },
  "ReduceSum, all": { op: "ReduceSum", inputs: [[2, 3]] },
  "ReduceMean, axes as input": { op: "ReduceMean", inputs: [[2, 3, 4]], constants: [ints(1)], opset: 18 },
  BatchNormalization: {
    op: "BatchNormalization",
    inputs: [[2, 3, 2, 2], [3], [3]],
    constants: [real(0.1, -0.2, 0.3), real(1, 0.5, 2)],
  },
  InstanceNormalization: { op: "InstanceNormalization", inputs: [[2, 3, 3, 2], [3], [3]] },
  LayerNormalization: { op: "LayerNormalization", inputs: [[2, 3, 4], [3, 4], [4]], attrs: { axis: 1 } },
  LRN: {
    op: "LRN",
    inputs: [[1, 5, 2, 2]],
    attrs: { size: 4, alpha: attr.float(0.5), bias: attr.float(1.5) },
  },
};

/** A model of one node behind float64 inputs x0, x1, …; outputs y0, … */
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
