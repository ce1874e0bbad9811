import { Argument, InvalidArgumentError, Option, type Command } from "commander";
import { didYouMean, UsageError } from "../index.js";

/** Parsers of option values; commander prints their message with the option's name. */

export function fraction(text: string): number {
  const value = number(text);
  if (!(value > 0 && value <= 1))
    throw new InvalidArgumentError("it is a fraction of the original in (0, 1]");
  return value;
}

export function share(text: string): number {
  const value = number(text);
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError("it is a share in [0, 1]");
  return value;
}

export function nonNegative(text: string): number {
  const value = number(text);
  if (!(value >= 0) || value === Infinity) throw new InvalidArgumentError("it is a number ≥ 0");
  return value;
}

export function wholeNumber(text: string): number {
  const value = number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError("it is a whole number ≥ 0");
  return value;
}

export function positiveNumber(text: string): number {
  const value = wholeNumber(text);
  if (value === 0) throw new InvalidArgumentError("it is a whole number ≥ 1");
  return value;
}

/** Decimal notation only: Number() would also take "", "0x10" and blanks. */
function number(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
}

/** One of several words; a wrong one is answered with the nearest. */
export function choice(flags: string, description: string, words: readonly string[]): Option {
  return new Option(flags, description).choices(words).argParser((text: string) => oneOf(text, words));
}

export function oneOf(text: string, words: Iterable<string>): string {
  const known = [...words];
  if (known.includes(text)) return text;
  throw new InvalidArgumentError(didYouMean(text, known) ?? `it is one of ${known.join(", ")}`);
}

/** Words of a comma-separated, repeatable option; each must be known. */
export function listOf(words: Iterable<string>): (text: string, previous?: readonly string[]) => string[] {
  return (text, previous) => list(text, previous).map((word) => oneOf(word, words));
}

export function list(text: string, previous: readonly string[] = []): string[] {
  const words = text.split(",").map((item) => item.trim());
  return [...previous, ...words.filter((item) => item !== "")];
}

export function repeat(text: string, previous: readonly string[] = []): string[] {
  return [...previous, text];
}

/** NAME=1x3x224x224, repeatable. The name may hold "=" itself: the last one separates. */
export function shape(
  text: string,
  previous: ReadonlyMap<string, readonly number[]> = new Map(),
): Map<string, readonly number[]> {
  const at = text.lastIndexOf("=");
  const dims = text
    .slice(at + 1)
    .split("x")
    .map(number);
  if (at <= 0 || dims.some((dim) => !Number.isSafeInteger(dim) || dim <= 0)) {
    throw new InvalidArgumentError("it looks like input=1x3x224x224");
  }
  return new Map([...previous, [text.slice(0, at), dims]]);
}

export const modelArgument = (name: string, description: string): Argument =>
  new Argument(`<${name}>`, description);

export const preprocessOption = (): Option =>
  new Option(
    "--preprocess <file>",
    "how images and uint8 arrays become inputs: JSON with scale, mean, std, channels, layout, resize, crop",
  );

export const shapeOption = (): Option =>
  new Option(
    "--shape <name=dims>",
    "fixes symbolic dimensions for costs, e.g. input=1x3x224x224; never in the written file",
  ).argParser(shape);

export const runtimeOptions = (): Option[] => [
  choice(
    "--engine <engine>",
    "what runs models: ONNX Runtime if it is installed, else the reference interpreter",
    ["auto", "ort", "reference"],
  ).default("auto"),
  new Option("--threads <n>", "threads of the runtime; 0 lets it decide").argParser(wholeNumber).default(0),
  new Option("--seed <n>", "seed of every shuffle and sample").argParser(wholeNumber).default(0),
];

export const commonOptions = (): Option[] => [
  new Option("--json", "print the result as JSON on stdout"),
  new Option("--quiet", "no progress and no warnings"),
  new Option("--debug", "show the stack of an error"),
  new Option(
    "--config <file>",
    "JSON file with any of these options; flags win (default: convopt.config.json)",
  ),
  new Option(
    "--allow-external <dir>",
    "another folder that external data may be read from; repeatable",
  ).argParser(repeat),
];

export interface CommonOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly debug?: boolean;
  readonly config?: string;
  readonly allowExternal?: readonly string[];
}

export interface RuntimeOptions {
  readonly engine: "auto" | "ort" | "reference";
  readonly threads: number;
  readonly seed: number;
}

/** Options whose values are paths; a config file gives them relative to its own folder. */
export const pathOptions: ReadonlySet<string> = new Set([
  "calib", "data", "labels", "preprocess", "report", "certificate", "out", "allowExternal", "journal", "bisectOut", "profileOut",
]); // prettier-ignore

/** The options that are told about: all but those that are refused. */
export function visible(command: Command): Option[] {
  return command.options.filter((option) => !option.hidden);
}

/**
 * Options that other commands have and this one doesn't yet: refused as soon as they are read, never ignored. Neither
 * help nor completion nor the config file knows them; `hints` say what to do in their place.
 */
export function refuseOptions(command: Command, hints: Readonly<Record<string, string>>): void {
  for (const [name, hint] of Object.entries(hints)) {
    command.addOption(new Option(`--${name} [value]`).hideHelp());
    command.on(`option:${name}`, () => {
      throw new UsageError("E_NOT_AVAILABLE", `--${name} of ${command.name()} is not available yet`, {
        hint,
      });
    });
  }
}
