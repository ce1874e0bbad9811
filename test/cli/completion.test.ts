import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { invoke, scratchFolder } from "./invoke.js";

const folder = scratchFolder();
const has = (shell: string): boolean => spawnSync(shell, ["--version"]).status === 0;

/** What bash offers for a command line whose last word is being typed. */
function complete(script: string, words: readonly string[]): string[] {
  const program = `${script}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _convopt; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync("bash", ["-c", program], { encoding: "utf8" });
  expect(stderr).toBe("");
  return stdout.split("\n").filter((line) => line !== "");
}

describe("completion", () => {
  it.runIf(has("bash"))("for bash offers commands, options and choices", async () => {
    const { code, stdout } = await invoke(["completion", "bash"]);
    expect(code).toBe(0);
    expect(complete(stdout, ["convopt", "in"])).toEqual(["inspect"]);
    expect(complete(stdout, ["convopt", "optimize", "a.onnx", "--keep-m"])).toEqual(["--keep-macs"]);
    expect(complete(stdout, ["convopt", "sweep", "a.onnx", "--keep"])).toEqual([]);
    expect(complete(stdout, ["convopt", "verify", "--engine", "r"])).toEqual(["reference"]);
    expect(complete(stdout, ["convopt", "help", "ver"])).toEqual(["verify"]);
  });

  it.each(["zsh", "fish"])("for %s names every command and option", async (shell) => {
    const { code, stdout } = await invoke(["completion", shell]);
    expect(code).toBe(0);
    for (const word of ["optimize", "explain", "keep-macs", "min-agreement", "reference"])
      expect(stdout).toContain(word);
    if (has(shell)) {
      const path = join(folder, shell);
      writeFileSync(path, stdout);
      expect(spawnSync(shell, ["-n", path], { encoding: "utf8" }).stderr).toBe("");
    }
  });
});
