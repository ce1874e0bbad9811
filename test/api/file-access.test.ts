import { spawn, spawnSync } from "node:child_process";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { writeFileAtomically } from "../../src/index.js";

const folder = mkdtempSync(join(tmpdir(), "convopt-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("writing a file", () => {
  it("makes it, replaces it and leaves nothing else", async () => {
    const path = join(folder, "a.json");
    const before = [...readdirSync(folder), "a.json"].sort();
    await writeFileAtomically(path, "one");
    await writeFileAtomically(path, new Uint8Array([50]));
    expect(readFileSync(path, "utf8")).toBe("2");
    expect(readdirSync(folder).sort()).toEqual(before);
  });

  const pipe = join(folder, "pipe");
  // A pipe stands for devices too: a mistake there would replace one of the machine's.
  it.runIf(spawnSync("mkfifo", [pipe]).status === 0)(
    "writes into a pipe, also behind a link, in place of replacing it",
    async () => {
      symlinkSync(pipe, join(folder, "link"));
      for (const path of [pipe, join(folder, "link")]) {
        const reader = spawn("cat", [pipe]);
        const read = new Promise<string>((resolve) => {
          let text = "";
          reader.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
          reader.on("close", () => resolve(text));
        });
        await writeFileAtomically(path, "through");
        if (!lstatSync(pipe).isFIFO()) reader.kill();
        expect(await read).toBe("through");
      }
      expect(lstatSync(pipe).isFIFO()).toBe(true);
      expect(lstatSync(join(folder, "link")).isSymbolicLink()).toBe(true);
    },
  );
});
