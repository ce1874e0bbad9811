import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  GraphBuilder, Model, Tensor, UnsupportedError, print, verify, type AttributeInput, type DType, type TensorType,
} from "../../src/ir/index.js"; // prettier-ignore
import { interpret } from "../../src/measure/index.js";
import { decodeModel, encodeModel } from "../../src/onnx/index.js";
import { opVersions } from "../../src/ops/index.js";
import { upgradeOpset } from "../../src/upgrade/index.js";
import { rules } from "../../src/upgrade/rules.js";

const fixtures = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "fixtures", "graphs");

interface Case {
  readonly opset: number;
  readonly op: string;
  readonly attributes?: Readonly<Record<string, AttributeInput>>;
  /** The graph input x. */
  readonly x?: readonly number[];
  readonly dtype?: DType;
  readonly weights?: readonly Tensor[];
  readonly outputs?: number;
}

function build({
  opset,
  op,
  attributes = {},
  x = [2, 3, 4, 5],
  dtype = "float32",
  weights = [],
  outputs = 1,
}: Case): Model {
  const builder = new GraphBuilder("case");
  builder.graph.irVersion = opset < 9 ? 3 : 7;
  builder.graph.opsets.set("", opset);
  builder.input("x", { dtype, shape: x });
  const inputs = weights.map((tensor, index) => {
    if (builder.graph.irVersion < 4) builder.input(`w${index}`, { dtype: tensor.dtype, shape: tensor.dims });
    return builder.initializer(`w${index}`, tensor);
  });
  const names = Array.from({ length: outputs }, (_, index) => (index === 0 ? "y" : `y${index}`));
  builder.node(op, ["x", ...inputs], attributes, { outputs: names, name: "node" });
  builder.output("y");
  return new Model(builder.graph);
}

function feeds(type: TensorType): Map<string, Tensor> {
  const dims = type.shape as number[];
  const size = dims.reduce((product, dim) => product * dim, 1);
  const values = Array.from({ length: size }, (_, index) => Math.sin(3 * index + 1) * 3);
  return new Map([["x", Tensor.floats(type.dtype, dims, values)]]);
}

const f = (value: number): AttributeInput => ({ kind: "float", value });
const fs = (value: readonly number[]): AttributeInput => ({ kind: "floats", value });
const ramp = (...dims: number[]): Tensor =>
  Tensor.f32(
    dims,
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => 0.5 + 0.25 * i),
  );

