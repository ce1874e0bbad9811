import { Argument } from "commander";
import { ExitCode, forJson, jsonSchemas, latencyProfileJsonSchema } from "../../index.js";
import { configSchema } from "../config.js";
import type { CommandModule } from "../context.js";
import { oneOf } from "../options.js";

const schemas: Readonly<Record<string, () => unknown>> = {
  ...jsonSchemas,
  "latency-profile": latencyProfileJsonSchema,
};
const names = ["config", ...Object.keys(schemas)];

export const schemaCommand: CommandModule = (program, cx) => {
  program
    .command("schema")
    .description("the JSON Schema of the config file, of a latency profile or of a command's --json")
    .addArgument(
      new Argument("<name>", `one of ${names.join(", ")}`).argParser((text: string) => oneOf(text, names)),
    )
    .action((name: string) => {
      const schema = name === "config" ? configSchema(program) : schemas[name]!();
      cx.io.stdout.write(`${forJson(schema)}\n`);
      cx.exitCode = ExitCode.done;
    });
};
