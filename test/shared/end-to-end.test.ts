import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { load, Tensor, writeNpy, writeNpz } from "../../src/index.js";
import { interpret, relativeL2 } from "../../src/measure/index.js";
import { openExecutor } from "../../src/runtime/index.js";
import { graph, scratchFolder, spawnCli, type Child } from "../cli/invoke.js";
import { checkModels, countMacs, measureQuality } from "./peers.js";
import { seededNormal } from "./seeded-normal.js";
import { python, sharedFolder, sharedHere, sharedModel } from "./shared-models.js";

const folder = scratchFolder();
const inFolder = (name: string): string => join(folder, name);
const data = (name: string): string => join(sharedFolder, "data", name);
const resnet = sharedModel("resnet20");
const preprocess = ["--preprocess", data("cifar10.preprocess.json")];

interface ReportJson {
  readonly macs: { readonly before: number; readonly after: number; readonly ratio: number };
  readonly verdicts: readonly { readonly budget: string; readonly met: boolean }[];
  readonly quality: { readonly agreement: number; readonly engine: string };
}

describe.runIf(sharedHere && python !== null)("optimize resnet20 --keep-macs 0.7", () => {
  const out = inFolder("resnet20-70.onnx");

  it("keeps the budget, and what the report says is so", async () => {
    const child = await spawnCli([
      ...["optimize", resnet, out, "--keep-macs", "0.7", "--calib", data("cifar10-calib.npz"), ...preprocess],
      ...["--effort", "fast", "--json"],
    ]);
    expect(child.code, child.stderr).toBe(0);
    const report = JSON.parse(child.stdout) as ReportJson;
    expect(report.macs.before).toBe(40_551_040);
    expect(report.macs.ratio).toBeLessThanOrEqual(0.7);
    expect(report.verdicts).toMatchObject([{ budget: "keepMacs", met: true }]);
    expect(report.quality.engine).toMatch(/^onnxruntime /);

    expect(countMacs(out).macs, "counted from the shapes in the written file").toBe(report.macs.after);
    expect(countMacs(resnet).macs).toBe(report.macs.before);
    expect(checkModels([out])).toEqual([{ checker: null, runtime: null }]);
    const quality = measureQuality({
      model: out,
      data: data("cifar10-test.npz"),
      preprocess: data("cifar10.preprocess.json"),
    });
    expect(quality.top1).toBeGreaterThanOrEqual(80);
  });

  it("answers the same in the interpreter and in ONNX Runtime", async () => {
    const model = await load(out);
    const random = seededNormal(7);
    const feeds = new Map([
      ["input", Tensor.f32([4, 3, 32, 32], Float32Array.from({ length: 4 * 3 * 1024 }, random))],
    ]);
    const executor = await openExecutor(model, { engine: "ort" });
    const expected = await executor.run(feeds);
    await executor.dispose();
    for (const [name, tensor] of interpret(model, feeds))
      expect(relativeL2(tensor, expected.get(name)!), name).toBeLessThanOrEqual(1e-4);
  });
});