const cases: Record<string, Case> = {
  "Add per channel": { opset: 6, op: "Add", attributes: { broadcast: 1, axis: 1 }, weights: [ramp(3)] },
  "Mul over two axes": { opset: 6, op: "Mul", attributes: { broadcast: 1, axis: 1 }, weights: [ramp(3, 4)] },
  "Sub at a negative axis": { opset: 6, op: "Sub", attributes: { broadcast: 1, axis: -3 }, weights: [ramp(3)] },
  "Div at the end": { opset: 6, op: "Div", attributes: { broadcast: 1 }, weights: [ramp(4, 5)] },
  "Add of a scalar": { opset: 6, op: "Add", attributes: { broadcast: 1 }, weights: [ramp()] },
  "PRelu per channel": { opset: 6, op: "PRelu", weights: [ramp(3)] },
  "Selu of opset 1": { opset: 1, op: "Selu", attributes: { consumed_inputs: [0] } },
  "Relu in place": { opset: 1, op: "Relu", attributes: { consumed_inputs: [0] } },
  "BatchNormalization 6": {
    opset: 6, op: "BatchNormalization", attributes: { is_test: 1 }, weights: [ramp(3), ramp(3), ramp(3), ramp(3)],
  },
  "BatchNormalization 8": { opset: 8, op: "BatchNormalization", attributes: { spatial: 1 }, weights: [ramp(3), ramp(3), ramp(3), ramp(3)] },
  "Dropout with an unread mask": { opset: 6, op: "Dropout", attributes: { is_test: 1, ratio: f(0.3) }, outputs: 2 },
  "Dropout 11": { opset: 11, op: "Dropout", attributes: { ratio: f(0.3) } },
  "Clip of both sides": { opset: 6, op: "Clip", attributes: { min: f(-1), max: f(0.5) } },
  "Clip of one side": { opset: 6, op: "Clip", attributes: { max: f(0.5) } },
  "Clip of doubles": { opset: 6, op: "Clip", attributes: { min: f(-1) }, dtype: "float64" },
  "Slice to the end": { opset: 9, op: "Slice", attributes: { starts: [1, -2], ends: [2 ** 63, -1], axes: [1, 3] } },
  "Pad 1": { opset: 1, op: "Pad", attributes: { paddings: [0, 0, 1, 2, 0, 0, 0, 1], value: f(1.5) } },
  "Pad 10": { opset: 10, op: "Pad", attributes: { pads: [0, 0, 1, 2, 0, 0, 0, 1], mode: "reflect" } },
  "Reshape 1": { opset: 4, op: "Reshape", attributes: { shape: [0, -1] } },
  "Squeeze": { opset: 11, op: "Squeeze", attributes: { axes: [0, 2] }, x: [1, 3, 1, 5] },
  "Unsqueeze": { opset: 11, op: "Unsqueeze", attributes: { axes: [0, 3] } },
  "ReduceSum": { opset: 11, op: "ReduceSum", attributes: { axes: [1, 3], keepdims: 0 } },
  "ReduceMean": { opset: 11, op: "ReduceMean", attributes: { axes: [2] } },
  "ReduceMax of all": { opset: 11, op: "ReduceMax" },
  "Split by sizes": { opset: 11, op: "Split", attributes: { axis: 3, split: [2, 3] }, outputs: 2 },
  "Split in halves": { opset: 11, op: "Split", attributes: { axis: 2 }, outputs: 2 },
  "TopK": { opset: 9, op: "TopK", attributes: { axis: 2, k: 2 }, outputs: 2 },
  "Cast by name": { opset: 5, op: "Cast", attributes: { to: "INT32" } },
  "Cast to FLOAT": { opset: 5, op: "Cast", attributes: { to: "FLOAT" }, dtype: "float64" },
  "Concat without axis": { opset: 3, op: "Concat", weights: [ramp(2, 1, 4, 5)] },
  "Softmax over the rest": { opset: 11, op: "Softmax" },
  "Softmax at the end": { opset: 11, op: "Softmax", attributes: { axis: 3 } },
  "Softmax of N×C×1×1": { opset: 11, op: "Softmax", x: [2, 6, 1, 1] },
  "LogSoftmax over two axes": { opset: 11, op: "LogSoftmax", attributes: { axis: -2 } },
  "Hardmax over the rest": { opset: 11, op: "Hardmax", attributes: { axis: 2 } },
  "Upsample 7": { opset: 7, op: "Upsample", attributes: { scales: fs([1, 1, 2, 3]), mode: "nearest" } },
  "Upsample 9, linear": { opset: 9, op: "Upsample", attributes: { mode: "linear" }, weights: [Tensor.f32([4], [1, 1, 2, 2])] },
  "Resize 10, smaller": { opset: 10, op: "Resize", weights: [Tensor.f32([4], [1, 1, 0.6, 0.5])] },
  "Tile 1": { opset: 5, op: "Tile", weights: [Tensor.i64([], [2]), Tensor.i64([], [1])] },
  "LpPool 1": { opset: 1, op: "GlobalLpPool", attributes: { p: f(2) } },
  "Affine": { opset: 7, op: "Affine", attributes: { alpha: f(2), beta: f(-1) } },
  "ImageScaler": { opset: 7, op: "ImageScaler", attributes: { scale: f(2), bias: fs([1, 2, 3]) } },
  "Crop": { opset: 7, op: "Crop", attributes: { border: [1, 0, 2, 1] } },
  "InstanceNormalization": { opset: 1, op: "InstanceNormalization", attributes: { consumed_inputs: [0] }, weights: [ramp(3), ramp(3)] },
}; // prettier-ignore

describe("an upgraded node computes the same", () => {
  for (const target of [13, 17, 21]) {
    it.each(Object.keys(cases))(`%s, at opset ${target}`, (name) => {
      const old = build(cases[name]!);
      const before = print(old.graph);
      const upgraded = decodeModel(encodeModel(upgradeOpset(old, target)));
      expect(print(old.graph)).toBe(before);
      verify(upgraded.graph);
      expect(upgraded.opsets.get("")).toBe(target);
      expect(upgraded.graph.requiredInputs.map((value) => value.name)).toEqual(["x"]);
      expect(upgraded.graph.inputs.length).toBe(1);
      const input = feeds(old.graph.value("x")!.type!);
      const [want, got] = [interpret(old, input).get("y")!, interpret(upgraded, input).get("y")!];
      expect(got.dtype).toBe(want.dtype);
      expect(got.dims).toEqual(want.dims);
      got.toNumbers().forEach((value, index) => expect(value).toBeCloseTo(want.toNumbers()[index]!, 5));
      // Nothing of the old form is left: the new schema has every attribute of every node.
      for (const node of upgraded.graph.nodes) {
        expect(target >= 10 && ["Upsample", "Affine", "Crop", "ImageScaler"].includes(node.op)).toBe(false);
      }
    });
  }
});

