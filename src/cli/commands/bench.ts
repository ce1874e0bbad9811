import { Argument, Option } from "commander";
import {
  bench,
  calibrateLatency,
  checkWritable,
  ExitCode,
  forJson,
  forTerminal,
  loadData,
  renderBenchmark,
  UsageError,
  writeFileAtomically,
  type Model,
} from "../../index.js";
import { browserProgram } from "../browser.js";
import { withSession, type CommandModule, type Session } from "../context.js";
import {
  choice,
  commonOptions,
  nonNegative,
  positiveNumber,
  preprocessOption,
  runtimeOptions,
  shapeOption,
  type CommonOptions,
  type RuntimeOptions,
} from "../options.js";
import { checkSeparateFiles, type FileRole } from "../separate-files.js";

interface BenchFlags extends CommonOptions, Omit<RuntimeOptions, "engine"> {
  readonly engine: RuntimeOptions["engine"] | "web";
  readonly shape?: ReadonlyMap<string, readonly number[]>;
  readonly data?: string;
  readonly preprocess?: string;
  readonly runs?: number;
  readonly seconds?: number;
  readonly layers?: boolean;
  readonly calibrate?: boolean;
  readonly profileOut?: string;
}

export const benchCommand: CommandModule = (program, cx) => {
  const command = program
    .command("bench")
    .description("wall time per model and per layer: models in turn, with the spread, relative to the first")
    .addArgument(new Argument("<MODEL...>", "models to compare; the first is the measure"))
    .addOption(
      new Option("--runs <n>", "rounds, each model once at least in each; 100 by default").argParser(
        positiveNumber,
      ),
    )
    .addOption(
      new Option(
        "--seconds <s>",
        "begin no round after this time; 20 by default, no limit with --runs",
      ).argParser(nonNegative),
    )
    .addOption(new Option("--layers", "time every kernel too, by the runtime's profiler"))
    .addOption(
      new Option(
        "--calibrate",
        "measure all layers of one model in all forms, for optimize on other machines",
      ),
    )
    .addOption(
      new Option("--profile-out <file>", "where the profile of --calibrate goes; - is standard output"),
    )
    .addOption(
      new Option("--data <file|dir>", "inputs: .npz, .npy or a folder of images; seeded noise by default"),
    )
    .addOption(preprocessOption())
    .addOption(shapeOption());
  const [engineOption, ...others] = runtimeOptions();
  command.addOption(
    choice(
      "--engine <engine>",
      `${engineOption!.description}; web is its WebAssembly build in a headless Chromium`,
      ["auto", "ort", "reference", "web"],
    ).default("auto"),
  );
  for (const option of [...others, ...commonOptions()]) command.addOption(option);
  command.action((paths: readonly string[], flags: BenchFlags) =>
    withSession(cx, flags, async (session) => {
      if (flags.calibrate || flags.profileOut !== undefined) return calibrate(paths, flags, session);
      const { terminal, control, load } = session;
      const models: Model[] = [];
      for (const path of paths) models.push(await load(path));
      const { data: dataPath, preprocess, shape, runs, seconds, layers, engine, threads, seed } = flags;
      const data =
        dataPath === undefined
          ? null
          : await loadData(dataPath, models[0]!, preprocess === undefined ? {} : { preprocess });
      const result = await bench(models, {
        ...control,
        engine,
        threads,
        seed,
        data,
        ...(dataPath === undefined ? {} : { dataPath }),
        ...(shape ? { shapes: shape } : {}),
        ...(runs === undefined ? {} : { runs }),
        ...(seconds === undefined ? {} : { seconds }),
        ...(layers ? { layers } : {}),
        ...browserOf(engine),
      });
      if (flags.json) terminal.json(result);
      else terminal.result(renderBenchmark(result));
      return ExitCode.done;
    }),
  );
};

function browserOf(engine: BenchFlags["engine"]): { readonly browser?: string } {
  const browser = engine === "web" ? browserProgram() : undefined;
  return browser === undefined ? {} : { browser };
}

async function calibrate(
  paths: readonly string[],
  flags: BenchFlags,
  { terminal, control, load }: Session,
): Promise<ExitCode> {
  const { calibrate: asked, profileOut, shape, threads, engine, seed, json } = flags;
  const [path] = paths;
  if (!asked || path === undefined || paths.length > 1 || (profileOut === undefined && !json)) {
    throw new UsageError("E_USAGE", "a latency profile takes --calibrate, one model and --profile-out", {
      hint: "convopt bench --calibrate MODEL --profile-out FILE",
    });
  }
  await checkSeparateFiles(flags, {
    reads: paths.map((file): FileRole => ["MODEL", file]),
    writes: [["--profile-out", profileOut]],
  });
  if (profileOut !== undefined) await checkWritable(profileOut);
  const model = await load(path);
  const profile = await calibrateLatency(model, {
    ...{ ...control, engine, threads, seed },
    ...(shape ? { shapes: shape } : {}),
    ...browserOf(engine),
  });
  if (profileOut !== undefined) await writeFileAtomically(profileOut, `${forJson(profile)}\n`);
  const windows = Object.keys(profile.windows).length;
  if (json && profileOut !== "-") terminal.json(profile);
  else if (profileOut !== "-") {
    terminal.result(
      `${profile.entries.length} graphs for ${windows} different layers by ${profile.engine}: ${forTerminal(profileOut!)}\n`,
    );
  }
  return ExitCode.done;
}
