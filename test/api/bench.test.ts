import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openLatencyCache } from "../../src/api/latency-cache.js";
import {
  bench,
  benchmarkSchema,
  calibrateLatency,
  load,
  loadLatencyProfile,
  loadDataOf,
  Model,
  renderBenchmark,
  save,
  Tensor,
  UsageError,
} from "../../src/index.js";
import { graph, invoke, scratchFolder } from "../cli/invoke.js";
import { residualNetwork } from "../latency/networks.js";

const folder = scratchFolder();

describe("bench", () => {
  it("compares models and keeps to its schema", async () => {
    const model = await load(graph("conv-bn-relu"));
    const result = await bench([model, model], { runs: 6, threads: 1, layers: true });
    expect(benchmarkSchema.parse(result)).toEqual(result);
    expect(result.rounds).toBe(6);
    const [first, second] = result.models;
    expect(first!.ratio.median).toBe(1);
    expect(second!.ratio.interval[0]).toBeLessThanOrEqual(second!.ratio.median);
    expect(first!.runs).toBeGreaterThanOrEqual(6);
    expect(first!.layers!.length).toBeGreaterThan(0);
    const named = new Set(model.graph.nodes.map(({ label }) => label));
    for (const { layer, nodes } of first!.layers!) {
      for (const node of nodes) expect(named).toContain(node);
      if (layer !== null) expect(nodes).toContain(layer);
    }
    expect(result.inputs.source).toBe("noise");
    expect(renderBenchmark(result)).toMatch(/ratio/);
  });

  it("takes data, and the batch of --shape", async () => {
    const { model } = residualNetwork(1);
    const data = loadDataOf(
      new Map([["x", Tensor.floats("float32", [2, 3, 8, 8], new Float64Array(384))]]),
      model,
    );
    const fed = await bench([model], { runs: 1, threads: 1, data, dataPath: "d.npz" });
    expect(fed.inputs).toEqual({ source: "d.npz", shapes: { x: [1, 3, 8, 8] } });
    const batch = await bench([model], { runs: 1, threads: 1, data, shapes: new Map([["x", [5, 3, 8, 8]]]) });
    expect(batch.inputs.shapes).toEqual({ x: [5, 3, 8, 8] });
  });

  it("needs a model", async () => {
    await expect(bench([])).rejects.toThrow(UsageError);
  });

  it("warns of names that could write to the terminal by showing them escaped", async () => {
    const { model } = residualNetwork(1);
    const result = await bench([model], { runs: 1, threads: 1 });
    const odd = {
      ...result,
      engine: "\u001b[31mred",
      models: result.models.map((one) => ({ ...one, path: "a\u001b]0;x" })),
    };
    expect(renderBenchmark(odd)).not.toContain("\u001b");
  });
});

describe("the command", () => {
  it("prints a table, or JSON", async () => {
    const args = ["bench", graph("conv-bn-relu"), graph("conv-bn-relu"), "--runs", "3", "--threads", "1"];
    const table = await invoke(args);
    expect([table.code, table.stdout.match(/conv-bn-relu/g)?.length]).toEqual([0, 2]);
    const json = await invoke([...args, "--json", "--layers"]);
    expect(benchmarkSchema.parse(JSON.parse(json.stdout)).models).toHaveLength(2);
  });

  it("takes a profile out of one model only, and only where it is asked for", async () => {
    const model = graph("conv-bn-relu");
    for (const args of [
      [model, "--calibrate"],
      [model, "--profile-out", "p.json"],
      [model, model, "--calibrate", "--profile-out", "p.json"],
    ]) {
      const { code, stderr } = await invoke(["bench", ...args]);
      expect(code).toBe(2);
      expect(stderr).toContain("--calibrate MODEL --profile-out FILE");
    }
    expect(existsSync("p.json")).toBe(false);
  });
});

describe("a calibration", () => {
  it("makes a profile of all layers that another run can read", async () => {
    const path = join(folder, "net.onnx");
    await save(new Model(residualNetwork(1, 4, 6).model.graph), path);
    const model = await load(path);
    const cache = join(folder, "latency.jsonl");
    const profile = await calibrateLatency(model, { threads: 1, sizes: 2, cache });
    expect(profile.entries.length).toBeGreaterThan(10);
    expect(profile.threads).toBe(1);
    const out = join(folder, "profile.json");
    writeFileSync(out, JSON.stringify(profile));
    expect(await loadLatencyProfile(out)).toEqual(profile);
    const lines = readFileSync(cache, "utf8").trim().split("\n");
    expect(lines.length).toBeGreaterThan(profile.entries.length);
    // Everything comes from the cache the second time.
    const again = await calibrateLatency(model, { threads: 1, sizes: 2, cache });
    expect(again).toEqual(profile);
    expect(readFileSync(cache, "utf8").trim().split("\n")).toHaveLength(lines.length);
  }, 120_000);

  it("is refused when it is none (exit 3) or isn't there (exit 4)", async () => {
    const path = join(folder, "bad.json");
    writeFileSync(path, '{"schema":"convopt.latency-profile/1"}');
    await expect(loadLatencyProfile(path)).rejects.toMatchObject({
      code: "E_PROFILE",
      exitCode: 3,
      where: { file: path },
    });
    await expect(loadLatencyProfile(join(folder, "none.json"))).rejects.toMatchObject({ exitCode: 4 });
  });
});

describe("the cache", () => {
  it("keeps what was written, by scope, the last of each", async () => {
    const path = join(folder, "a", "b", "cache.jsonl");
    const one = await openLatencyCache(path, "one thread");
    one.write("k", { ms: 1 });
    one.write("k", { ms: 2 });
    (await openLatencyCache(path, "two threads")).write("k", { ms: 9 });
    const again = await openLatencyCache(path, "one thread");
    expect(again.read("k")).toEqual({ ms: 2 });
    expect(again.read("other")).toBeUndefined();
  });

  it("skips torn and foreign lines and goes on behind them", async () => {
    const path = join(folder, "torn.jsonl");
    const first = await openLatencyCache(path, "s");
    for (const key of ["a", "b", "c"]) first.write(key, key);
    truncateSync(path, statSync(path).size - 5);
    const torn = await openLatencyCache(path, "s");
    expect(["a", "b", "c"].map((key) => torn.read(key))).toEqual(["a", "b", undefined]);
    torn.write("d", "d");
    appendFileSync(path, '[1]\nnull\n{"scope":1}\n\u0000\n');
    const whole = await openLatencyCache(path, "s");
    expect(["a", "b", "c", "d"].map((key) => whole.read(key))).toEqual(["a", "b", undefined, "d"]);
  });

  it("is done without where it can't be, with one warning", async () => {
    const path = join(folder, "folder.jsonl");
    mkdirSync(path);
    const warnings: string[] = [];
    const store = await openLatencyCache(path, "s", (text) => warnings.push(text));
    store.write("k", 1);
    store.write("l", 2);
    expect(store.read("k")).toBe(1);
    expect(warnings).toHaveLength(1);
  });
});
