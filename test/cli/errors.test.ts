import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GraphBuilder, Model, save, Tensor, writeNpz } from "../../src/index.js";
import { graph, invoke, scratchFolder, type Outcome } from "./invoke.js";

const folder = scratchFolder();
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

/** One line of the contract's form and nothing on stdout. */
function expectError(outcome: Outcome, exitCode: number, code: RegExp, parts: readonly string[]): void {
  const lines = outcome.stderr
    .trimEnd()
    .split("\n")
    .filter((line) => !line.startsWith("warning: "));
  expect(lines.length, outcome.stderr).toBe(1);
  expect(lines[0]).toMatch(/^error\[E_[A-Z0-9_]+\]: \S/);
  expect(/^error\[(E_[A-Z0-9_]+)\]/.exec(lines[0]!)![1]).toMatch(code);
  for (const part of parts) expect(lines[0]).toContain(part);
  expect(outcome.stderr).not.toMatch(/^\s+at /m);
  expect(outcome.stdout).toBe("");
  expect(outcome.code).toBe(exitCode);
}

describe("bad models (exit 3)", () => {
  const bytes = readFileSync(graph("conv-bn-relu"));
  const cases: [string, string, RegExp, string[]][] = [
    ["an empty file", file("empty.onnx", ""), /E_MODEL/, ["empty.onnx"]],
    ["a PNG", file("image.onnx", Buffer.from("89504e470d0a1a0a0000000d49484452", "hex")), /E_MODEL/, ["PNG", "image.onnx"]],
    ["a truncated model", file("cut.onnx", bytes.subarray(0, 700)), /E_MODEL/, ["cut.onnx"]],
    ["random bytes", file("noise.onnx", Uint8Array.from({ length: 500 }, (_, i) => (i * 151) % 256)), /E_MODEL/, ["noise.onnx"]],
    ["a missing weight", graph("bad-missing-weight"), /E_MODEL/, ['node "conv" (Conv)', 'tensor "conv.weight"', "bad-missing-weight.onnx"]],
    ["a cycle", graph("bad-cycle"), /E_MODEL/, ["node ", "bad-cycle.onnx"]],
    ["external data outside the folder", graph("bad-external-escape"), /E_/, ["bad-external-escape.onnx"]],
    ["claims beyond the file", graph("bad-huge-dims"), /E_MODEL/, ['tensor "huge"']],
    ["a tensor that is too short", graph("bad-short-tensor"), /E_/, ["bad-short-tensor.onnx"]],
    ["two values of one name", graph("bad-duplicate-output"), /E_MODEL/, ["bad-duplicate-output.onnx"]],
    ["channels that don't match", graph("bad-channel-mismatch"), /E_/, ["(Conv)", "bad-channel-mismatch.onnx"]],
  ]; // prettier-ignore

  it.each(cases)("%s", async (_name, path, code, parts) => {
    expectError(await invoke(["inspect", path]), 3, code, parts);
  });

  it.each(cases)("%s, also for run", async (_name, path, code, parts) => {
    expectError(await invoke(["run", path, "--engine", "reference"]), 3, code, parts);
  });

  it("an operator that the interpreter doesn't know", async () => {
    const outcome = await invoke(["run", graph("custom-domain"), "--engine", "reference"]);
    expectError(outcome, 3, /E_UNSUPPORTED/, ["node ", "com.example", "custom-domain.onnx"]);
  });
});

describe("bad data (exit 3)", () => {
  const model = graph("conv-bn-relu");
  const npz = (name: string, arrays: Record<string, Tensor>): string =>
    file(name, writeNpz(new Map(Object.entries(arrays))));
  const cases: [string, string, string[]][] = [
    ["a wrong shape", npz("shape.npz", { input: Tensor.f32([4, 3, 7, 7], new Float32Array(588)) }), ["shape.npz"]],
    ["a wrong rank", npz("rank.npz", { input: Tensor.f32([4, 3], new Float32Array(12)) }), ["rank.npz"]],
    ["text", npz("text.npz", { input: Tensor.f32([0, 3, 9, 8], []) }), ["text.npz"]],
    ["uint8 without a preprocess", npz("bytes.npz", { input: Tensor.of("uint8", [2, 3, 9, 8], new Uint8Array(432)) }), ["preprocess"]],
    ["other names", npz("names.npz", { a: Tensor.f32([1], [1]), b: Tensor.f32([1], [1]) }), ['"input"', "names.npz"]],
    ["no archive at all", file("none.npz", "hello"), ["none.npz"]],
  ]; // prettier-ignore

  it.each(cases)("%s", async (_name, path, parts) => {
    expectError(await invoke(["verify", model, model, "--data", path]), 3, /E_/, parts);
    expectError(await invoke(["run", model, "--data", path]), 3, /E_/, parts);
  });

  it("labels that don't fit", async () => {
    const data = npz("data.npz", { input: Tensor.f32([2, 3, 9, 8], new Float32Array(432)) });
    const labels = npz("labels.npz", { label: Tensor.i64([3], [1, 2, 3]) });
    expectError(await invoke(["verify", model, model, "--data", data, "--labels", labels]), 3, /E_/, [
      "labels.npz",
    ]);
  });
});