describe("by hand", () => {
  it("Add per channel reshapes its constant", () => {
    const upgraded = upgradeOpset(build(cases["Add per channel"]!), 17);
    expect(print(upgraded.graph, { weights: "none" })).toContain("%y = Add(%x, %node.aligned) : ?");
    expect(upgraded.graph.value("node.aligned")!.initializer!.dims).toEqual([3, 1, 1]);
  });

  it("the INT64_MAX of a Slice stays one", () => {
    const upgraded = upgradeOpset(build(cases["Slice to the end"]!), 17);
    expect(upgraded.graph.value("node.ends")!.initializer!.data).toEqual(
      BigInt64Array.of(2n ** 63n - 1n, -1n),
    );
  });

  it("an input that is not constant is unsqueezed", () => {
    const builder = new GraphBuilder("g");
    builder.graph.irVersion = 3;
    builder.graph.opsets.set("", 6);
    builder.input("x", { dtype: "float32", shape: ["N", 3, 4, 5] });
    builder.input("b", { dtype: "float32", shape: [3] });
    builder.node("Add", ["x", "b"], { broadcast: 1, axis: 1 }, { outputs: ["y"] });
    builder.output("y");
    const text = print(upgradeOpset(new Model(builder.graph), 17).graph, { weights: "none" });
    expect(text).toMatch(/%y.unsqueeze = Unsqueeze\(%b, %y.axes\)/);
  });

  it.each([
    ["bn in training", { opset: 8, op: "BatchNormalization", attributes: { spatial: 0 }, weights: [ramp(3), ramp(3), ramp(3), ramp(3)] }, "BatchNormalization"],
    ["an unknown rank", { opset: 6, op: "Add", attributes: { broadcast: 1, axis: 1 }, weights: [ramp(3)], x: null }, "Add"],
  ] as const)("%s is refused by name", (_, given, op) => {
    const model = build({ ...given, x: [2, 3, 4, 5] });
    if ("x" in given) model.graph.value("x")!.type = null;
    expect(() => upgradeOpset(model, 17)).toThrow(UnsupportedError);
    try {
      upgradeOpset(model, 17);
    } catch (error) {
      expect((error as UnsupportedError).where).toMatchObject({ node: "node", op });
    }
  }); // prettier-ignore

  it("going back is refused", () => {
    expect(() => upgradeOpset(build({ opset: 18, op: "Relu" }), 17)).toThrow(/cannot go back/);
    expect(() => upgradeOpset(build({ opset: 18, op: "Relu" }), 99)).toThrow(/unknown/);
  });

  it.each(["no-opset-untyped", "opset6-broadcast", "opset9-upsample"])("%s stays the same model", (name) => {
    const old = decodeModel(new Uint8Array(readFileSync(join(fixtures, `${name}.onnx`))));
    const upgraded = decodeModel(encodeModel(upgradeOpset(old, 17)));
    expect(upgraded.warnings).toEqual([]);
    const [input] = upgraded.graph.requiredInputs;
    const dims = input!.type!.shape!.map((dim) => (typeof dim === "number" ? dim : 2));
    const fed = new Map([[input!.name, feeds({ dtype: "float32", shape: dims }).get("x")!]]);
    const [want, got] = [interpret(old, fed), interpret(upgraded, fed)];
    for (const [output, tensor] of want) {
      expect(got.get(output)!.dims).toEqual(tensor.dims);
      expect([...got.get(output)!.numbers]).toEqual([...tensor.numbers]);
    }
  });
});

describe("the rules cover the schemas", () => {
  /** Boundaries that change nothing for inference of image models, or whose old form is still valid. */
  const harmless = new Set(["GRU 3", "Constant 11", "Clip 6"]);

  it("every default that changes and every attribute that becomes required has one", () => {
    const missing: string[] = [];
    for (const [op, { domain, versions }] of Object.entries(opVersions)) {
      if (domain !== "") continue;
      for (const [index, version] of versions.entries()) {
        const before = versions[index - 1];
        if (!before) continue;
        const changed = Object.entries(before.defaults).some(
          ([name, value]) => !(name in version.defaults) || String(version.defaults[name]) !== String(value),
        );
        const required = version.required.some((name) => !before.required.includes(name));
        const gone = before.required.some((name) => !version.required.includes(name));
        if (!changed && !required && !gone) continue;
        const key = `${op} ${version.since}`;
        const covered = rules.some(({ ops, since }) => since === version.since && ops.includes(op));
        if (!covered && !harmless.has(key)) missing.push(key);
      }
    }
    expect(missing).toEqual([]);
  });
});
