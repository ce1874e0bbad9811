import pc from "picocolors";
import { forJson, forTerminal, shorten } from "../index.js";

/** A stream that the command line writes to. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** The world outside: streams and environment; tests give their own. */
export interface Io {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** When all of stdout is written: the first error of it, or null. */
  settled?(): Promise<Error | null>;
}

/** Where results, progress and warnings go: results to stdout, everything else to stderr. */
export class Terminal {
  /** A line that can be redrawn: only on a terminal, outside CI and without NO_COLOR. */
  readonly live: boolean;
  #drawn = false;

  constructor(
    readonly io: Io,
    readonly quiet = false,
  ) {
    const { env, stderr } = io;
    const isSet = (name: string): boolean => env[name] !== undefined && env[name] !== "";
    this.live = (stderr.isTTY ?? false) && !isSet("CI") && !isSet("NO_COLOR") && env["TERM"] !== "dumb";
  }

  result(text: string): void {
    this.clear();
    this.io.stdout.write(text);
  }

  json(value: unknown): void {
    this.result(`${forJson(value)}\n`);
  }

  note(text: string): void {
    if (!this.quiet) this.aside(text);
  }

  /** What was asked for, beside the result: shown even when quiet. */
  aside(text: string): void {
    this.clear();
    this.io.stderr.write(`${text}\n`);
  }

  warning(text: string): void {
    this.note(`${this.paint("yellow", "warning")}: ${forTerminal(text)}`);
  }

  /** Shown even when quiet. */
  error(code: string, text: string): void {
    this.clear();
    this.io.stderr.write(`${this.paint("red", `error[${code}]`)}: ${forTerminal(text)}\n`);
  }

  /** Draws the live line over the one before; nothing on anything but a terminal. */
  status(text: string): void {
    if (!this.live || this.quiet) return;
    const columns = (this.io.stderr.columns ?? 80) - 1;
    this.io.stderr.write(`\r\x1b[2K${this.paint("dim", shorten(forTerminal(text), columns))}`);
    this.#drawn = true;
  }

  /** Clears the live line. */
  clear(): void {
    if (this.#drawn) this.io.stderr.write("\r\x1b[2K");
    this.#drawn = false;
  }

  paint(color: "red" | "yellow" | "green" | "dim", text: string): string {
    return this.live ? pc.createColors(true)[color](text) : text;
  }
}
