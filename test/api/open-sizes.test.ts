import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  GraphBuilder,
  load,
  optimize,
  optimizeFile,
  reportSchema,
  run,
  Tensor,
  verify,
  type Model,
} from "../../src/index.js";
import { noiseSizes, probeShapes } from "../../src/api/shape-probe.js";
import { graph, invoke, scratchFolder } from "../cli/invoke.js";
import { seededNormal } from "../shared/seeded-normal.js";
import { modelOf } from "./small-models.js";

const folder = scratchFolder();
const out = join(folder, "out.onnx");
const engine = "reference" as const;

/** Two convolutions over an image of any size; with `side`, a fully connected layer that wants so many pixels a side. */
function imageModel(side: number | null = null): Model {
  const builder = new GraphBuilder();
  const random = seededNormal(1);
  const weight = (name: string, dims: readonly number[]) =>
    builder.initializer(
      name,
      Tensor.f32(
        dims,
        Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random()),
      ),
    );
  const x = builder.input("x", { dtype: "float32", shape: ["N", 1, "H", "W"] });
  const attributes = { pads: [1, 1, 1, 1], kernel_shape: [3, 3] };
  const hidden = builder.op("Conv", [x, weight("w1", [6, 1, 3, 3])], attributes, { name: "first" });
  const y = builder.op("Conv", [hidden, weight("w2", [4, 6, 3, 3])], attributes, { name: "second" });
  if (side === null) {
    builder.output(y, { dtype: "float32", shape: ["N", 4, "H", "W"] });
  } else {
    const pooled = builder.op("AveragePool", [y], { kernel_shape: [32, 32], strides: [32, 32] });
    const flat = builder.op("Flatten", [pooled]);
    const features = 4 * Math.floor(side / 32) ** 2;
    builder.output(builder.op("Gemm", [flat, weight("fc", [features, 3])]), {
      dtype: "float32",
      shape: ["N", 3],
    });
  }
  return modelOf(builder);
}

describe("dimensions that the model leaves open", () => {
  it.each([
    [null, "x=1x1x64x64"],
    [224, "x=1x1x224x224"],
    [128, "x=1x1x128x128"],
  ])("get the first size that suits the model (%s)", (side, text) => {
    expect(probeShapes(imageModel(side), new Map(), { sizes: noiseSizes })?.text).toBe(text);
  });

  it("keep what is given, and have no size where none suits", () => {
    const given = new Map([["x", [1, 1, 20, 30]]]);
    expect(probeShapes(imageModel(), given, { sizes: noiseSizes })).toBeNull();
    expect(probeShapes(imageModel(4000), new Map(), { sizes: noiseSizes })).toBeNull();
  });

  it("take no budget, exact rewrites and verification without --shape", async () => {
    const { report } = await optimize(imageModel(), { engine });
    expect(report.macs).toEqual({ before: 64 * 64 * 270, after: 64 * 64 * 270, ratio: 1 });
    expect(report.quality).toMatchObject({ relativeError: 0, images: 32 });
    const told = report.warnings.filter((text) => text.includes("symbolic"));
    expect(told).toEqual([
      "spatial dimensions are symbolic: MACs are counted, and noise is made, at x=1x1x64x64; give --shape or data",
    ]);
    const same = await verify(imageModel(), imageModel(), { engine, samples: 2 });
    expect(same.ok).toBe(true);
    expect(same.warnings.join()).toContain("at x=1x1x64x64");
    const { outputs } = await run(imageModel(), { engine });
    expect([...outputs.values()].map(({ dims }) => dims)).toEqual([[1, 4, 64, 64]]);
  });

  it("take cost budgets as ratios", async () => {
    const { report, model } = await optimize(imageModel(), {
      engine,
      effort: "fast",
      budget: { keepMacs: 0.6 },
    });
    expect(report.verdicts).toMatchObject([{ budget: "keepMacs", met: true }]);
    expect(report.macs.ratio).toBeLessThanOrEqual(0.6);
    // The file stays open: other sizes cost the same share, borders aside, and run.
    expect(model.graph.inputs[0]!.type!.shape).toEqual(["N", 1, "H", "W"]);
    const shapes = new Map([["x", [1, 1, 40, 24]]]);
    const { outputs } = await run(model, { engine, shapes });
    expect([...outputs.values()].map(({ dims }) => dims)).toEqual([[1, 4, 40, 24]]);
  });

  it("are counted as given where they are", async () => {
    const { report } = await optimize(imageModel(), { engine, shapes: new Map([["x", [1, 1, 20, 30]]]) });
    expect(report.macs.before).toBe(20 * 30 * 270);
    expect(report.warnings.join()).not.toContain("symbolic");
  });

  it("are refused with a latency budget, before anything is done", async () => {
    const command = ["optimize", graph("upsampler"), out, "--keep-latency", "0.5"];
    const { code, stderr } = await invoke(command);
    expect([code, existsSync(out)]).toEqual([2, false]);
    expect(stderr).toMatch(/error\[E_SYMBOLIC\]: milliseconds depend on .*--shape NAME/);
  });

  it("are refused for timing, with advice that every command has", async () => {
    const { code, stderr } = await invoke(["bench", graph("upsampler"), "--runs", "2"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/error\[E_SHAPE\]: .*dimension H .*--shape input=/);
    expect(stderr).not.toContain("--calib");
  });

  it("are counted where noise can't be made, because other axes have no names", async () => {
    const { report, exitCode } = await optimizeFile(graph("symbolic-dims"), out);
    expect(exitCode).toBe(0);
    expect(reportSchema.parse(report)).toEqual(report);
    expect(report.macs.before).toBe(32 * 32 * 6 * 3 * 9);
    expect(report.quality.images).toBeNull();
    expect(report.warnings.join("\n")).toMatch(
      /MACs are counted at input=1x3x64x64;.*\n.*not measured: .*--shape/,
    );
    expect((await load(out)).graph.requiredInputs[0]!.type!.shape).toEqual(["N", 3, "H", "W"]);
  });
});
