import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { optimizeFile } from "../../src/api/optimize.js";
import { load, preset, Tensor, type Budget } from "../../src/index.js";
import { elementCount } from "../../src/ir/index.js";
import { dataSetOf } from "../../src/calib/index.js";
import { seededRandom } from "../../src/linalg/index.js";
import { graph, scratchFolder } from "../cli/invoke.js";

const folder = scratchFolder();
/** Folding its BatchNormalization rounds its weights anew. */
const input = graph("conv-bn-relu");
const [x] = (await load(input)).graph.requiredInputs;
const random = seededRandom(1);
const dims = [96, ...(x!.type!.shape as number[]).slice(1)];
const pixels = Float32Array.from({ length: elementCount(dims) }, () => random.normal());
const calibration = dataSetOf(new Map([[x!.name, Tensor.f32(dims, pixels)]]), [x!]);

function optimized(output: string, budget: Budget) {
  return optimizeFile(input, output, {
    budget,
    calibration,
    effort: "fast",
    engine: "reference",
    threads: 1,
  });
}

describe("a run on files", () => {
  it("writes nothing when no model keeps every quality budget, and leaves what was there", async () => {
    const output = join(folder, "out.onnx");
    const { report, exitCode } = await optimized(output, { maxError: 0, keepMacs: 0.9 });
    expect([exitCode, report.output]).toEqual([1, { path: "", sha256: "" }]);
    expect(existsSync(output)).toBe(false);
    expect(report.warnings.join()).toContain("nothing was written");
    expect(report.verdicts.find(({ budget }) => budget === "maxError")).toMatchObject({ met: false });
    writeFileSync(output, "what was there");
    await optimized(output, { maxError: 0, keepMacs: 0.9 });
    expect(readFileSync(output, "utf8")).toBe("what was there");
  });

  it("stops after so many rewrites, exact ones first, and prints the graph after each", async () => {
    const run = async (stopAfter?: number, printAfter = "changed") => {
      const prints: string[] = [];
      const { report } = await optimizeFile(input, join(folder, "stopped.onnx"), {
        ...{
          budget: { keepMacs: 0.4 },
          calibration,
          effort: "fast",
          engine: "reference",
          threads: 1,
          printAfter,
        },
        ...(stopAfter === undefined ? {} : { stopAfter }),
        onPrint: (text) => prints.push(text),
      });
      const forms = report.layers.filter(({ verdict, by }) => verdict === "applied" && by === "budget");
      const exact = report.passes.filter(({ name }) => preset.exact.some((pass) => pass.name === name));
      return {
        forms,
        exact: exact.reduce((sum, { applied }) => sum + applied, 0),
        prints,
        macs: report.macs,
      };
    };
    const whole = await run();
    const { exact } = whole;
    expect(whole.forms.length).toBe(2);
    expect(whole.prints.length).toBe(exact + 2);
    const one = await run(exact + 1);
    expect(one.forms.map(({ name }) => name)).toEqual([whole.forms[0]!.name]);
    expect(one.prints).toEqual(whole.prints.slice(0, -1));
    expect(one.macs.after).toBeGreaterThan(whole.macs.after!);
    const none = await run(exact);
    expect([none.forms, none.macs.after]).toEqual([[], none.macs.before]);
    expect((await run(exact - 1)).exact).toBe(exact - 1);
    const { form } = whole.forms[1]!;
    const named = await run(undefined, form!);
    expect(named.prints).toEqual(whole.prints.slice(exact).filter((_, i) => whole.forms[i]!.form === form));
  });

  it("writes the model that keeps the quality when it misses the cost", async () => {
    const output = join(folder, "kept.onnx");
    const { report, exitCode } = await optimized(output, { maxError: 0.01, keepMacs: 0.05 });
    expect(exitCode).toBe(1);
    expect(report.verdicts.map(({ budget, met }) => [budget, met])).toEqual([
      ["keepMacs", false],
      ["maxError", true],
    ]);
    expect(existsSync(output)).toBe(true);
    expect(report.output.path).toBe(output);
    expect(report.warnings.join()).toMatch(/not trusted to keep the quality budget.* on the \d+ images/);
  });
});
