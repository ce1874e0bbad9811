import { Option } from "commander";
import { ExitCode, inspect, loadData, renderInspection } from "../../index.js";
import { withSession, type CommandModule } from "../context.js";
import {
  commonOptions,
  modelArgument,
  preprocessOption,
  shapeOption,
  type CommonOptions,
} from "../options.js";

interface InspectFlags extends CommonOptions {
  readonly shape?: ReadonlyMap<string, readonly number[]>;
  readonly data?: string;
  readonly preprocess?: string;
  readonly rewrites?: boolean;
}

export const inspectCommand: CommandModule = (program, cx) => {
  const command = program
    .command("inspect")
    .description("layers, shapes, MACs, params, bytes, opsets, what each rewrite would say of each conv")
    .addArgument(modelArgument("IN.onnx", "the model; - is standard input"))
    .addOption(shapeOption())
    .addOption(new Option("--data <file>", "data whose dimensions the costs are counted at"))
    .addOption(preprocessOption())
    .addOption(new Option("--rewrites", "print what every rewrite and family says of every layer"));
  for (const option of commonOptions()) command.addOption(option);
  command.action((path: string, flags: InspectFlags) =>
    withSession(cx, flags, async ({ terminal, control, load }) => {
      const model = await load(path);
      const { preprocess, shape } = flags;
      const data =
        flags.data === undefined
          ? null
          : await loadData(flags.data, model, preprocess === undefined ? {} : { preprocess });
      const inspection = await inspect(model, { ...control, data, ...(shape ? { shapes: shape } : {}) });
      for (const warning of inspection.warnings) control.onWarning(warning);
      if (flags.json) terminal.json(inspection);
      else terminal.result(renderInspection(inspection, { rewrites: flags.rewrites ?? false }));
      return ExitCode.done;
    }),
  );
};
