import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { inspect, load, renderInspection } from "../../src/index.js";
import { graph, invoke, root } from "./invoke.js";

/** Compares with a file; `CONVOPT_UPDATE_GOLDEN=1` writes it. */
function expectGolden(name: string, text: string): void {
  const path = join(root, "test", "cli", "golden", `${name}.golden`);
  if (process.env["CONVOPT_UPDATE_GOLDEN"]) {
    mkdirSync(join(root, "test", "cli", "golden"), { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, "utf8"));
}

const contract = ["optimize", "inspect", "verify", "run", "bench", "sweep", "diff", "explain"];

describe("help", () => {
  it("is twelve lines with one example for convopt alone", async () => {
    const { code, stdout, stderr } = await invoke([]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.trimEnd().split("\n").length).toBeLessThanOrEqual(12);
    expect(stdout.match(/^ {2}convopt optimize .*$/gm)).toHaveLength(1);
    for (const command of contract) expect(stdout).toMatch(new RegExp(`(^| {2,})${command} {2}`, "m"));
    expectGolden("overview", stdout);
  });

  it("lists every command of the contract", async () => {
    const { code, stdout } = await invoke(["--help"]);
    expect(code).toBe(0);
    for (const command of contract) expect(stdout).toMatch(new RegExp(`^ {2}${command} `, "m"));
    expect((await invoke(["help"])).stdout).toBe(stdout);
  });

  it.each([...contract, "completion", "schema"])("of %s", async (command) => {
    const { code, stdout } = await invoke(["help", command]);
    expect(code).toBe(0);
    expect((await invoke([command, "--help"])).stdout).toBe(stdout);
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
    expectGolden(`help-${command}`, stdout);
  });

  it("of a mistyped command is answered as that command is", async () => {
    const { code, stdout, stderr } = await invoke(["help", "optimzie"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toBe("error[E_UNKNOWN_COMMAND]: unknown command 'optimzie'; did you mean optimize?\n");
    expect(await invoke(["optimzie"])).toEqual({ code, stdout, stderr });
  });

  it("is what an unknown command's error points to", async () => {
    for (const args of [["frobnicate"], ["help", "frobnicate"]]) {
      const { code, stderr } = await invoke(args);
      expect(code).toBe(2);
      expect(stderr).toBe("error[E_UNKNOWN_COMMAND]: unknown command 'frobnicate'; try convopt --help\n");
    }
  });

  it("of help is that of convopt", async () => {
    const all = await invoke(["--help"]);
    for (const args of [
      ["help", "help"],
      ["help", "--help"],
    ])
      expect(await invoke(args)).toEqual(all);
  });

  it("names every option of the contract", async () => {
    const { stdout } = await invoke(["help", "optimize"]);
    const options = [
      "keep-macs", "keep-params", "keep-latency", "max-error", "min-agreement", "lossless", "calib", "preprocess",
      "shape", "families", "only", "skip", "revert", "passes", "effort", "seed", "threads", "deterministic", "executor",
      "resume", "report", "json", "reporter", "certificate", "print-after", "stop-after", "dry-run", "debug", "config",
      "quiet",
    ]; // prettier-ignore
    for (const option of options) expect(stdout).toContain(`--${option} `);
  });

  it("tells the version", async () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    expect((await invoke(["--version"])).stdout).toBe(`${version}\n`);
  });
});

describe("tables", () => {
  it.each([
    "conv-bn-relu",
    "conv-grouped-bias",
    "symbolic-dims",
    "empty-no-nodes",
    "conv-transpose-bn",
    "odd-names",
  ])("of inspect for %s", async (name) => {
    // What the rewrites say is their own tests' business.
    const inspection = await inspect(await load(graph(name)), { ask: "none" });
    const text = renderInspection(inspection, { rewrites: true });
    for (const line of text.split("\n")) expect(line).toBe(line.trimEnd());
    expectGolden(`inspect-${name}`, text);
  });

  it("of inspect show every verdict on demand", async () => {
    const { stdout } = await invoke(["inspect", graph("conv-bn-relu"), "--rewrites"]);
    expect(stdout).toMatch(/^bn1\n(?: {2}\S.*\n)* {2}fold-batch-norm +applies/m);
  });
});
