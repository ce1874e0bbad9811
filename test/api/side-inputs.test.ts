import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  GraphBuilder,
  load,
  loadData,
  loadDataOf,
  optimizeFile,
  run,
  Tensor,
  verify,
  writeFileAtomically,
  writeNpz,
  type Model,
} from "../../src/index.js";
import { attr, type Dim } from "../../src/ir/index.js";
import { graph, invoke, scratchFolder } from "../cli/invoke.js";
import { modelOf } from "./small-models.js";

const folder = scratchFolder();
const ramp = (dims: readonly number[], from = 0): Tensor =>
  Tensor.f32(
    dims,
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => from + i),
  );

/** y = x · w + shift: a batch beside a matrix and a scalar. */
function affineModel(batch: Dim): Model {
  const builder = new GraphBuilder();
  const w = builder.input("w", { dtype: "float32", shape: [2, 2] });
  const x = builder.input("x", { dtype: "float32", shape: [batch, 2] });
  const shift = builder.input("shift", { dtype: "float32", shape: [] });
  const y = builder.op("Add", [builder.op("MatMul", [x, w]), shift], {}, { outputs: ["y"] });
  builder.output(y, { dtype: "float32", shape: [batch, 2] });
  return modelOf(builder);
}

const engines = ["ort", "reference"] as const;

describe("inputs that are no batches", () => {
  const graphs = ["if-captures-weight", "loop-captures-weight", "conv-dynamic-weight", "empty-tensors"];
  it.each(graphs)("are fed as they are declared: %s", async (name) => {
    const out = join(folder, `${name}.onnx`);
    const { report, exitCode } = await optimizeFile(graph(name), out);
    expect(exitCode).toBe(0);
    expect(report.quality.relativeError).toBeLessThan(1e-5);
    const [a, b] = [await load(graph(name)), await load(out)];
    for (const engine of engines) {
      expect((await verify(a, b, { engine })).limits.filter(({ met }) => !met)).toEqual([]);
      expect((await run(a, { engine })).images).toBe(1);
    }
  });

  it("are drawn anew for every sample where a run is one, so that both branches of an If are compared", async () => {
    const build = (otherwise: number): Model => {
      const branch = (name: string, value: number) => {
        const inner = new GraphBuilder(name);
        inner.output(
          inner.op("Constant", [], { value: Tensor.f32([1], [value]) }, { outputs: [`${name}.y`] }),
          { dtype: "float32", shape: [1] },
        );
        return inner.graph;
      };
      const builder = new GraphBuilder();
      const flag = builder.input("flag", { dtype: "bool", shape: [] });
      const attributes = {
        then_branch: attr.graph(branch("then", 1)),
        else_branch: attr.graph(branch("else", otherwise)),
      };
      builder.output(builder.op("If", [flag], attributes, { outputs: ["y"] }), {
        dtype: "float32",
        shape: [1],
      });
      return modelOf(builder);
    };
    const result = await verify(build(2), build(2.5), { engine: "reference", maxError: 1 });
    // y is 1 or 2, and the second model's 2 is 2.5.
    expect(result.outputs[0]!.relativeError).toBeGreaterThan(0.1);
    expect((await verify(build(2), build(2), { engine: "reference" })).ok).toBe(true);
  });

  it.each([4, "N", 1])("stay the same beside a batch of %s", async (batch) => {
    const model = affineModel(batch);
    for (const engine of engines) {
      const { ok, data } = await verify(model, model, { engine });
      expect([ok, data.images]).toEqual([true, 64]);
    }
    const arrays = new Map([
      ["x", ramp([6, 2])],
      ["w", ramp([2, 2])],
      ["shift", ramp([], 10)],
    ]);
    const path = join(folder, "affine.npz");
    await writeFileAtomically(path, writeNpz(arrays));
    const wanted = Array.from({ length: 6 }, (_, i) => [10 + 2 * (2 * i + 1), 10 + 2 * i + 3 * (2 * i + 1)]);
    for (const engine of engines) {
      // Six samples don't fill two batches of four: the matrix must not be filled up with them.
      const { outputs, images } = await run(model, { engine, data: await loadData(path, model) });
      expect([images, outputs.get("y")!.dims]).toEqual([6, [6, 2]]);
      expect(Array.from(outputs.get("y")!.numbers)).toEqual(wanted.flat());
    }
  });

  it("may come stacked, one for every sample, where a run is one sample", async () => {
    const model = affineModel(1);
    const arrays = new Map([
      ["x", ramp([3, 2])],
      ["w", Tensor.f32([2, 2], [1, 0, 0, 1])],
      ["shift", ramp([3], 1)],
    ]);
    const { outputs } = await run(model, { engine: "reference", data: loadDataOf(arrays, model) });
    expect(Array.from(outputs.get("y")!.numbers)).toEqual([1, 2, 4, 5, 7, 8]);
    // With an open batch the samples of one run can't have shifts of their own.
    expect(() => loadDataOf(arrays, affineModel("N"))).toThrow(/"shift"/);
  });

  it("are refused in other shapes than they are declared in", () => {
    const data = (w: Tensor, batch: Dim) =>
      loadDataOf(
        new Map([
          ["w", w],
          ["x", ramp([6, 2])],
          ["shift", ramp([])],
        ]),
        affineModel(batch),
      );
    for (const batch of [4, "N", 1]) {
      expect(() => data(ramp([3, 3]), batch)).toThrow(/shape 3×3 does not fit .* shape 2×2 \(tensor "w"\)/);
      expect(data(ramp([2, 2]), batch).count).toBe(6);
    }
  });

  it("may decide the sizes of outputs under a budget", async () => {
    // The loop's trips, drawn for every sample, are the length of an output.
    const budget = { keepParams: 0.9 };
    const options = { budget, effort: "fast" } as const;
    const { report } = await optimizeFile(graph("loop-captures-weight"), join(folder, "loop.onnx"), options);
    expect(report.calibration.fitted).toBeGreaterThan(0);
    expect(report.quality).toMatchObject({ images: 32, relativeError: expect.any(Number) as number });
  });

  it.each(["conv-dynamic-weight", "if-captures-weight", "upsampler", "conv-bare"])(
    "can be certified and checked again: %s",
    async (name) => {
      const out = join(folder, "certified.onnx");
      const certificate = join(folder, "certified.json");
      const input = graph(name);
      expect((await invoke(["optimize", input, out, "--certificate", certificate])).code).toBe(0);
      const checked = await invoke(["verify", input, out, "--certificate", certificate]);
      expect(checked.stderr).not.toContain("error");
      expect(checked.code).toBe(0);
    },
  );
});
