import { Option } from "commander";
import {
  checkWritable,
  ExitCode,
  forTerminal,
  loadData,
  run,
  saveArrays,
  UsageError,
  type RunSummary,
} from "../../index.js";
import { withSession, type CommandModule } from "../context.js";
import {
  commonOptions,
  modelArgument,
  positiveNumber,
  preprocessOption,
  repeat,
  runtimeOptions,
  shapeOption,
  type CommonOptions,
  type RuntimeOptions,
} from "../options.js";
import { checkSeparateFiles } from "../separate-files.js";

interface RunFlags extends CommonOptions, RuntimeOptions {
  readonly data?: string;
  readonly out?: string;
  readonly output?: readonly string[];
  readonly preprocess?: string;
  readonly shape?: ReadonlyMap<string, readonly number[]>;
  readonly limit?: number;
  readonly batch?: number;
}

export const runCommand: CommandModule = (program, cx) => {
  const command = program
    .command("run")
    .description("runs a model on data and writes every output to an .npz")
    .addArgument(modelArgument("MODEL", "the model; - is standard input"))
    .addOption(
      new Option(
        "--data <file|dir>",
        "inputs: .npz, .npy or a folder of images; one sample of noise by default",
      ),
    )
    .addOption(new Option("--out <file.npz>", "where the outputs go; - is standard output"))
    .addOption(
      new Option("--output <name>", "a value to return, inner ones too; repeatable").argParser(repeat),
    )
    .addOption(preprocessOption())
    .addOption(shapeOption())
    .addOption(new Option("--limit <n>", "use the first n samples only").argParser(positiveNumber))
    .addOption(
      new Option("--batch <n>", "largest batch, where the model leaves it open").argParser(positiveNumber),
    );
  for (const option of [...runtimeOptions(), ...commonOptions()]) command.addOption(option);
  command.action((path: string, flags: RunFlags) =>
    withSession(cx, flags, async ({ terminal, control, load }) => {
      const { data: dataPath, out, preprocess, limit, batch, shape, output, engine, threads, seed } = flags;
      if (out === "-" && flags.json) {
        throw new UsageError("E_STDOUT", "standard output cannot hold both the arrays and the JSON", {
          hint: "write the arrays to a file",
        });
      }
      if (path === "-" && dataPath === "-") {
        throw new UsageError("E_STDIN", "standard input cannot hold both the model and the data", {
          hint: "read one of them from a file",
        });
      }
      await checkSeparateFiles(flags, { reads: [["MODEL", path]], writes: [["--out", out]] });
      if (out !== undefined) await checkWritable(out);
      const model = await load(path);
      const data =
        dataPath === undefined
          ? null
          : await loadData(dataPath, model, {
              ...(preprocess === undefined ? {} : { preprocess }),
              ...(limit === undefined ? {} : { limit }),
            });
      const result = await run(model, {
        ...control,
        engine,
        threads,
        seed,
        data,
        ...(shape ? { shapes: shape } : {}),
        ...(limit === undefined ? {} : { samples: limit }),
        ...(output === undefined ? {} : { outputs: output }),
        ...(batch === undefined ? {} : { batchSize: batch }),
      });
      if (out !== undefined) await saveArrays(result.outputs, out);
      const outputs = [...result.outputs].map(([name, { dtype, dims }]) => ({
        name,
        dtype,
        shape: [...dims],
      }));
      const summary: RunSummary = {
        schema: "convopt.run/1",
        model: { path: model.file?.path ?? "", sha256: model.file?.sha256 ?? "" },
        engine: result.engine,
        images: result.images,
        out: out ?? null,
        outputs,
      };
      if (flags.json) terminal.json(summary);
      else {
        const lines = outputs.map(
          ({ name, dtype, shape: dims }) => `${forTerminal(name)} ${dtype}[${dims.join(",")}]`,
        );
        const text = [
          ...lines,
          `Ran ${result.images} samples by ${result.engine}${out === undefined ? "; --out FILE.npz keeps the outputs" : `, outputs in ${forTerminal(out)}`}.`,
          "",
        ].join("\n");
        if (out === "-") terminal.note(text.trimEnd());
        else terminal.result(text);
      }
      return ExitCode.done;
    }),
  );
};
