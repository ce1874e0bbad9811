import { diff, ExitCode, renderDifference, renderDifferenceMarkdown } from "../../index.js";
import { withSession, type CommandModule } from "../context.js";
import { choice, commonOptions, modelArgument, shapeOption, type CommonOptions } from "../options.js";

interface DiffFlags extends CommonOptions {
  readonly shape?: ReadonlyMap<string, readonly number[]>;
  readonly reporter: string;
}

export const diffCommand: CommandModule = (program, cx) => {
  const command = program
    .command("diff")
    .description("nodes, weights, MACs, metadata that differ")
    .addArgument(modelArgument("A.onnx", "the first model"))
    .addArgument(modelArgument("B.onnx", "the second model"))
    .addOption(shapeOption())
    .addOption(choice("--reporter <kind>", "form of the result", ["text", "markdown"]).default("text"));
  for (const option of commonOptions()) command.addOption(option);
  command.action((pathA: string, pathB: string, flags: DiffFlags) =>
    withSession(cx, flags, async ({ terminal, load }) => {
      const [a, b] = [await load(pathA), await load(pathB)];
      const difference = await diff(a, b, flags.shape ? { shapes: flags.shape } : {});
      if (flags.json) terminal.json(difference);
      else {
        const render = flags.reporter === "markdown" ? renderDifferenceMarkdown : renderDifference;
        terminal.result(render(difference));
      }
      return ExitCode.done;
    }),
  );
};