describe.runIf(sharedHere)("bad input", () => {
  /** One line that names the file and whatever else is said to be in it. */
  function expectFailure(child: Child, code: number, parts: readonly string[]): void {
    const lines = child.stderr.split("\n").filter((line) => line.startsWith("error"));
    expect(lines.length, child.stderr).toBe(1);
    expect(child.code, child.stderr).toBe(code);
    expect(lines[0]).toMatch(/^error\[E_[A-Z_]+\]: /);
    for (const part of parts) expect(lines[0]).toContain(part);
    expect(child.stderr).not.toMatch(/^\s+at /m);
  }

  const file = (name: string, bytes: Uint8Array): string => {
    writeFileSync(inFolder(name), bytes);
    return inFolder(name);
  };
  const png = Buffer.from("89504e470d0a1a0a0000000d494844520000002000000020", "hex");

  const models: readonly (readonly [string, () => string, readonly string[]])[] = [
    ["an empty file", () => file("empty.onnx", new Uint8Array(0)), ["empty.onnx"]],
    ["a PNG", () => file("picture.onnx", png), ["PNG", "picture.onnx"]],
    ["a truncated model", () => file("cut.onnx", readFileSync(resnet).subarray(0, 500_000)), ["cut.onnx"]],
    [
      "a weight that is missing",
      () => graph("bad-missing-weight"),
      ['node "conv"', "bad-missing-weight.onnx"],
    ],
  ];
  it.each(models)("%s: exit 3", async (_, path, parts) => {
    const out = inFolder("never.onnx");
    expectFailure(await spawnCli(["optimize", path(), out]), 3, parts);
    expect(existsSync(out)).toBe(false);
  });

  it("an operator that the interpreter doesn't know: exit 3", async () => {
    const child = await spawnCli(["run", graph("custom-domain"), "--engine", "reference"]);
    expectFailure(child, 3, ["Swirl", "com.example", 'node "swirled"', "custom-domain.onnx"]);
  });

  const arrays: readonly (readonly [string, Tensor, readonly string[]])[] = [
    ["shape", Tensor.of("uint8", [40, 3, 16, 16], new Uint8Array(40 * 768)), ["3×16×16", "shape.npz"]],
    ["dtype", Tensor.i64([40, 3, 32, 32], new Array<number>(40 * 3072).fill(0)), ["int64", "dtype.npz"]],
  ];
  it.each(arrays)("calibration of a wrong %s: exit 3", async (name, tensor, parts) => {
    const calib = file(`${name}.npz`, writeNpz(new Map([["input", tensor]])));
    const out = inFolder("never.onnx");
    const child = await spawnCli([
      "optimize",
      resnet,
      out,
      "--keep-macs",
      "0.7",
      "--calib",
      calib,
      ...preprocess,
    ]);
    expectFailure(child, 3, ['"input"', ...parts]);
    expect(existsSync(out)).toBe(false);
  });

  it("calibration without the preprocess that its pixels need: exit 3", async () => {
    const calib = ["--calib", data("cifar10-calib.npz")];
    const child = await spawnCli([
      "optimize",
      resnet,
      inFolder("never.onnx"),
      "--keep-macs",
      "0.7",
      ...calib,
    ]);
    expectFailure(child, 3, ["--preprocess", "cifar10-calib.npz"]);
  });

  it("an output that can't be written: exit 4, before any work", async () => {
    const out = join(resnet, "out.onnx");
    expectFailure(await spawnCli(["optimize", resnet, out, "--keep-macs", "0.7"]), 4, [out]);
  });

  it("a budget that can't be met: exit 1, the best result kept", async () => {
    const [model, out] = [graph("residual-block"), inFolder("best.onnx")];
    const child = await spawnCli([
      "optimize",
      model,
      out,
      "--keep-macs",
      "0.001",
      "--effort",
      "fast",
      "--json",
    ]);
    expect(child.code, child.stderr).toBe(1);
    const report = JSON.parse(child.stdout) as ReportJson;
    expect(report.verdicts).toMatchObject([{ budget: "keepMacs", met: false }]);
    expect(report.macs.ratio).toBeLessThan(0.8);
    expect(statSync(out).size).toBeGreaterThan(0);
    if (python !== null) {
      expect(countMacs(out).macs).toBe(report.macs.after);
      expect(checkModels([out])).toEqual([{ checker: null, runtime: null }]);
    }
  });
});

describe.runIf(sharedHere)("super-resolution, which ONNX Runtime does not load as it is", () => {
  it("comes out losslessly, and by --upgrade-opset as a model that ONNX Runtime runs", async () => {
    const [old, modern] = [inFolder("old.onnx"), inFolder("modern.onnx")];
    const model = sharedModel("super-resolution");
    // Two images keep the interpreter's share short.
    const pixels = Float32Array.from({ length: 2 * 224 * 224 }, seededNormal(4));
    writeFileSync(inFolder("two.npy"), writeNpy(Tensor.f32([2, 1, 224, 224], pixels)));
    const images = ["--calib", inFolder("two.npy"), "--json"];
    const kept = await spawnCli(["optimize", model, old, ...images]);
    expect(kept.code, kept.stderr).toBe(0);
    const upgraded = await spawnCli(["optimize", model, modern, "--upgrade-opset", "17", ...images]);
    expect(upgraded.code, upgraded.stderr).toBe(0);

    const before = await load(model);
    const input = before.graph.requiredInputs[0]!.name;
    const x = Tensor.f32([1, 1, 224, 224], Float32Array.from({ length: 224 * 224 }, seededNormal(3)));
    const feeds = new Map([[input, x]]);
    const expected = interpret(before, feeds);
    for (const [name, tensor] of interpret(await load(old), feeds))
      expect(relativeL2(tensor, expected.get(name)!)).toBeLessThanOrEqual(1e-5);
    const executor = await openExecutor(await load(modern), { engine: "ort" });
    for (const [name, tensor] of await executor.run(feeds))
      expect(relativeL2(tensor, expected.get(name)!)).toBeLessThanOrEqual(1e-5);
    await executor.dispose();
    if (python !== null) {
      expect(checkModels([modern])).toEqual([{ checker: null, runtime: null }]);
      expect(countMacs(modern).macs).toBe(JSON.parse(upgraded.stdout).macs.after);
    }
  });
});