describe("usage (exit 2)", () => {
  const model = graph("conv-bn-relu");
  const cases: [string[], RegExp, string[]][] = [
    [["insepct", model], /E_UNKNOWN_COMMAND/, ["'insepct'", "did you mean inspect?"]],
    [["inspect"], /E_MISSING_ARGUMENT/, ["IN.onnx", "convopt help inspect"]],
    [["inspect", model, "more"], /E_EXCESS_ARGUMENT/, ["too many"]],
    [["inspect", model, "--jsn"], /E_UNKNOWN_OPTION/, ["'--jsn'", "did you mean --json?"]],
    [["verify", model, model, "--engine", "refrence"], /E_OPTION_VALUE/, ["--engine", 'did you mean "reference"?']],
    [["verify", model, model, "--engine"], /E_MISSING_ARGUMENT/, ["--engine"]],
    [["verify", model, model, "--max-error", "-1"], /E_OPTION_VALUE/, ["--max-error", "≥ 0"]],
    [["verify", model, model, "--max-error", "abc"], /E_OPTION_VALUE/, ["abc"]],
    [["verify", model, model, "--min-agreement", "2"], /E_OPTION_VALUE/, ["[0, 1]"]],
    [["verify", model, model, "--labels", "x.npz"], /E_LABELS/, ["--data"]],
    [["optimize", model, "out.onnx", "--keep-macs", "0"], /E_OPTION_VALUE/, ["(0, 1]"]],
    [["optimize", model, "out.onnx", "--keep-macs", "50%"], /E_OPTION_VALUE/, ["50%"]],
    [["optimize", model, "out.onnx", "--keep-macs", "0x1"], /E_OPTION_VALUE/, ["0x1"]],
    [["optimize", model, "out.onnx", "--shape", "input=1x3"], /E_/, ["input"]],
    [["optimize", model, "out.onnx", "--shape", "1x3x9x8"], /E_OPTION_VALUE/, ["input=1x3x224x224"]],
    [["optimize", model, "out.onnx", "--families", "gruoped"], /E_OPTION_VALUE/, ["grouped"]],
    [["optimize", model, "out.onnx", "--passes", "fold-batch-nrom"], /E_OPTION_VALUE/, ["fold-batch-norm"]],
    [["optimize", model, "out.onnx", "--report", "r.pdf"], /E_OPTION_VALUE/, [".html"]],
    [["optimize", model, "out.onnx", "--reporter", "junt"], /E_OPTION_VALUE/, ["junit"]],
    [["optimize", model, "out.onnx", "--threads", "1.5"], /E_OPTION_VALUE/, ["whole number"]],
    [["optimize", model, "-", "--json"], /E_STDOUT/, ["--report"]],
    [["run", model, "--out", "-", "--json"], /E_STDOUT/, ["standard output"]],
    [["run", "-", "--data", "-"], /E_STDIN/, ["standard input"]],
    [["explain", model, "conv"], /E_UNKNOWN_LAYER/, ["did you mean", "conv1"]],
    [["optimize", model, "o.onnx", "--keep-macs", "0.5", "--profile", "phone.json"], /E_USAGE/, ["--keep-latency"]],
    [["optimize", model, "o.onnx", "--keep-latency", "0.5", "--deterministic"], /E_BUDGET/, ["--profile"]],
    [["schema", "reprot"], /E_/, ["one of"]],
    [["completion", "bsh"], /E_/, ["bash"]],
  ]; // prettier-ignore

  it.each(cases)("%j", async (args, code, parts) => {
    expectError(await invoke(args), 2, code, parts);
  });

  const sweepless = [
    ...[
      "--max-error=0.1",
      "--min-agreement=0.9",
      "--keep-macs=0.5",
      "--keep-params=0.5",
      "--keep-latency=0.5",
    ],
    ...["--report=r.html", "--report", "--reporter=junit", "--dry-run", "--certificate=c.json", "--lossless"],
    ...["--profile=p.json", "--print-after=changed", "--stop-after=1"],
  ];
  const coming: string[][] = [
    ["optimize", model, "o.onnx", "--executor", "bullmq"],
    ...sweepless.map((option) => ["sweep", option, model, join(folder, "unswept")]),
    ...sweepless.map((option) => ["sweep", model, join(folder, "unswept"), option]),
  ];
  it.each(coming)("what is not built yet says so: %s %s %s %s", async (...args) => {
    expectError(await invoke(args), 2, /E_/, ["not available yet"]);
    expect(readdirSync(folder)).not.toContain("unswept");
  });

  it("what sweep does not have yet is named, with what to do in its place", async () => {
    const outcome = await invoke(["sweep", model, join(folder, "unswept"), "--report", "r.html"]);
    expectError(outcome, 2, /^E_NOT_AVAILABLE$/, ["--report of sweep", "sweep.html"]);
  });
});

