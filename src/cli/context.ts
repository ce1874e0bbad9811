import type { Command } from "commander";
import { load, type ExitCode, type LoadOptions, type Model, type ProgressEvent } from "../index.js";
import type { CommonOptions } from "./options.js";
import { Progress } from "./progress.js";
import { Terminal, type Io } from "./terminal.js";

/** What every command gets: the world, and where its exit code goes. */
export interface Context {
  readonly io: Io;
  readonly signal: AbortSignal;
  /** The command line as typed, for reports. */
  readonly commandLine: string;
  exitCode: ExitCode;
}

/** One run of a command: its terminal and callbacks for the API. */
export interface Session {
  readonly terminal: Terminal;
  readonly control: {
    readonly onProgress: (event: ProgressEvent) => void;
    readonly onWarning: (text: string) => void;
    readonly signal: AbortSignal;
  };
  /** Loads a model and shows its warnings. */
  load(path: string): Promise<Model>;
}

/** Runs a command's work with a terminal that is tidied up whatever happens. */
export async function withSession(
  cx: Context,
  options: CommonOptions,
  work: (session: Session) => Promise<ExitCode>,
): Promise<void> {
  const terminal = new Terminal(cx.io, options.quiet ?? false);
  const progress = new Progress(terminal);
  const shown = new Set<string>();
  const onWarning = (text: string): void => {
    if (!shown.has(text)) terminal.warning(text);
    shown.add(text);
  };
  const loadOptions: LoadOptions = options.allowExternal ? { allowExternal: options.allowExternal } : {};
  try {
    cx.exitCode = await work({
      terminal,
      control: { onProgress: progress.report, onWarning, signal: cx.signal },
      async load(path) {
        progress.report({ step: `reading ${path === "-" ? "standard input" : path}`, done: 0, total: null });
        const model = await load(path, loadOptions);
        for (const warning of model.warnings) onWarning(warning);
        return model;
      },
    });
  } finally {
    progress.end();
  }
}

/** A registered command: adds itself to the program. */
export type CommandModule = (program: Command, cx: Context) => void;
