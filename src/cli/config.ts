import type { Command, Option } from "commander";
import { existsSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { didYouMean, readTextFile, UsageError } from "../index.js";
import { pathOptions, visible } from "./options.js";

/** Read where no other config file is named. */
export const defaultConfig = "convopt.config.json";

/**
 * Options of a JSON config file, under the command line's and over the defaults. Keys are the options' names in camel
 * case (`keepMacs`); a section called like a command holds for that command only. Options that another command has
 * are skipped, unknown ones are errors. Paths are relative to the file.
 */
export async function applyConfig(program: Command, command: Command): Promise<void> {
  const named = command.getOptionValue("config") as string | undefined;
  const path = named ?? (existsSync(defaultConfig) ? defaultConfig : null);
  if (path === null || !command.options.some((option) => option.attributeName() === "config")) return;
  const settings = parse(await readTextFile(path), path);
  const known = new Set(
    program.commands.flatMap((each) => visible(each).map((option) => option.attributeName())),
  );
  const commands = new Map(program.commands.map((each) => [each.name(), each]));
  for (const [key, value] of Object.entries(settings)) {
    const section = commands.get(key);
    if (section) {
      if (!isRecord(value)) throw wrong(path, key, "a section is an object of options");
      const own = visible(section).map((option) => option.attributeName());
      for (const name of Object.keys(value)) checkKey(name, own, path, `${key}.`);
    } else if (key !== "$schema") {
      checkKey(key, [...known, ...commands.keys()], path, "");
    }
  }
  const section = settings[command.name()];
  const values = { ...settings, ...(isRecord(section) ? section : {}) };
  for (const option of visible(command)) {
    const key = option.attributeName();
    if (key === "config" || !(key in values)) continue;
    const source = command.getOptionValueSource(key);
    if (source === undefined || source === "default") {
      command.setOptionValueWithSource(key, read(option, values[key], path), "config");
    }
  }
}

function parse(text: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UsageError("E_CONFIG", `the config file is not JSON: ${(cause as Error).message}`, {
      where: { file: path },
      hint: "mind quotes and trailing commas",
      cause,
    });
  }
  if (!isRecord(value)) throw wrong(path, "", "a config file is an object of options");
  return value;
}

function checkKey(key: string, known: readonly string[], path: string, prefix: string): void {
  if (known.includes(key)) return;
  throw new UsageError("E_CONFIG_KEY", `there is no option ${JSON.stringify(prefix + key)}`, {
    where: { file: path },
    hint: didYouMean(key, known) ?? "convopt schema config lists them",
  });
}

/** A JSON value through the option's own parser, as if it had been typed. */
function read(option: Option, value: unknown, path: string): unknown {
  const key = option.attributeName();
  if (option.isBoolean()) {
    if (typeof value === "boolean") return value ? true : undefined;
    throw wrong(path, key, "it is true or false");
  }
  let parsed: unknown;
  for (const item of items(option, value, path)) {
    const text = pathOptions.has(key) ? relativeTo(path, item) : item;
    try {
      parsed = option.parseArg ? option.parseArg(text, parsed as string) : text;
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "commander.invalidArgument") {
        throw wrong(path, key, error.message);
      }
      throw error;
    }
  }
  return parsed;
}

/** The texts that would have been typed: several for a list, NAME=dims for shapes. */
function items(option: Option, value: unknown, path: string): string[] {
  if (typeof value === "string" || typeof value === "number") return [String(value)];
  if (Array.isArray(value) && value.every((item) => typeof item === "string" || typeof item === "number")) {
    return value.map(String);
  }
  if (isRecord(value) && option.attributeName() === "shape") {
    return Object.entries(value).map(
      ([name, dims]) => `${name}=${Array.isArray(dims) ? dims.join("x") : String(dims)}`,
    );
  }
  throw wrong(path, option.attributeName(), "it is a string, a number or a list of them");
}

function relativeTo(config: string, path: string): string {
  return path === "-" || isAbsolute(path) ? path : join(dirname(config), path);
}

function wrong(path: string, key: string, what: string): UsageError {
  const place = key === "" ? "the config file is wrong" : `the option ${JSON.stringify(key)} is wrong`;
  return new UsageError("E_CONFIG", `${place}: ${what}`, { where: { file: path } });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** JSON Schema of the config file, made from the commands' options. */
export function configSchema(program: Command): unknown {
  const properties = (options: readonly Option[]): Record<string, unknown> =>
    Object.fromEntries(
      options
        .filter((option) => option.attributeName() !== "config")
        .map((option) => [option.attributeName(), { ...typeOf(option), description: option.description }]),
    );
  const all = program.commands.filter((command) =>
    command.options.some((o) => o.attributeName() === "config"),
  );
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "convopt.config/1",
    type: "object",
    additionalProperties: false,
    properties: {
      $schema: { type: "string" },
      ...Object.assign({}, ...all.map((command) => properties(visible(command)))),
      ...Object.fromEntries(
        all.map((command) => [
          command.name(),
          { type: "object", additionalProperties: false, properties: properties(visible(command)) },
        ]),
      ),
    },
  };
}

function typeOf(option: Option): Record<string, unknown> {
  if (option.isBoolean()) return { type: "boolean" };
  if (option.argChoices) return { enum: option.argChoices };
  if (option.attributeName() === "shape") {
    return {
      type: "object",
      additionalProperties: { type: "array", items: { type: "integer", minimum: 1 } },
    };
  }
  const single = { type: ["string", "number"] };
  return { anyOf: [single, { type: "array", items: single }] };
}
