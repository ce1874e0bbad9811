import type { CommandModule } from "../context.js";
import { notAvailable } from "../options.js";

export const sweepCommand: CommandModule = (program) => {
  program
    .command("sweep")
    .description("the whole accuracy/cost frontier (not available yet)")
    .argument("[IN.onnx]", "the model")
    .argument("[OUTDIR]", "folder of the results")
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => {
      throw notAvailable("the command sweep");
    });
};
