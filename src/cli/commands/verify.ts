import { Option } from "commander";
import { ExitCode, loadData, loadLabels, renderVerification, UsageError, verify } from "../../index.js";
import { withSession, type CommandModule } from "../context.js";
import {
  ComingOption,
  commonOptions,
  modelArgument,
  nonNegative,
  positiveNumber,
  preprocessOption,
  runtimeOptions,
  shapeOption,
  share,
  type CommonOptions,
  type RuntimeOptions,
} from "../options.js";

interface VerifyFlags extends CommonOptions, RuntimeOptions {
  readonly data?: string;
  readonly labels?: string;
  readonly preprocess?: string;
  readonly shape?: ReadonlyMap<string, readonly number[]>;
  readonly limit?: number;
  readonly bisect?: boolean;
  readonly maxError?: number;
  readonly minAgreement?: number;
}

export const verifyCommand: CommandModule = (program, cx) => {
  const command = program
    .command("verify")
    .description("same interface? outputs how far apart, against the first model's own noise floor")
    .addArgument(modelArgument("A.onnx", "the model to compare with"))
    .addArgument(modelArgument("B.onnx", "the model to judge"))
    .addOption(
      new Option("--data <file|dir>", "inputs: .npz, .npy or a folder of images; seeded noise by default"),
    )
    .addOption(new Option("--labels <file>", "true classes, for the accuracies of both: .npz, .npy or text"))
    .addOption(preprocessOption())
    .addOption(shapeOption())
    .addOption(new Option("--limit <n>", "use the first n samples only").argParser(positiveNumber))
    .addOption(
      new Option(
        "--max-error <e>",
        "relative error of the worst output; default 10 × the noise floor",
      ).argParser(nonNegative),
    )
    .addOption(
      new Option("--min-agreement <share>", "least top-1 agreement with the first model").argParser(share),
    )
    .addOption(new Option("--bisect", "name the first layer over the limit of the error"))
    .addOption(new ComingOption("--certificate <file>", "check a certificate again"));
  for (const option of [...runtimeOptions(), ...commonOptions()]) command.addOption(option);
  command.action((pathA: string, pathB: string, flags: VerifyFlags) =>
    withSession(cx, flags, async ({ terminal, control, load }) => {
      const [a, b] = [await load(pathA), await load(pathB)];
      const {
        data: dataPath,
        preprocess,
        limit,
        shape,
        maxError,
        minAgreement,
        engine,
        threads,
        seed,
      } = flags;
      if (flags.labels !== undefined && dataPath === undefined) {
        throw new UsageError("E_LABELS", "labels belong to data", { hint: "give the images with --data" });
      }
      const data =
        dataPath === undefined
          ? null
          : await loadData(dataPath, a, preprocess === undefined ? {} : { preprocess });
      const labels = flags.labels === undefined || !data ? null : await loadLabels(flags.labels, data.count);
      const verification = await verify(a, b, {
        ...control,
        engine,
        threads,
        seed,
        data,
        labels,
        ...(dataPath === undefined ? {} : { dataPath }),
        ...(limit === undefined ? {} : { limit, samples: limit }),
        ...(shape ? { shapes: shape } : {}),
        ...(flags.bisect ? { bisect: true } : {}),
        ...(maxError === undefined ? {} : { maxError }),
        ...(minAgreement === undefined ? {} : { minAgreement }),
      });
      if (flags.json) terminal.json(verification);
      else terminal.result(renderVerification(verification));
      return verification.ok ? ExitCode.done : ExitCode.unmet;
    }),
  );
};
