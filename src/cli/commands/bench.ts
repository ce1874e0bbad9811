import type { CommandModule } from "../context.js";
import { notAvailable } from "../options.js";

export const benchCommand: CommandModule = (program) => {
  program
    .command("bench")
    .description("wall time per model and per layer (not available yet)")
    .argument("[MODEL...]", "models to compare")
    .allowUnknownOption()
    .action(() => {
      throw notAvailable("the command bench");
    });
};
