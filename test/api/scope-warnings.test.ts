import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cheaperLayers, load, optimize } from "../../src/index.js";
import { graph, invoke, scratchFolder } from "../cli/invoke.js";

const folder = scratchFolder();
const model = graph("conv-bn-relu");
const flags = ["--engine", "reference", "--effort", "fast"];

const warningsFor = async (...args: string[]): Promise<string[]> => {
  const out = join(folder, "o.onnx");
  const { code, stdout, stderr } = await invoke(["optimize", model, out, ...args, "--json", ...flags]);
  expect(code, stderr).toBeLessThan(2);
  const warnings: string[] = JSON.parse(stdout).warnings.filter((text: string) => text.startsWith("--"));
  for (const text of warnings) expect(stderr).toContain(`warning: ${text}\n`);
  return warnings;
};

describe("a pattern that matches no layer", () => {
  it.each(["only", "skip", "revert"])("of --%s is told, with the name that is near", async (name) => {
    expect(await warningsFor(`--${name}`, "cnov1", `--${name}`, "conv2")).toEqual([
      `--${name} "cnov1" matches no layer; did you mean "conv1" or "conv2"?`,
    ]);
    expect(await warningsFor(`--${name}`, "zzzzzzzz*", `--${name}`, "conv?")).toEqual([
      `--${name} "zzzzzzzz*" matches no layer; convopt inspect lists the layers`,
    ]);
  });

  it("is none where exact rewrites or the search have something to do", async () => {
    expect(await warningsFor("--only", "conv*", "--skip", "bn?", "--revert", "conv2")).toEqual([]);
    expect(await warningsFor("--only", "bn1")).toEqual([]);
    // Nothing of bn1 can be searched.
    expect(await warningsFor("--only", "bn1", "--keep-macs", "0.9")).toEqual([
      expect.stringMatching(/^--only "bn1" matches no layer; /),
    ]);
  });

  it("is told to users of the library", async () => {
    const told: string[] = [];
    const onWarning = (text: string): void => void told.push(text);
    const { report } = await optimize(await load(model), {
      revert: ["conv3"],
      engine: "reference",
      onWarning,
    });
    expect(told.filter((text) => text.includes('--revert "conv3"'))).toHaveLength(1);
    expect(report.warnings).toEqual(expect.arrayContaining(told));
  });
});

describe("layers that have cheaper forms", () => {
  const hint = async (...args: string[]): Promise<string> =>
    (await invoke(["optimize", model, join(folder, "h.onnx"), ...args, ...flags])).stderr;

  it("are counted among the layers of the table, within the scope", async () => {
    expect(await hint()).toContain("2 of 2 layers have cheaper");
    expect(await hint("--only", "conv1")).toContain("1 of 2 layers have cheaper");
    expect(await hint("--skip", "conv1", "--passes", "low-rank-pointwise,grouped")).toContain(
      "1 of 2 layers",
    );
    expect(await hint("--only", "none")).toContain("for any layer that the options leave to them.");
    expect(await hint("--passes", "fold-batch-norm")).toContain("no family has a cheaper form");
  });

  it("are those of the families asked for", async () => {
    const loaded = await load(graph("conv-bare"));
    const { layers, cheaper } = await cheaperLayers(loaded, {});
    expect([layers, cheaper]).toEqual([1, 1]);
    expect(await cheaperLayers(loaded, { families: [] })).toEqual({ layers: 1, cheaper: 0 });
  });
});
