import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { load, reportSchema, sweepFile, sweepSchema, type Sweep } from "../../src/index.js";
import { graph, invoke, scratchFolder } from "./invoke.js";

const scratch = scratchFolder();
const model = graph("residual-block");
const sha = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
const base = { effort: "fast", engine: "reference" } as const;
const flags = ["--effort", "fast", "--engine", "reference"];
const readSweep = (folder: string): Sweep =>
  sweepSchema.parse(JSON.parse(readFileSync(join(folder, "sweep.json"), "utf8")));

describe("sweep", () => {
  it("writes a model and a report per point, and what holds them all", async () => {
    const folder = join(scratch, "new", "deep");
    const { code, stdout } = await invoke([
      "sweep",
      model,
      folder,
      "--points",
      "0.5,0.8",
      "--json",
      ...flags,
    ]);
    expect(code).toBe(0);
    const sweep = sweepSchema.parse(JSON.parse(stdout));
    expect(readSweep(folder)).toEqual(sweep);
    expect(sweep.points.map(({ keepMacs, family }) => [keepMacs, family])).toEqual([
      [0.8, null],
      [0.5, null],
    ]);
    for (const point of sweep.points) {
      expect(point.met).toBe(true);
      expect(point.macs.ratio!).toBeLessThanOrEqual(point.keepMacs);
      expect(sha(point.output.path)).toBe(point.output.sha256);
      await load(point.output.path);
      const report = reportSchema.parse(
        JSON.parse(readFileSync(point.output.path.replace(/onnx$/, "json"), "utf8")),
      );
      expect(report.quality).toEqual(point.quality);
      expect(report.budget).toEqual({ keepMacs: point.keepMacs });
      expect(report.decisions!.length).toBeGreaterThan(20);
    }
    expect(readdirSync(folder).sort()).toEqual([
      "keep-0.50.json", "keep-0.50.onnx", "keep-0.80.json", "keep-0.80.onnx", "sweep.html", "sweep.json", "sweep.md",
    ]); // prettier-ignore
    const html = readFileSync(join(folder, "sweep.html"), "utf8");
    expect(html).toContain('<svg class="plot"');
    expect(html).not.toMatch(/<script|https?:/);
    expect(readFileSync(join(folder, "sweep.md"), "utf8")).toContain("| 50 % | all |");
  });

  it("gives what optimize gives for a point", async () => {
    const [folder, alone] = [join(scratch, "same"), join(scratch, "alone.onnx")];
    await sweepFile(model, folder, { ...base, points: [0.7, 0.4] });
    await invoke(["optimize", model, alone, "--keep-macs", "0.4", ...flags]);
    expect(sha(join(folder, "keep-0.40.onnx"))).toBe(sha(alone));
  });

  it("by default goes as far as the forms reach", async () => {
    const folder = join(scratch, "default");
    const { code, stdout, stderr } = await invoke([
      "sweep",
      graph("conv-one-sided-kernels"),
      folder,
      ...flags,
    ]);
    expect(code).toBe(0);
    const { points } = readSweep(folder);
    expect(points.slice(0, -1).every(({ met }) => met)).toBe(true);
    expect(stdout.trimEnd().split("\n").filter((line) => /^ *\d+ % {2}all /.test(line))).toHaveLength(points.length); // prettier-ignore
    expect(stderr).toContain("Models, reports and plots are in ");
  });

  it("ends with 1 when a named point is missed, with the cheapest model written", async () => {
    const folder = join(scratch, "missed");
    const { code, stderr } = await invoke(["sweep", model, folder, "--points", "0.5,0.01", ...flags]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^missed: 0\.01 of the MACs, the cheapest model keeps 0\.\d+$/m);
    const { points } = readSweep(folder);
    expect(points.map(({ met }) => met)).toEqual([true, false]);
    expect(existsSync(join(folder, "keep-0.01.onnx"))).toBe(true);
  });

  it("adds the frontiers of single families", async () => {
    const folder = join(scratch, "single");
    const { sweep } = await sweepFile(model, folder, {
      ...base,
      points: [0.6],
      singleForms: true,
      families: ["reduce-in", "reduce-out", "grouped"],
    });
    expect(sweep.points.map(({ family }) => family)).toEqual([null, "reduce-out", "reduce-in", "grouped"]);
    for (const { family, output } of sweep.points.slice(1)) {
      expect(output.path).toBe(join(folder, family!, "keep-0.60.onnx"));
      const { layers } = reportSchema.parse(
        JSON.parse(readFileSync(output.path.replace(/onnx$/, "json"), "utf8")),
      );
      const forms = layers.flatMap(({ plan }) => plan.branches.map(({ form }) => form));
      expect(new Set(forms)).toEqual(new Set(forms.length > 0 ? [family] : []));
    }
    // A single family is what optimize finds with that family alone.
    const alone = join(scratch, "reduce-in.onnx");
    await invoke(["optimize", model, alone, "--keep-macs", "0.6", "--families", "reduce-in", ...flags]);
    expect(sha(join(folder, "reduce-in", "keep-0.60.onnx"))).toBe(sha(alone));
  });

  it("goes on where it was stopped and writes the same", async () => {
    const [whole, stopped] = [join(scratch, "whole"), join(scratch, "stopped")];
    const options = { ...base, points: [0.8, 0.6, 0.4], seed: 5 };
    const { sweep: first } = await sweepFile(model, whole, options);
    const controller = new AbortController();
    const onProgress = ({ step, done }: { step: string; done: number }): void => {
      if (step === "sweep" && done === 2) controller.abort(new Error("stop"));
    };
    await expect(
      sweepFile(model, stopped, { ...options, onProgress, signal: controller.signal }),
    ).rejects.toThrow("stop");
    expect(existsSync(join(stopped, "sweep.json"))).toBe(false);
    expect(readdirSync(stopped)).toContain("sweep.convopt-journal");
    // A file that isn't what was written is made again.
    writeFileSync(join(stopped, "keep-0.80.onnx"), "not a model");
    const steps = new Set<string>();
    const { sweep: second } = await sweepFile(model, stopped, {
      ...options,
      resume: true,
      onProgress: ({ step }) => void steps.add(step),
    });
    expect(second.points.map(({ output }) => output.sha256)).toEqual(
      first.points.map(({ output }) => output.sha256),
    );
    for (const { output } of second.points) expect(sha(output.path)).toBe(output.sha256);
    expect(readdirSync(stopped)).not.toContain("sweep.convopt-journal");
  });

  it("takes up a finished sweep without computing anything", async () => {
    const [folder, journal] = [join(scratch, "kept"), join(scratch, "kept-journal")];
    const args = ["sweep", model, folder, "--points", "0.7,0.5", "--journal", journal, "--json", ...flags];
    const { stdout: first } = await invoke(args);
    const steps: string[] = [];
    const { sweep } = await sweepFile(model, folder, {
      ...base,
      points: [0.7, 0.5],
      journal,
      keepJournal: true,
      resume: true,
      onProgress: ({ step }) => void steps.push(step),
    });
    expect(sweep.points).toEqual((JSON.parse(first) as Sweep).points);
    expect(new Set(steps)).toEqual(new Set(["exact rewrites", "sweep"]));
  });

  it.each([
    [["--points", "0.5,,0.4"], "0.8,0.6,0.5"],
    [["--points", "1.5"], "fraction"],
    [["--keep-macs", "0.5"], "--keep-macs"],
    [["--points", ""], "0.8,0.6,0.5"],
  ])("refuses %j", async (args, part) => {
    const { code, stderr } = await invoke(["sweep", model, join(scratch, "refused"), ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(part);
    expect(existsSync(join(scratch, "refused"))).toBe(false);
  });

  it("refuses a file in the folder's place", async () => {
    const { code, stderr } = await invoke(["sweep", model, model, "--points", "0.5"]);
    expect(code).toBe(4);
    expect(stderr).toMatch(/^error\[E_IO\]/);
  });
});

describe("explain with a budget", () => {
  it("lists every candidate of the layer with cost, error and verdict", async () => {
    const { code, stdout } = await invoke([
      "explain",
      model,
      "conv2",
      "--keep-macs",
      "0.5",
      "--json",
      ...flags,
    ]);
    expect(code).toBe(0);
    const { candidates, outcome } = JSON.parse(stdout) as {
      candidates: {
        pass: string;
        verdict: string;
        error: number | null;
        macs: [number, number];
        reason: string;
        form?: string;
      }[];
      outcome: { verdict: string };
    };
    const tried = candidates.filter(({ form }) => form !== undefined);
    expect(tried.length).toBeGreaterThan(30);
    expect(new Set(tried.map(({ pass }) => pass)).size).toBeGreaterThan(8);
    expect(tried.filter(({ verdict }) => verdict === "applied")).toHaveLength(
      outcome.verdict === "applied" ? 1 : 0,
    );
    for (const { error, macs, reason } of tried) {
      expect(error).not.toBeNull();
      expect(macs[1]).toBeLessThan(macs[0]);
      expect(reason).not.toBe("");
    }
    const declined = candidates.filter(
      ({ form, pass }) => form === undefined && pass === "low-rank-pointwise",
    );
    expect(declined.map(({ reason }) => reason).join()).not.toBe("");
  });
});
