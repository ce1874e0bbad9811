import { CommanderError, type Command } from "commander";
import { ConvoptError, ExitCode, forTerminal, ioError } from "../index.js";
import type { Context } from "./context.js";
import { describeFailure, Interrupted } from "./failure.js";
import { createProgram, overview } from "./program.js";
import { Terminal, type Io } from "./terminal.js";

/**
 * Runs one command line (without "node" and the script) and returns the exit code of the contract. Never throws and
 * never exits the process.
 */
export async function main(argv: readonly string[], io: Io = processIo()): Promise<ExitCode> {
  const exitCode = await runCommandLine(argv, io);
  const error = await io.settled?.();
  // What a closed pipe (convopt … | head) doesn't take, nobody wants; a failure was told already.
  if (!error || isClosedPipe(error) || exitCode >= ExitCode.usage) return exitCode;
  const failure = describeFailure(ioError(error, "-", "cannot be written"), argv, false);
  new Terminal(io).error(failure.code, failure.text);
  return failure.exitCode;
}

async function runCommandLine(argv: readonly string[], io: Io): Promise<ExitCode> {
  if (argv.length === 0) {
    io.stdout.write(overview);
    return ExitCode.done;
  }
  const controller = new AbortController();
  const interrupt = (): void => controller.abort(new Interrupted());
  const commandLine = ["convopt", ...argv].map(quoted).join(" ");
  const cx: Context = { io, signal: controller.signal, commandLine, exitCode: ExitCode.done };
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  try {
    const program = createProgram(cx);
    await program.parseAsync(withoutIdleHelp(argv, program), { from: "user" });
    return cx.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return ExitCode.done;
    if (error instanceof ConvoptError && (error.where.file ?? "-") === "-" && isClosedPipe(error.cause)) {
      return ExitCode.done;
    }
    const failure = describeFailure(error, argv, controller.signal.aborted);
    new Terminal(io).error(failure.code, failure.text);
    if (argv.includes("--debug") && error instanceof Error) io.stderr.write(stackOf(error));
    return failure.exitCode;
  } finally {
    process.removeListener("SIGINT", interrupt);
    process.removeListener("SIGTERM", interrupt);
  }
}

/** "help" before a word that is no command: the word alone, whose error says so; before itself: the help of all. */
function withoutIdleHelp(argv: readonly string[], program: Command): string[] {
  const [first, topic] = argv;
  if (first !== "help" || topic === undefined || topic.startsWith("-")) return [...argv];
  if (topic === "help") return ["help"];
  return program.commands.some((command) => command.name() === topic) ? [...argv] : [topic];
}

/** The stack, line by line through the escaping, with the causes. */
function stackOf(error: Error): string {
  const own = (error.stack ?? error.message).split("\n").map((line) => `${forTerminal(line)}\n`);
  const cause =
    error.cause instanceof Error && error.cause !== error ? `caused by ${stackOf(error.cause)}` : "";
  return own.join("") + cause;
}

/** A word of the command line as a shell would take it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EPIPE";
}

/** Errors of the streams come as events: the first of stdout is kept, of stderr there is nowhere to tell. */
function processIo(): Io {
  let lost: Error | null = null;
  process.stdout.on("error", (error) => (lost ??= error));
  process.stderr.on("error", () => undefined);
  const settled = (): Promise<Error | null> =>
    new Promise((resolve) => process.stdout.write("", () => setImmediate(() => resolve(lost))));
  return { stdout: process.stdout, stderr: process.stderr, env: process.env, settled };
}
