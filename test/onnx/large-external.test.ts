import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadModel } from "../../src/onnx/index.js";
import { bytes, info, int, model, node, text } from "./wire.js";

const width = 2048;
const layers = 128;
const tensorBytes = 4 * width * width;
/** Where the weights begin: a hole in front, so that offsets pass 2^32. */
const start = 2 ** 31 + tensorBytes + 4096;
const last = start + (layers - 1) * tensorBytes;

let folder = "";
let path = "";

/** float32[width, width] in the data file. */
function external(name: string, offset: number): number[] {
  const entry = (key: string, value: string): number[] => bytes(13, text(1, key), text(2, value));
  return bytes(
    5,
    int(1, width),
    int(1, width),
    int(2, 1),
    text(8, name),
    entry("location", "weights.bin"),
    entry("offset", String(offset)),
    entry("length", String(tensorBytes)),
    int(14, 1),
  );
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "convopt-large-"));
  path = join(folder, "model.onnx");
  const fields: number[][] = [];
  for (let i = 0; i < layers; i++) {
    fields.push(bytes(1, node("MatMul", [`x${i}`, `w${i}`], [`y${i}`])));
    fields.push(bytes(1, node("Sigmoid", [`y${i}`], [`x${i + 1}`])));
    fields.push(external(`w${i}`, start + i * tensorBytes));
  }
  const [input, output] = [info("x0", 1, width), info(`x${layers}`, 1, width)];
  writeFileSync(path, model(...fields, bytes(11, input), bytes(12, output)));
  // A sparse file: all zeros but for the diagonal of the last weights.
  const data = openSync(join(folder, "weights.bin"), "w");
  ftruncateSync(data, last + tensorBytes);
  for (let i = 0; i < width; i++)
    writeSync(data, new Uint8Array(Float32Array.of(i + 1).buffer), 0, 4, last + 4 * i * (width + 1));
  closeSync(data);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("a model with 2 GiB of external data", () => {
  it("is read at offsets beyond 2^32", async () => {
    expect(last).toBeGreaterThan(2 ** 32);
    const { graph } = await loadModel(path);
    const { numbers } = graph.value(`w${layers - 1}`)!.initializer!;
    expect([numbers[0], numbers[1], numbers[width + 1], numbers.at(-1)]).toEqual([1, 0, 2, width]);
  });

  it(
    "is inspected, with every exact rewrite asked, in less memory than it takes",
    { timeout: 300_000 },
    () => {
      const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
      const script = join(dirname(fileURLToPath(import.meta.url)), "peak-memory.ts");
      const { stdout, stderr, status } = spawnSync(
        process.execPath,
        ["--import", tsx, script, "inspect", path, "--json"],
        { encoding: "utf8" },
      );
      expect(status, stderr).toBe(0);
      expect(Number(stdout)).toBeLessThan(2 ** 30 + 4 * tensorBytes);
    },
  );
});
