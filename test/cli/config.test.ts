import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Tensor, writeNpz } from "../../src/index.js";
import { graph, invoke, scratchFolder, spawnCli } from "./invoke.js";

const folder = scratchFolder();
const model = graph("conv-bn-relu");
let count = 0;
const config = (content: unknown): string => {
  const path = join(folder, `config-${count++}.json`);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};

describe("the config file", () => {
  it("sets options, and flags win", async () => {
    const path = config({ $schema: "x", json: true, shape: { input: [1, 3, 9, 8] }, keepMacs: 0.5 });
    const { code, stdout } = await invoke(["inspect", model, "--config", path]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ schema: "convopt.inspect/1", countedAt: "option" });
    const over = await invoke(["inspect", model, "--config", path, "--shape", "input=2x3x9x8"]);
    expect(JSON.parse(over.stdout).inputs[0].shape).toEqual([2, 3, 9, 8]);
  });

  it("has sections for commands, which win over the rest", async () => {
    const path = config({ json: false, inspect: { json: true }, verify: { maxError: 1 } });
    const { stdout } = await invoke(["inspect", model, "--config", path]);
    expect(JSON.parse(stdout).schema).toBe("convopt.inspect/1");
  });

  it("takes paths relative to itself", async () => {
    mkdirSync(join(folder, "data"), { recursive: true });
    const data = writeNpz(new Map([["input", Tensor.f32([2, 3, 9, 8], new Float32Array(432).fill(1))]]));
    writeFileSync(join(folder, "data", "x.npz"), data);
    const path = config({ data: "data/x.npz" });
    const { code, stdout } = await invoke(["run", model, "--json", "--config", path]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      images: 2,
      outputs: [{ name: "output", shape: [2, 6, 5, 4] }],
    });
  });

  it("is found in the working folder", async () => {
    const place = join(folder, "place");
    mkdirSync(place);
    writeFileSync(join(place, "convopt.config.json"), JSON.stringify({ json: true }));
    const { code, stdout } = await spawnCli(["inspect", model], { cwd: place });
    expect(code).toBe(0);
    expect(JSON.parse(stdout).schema).toBe("convopt.inspect/1");
  });

  const wrong: [string, unknown, string][] = [
    ["an unknown key", { keepMac: 0.5 }, 'did you mean "keepMacs"'],
    ["an unknown key of a section", { inspect: { jsn: true } }, '"inspect.jsn"'],
    ["a value of the wrong type", { json: "yes" }, "true or false"],
    ["a value out of range", { inspect: { shape: { input: [0] } } }, '"shape"'],
    ["a section that is no object", { inspect: 1 }, "section"],
    ["a list", [1], "object"],
    ["no JSON", "{,}", "not JSON"],
  ];
  it.each(wrong)("refuses %s", async (_name, content, part) => {
    const { code, stderr, stdout } = await invoke(["inspect", model, "--config", config(content)]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error\[E_CONFIG(_KEY)?\]: .*config-\d+\.json/);
    expect(stderr).toContain(part);
    expect(stdout).toBe("");
  });

  it("cannot switch on what isn't there yet", async () => {
    const file = config({ executor: "bullmq" });
    const { code, stderr } = await invoke(["optimize", model, join(folder, "o.onnx"), "--config", file]);
    expect(code).toBe(2);
    expect(stderr).toContain("not available yet");
  });

  it("may hold options of optimize that sweep refuses", async () => {
    const path = config({ keepMacs: 0.5, report: "r.html", engine: "reference", effort: "fast", json: true });
    const args = ["sweep", model, join(folder, "swept"), "--points", "0.6", "--config", path];
    const { code, stdout } = await invoke(args);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).points).toMatchObject([{ keepMacs: 0.6 }]);
    const own = config({ sweep: { keepMacs: 0.5 } });
    const refused = await invoke(["sweep", model, join(folder, "swept"), "--config", own]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('there is no option "sweep.keepMacs"');
  });

  it("has a schema with every option of every command", async () => {
    const { stdout } = await invoke(["schema", "config"]);
    const schema = JSON.parse(stdout);
    expect(schema.properties).toMatchObject({
      keepMacs: {},
      calib: {},
      maxError: {},
      labels: {},
      out: {},
      optimize: {},
    });
    expect(schema.properties.effort.enum).toEqual(["fast", "normal", "max"]);
    expect(schema.properties.config).toBeUndefined();
    expect(schema.properties.keepMacs).toEqual(schema.properties.optimize.properties.keepMacs);
    expect(schema.properties.sweep.properties.keepMacs).toBeUndefined();
  });
});
