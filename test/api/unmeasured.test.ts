import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  GraphBuilder,
  load,
  loadDataOf,
  optimize,
  optimizeFile,
  reportSchema,
  Tensor,
  verify,
  type Model,
} from "../../src/index.js";
import { openJudge } from "../../src/api/judge.js";
import { notJudged } from "../../src/report/index.js";
import { seededInput } from "../../src/calib/index.js";
import type { Dim } from "../../src/ir/index.js";
import { graph, invoke, scratchFolder } from "../cli/invoke.js";
import { linearModel, modelOf } from "./small-models.js";

const folder = scratchFolder();

/** y = x in another shape, which only some sizes of x have. */
function reshapeModel(input: readonly Dim[], target: readonly number[]): Model {
  const builder = new GraphBuilder();
  const dtype = "float32";
  const x = builder.input("x", { dtype, shape: input });
  const shape = builder.initializer(
    "shape",
    Tensor.of("int64", [target.length], BigInt64Array.from(target, BigInt)),
  );
  builder.output(builder.op("Reshape", [x, shape], {}, { outputs: ["y"] }), {
    dtype,
    shape: target.map(() => null),
  });
  return modelOf(builder);
}

describe("exact rewrites of a model that can't be run", () => {
  it.each([
    ["custom-domain", /ONNX Runtime: .*Swirl.*reference interpreter: .*Swirl/],
    ["sequence-optional", /ONNX Runtime: .*reference interpreter: the output is not a tensor/],
  ])("are written with a quality of nulls: %s", async (name, reason) => {
    for (const budget of [{}, { lossless: true }, { keepParams: 1 }]) {
      const out = join(folder, `${name}.onnx`);
      const { report, exitCode } = await optimizeFile(graph(name), out, { budget });
      expect(exitCode).toBe(0);
      expect(report.quality).toEqual(notJudged);
      expect(reportSchema.parse(report)).toEqual(report);
      expect(report.calibration.judged).toBe(0);
      const told = report.warnings.filter((text) => text.startsWith("the quality was not measured"));
      expect(told).toHaveLength(1);
      expect(told[0]).toMatch(reason);
      expect((await load(out)).graph.nodes.length).toBeGreaterThan(0);
    }
  });

  it.each(["duplicate-node-names", "newest-types"])(
    "are judged by the reference interpreter where ONNX Runtime alone refuses it: %s",
    async (name) => {
      const { report } = await optimizeFile(graph(name), join(folder, `${name}.onnx`));
      expect(report.quality).toMatchObject({ engine: "reference", images: 32 });
      expect(report.quality.relativeError).toBeLessThan(1e-6);
      expect(report.warnings.join()).toContain("the reference interpreter runs instead of ONNX Runtime (");
    },
  );

  it("come with reports that say so", async () => {
    const paths = ["json", "md", "html"].map((type) => join(folder, `custom.${type}`));
    const command = ["optimize", graph("custom-domain"), join(folder, "custom.onnx"), "--json"];
    const { code, stdout, stderr } = await invoke([
      ...command,
      ...paths.flatMap((path) => ["--report", path]),
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).quality).toEqual(notJudged);
    expect(stderr).not.toContain("--engine ort");
    const [json, markdown, html] = paths.map((path) => readFileSync(path, "utf8"));
    expect(reportSchema.parse(JSON.parse(json!)).network).toBeDefined();
    for (const page of [markdown, html]) {
      expect(page).toContain("The quality was not measured");
      expect(page).not.toMatch(/noise floor|0 samples|null/);
    }
  });

  it.each([
    ["--keep-macs", "0.5"],
    ["--keep-params", "0.2"],
  ])("are all that goes: %s %s needs it to run, and writes nothing", async (...budget) => {
    const out = join(folder, "budget.onnx");
    const { code, stderr, stdout } = await invoke(["optimize", graph("custom-domain"), out, ...budget]);
    expect([code, stdout, existsSync(out)]).toEqual([3, "", false]);
    // The advice must not be the engine that has just refused it.
    expect(stderr).toMatch(/error\[E_UNSUPPORTED_OP\].*Swirl.*; ONNX Runtime does not run it either/);
    expect(stderr).not.toContain("--engine ort");
  });

  it("need no data that can't be made up", async () => {
    const builder = new GraphBuilder();
    const x = builder.input("x", { dtype: "float32", shape: ["N", 4] });
    const tag = builder.input("tag", { dtype: "string", shape: ["N"] });
    const w = builder.initializer("w", Tensor.zeros("float32", [4, 4]));
    builder.output(builder.op("Gemm", [x, w]), { dtype: "float32", shape: ["N", 4] });
    builder.output(builder.op("Identity", [tag]), { dtype: "string", shape: ["N"] });
    const model = modelOf(builder);
    const { report } = await optimize(model);
    expect(report.quality).toEqual(notJudged);
    expect(report.warnings.join()).toMatch(/not measured: strings cannot be made up/);
    await expect(optimize(model, { budget: { keepParams: 0.1 } })).rejects.toMatchObject({ exitCode: 2 });
  });
});

describe("verification of what ONNX Runtime refuses", () => {
  it.each(["no-opset-untyped", "newest-types"])("goes by the interpreter on both sides: %s", async (name) => {
    const out = join(folder, `${name}.onnx`);
    await optimizeFile(graph(name), out);
    const { engine, ok } = await verify(await load(graph(name)), await load(out), { samples: 4 });
    expect([engine, ok]).toEqual(["reference", true]);
  });
});

describe("the judge", () => {
  const input = (original: Model) => ({
    original,
    data: seededInput(original.graph.requiredInputs, 8, 0),
    given: false,
    images: Int32Array.from({ length: 8 }, (_, i) => i),
    macs: null,
    optional: true,
    missing: null,
  });
  const engines = ["ort", "reference", "auto"] as const;
  const silent = (): void => undefined;

  it.each(engines)("fails where the original runs and the result doesn't (%s)", async (engine) => {
    const original = linearModel([[1, 2]]);
    const judge = openJudge(input(original), { engine });
    expect((await judge.quality(original, silent)).relativeError).toBe(0);
    await expect(judge.quality(reshapeModel(["N", 2], [3, 5]), silent)).rejects.toMatchObject({
      exitCode: 3,
    });
  });

  it.each(engines)("takes the user's data for bad where the original fails on them (%s)", async (engine) => {
    const model = reshapeModel(["N", "C"], [-1, 3]);
    const calibration = loadDataOf(new Map([["x", Tensor.zeros("float32", [40, 5])]]), model);
    // Forty samples of five go into rows of three neither together nor one by one.
    await expect(optimize(model, { engine, calibration })).rejects.toMatchObject({ exitCode: 3 });
  });

  it.each(engines)("runs sample by sample what does not take a batch (%s)", async (engine) => {
    const { report } = await optimize(reshapeModel(["N", 4], [2, 2]), { engine });
    expect(report.quality).toMatchObject({ relativeError: 0, images: 32 });
  });
});
