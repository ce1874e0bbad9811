import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { graph, invoke, scratchFolder } from "./invoke.js";

const folder = scratchFolder();
const model = join(folder, "m.onnx");
copyFileSync(graph("conv-bn-relu"), model);
const out = join(folder, "o.onnx");
const certificate = join(folder, "c.json");
const engine = ["--engine", "reference"];

describe("what --json prints", () => {
  // In this order: later commands read what earlier ones wrote.
  const commands: [schema: string, args: string[]][] = [
    ["optimize", ["optimize", model, out, ...engine]],
    ["optimize", ["optimize", model, out, "--keep-macs", "0.5", "--effort", "fast", ...engine]],
    ["sweep", ["sweep", model, join(folder, "s"), "--points", "0.5", "--effort", "fast", ...engine]],
    ["inspect", ["inspect", model]],
    ["verify", ["verify", model, out, "--write-certificate", certificate, ...engine]],
    ["certificate-check", ["verify", model, out, "--certificate", certificate, ...engine]],
    ["run", ["run", model, ...engine]],
    ["run", ["run", model, "--out", join(folder, "y.npz"), "--output", "conv1", ...engine]],
    ["bench", ["bench", model, "--runs", "2", ...engine]],
    ["latency-profile", ["bench", graph("conv-bare"), "--calibrate", "--threads", "1"]],
    ["diff", ["diff", model, out]],
    ["explain", ["explain", model, "conv1"]],
  ];

  it.each(commands)("is as convopt schema %s says: %j", async (name, args) => {
    const printed = await invoke([...args, "--json", "--quiet"]);
    expect(printed.code, printed.stderr).toBeLessThan(2);
    const schema = await invoke(["schema", name]);
    expect(schema.code).toBe(0);
    const value: unknown = JSON.parse(printed.stdout);
    const published = z.fromJSONSchema(JSON.parse(schema.stdout));
    expect(published.safeParse(value).error).toBeUndefined();
    expect(published.safeParse({ ...(value as object), schema: "convopt.other/1" }).success).toBe(false);
    expect(published.safeParse({ ...(value as object), surplus: 1 }).success).toBe(false);
  });

  it("is of every command that has the option", async () => {
    const { stdout } = await invoke(["--help"]);
    const names = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name!);
    const tested = new Set(commands.map(([, [command]]) => command));
    expect(names.length).toBeGreaterThan(8);
    for (const name of names) {
      if (name === "help") continue;
      const help = await invoke(["help", name]);
      expect([name, /^ {2}--json /m.test(help.stdout)]).toEqual([name, tested.has(name)]);
    }
  });
});