describe("input and output (exit 4)", () => {
  const model = graph("conv-bn-relu");

  it("a model that isn't there", async () => {
    expectError(await invoke(["inspect", join(folder, "none.onnx")]), 4, /E_/, ["none.onnx"]);
    expectError(await invoke(["inspect", folder]), 4, /E_/, [folder]);
  });

  it("data that isn't there", async () => {
    expectError(await invoke(["run", model, "--data", "none.npz"]), 4, /E_/, ["none.npz"]);
  });

  it("an output that can't be written, before any work is done", async () => {
    const places = [join(folder, "none", "o.npz"), join(model, "o.npz"), folder];
    for (const place of places) expectError(await invoke(["run", model, "--out", place]), 4, /E_IO/, [place]);
    for (const place of places.slice(0, 2)) {
      expectError(await invoke(["optimize", model, place]), 4, /E_/, [place]);
      const report = `${place}.json`;
      expectError(await invoke(["optimize", model, join(folder, "o.onnx"), "--report", report]), 4, /E_/, [
        report,
      ]);
    }
    expect(readdirSync(folder)).not.toContain("o.onnx");
  });

  it.skipIf(process.getuid?.() === 0)("a folder without permission", async () => {
    const locked = join(folder, "locked");
    mkdirSync(locked);
    chmodSync(locked, 0o500);
    expectError(await invoke(["run", model, "--out", join(locked, "o.npz")]), 4, /E_IO/, ["permission"]);
  });

  it("a config or report file that isn't there", async () => {
    expectError(await invoke(["inspect", model, "--config", "none.json"]), 4, /E_IO/, ["none.json"]);
    expectError(await invoke(["explain", model, "conv1", "--report", "none.json"]), 4, /E_IO/, ["none.json"]);
  });
});

describe("names that try to steer the terminal", () => {
  it("stay in one line, visible", async () => {
    const builder = new GraphBuilder();
    const input = builder.input("x", { dtype: "float32", shape: [1, 2, 4, 4] });
    const weight = builder.initializer("w", Tensor.f32([2, 3, 1, 1], new Float32Array(6)));
    builder.output(
      builder.op("Conv", [input, weight], {}, { name: "evil\u001b[2J\nerror[E_FAKE]: x", outputs: ["y"] }),
    );
    builder.graph.irVersion = 8;
    builder.graph.opsets.set("", 17);
    const path = join(folder, "evil.onnx");
    await save(new Model(builder.graph), path);
    const outcome = await invoke(["inspect", path]);
    expectError(outcome, 3, /E_/, ["(Conv)"]);
    expect(outcome.stderr).not.toContain("\u001b");
  });
});

describe("--debug", () => {
  it("shows the stack behind the one line", async () => {
    const { code, stderr } = await invoke(["inspect", file("empty2.onnx", ""), "--debug"]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^error\[E_[A-Z_]+\]: .*\n.*\n\s+at /);
  });
});
