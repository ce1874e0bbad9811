import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { bench, calibrateLatency, load, loadLatencyProfile, optimize, Tensor } from "../../src/index.js";
import { openTimed } from "../../src/runtime/index.js";
import { graph, scratchFolder, spawnCli } from "../cli/invoke.js";
import { residualNetwork } from "../latency/networks.js";
import { sharedFolder, sharedHere, sharedModel } from "./shared-models.js";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = scratchFolder();
const engine = "web" as const;

describe.runIf(sharedHere)("ONNX Runtime in the browser", () => {
  it("times models in turn on the threads that were asked for", async () => {
    const models = [await load(sharedModel("resnet20")), await load(sharedModel("resnet20"))];
    for (const threads of [1, 2]) {
      const result = await bench(models, { engine, threads, runs: 8 });
      expect(result.engine).toMatch(/^onnxruntime-web \d.*WebAssembly, chromium \d/);
      expect(result.threads).toBe(threads);
      for (const { ms } of result.models) expect(ms.least).toBeGreaterThan(0.1);
    }
  });

  it("gives a profile that a model is optimized with elsewhere", async () => {
    const path = join(folder, "web.json");
    const { model } = residualNetwork(1, 16, 12);
    const shapes = new Map([["x", [1, 3, 12, 12]]]);
    const profile = await calibrateLatency(model, { engine, threads: 1, sizes: 2, shapes, cache: null });
    expect(profile.engine).toMatch(/^onnxruntime-web/);
    const { writeFile } = await import("node:fs/promises");
    await writeFile(path, JSON.stringify(profile));
    const latencyProfile = await loadLatencyProfile(path);
    const { report } = await optimize(model, {
      ...{ budget: { keepLatency: 0.9 }, latencyProfile, shapes, effort: "fast", engine: "reference" },
    });
    expect(report.latencyMs.engine).toMatch(/onnxruntime-web/);
    expect(report.latencyMs.ratio).toBeLessThanOrEqual(0.9);
  });

  it("refuses what the runtime refuses, with its reason, and leaves no browser behind", async () => {
    const custom = await load(graph("custom-domain"));
    const [input] = custom.graph.requiredInputs;
    const feeds = new Map([[input!.name, Tensor.f32([1, 3, 6, 6], new Float32Array(108))]]);
    await expect(openTimed(custom, feeds, { engine, threads: 1 })).rejects.toThrow(
      /^ONNX Runtime: Fatal error: com.example:Swirl.* is not a registered function\/op$/,
    );
    const child = await spawnCli(["bench", graph("custom-domain"), "--engine", "web"]);
    expect(child.code).toBe(3);
    expect(child.stderr).toMatch(/^error\[E_\w+\]/m);
  });

  it("says what is missing where there is no browser", async () => {
    const child = await spawnCli(["bench", sharedModel("resnet20"), "--engine", "web"], {
      env: { CONVOPT_CHROMIUM: "/nowhere/chromium" },
    });
    expect(child.code).toBe(3);
    expect(child.stderr).toMatch(/E_ENGINE_MISSING.*browser/);
  });
});

describe.runIf(sharedHere)("report pages as a browser shows them", () => {
  it("have no cut or overlapping text, no empty plot, no request and no message, in four views", async () => {
    const data = (name: string): string => join(sharedFolder, "data", name);
    const page = join(folder, "report.html");
    const child = await spawnCli([
      ...[
        "optimize",
        sharedModel("resnet20"),
        join(folder, "out.onnx"),
        "--keep-macs",
        "0.6",
        "--effort",
        "fast",
      ],
      ...[
        "--calib",
        data("cifar10-calib.npz"),
        "--preprocess",
        data("cifar10.preprocess.json"),
        "--report",
        page,
      ],
    ]);
    expect(child.code, child.stderr).toBe(0);
    const shots = join(folder, "shots");
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(root, "tools", "report-shots.mjs"), shots, page],
      { encoding: "utf8" },
    );
    expect(status, stdout + stderr).toBe(0);
    expect(readdirSync(shots)).toHaveLength(4);
    for (const shot of readdirSync(shots))
      expect(readFileSync(join(shots, shot)).length).toBeGreaterThan(20_000);
  });
});
