import { CommanderError } from "commander";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConvoptError, ExitCode, forJson, ioError, version } from "../index.js";

/** Thrown into running work by Ctrl-C. */
export class Interrupted extends Error {
  constructor() {
    super("interrupted");
  }
}

/** An error in the terms of the contract: one line and an exit code. */
export interface Failure {
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly text: string;
}

/** Errors of the operating system that reach the top although a file's reader should have named them. */
const systemCodes =
  /^E(ACCES|PERM|NOENT|NOSPC|ISDIR|NOTDIR|ROFS|MFILE|NFILE|IO|BUSY|XDEV|NAMETOOLONG|LOOP|DQUOT|FBIG|TXTBSY)$/;

/** Maps whatever was thrown; `argv` goes into the reproducer of a bug. */
export function describeFailure(error: unknown, argv: readonly string[], interrupted: boolean): Failure {
  if (interrupted || error instanceof Interrupted) {
    const resumable = ["optimize", "sweep"].includes(argv[0] ?? "") && !argv.includes("--dry-run");
    const text = resumable ? "interrupted; run the same command with --resume to go on" : "interrupted";
    return { code: "E_INTERRUPTED", exitCode: ExitCode.interrupted, text };
  }
  if (error instanceof CommanderError) return usageFailure(error, argv);
  if (error instanceof ConvoptError && error.exitCode !== ExitCode.internal) {
    return { code: error.code, exitCode: error.exitCode, text: error.message };
  }
  const system = systemError(error);
  if (system) return { code: system.code, exitCode: system.exitCode, text: system.message };
  const what = error instanceof Error ? error.message : String(error);
  const file = writeReproducer(error, argv);
  return {
    code: error instanceof ConvoptError ? error.code : "E_INTERNAL",
    exitCode: ExitCode.internal,
    text: `${oneLine(what)}; this is a bug of convopt's: please report it${file === null ? "" : ` with the file ${file}`}`,
  };
}

function systemError(error: unknown): ConvoptError | null {
  if (!(error instanceof Error) || !("code" in error) || !systemCodes.test(String(error.code))) return null;
  const path = "path" in error ? String(error.path) : "";
  return ioError(error, path, "cannot be used");
}

/** commander's messages as one line with the suggestion as the hint. */
function usageFailure(error: CommanderError, argv: readonly string[]): Failure {
  const codes: Readonly<Record<string, string>> = {
    "commander.unknownCommand": "E_UNKNOWN_COMMAND",
    "commander.unknownOption": "E_UNKNOWN_OPTION",
    "commander.missingArgument": "E_MISSING_ARGUMENT",
    "commander.optionMissingArgument": "E_MISSING_ARGUMENT",
    "commander.excessArguments": "E_EXCESS_ARGUMENT",
    "commander.invalidArgument": "E_OPTION_VALUE",
    "commander.conflictingOption": "E_OPTION_CONFLICT",
  };
  const text = error.message
    .replace(/^error: /, "")
    .replace(/\n\(Did you mean (?:one of )?(.*)\?\)$/s, "; did you mean $1?")
    .replace(/argument '(.*)' is invalid\. /s, "has the wrong value '$1'; ")
    .replace(/\.$/, "");
  const help =
    error.code === "commander.unknownCommand" ? "convopt --help" : `convopt help${helpTopic(argv)}`;
  const hint = text.includes("; ") ? "" : `; try ${help}`;
  return { code: codes[error.code] ?? "E_USAGE", exitCode: ExitCode.usage, text: oneLine(text) + hint };
}

function helpTopic(argv: readonly string[]): string {
  const [first] = argv;
  return first !== undefined && /^[a-z]+$/.test(first) ? ` ${first}` : "";
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ");
}

/**
 * Writes what is needed to see the bug again: version, platform, command line and stack, no model. Into the working
 * folder, else the temporary one; null when neither can be written.
 */
function writeReproducer(error: unknown, argv: readonly string[]): string | null {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const cause = error instanceof Error && error.cause instanceof Error ? (error.cause.stack ?? null) : null;
  const content = forJson({
    schema: "convopt.reproducer/1",
    tool: version,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    command: ["convopt", ...argv],
    error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    stack: stack.split("\n"),
    cause: cause?.split("\n") ?? null,
    hint: "attach the model and data named in the command where you may share them",
  });
  const name = `convopt-bug-${createHash("sha256").update(stack).digest("hex").slice(0, 8)}.json`;
  for (const path of [name, join(tmpdir(), name)]) {
    try {
      writeFileSync(path, `${content}\n`);
      return path;
    } catch {
      continue;
    }
  }
  return null;
}
