import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll } from "vitest";
import { main } from "../../src/cli/main.js";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const graph = (name: string): string => join(root, "fixtures", "graphs", `${name}.onnx`);

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly tty?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a command line in this process. */
export async function invoke(
  args: readonly string[],
  { tty = false, env = {} }: Surroundings = {},
): Promise<Outcome> {
  const text = { stdout: "", stderr: "" };
  const sink = (name: "stdout" | "stderr") => ({
    isTTY: tty,
    columns: 100,
    write(chunk: string) {
      text[name] += chunk;
    },
  });
  const code = await main(args, { stdout: sink("stdout"), stderr: sink("stderr"), env });
  return { code, ...text };
}

export interface Child extends Outcome {
  readonly signal: string | null;
}

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: Uint8Array;
  /** A file in the place of standard output's pipe. */
  readonly stdout?: number;
  /** Called once with the child, e.g. to kill it. */
  readonly onStart?: (child: ReturnType<typeof spawn>) => void;
}

/** Runs a command line as a child process, from the sources. */
export function spawnCli(args: readonly string[], options: ChildOptions = {}): Promise<Child> {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", tsx, join(root, "cli.ts"), ...args], {
      cwd: options.cwd ?? root,
      env: { ...process.env, ...options.env },
      stdio: ["pipe", options.stdout ?? "pipe", "pipe"],
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => err.push(chunk));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const stdout = Buffer.concat(out).toString("latin1");
      resolve({ code: code ?? -1, signal, stdout, stderr: Buffer.concat(err).toString("utf8") });
    });
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(options.input);
    options.onStart?.(child);
  });
}

/** A folder that is gone after the tests of the file. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "convopt-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
