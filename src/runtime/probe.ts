import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { ModelError, UnsupportedError, type ErrorPlace } from "../ir/index.js";
import { ortError } from "./ort-errors.js";
import { ortEntry } from "./ort-module.js";

/** How the child process is started. */
export interface ProbeCommand {
  readonly command: string;
  readonly args: readonly string[];
}

export interface ProbeOptions {
  /** Replaces the child that loads the model; it gets the model's bytes on stdin when there is no path. */
  readonly command?: ProbeCommand;
  readonly signal?: AbortSignal | undefined;
  /** Memory that the child may take, in bytes; watched on Linux. 8 GiB by default. */
  readonly memory?: number;
}

/** Exit code of a child whose runtime refused the model with an error message. */
const refused = 42;
const memoryLimit = 8 * 2 ** 30;

/**
 * Loads the model and runs it on zeros where its inputs have known shapes. Plain CommonJS: it runs with `node -e`
 * both from sources and from the built package. Argument 1 is the runtime's entry, argument 2 the path ("" = stdin).
 */
const script = `
const [entry, path] = process.argv.slice(1);
const ort = require(entry);
ort.env.logLevel = "fatal";
const options = { logSeverityLevel: 4, executionProviders: ["cpu"], intraOpNumThreads: 1 };
const wide = { float16: Uint16Array, float32: Float32Array, float64: Float64Array, int8: Int8Array, uint8: Uint8Array,
  bool: Uint8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array, uint32: Uint32Array,
  int64: BigInt64Array, uint64: BigUint64Array };
(async () => {
  const model = path === "" ? new Uint8Array(require("node:fs").readFileSync(0)) : path;
  const session = await ort.InferenceSession.create(model, options);
  const feeds = {};
  let small = true;
  for (const input of session.inputMetadata) {
    const kind = input.isTensor ? wide[input.type] : undefined;
    const dims = input.isTensor ? input.shape.map((dim) => (typeof dim === "number" ? dim : 1)) : [];
    const count = dims.reduce((a, b) => a * b, 1);
    if (!kind || count > 2 ** 24) { small = false; break; }
    feeds[input.name] = new ort.Tensor(input.type, new kind(count), dims);
  }
  // Zeros may be no sensible input: what matters is that the process lives.
  if (small) await session.run(feeds).catch(() => undefined);
  process.exit(0);
})().catch((error) => {
  process.stdout.write(String(error && error.message), () => process.exit(${refused}));
});
`;

/**
 * First contact of a model with native code, in a child process that may crash or hang without harm. Throws a
 * ModelError `E_RUNTIME_CRASH` for a crash, too much memory or no answer within `timeoutMs`, the runtime's own error when
 * it refuses the model. Does nothing where ONNX Runtime isn't installed.
 */
export async function probeInChild(
  model: Uint8Array | string,
  timeoutMs: number,
  o: ProbeOptions = {},
): Promise<void> {
  o.signal?.throwIfAborted();
  const entry = ortEntry();
  const path = typeof model === "string" ? model : "";
  if (entry === null && !o.command) return;
  const { command, args } = o.command ?? {
    command: process.execPath,
    args: ["-e", script, "--", entry!, path],
  };
  const end = await runChild(command, args, model, timeoutMs, o);
  const place: ErrorPlace = path === "" ? {} : { file: path };
  if (end.code === 0) return;
  if (end.code === refused) throw ortError(end.output, place);
  throw new ModelError("E_RUNTIME_CRASH", `ONNX Runtime ${end.reason} when it loaded the model`, {
    where: place,
    hint: "use the reference engine, and treat the file with suspicion",
  });
}

interface ChildEnd {
  readonly code: number | null;
  readonly reason: string;
  readonly output: string;
}

function runChild(
  command: string,
  args: readonly string[],
  model: Uint8Array | string,
  timeoutMs: number,
  o: ProbeOptions,
): Promise<ChildEnd> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ["pipe", "pipe", "ignore"],
      windowsHide: true,
      ...(typeof model === "string" ? { cwd: dirname(model) } : {}),
    });
    let output = "";
    let killed: string | null = null;
    const kill = (reason: string): void => {
      killed ??= reason;
      child.kill("SIGKILL");
    };
    const timer = setTimeout(() => kill(`gave no answer within ${timeoutMs} ms`), timeoutMs);
    const limit = o.memory ?? memoryLimit;
    const watch = setInterval(() => {
      if (residentBytes(child.pid) > limit) kill(`took more than ${limit} bytes of memory`);
    }, 50);
    const abort = (): void => kill("was interrupted");
    o.signal?.addEventListener("abort", abort, { once: true });
    const finish = (): void => {
      clearTimeout(timer);
      clearInterval(watch);
      o.signal?.removeEventListener("abort", abort);
    };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (output.length < 2 ** 16) output += text;
    });
    child.on("error", (error) => {
      finish();
      reject(
        new UnsupportedError("E_RUNTIME_CHILD", `no child process could be started: ${error.message}`, {
          cause: error,
        }),
      );
    });
    child.on("close", (code, signal) => {
      finish();
      if (o.signal?.aborted) return reject(o.signal.reason as Error);
      const reason = killed ?? (signal ? `crashed (${signal})` : `ended with exit code ${code}`);
      resolve({ code: killed === null ? code : null, reason, output });
    });
    // A child that dies before it has read everything closes the pipe.
    child.stdin.on("error", () => undefined);
    child.stdin.end(typeof model === "string" ? undefined : model);
  });
}

/** Resident memory of a process where the system tells (Linux), else 0. */
function residentBytes(pid: number | undefined): number {
  if (pid === undefined || process.platform !== "linux") return 0;
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * 4096;
  } catch {
    return 0;
  }
}
