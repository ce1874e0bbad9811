import { Argument, Option } from "commander";
import { ExitCode, explain, loadData, loadReport, renderExplanation } from "../../index.js";
import { withSession, type CommandModule } from "../context.js";
import { commonOptions, modelArgument } from "../options.js";
import { addOptimizeOptions, dataOptions, optimizeOptions, type OptimizeFlags } from "./optimize-options.js";

interface Flags extends OptimizeFlags {
  readonly report?: string;
}

export const explainCommand: CommandModule = (program, cx) => {
  const command = program
    .command("explain")
    .description("every candidate tried for a layer, its cost, its error, why it won or was declined")
    .addArgument(modelArgument("MODEL", "the model; - is standard input"))
    .addArgument(new Argument("<LAYER>", "name of the layer, as inspect prints it"))
    .addOption(new Option("--report <file.json>", "explain this report instead of computing again"));
  addOptimizeOptions(command);
  for (const option of commonOptions()) command.addOption(option);
  command.action((path: string, layer: string, flags: Flags) =>
    withSession(cx, flags, async ({ terminal, control, load }) => {
      const report = flags.report === undefined ? undefined : await loadReport(flags.report);
      const model = await load(path);
      const { calib } = flags;
      const explanation = await explain(model, layer, {
        ...(await optimizeOptions(flags)),
        ...control,
        command: cx.commandLine,
        calibration: calib === undefined ? null : (given) => loadData(calib, given, dataOptions(flags)),
        ...(report ? { report } : {}),
      });
      for (const warning of explanation.warnings) control.onWarning(warning);
      if (flags.json) terminal.json(explanation);
      else terminal.result(renderExplanation(explanation));
      return ExitCode.done;
    }),
  );
};
