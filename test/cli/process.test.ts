import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { main } from "../../src/cli/main.js";
import { describeFailure } from "../../src/cli/failure.js";
import { InvariantError, readNpz } from "../../src/index.js";
import { graph, scratchFolder, spawnCli } from "./invoke.js";

const folder = scratchFolder();
const model = graph("conv-bn-relu");

describe("the process", () => {
  it.each<[number, string[]]>([
    [0, ["inspect", model]],
    [1, ["verify", model, graph("conv-bare")]],
    [2, ["inspect", model, "--nope"]],
    [3, ["inspect", graph("bad-cycle")]],
    [4, ["inspect", "nowhere.onnx"]],
  ])("ends with %i", async (code, args) => {
    const child = await spawnCli(args);
    expect(child.code).toBe(code);
    if (code >= 2) expect(child.stderr).toMatch(/^error\[E_[A-Z_]+\]: [^\n]+\n$/);
  });

  it("reads the model from standard input and writes arrays to standard output", async () => {
    const child = await spawnCli(["run", "-", "--out", "-", "--engine", "reference"], {
      input: readFileSync(model),
    });
    expect(child.code).toBe(0);
    const arrays = readNpz(Buffer.from(child.stdout, "latin1"));
    expect(arrays.get("output")?.dims).toEqual([1, 6, 5, 4]);
  });

  it("prints results on standard output only and the rest on standard error", async () => {
    const child = await spawnCli(["run", model, "--json"]);
    expect(JSON.parse(child.stdout).schema).toBe("convopt.run/1");
    expect(child.stderr).toMatch(/^warning: no data was given/);
    const quiet = await spawnCli(["run", model, "--json", "--quiet"]);
    expect(quiet.stderr).toBe("");
  });

  it("ends quietly when nobody reads", async () => {
    const child = await spawnCli(["inspect", graph("conv-bn-relu"), "--json"], {
      onStart: (started) => started.stdout?.destroy(),
    });
    expect(child.stderr).toBe("");
    const [a, b] = [model, graph("conv-bare")];
    const failed = await spawnCli(["verify", a, b, "--quiet"], {
      onStart: (started) => started.stdout?.destroy(),
    });
    expect([failed.code, failed.stderr]).toEqual([1, ""]);
    const piped = await spawnCli(["optimize", model, "-", "--quiet"], {
      onStart: (started) => started.stdout?.destroy(),
    });
    expect([piped.code, piped.stderr]).toEqual([0, ""]);
  });

  it
    .runIf(existsSync("/dev/full"))
    .each([
      [["inspect", model, "--json"]],
      [["optimize", model, "-", "--quiet"]],
      [["run", model, "--out", "-", "--quiet", "--engine", "reference"]],
      [["help"]],
      [[]],
    ])("tells that standard output is full: %j", async (args) => {
    const full = openSync("/dev/full", "w");
    const child = await spawnCli(args, { stdout: full });
    closeSync(full);
    expect(child.stderr).toMatch(/^error\[E_IO_FULL\]: [^\n]*standard output[^\n]*\n$/);
    expect(child.code).toBe(4);
  });

  it("leaves nothing in the user's home, notes of the native library included", async () => {
    const home = mkdtempSync(join(folder, "home-"));
    const env = { HOME: home, USERPROFILE: home, XDG_CACHE_HOME: join(home, "cache") };
    const child = await spawnCli(["run", model, "--json", "--engine", "ort"], { env });
    expect(JSON.parse(child.stdout).engine).toContain("onnxruntime");
    expect(readdirSync(home)).toEqual([]);
  });

  it("ends with 130 when interrupted", async () => {
    const data = join(folder, "many.npy");
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (60000, 3, 9, 8), }".padEnd(117) + "\n";
    const bytes = Buffer.alloc(128 + 60_000 * 216 * 4);
    bytes.write("\x93NUMPY\x01\x00v\x00" + header, "latin1");
    writeFileSync(data, bytes);
    const child = await spawnCli(["run", model, "--engine", "reference", "--data", data, "--batch", "1"], {
      // The first line of progress says that the work is under way.
      onStart: (started) => void started.stderr?.once("data", () => started.kill("SIGINT")),
    });
    expect(child.stderr).toContain("error[E_INTERRUPTED]: interrupted");
    expect(child.code).toBe(130);
  });
});

describe("bugs of ours", () => {
  it("end with 5 and leave a reproducer without the model", () => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      const failure = describeFailure(
        new InvariantError("two\nlines"),
        ["inspect", "secret model.onnx"],
        false,
      );
      expect(failure.exitCode).toBe(5);
      expect(failure.text).toMatch(
        /two lines; this is a bug of convopt's: please report it with the file convopt-bug-[0-9a-f]{8}\.json/,
      );
      const name = readdirSync(folder).find((file) => file.startsWith("convopt-bug-"))!;
      const reproducer = JSON.parse(readFileSync(join(folder, name), "utf8"));
      expect(reproducer).toMatchObject({
        schema: "convopt.reproducer/1",
        command: ["convopt", "inspect", "secret model.onnx"],
      });
      expect(reproducer.stack.join("\n")).toContain("process.test");
    } finally {
      process.chdir(before);
    }
  });

  it("include what is no error at all", () => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      expect(describeFailure("boom", [], false).exitCode).toBe(5);
      expect(describeFailure(new TypeError("x is not a function"), [], false).exitCode).toBe(5);
    } finally {
      process.chdir(before);
    }
  });

  it("are not what the system refuses", () => {
    const error = Object.assign(new Error("ENOSPC: no space left on device, write"), {
      code: "ENOSPC",
      path: "/x/y",
    });
    const failure = describeFailure(error, [], false);
    expect([failure.exitCode, failure.code]).toEqual([4, "E_IO_FULL"]);
    expect(failure.text).toContain("no space is left on the device (/x/y)");
  });
});

describe("main", () => {
  it("leaves no handlers behind", async () => {
    const count = process.listenerCount("SIGINT");
    const sink = { write: () => undefined };
    await main(["inspect", model], { stdout: sink, stderr: sink, env: {} });
    expect(process.listenerCount("SIGINT")).toBe(count);
  });
});
