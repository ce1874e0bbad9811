import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ModelError } from "../../src/ir/index.js";
import { loadModel } from "../../src/onnx/index.js";
import { probeInChild, selfContained } from "../../src/runtime/index.js";
import { fixturePath } from "./graph-fixtures.js";

const folder = mkdtempSync(join(tmpdir(), "convopt-probe-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const good = fixturePath({ file: "conv-bn-relu.onnx" });
const child = (script: string): { command: { command: string; args: string[] } } => ({
  command: { command: process.execPath, args: ["-e", script] },
});
const crash = expect.objectContaining({ code: "E_RUNTIME_CRASH", exitCode: 3 }) as Error;

describe("probeInChild", () => {
  it("is silent about a good model, by path and by bytes", async () => {
    await expect(probeInChild(good, 30_000)).resolves.toBeUndefined();
    await expect(probeInChild(selfContained(await loadModel(good)), 30_000)).resolves.toBeUndefined();
    await expect(
      probeInChild(fixturePath({ file: "external-data/model.onnx" }), 30_000),
    ).resolves.toBeUndefined();
  });

  it("passes the runtime's refusal on", async () => {
    const noise = Uint8Array.from({ length: 1000 }, (_, i) => (i * 37) & 255);
    const attempt = probeInChild(noise, 30_000);
    await expect(attempt).rejects.toThrow(ModelError);
    await expect(attempt).rejects.toThrow(expect.objectContaining({ code: "E_RUNTIME" }) as Error);
    const cyclic = fixturePath({ file: "bad-cycle.onnx" });
    await expect(probeInChild(cyclic, 30_000)).rejects.toThrow(ModelError);
  });

  it.each(["SIGSEGV", "SIGKILL", "SIGABRT"])("survives a child that dies of %s", async (signal) => {
    const attempt = probeInChild(
      good,
      30_000,
      child(`process.kill(process.pid, "${signal}"); setInterval(() => {}, 1e3)`),
    );
    await expect(attempt).rejects.toThrow(crash);
    await expect(attempt).rejects.toThrow(signal);
  });

  it("survives a child that reads nothing of a big model", async () => {
    await expect(probeInChild(new Uint8Array(2 ** 24), 30_000, child("process.exit(3)"))).rejects.toThrow(
      crash,
    );
  });

  it("ends a child that hangs", async () => {
    const started = performance.now();
    await expect(probeInChild(good, 300, child("for (;;);"))).rejects.toThrow(crash);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it.runIf(process.platform === "linux")("ends a child that takes too much memory", async () => {
    const hungry = "const all = []; setInterval(() => all.push(Buffer.alloc(5e7, 1)), 5)";
    const attempt = probeInChild(good, 30_000, { ...child(hungry), memory: 4e8 });
    await expect(attempt).rejects.toThrow(/memory/);
  });

  it("ends when it is aborted", async () => {
    const controller = new AbortController();
    const attempt = probeInChild(good, 30_000, { ...child("for (;;);"), signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(attempt).rejects.toThrow(expect.objectContaining({ name: "AbortError" }) as Error);
  });

  it("says when no child can be started", async () => {
    const missing = { command: { command: join(folder, "nothing"), args: [] } };
    await expect(probeInChild(good, 1000, missing)).rejects.toThrow(
      expect.objectContaining({ code: "E_RUNTIME_CHILD" }) as Error,
    );
  });

  it("names the file", async () => {
    const path = join(folder, "noise.onnx");
    writeFileSync(path, "not a model");
    await expect(probeInChild(path, 30_000)).rejects.toThrow(/noise\.onnx/);
  });
});
