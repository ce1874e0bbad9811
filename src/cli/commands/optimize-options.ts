import { InvalidArgumentError, Option, type Command } from "commander";
import { loadLatencyProfile, preset, UsageError, type Budget, type OptimizeOptions } from "../../index.js";
import {
  choice,
  fraction,
  listOf,
  nonNegative,
  oneOf,
  positiveNumber,
  preprocessOption,
  repeat,
  runtimeOptions,
  shapeOption,
  share,
  type CommonOptions,
  type RuntimeOptions,
} from "../options.js";

/** Flags that `optimize`, `sweep` and `explain` share: budgets, data and scope. */
export interface OptimizeFlags extends CommonOptions, RuntimeOptions {
  readonly keepMacs?: number;
  readonly keepParams?: number;
  readonly keepLatency?: number;
  readonly profile?: string;
  readonly maxError?: number;
  readonly minAgreement?: number;
  readonly lossless?: boolean;
  readonly calib?: string;
  readonly limit?: number;
  readonly preprocess?: string;
  readonly shape?: ReadonlyMap<string, readonly number[]>;
  readonly families?: readonly string[];
  readonly passes?: readonly string[];
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  readonly revert?: readonly string[];
  readonly effort?: "fast" | "normal" | "max";
  readonly deterministic?: boolean;
  readonly executor?: "auto" | "inline" | "threads";
}

const passNames = [...preset.exact, ...preset.families].map((pass) => pass.name);
const familyNames = preset.families.map((family) => family.name);

export function addOptimizeOptions(command: Command): void {
  const budgets = [
    new Option("--keep-macs <fraction>", "fraction of the original MACs that may remain").argParser(fraction),
    new Option("--keep-params <fraction>", "fraction of the original parameters that may remain").argParser(
      fraction,
    ),
    new Option(
      "--keep-latency <fraction>",
      "fraction of the original wall time that may remain, measured on this machine",
    ).argParser(fraction),
    new Option(
      "--profile <file>",
      "times of another machine for --keep-latency (bench --calibrate makes them)",
    ),
    new Option("--max-error <e>", "largest relative error of the worst output").argParser(nonNegative),
    new Option("--min-agreement <share>", "least top-1 agreement with the original").argParser(share),
    new Option("--lossless", "exact rewrites only; with a cost budget that they miss: exit 2"),
  ];
  for (const option of budgets) command.addOption(option);
  addSearchOptions(command);
}

/** Data, scope and effort: everything but budgets. */
export function addSearchOptions(command: Command): void {
  const options = [
    new Option("--calib <file|dir>", "unlabelled images: .npz, .npy or a folder"),
    new Option("--limit <n>", "use the first n calibration images only").argParser(positiveNumber),
    preprocessOption(),
    shapeOption(),
    new Option(
      "--families <names>",
      "form families to use, with commas between; a wrong name lists them",
    ).argParser(listOf(familyNames)),
    new Option(
      "--passes <names>",
      "passes to run, exact rewrites and families, in the preset's order",
    ).argParser(listOf(passNames)),
    new Option("--only <glob>", "touch only these layers; repeatable").argParser(repeat),
    new Option("--skip <glob>", "leave these layers alone; repeatable").argParser(repeat),
    new Option("--revert <layer>", "keep this layer as it is; repeatable").argParser(repeat),
    choice("--effort <effort>", "how long to search", ["fast", "normal", "max"]).default("normal"),
    new Option("--deterministic", "the same bytes on every machine: no native linear algebra, one thread"),
    executorOption(),
    ...runtimeOptions(),
  ];
  for (const option of options) command.addOption(option);
}

/** Where candidates are fitted. */
function executorOption(): Option {
  const words = ["auto", "inline", "threads", "bullmq"];
  return new Option(
    "--executor <executor>",
    "where forms are fitted: inline, threads (one per core), or auto (bullmq: not available yet)",
  )
    .choices(words)
    .argParser((text: string) => {
      const word = oneOf(text, words);
      if (word === "bullmq") throw new InvalidArgumentError(`${word} is not available yet`);
      return word;
    });
}

/** Options of the API from the flags, without the calibration, which needs the model. */
export async function optimizeOptions(flags: OptimizeFlags): Promise<OptimizeOptions> {
  const { keepMacs, keepParams, keepLatency, maxError, minAgreement, lossless } = flags;
  if (flags.profile !== undefined && keepLatency === undefined) {
    throw new UsageError(
      "E_USAGE",
      "--profile says how long forms take, which only --keep-latency asks for",
      {
        hint: "add --keep-latency, or leave it out",
      },
    );
  }
  const budget: Budget = {
    ...(keepMacs === undefined ? {} : { keepMacs }),
    ...(keepParams === undefined ? {} : { keepParams }),
    ...(keepLatency === undefined ? {} : { keepLatency }),
    ...(maxError === undefined ? {} : { maxError }),
    ...(minAgreement === undefined ? {} : { minAgreement }),
    ...(lossless === undefined ? {} : { lossless }),
  };
  const wanted = flags.passes && new Set(flags.passes);
  return {
    budget,
    ...(flags.profile === undefined ? {} : { latencyProfile: await loadLatencyProfile(flags.profile) }),
    engine: flags.engine,
    threads: flags.threads,
    seed: flags.seed,
    ...(wanted ? { passes: preset.conv.filter((pass) => wanted.has(pass.name)) } : {}),
    ...(flags.shape ? { shapes: flags.shape } : {}),
    ...(flags.families ? { families: flags.families } : {}),
    ...(flags.only ? { only: flags.only } : {}),
    ...(flags.skip ? { skip: flags.skip } : {}),
    ...(flags.revert ? { revert: flags.revert } : {}),
    ...(flags.effort ? { effort: flags.effort } : {}),
    ...(flags.deterministic ? { deterministic: true } : {}),
    ...(flags.executor ? { executor: flags.executor } : {}),
    ...(flags.calib === undefined ? {} : { calibrationPath: flags.calib }),
    ...(flags.allowExternal ? { allowExternal: flags.allowExternal } : {}),
  };
}

export function dataOptions(flags: OptimizeFlags): { preprocess?: string; limit?: number } {
  return {
    ...(flags.preprocess === undefined ? {} : { preprocess: flags.preprocess }),
    ...(flags.limit === undefined ? {} : { limit: flags.limit }),
  };
}

/** Whether any budget was named. */
export function hasBudget({ budget }: OptimizeOptions): boolean {
  return Object.keys(budget ?? {}).length > 0;
}

export interface JournalFlags {
  readonly journal?: string;
  readonly resume?: boolean;
}

/** Of commands that can be interrupted; `place` is where their journal lies by default. */
export const journalOptions = (place: string): Option[] => [
  new Option("--resume", "go on where an interrupted run stopped"),
  new Option("--journal <dir>", `folder of the journal; kept when named (default: ${place}, gone when done)`),
];

export function journalSettings({
  journal,
  resume,
}: JournalFlags): Pick<OptimizeOptions, "journal" | "keepJournal" | "resume"> {
  return {
    ...(journal === undefined ? {} : { journal, keepJournal: true }),
    ...(resume ? { resume: true } : {}),
  };
}
