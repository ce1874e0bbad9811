import { Argument } from "commander";
import { completionScript, shells, type Shell } from "../completion.js";
import type { CommandModule } from "../context.js";
import { oneOf } from "../options.js";

export const completionCommand: CommandModule = (program, cx) => {
  program
    .command("completion")
    .description("a completion script for bash, zsh or fish")
    .addArgument(new Argument("<shell>", shells.join(", ")).argParser((text: string) => oneOf(text, shells)))
    .addHelpText(
      "after",
      [
        "",
        'bash  eval "$(convopt completion bash)"',
        "zsh   source <(convopt completion zsh)",
        "fish  convopt completion fish | source",
      ].join("\n"),
    )
    .action((shell: Shell) => {
      cx.io.stdout.write(completionScript(program, shell));
    });
};
