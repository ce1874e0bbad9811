import { Command } from "commander";
import { version } from "../index.js";
import { benchCommand } from "./commands/bench.js";
import { completionCommand } from "./commands/completion.js";
import { diffCommand } from "./commands/diff.js";
import { explainCommand } from "./commands/explain.js";
import { inspectCommand } from "./commands/inspect.js";
import { optimizeCommand } from "./commands/optimize.js";
import { runCommand } from "./commands/run.js";
import { schemaCommand } from "./commands/schema.js";
import { sweepCommand } from "./commands/sweep.js";
import { verifyCommand } from "./commands/verify.js";
import { applyConfig } from "./config.js";
import type { Context } from "./context.js";

const commands = [
  optimizeCommand,
  inspectCommand,
  verifyCommand,
  runCommand,
  benchCommand,
  sweepCommand,
  diffCommand,
  explainCommand,
  completionCommand,
  schemaCommand,
];

/** What `convopt` alone prints. */
export const overview = `convopt ${version}: cheaper convolutions in ONNX models, the same answers, and a report that proves it.

  convopt optimize model.onnx small.onnx --keep-macs 0.5 --calib images.npz

optimize  rewrite, verify, report        inspect  layers, costs, what each rewrite says
verify    compare two models             run      run a model on data
bench     time models in turn            sweep    the whole accuracy/cost frontier
diff      what differs in two models     explain  every candidate tried for a layer

convopt help COMMAND shows its options.
`;

/** The command line; nothing is printed or exited by commander itself but help and version, to the given streams. */
export function createProgram(cx: Context): Command {
  const program = new Command("convopt")
    .description("Makes the convolutions of ONNX models cheaper and proves what it did.")
    .version(version, "-V, --version", "print the version")
    .helpCommand("help [command]", "show the options of a command")
    .exitOverride()
    .configureHelp({ helpWidth: 100, sortOptions: false })
    .configureOutput({
      writeOut: (text) => cx.io.stdout.write(text),
      writeErr: () => undefined,
      outputError: () => undefined,
    })
    .hook("preAction", async (_program, command) => {
      await applyConfig(program, command);
    });
  for (const add of commands) add(program, cx);
  return program;
}
