import { Option } from "commander";
import {
  checkCertificate,
  ExitCode,
  loadData,
  loadLabels,
  renderCertificateCheck,
  renderVerification,
  UsageError,
  verify,
  type CertifiedRun,
} from "../../index.js";
import { withSession, type CommandModule, type Session } from "../context.js";
import { writeCertificate } from "../certificate-file.js";
import {
  choice,
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
import { checkSeparateFiles } from "../separate-files.js";

interface VerifyFlags extends CommonOptions, RuntimeOptions {
  readonly data?: string;
  readonly labels?: string;
  readonly preprocess?: string;
  readonly shape?: ReadonlyMap<string, readonly number[]>;
  readonly limit?: number;
  readonly layers?: boolean;
  readonly bisect?: boolean;
  readonly boxes?: string;
  readonly scores?: string;
  readonly boxFormat: "corners" | "center";
  readonly maxError?: number;
  readonly minAgreement?: number;
  readonly certificate?: string;
  readonly writeCertificate?: string;
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
    .addOption(new Option("--layers", "show the error profile: how far inner values are apart"))
    .addOption(new Option("--bisect", "name the first layer over the limit of the error"))
    .addOption(new Option("--boxes <name>", "output with the boxes of a detector: match what both find"))
    .addOption(new Option("--scores <name>", "output with the scores of these boxes"))
    .addOption(
      choice("--box-format <format>", "boxes are corners (x1, y1, x2, y2) or center (cx, cy, w, h)", [
        "corners",
        "center",
      ]).default("corners"),
    )
    .addOption(
      new Option("--certificate <file>", "measure again what a certificate says: confirmed or denied"),
    )
    .addOption(new Option("--write-certificate <file>", "write a certificate of the figures"));
  for (const option of [...runtimeOptions(), ...commonOptions()]) command.addOption(option);
  command.action((pathA: string, pathB: string, flags: VerifyFlags) =>
    withSession(cx, flags, async (session) => {
      const { terminal, control, load } = session;
      await checkSeparateFiles(flags, {
        reads: [
          ["A.onnx", pathA],
          ["B.onnx", pathB],
          ["--certificate", flags.certificate],
        ],
        writes: [["--write-certificate", flags.writeCertificate]],
      });
      if (flags.certificate !== undefined) return check(pathA, pathB, flags.certificate, flags, session);
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
      if ((flags.boxes === undefined) !== (flags.scores === undefined)) {
        throw new UsageError("E_OPTION_CONFLICT", "--boxes and --scores belong together", {
          hint: "name both outputs",
        });
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
        ...(flags.layers ? { layers: true } : {}),
        ...(flags.bisect ? { bisect: true } : {}),
        ...(flags.boxes !== undefined && flags.scores !== undefined
          ? { detections: { boxes: flags.boxes, scores: flags.scores, format: flags.boxFormat } }
          : {}),
        ...(maxError === undefined ? {} : { maxError }),
        ...(minAgreement === undefined ? {} : { minAgreement }),
      });
      if (flags.writeCertificate !== undefined) {
        const run: CertifiedRun = {
          input: pathA,
          output: pathB,
          part: "first",
          data: dataPath ?? null,
          ...(preprocess === undefined ? {} : { preprocess }),
          ...(flags.labels === undefined ? {} : { labels: flags.labels }),
          ...(limit === undefined ? {} : { limit }),
          ...(shape ? { shapes: shape } : {}),
        };
        await writeCertificate(flags.writeCertificate, run, flags, session);
      }
      if (flags.json) terminal.json(verification);
      else terminal.result(renderVerification(verification));
      return verification.ok ? ExitCode.done : ExitCode.unmet;
    }),
  );
};

/** The answer is about the certificate alone: it names the data and the choice of images itself. */
async function check(
  input: string,
  output: string,
  certificate: string,
  flags: VerifyFlags,
  { terminal, control }: Session,
): Promise<ExitCode> {
  const others = ["limit", "shape", "layers", "bisect", "boxes", "maxError", "minAgreement"] as const;
  for (const name of [...others, "writeCertificate"] as const) {
    if (flags[name] === undefined) continue;
    const option = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new UsageError("E_OPTION_CONFLICT", `${option} and --certificate don't go together`, {
      hint: "the certificate says what is measured",
    });
  }
  const { data, preprocess, labels, engine, threads, allowExternal } = flags;
  const result = await checkCertificate(certificate, input, output, {
    ...control,
    engine,
    threads,
    ...(data === undefined ? {} : { data }),
    ...(preprocess === undefined ? {} : { preprocess }),
    ...(labels === undefined ? {} : { labels }),
    ...(allowExternal ? { allowExternal } : {}),
  });
  if (flags.json) terminal.json(result);
  else terminal.result(renderCertificateCheck(result));
  return result.confirmed ? ExitCode.done : ExitCode.unmet;
}
