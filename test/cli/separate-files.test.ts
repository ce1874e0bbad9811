import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkSeparateFiles, realPathOf } from "../../src/cli/separate-files.js";
import { graph, invoke, scratchFolder } from "./invoke.js";

const folder = scratchFolder();
const at = (name: string): string => join(folder, name);
const model = at("v.onnx");
copyFileSync(graph("conv-bn-relu"), model);
copyFileSync(model, at("in.json"));
mkdirSync(at("out"));
copyFileSync(model, at("out/keep-0.50.onnx"));
symlinkSync(model, at("link.html"));
symlinkSync(at("later.json"), at("dangling.json"));
for (const name of ["data.npz", "pre.json", "phone.json", "labels.txt", "cert.json", "set.json"])
  writeFileSync(at(name), "{}");
const contents = (): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => {
      const path = at(name);
      return `${name} ${name === "out" || name === "dangling.json" ? "" : readFileSync(path, "latin1")}`;
    });

describe("a file in two roles", () => {
  const budget = ["--keep-macs", "0.5"];
  const cases: [string[], [string, string]][] = [
    [["optimize", model, at("x.onnx"), "--certificate", model], ["IN.onnx", "--certificate"]],
    [["optimize", model, at("w.onnx"), "--certificate", at("w.onnx")], ["OUT.onnx", "--certificate"]],
    [["optimize", at("in.json"), at("x.onnx"), "--report", at("in.json")], ["IN.onnx", "--report"]],
    [["optimize", model, at("a.json"), "--report", at("a.json")], ["OUT.onnx", "--report"]],
    [["optimize", model, at("x.onnx"), "--report", at("link.html")], ["IN.onnx", "--report"]],
    [["optimize", model, at("x.onnx"), "--report", at("r.md"), "--report", at("./out/../r.md")], ["--report", "--report"]],
    [["optimize", model, at("later.json"), "--report", at("dangling.json")], ["OUT.onnx", "--report"]],
    [["optimize", model, at("x.onnx"), "--report", at("c.json"), "--certificate", at("c.json")], ["--report", "--certificate"]],
    [["optimize", model, at("data.npz"), ...budget, "--calib", at("data.npz")], ["OUT.onnx", "--calib"]],
    [["optimize", model, at("x.onnx"), "--preprocess", at("pre.json"), "--report", at("pre.json")], ["--preprocess", "--report"]],
    [["optimize", model, at("x.onnx"), "--keep-latency", "0.5", "--profile", at("phone.json"), "--report", at("phone.json")], ["--profile", "--report"]],
    [["optimize", model, at("x.onnx"), "--config", at("set.json"), "--report", at("set.json")], ["--config", "--report"]],
    [["optimize", model, at("x.onnx"), "--journal", at("x.onnx")], ["OUT.onnx", "--journal"]],
    [["verify", model, graph("conv-bare"), "--write-certificate", model], ["A.onnx", "--write-certificate"]],
    [["verify", graph("conv-bare"), model, "--write-certificate", model], ["B.onnx", "--write-certificate"]],
    [["verify", model, model, "--data", at("data.npz"), "--labels", at("labels.txt"), "--write-certificate", at("labels.txt")], ["--labels", "--write-certificate"]],
    [["verify", model, model, "--certificate", at("cert.json"), "--write-certificate", at("cert.json")], ["--certificate", "--write-certificate"]],
    [["run", model, "--out", model], ["MODEL", "--out"]],
    [["run", model, "--data", at("data.npz"), "--out", at("data.npz")], ["--data", "--out"]],
    [["bench", model, "--calibrate", "--profile-out", model], ["MODEL", "--profile-out"]],
    [["sweep", at("out/keep-0.50.onnx"), at("out"), "--points", "0.5"], ["IN.onnx", "OUTDIR"]],
    [["sweep", at("out/keep-0.50.onnx"), at("out")], ["IN.onnx", "OUTDIR"]],
  ]; // prettier-ignore

  it.each(cases)("is refused before any work: %j", async (args, roles) => {
    const before = contents();
    const { code, stdout, stderr } = await invoke(args);
    expect(stderr).toMatch(/^error\[E_SAME_FILE\]: [^\n]*name another file[^\n]*\n$/);
    for (const role of roles) expect(stderr).toContain(role);
    expect([code, stdout]).toEqual([2, ""]);
    expect(contents()).toEqual(before);
  });

  it("may be a model optimized in place, or a device", async () => {
    const own = at("own.onnx");
    copyFileSync(model, own);
    expect(await invoke(["optimize", own, own, "--quiet"])).toMatchObject({ code: 0, stderr: "" });
    expect(readFileSync(own).equals(readFileSync(model))).toBe(false);
    const writes = ["--out", "--report"].map((role) => [role, "/dev/null"] as const);
    await expect(checkSeparateFiles({}, { reads: [], writes })).resolves.toBeUndefined();
  });

  it("is found through links in every part of the path", async () => {
    symlinkSync(folder, at("loop"));
    expect(await realPathOf(at("loop/none/x"))).toBe(await realPathOf(at("none/x")));
    symlinkSync(at("round"), at("round"));
    expect(await realPathOf(at("round"))).toBe(join(await realPathOf(folder), "round"));
  });

  it("that is another option of a certificate's is refused too", async () => {
    const args = ["--certificate", at("cert.json"), "--write-certificate", at("new.json")];
    const { code, stderr } = await invoke(["verify", model, model, ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain("--write-certificate and --certificate don't go together");
  });
});

describe("files that a sweep writes", () => {
  it("are those that the check knows", async () => {
    const { sweepFile, sweepFiles } = await import("../../src/index.js");
    const place = at("swept");
    const options = { points: [0.9], families: ["reduce-in"], singleForms: true };
    await sweepFile(graph("residual-block"), place, { ...options, engine: "reference", effort: "fast" });
    const known = sweepFiles(place, [0.9], ["reduce-in"]).sort();
    const found = readdirSync(place, { recursive: true, encoding: "utf8" }).map((name) => join(place, name));
    expect(found.filter((path) => path !== join(place, "reduce-in")).sort()).toEqual(known);
  });
});
