import { InvalidArgumentError, Option, type Command } from "commander";
import { preset, type Budget, type OptimizeOptions } from "../../index.js";
import {
  choice,
  ComingOption,
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
}

const passNames = [...preset.exact, ...preset.families].map((pass) => pass.name);
const familyNames = preset.families.map((family) => family.name);

export function addOptimizeOptions(command: Command): void {
  const budgets = [
    new Option("--keep-macs <fraction>", "fraction of the original MACs that may remain").argParser(fraction),
    new Option("--keep-params <fraction>", "fraction of the original parameters that may remain").argParser(
      fraction,
    ),
    new ComingOption("--keep-latency <fraction>", "fraction of the original wall time that may remain"),
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

/** Where candidates are fitted; only in this process so far. */
function executorOption(): Option {
  const words = ["inline", "threads", "bullmq"];
  return new Option(
    "--executor <executor>",
    "where the work is done: inline (threads, bullmq: not available yet)",
  )
    .choices(words)
    .argParser((text: string) => {
      if (oneOf(text, words) !== "inline") throw new InvalidArgumentError(`${text} is not available yet`);
      return text;
    });
}

/** Options of the API from the flags, without the calibration, which needs the model. */
export function optimizeOptions(flags: OptimizeFlags): OptimizeOptions {
  const { keepMacs, keepParams, maxError, minAgreement, lossless } = flags;
  const budget: Budget = {
    ...(keepMacs === undefined ? {} : { keepMacs }),
    ...(keepParams === undefined ? {} : { keepParams }),
    ...(maxError === undefined ? {} : { maxError }),
    ...(minAgreement === undefined ? {} : { minAgreement }),
    ...(lossless === undefined ? {} : { lossless }),
  };
  const wanted = flags.passes && new Set(flags.passes);
  return {
    budget,
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
