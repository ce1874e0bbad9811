import { InvalidArgumentError, Option } from "commander";
import {
  ExitCode,
  forTerminal,
  loadData,
  preset,
  renderSweepText,
  sweepFile,
  sweepFiles,
} from "../../index.js";
import { withSession, type CommandModule } from "../context.js";
import { commonOptions, fraction, modelArgument, refuseOptions } from "../options.js";
import { checkSeparateFiles, type FileRole } from "../separate-files.js";
import {
  addSearchOptions,
  dataOptions,
  journalOptions,
  journalSettings,
  optimizeOptions,
  type JournalFlags,
  type OptimizeFlags,
} from "./optimize-options.js";

interface Flags extends OptimizeFlags, JournalFlags {
  readonly points?: readonly number[];
  readonly singleForms?: boolean;
}

export const sweepCommand: CommandModule = (program, cx) => {
  const command = program
    .command("sweep")
    .description("the whole accuracy/cost frontier: a model per point, a table and a plot")
    .addArgument(modelArgument("IN.onnx", "the model; - is standard input"))
    .addArgument(modelArgument("OUTDIR", "folder of the results, made if need be"))
    .addOption(
      new Option(
        "--points <fractions>",
        "fractions of the MACs that may remain, with commas between (default: 0.9 to 0.2, as far as forms reach)",
      ).argParser(pointList),
    )
    .addOption(new Option("--single-forms", "also the frontier of every family alone"));
  addSearchOptions(command);
  for (const option of [...journalOptions("OUTDIR/sweep.convopt-journal"), ...commonOptions()]) {
    command.addOption(option);
  }
  refuseOptions(command, coming);
  command.action((input: string, folder: string, flags: Flags) =>
    withSession(cx, flags, async ({ terminal, control }) => {
      const { calib, points } = flags;
      const families = flags.singleForms ? preset.families.map(({ name }) => name) : [];
      const results = sweepFiles(folder, points, families);
      await checkSeparateFiles(flags, {
        reads: [["IN.onnx", input]],
        writes: [...results.map((path): FileRole => ["OUTDIR", path]), ["--journal", flags.journal]],
      });
      const { budget: _, ...shared } = await optimizeOptions(flags);
      const { sweep, exitCode } = await sweepFile(input, folder, {
        ...shared,
        ...control,
        ...journalSettings(flags),
        command: cx.commandLine,
        calibration: calib === undefined ? null : (model) => loadData(calib, model, dataOptions(flags)),
        ...(points === undefined ? {} : { points }),
        ...(flags.singleForms ? { singleForms: true } : {}),
      });
      for (const warning of sweep.warnings) control.onWarning(warning);
      if (flags.json) terminal.json(sweep);
      else terminal.result(renderSweepText(sweep));
      terminal.note(`Models, reports and plots are in ${forTerminal(folder)}.`);
      for (const { met, keepMacs, family, macs } of sweep.points) {
        if (met || family !== null) continue;
        const kept = macs.ratio === null ? "" : `, the cheapest model keeps ${macs.ratio.toFixed(3)}`;
        terminal.note(`${terminal.paint("red", "missed")}: ${keepMacs} of the MACs${kept}`);
      }
      return exitCode === 0 ? ExitCode.done : ExitCode.unmet;
    }),
  );
};

const axis = "the points are fractions of the MACs that may remain (--points); optimize takes other budgets";
const limits = "every point's error and agreement are in its report; optimize takes them as limits";
const files = "OUTDIR gets sweep.html, sweep.md and sweep.json, and the report of every point";

/** What optimize has and a sweep doesn't yet. */
const coming: Readonly<Record<string, string>> = {
  "keep-macs": "name the fractions of the MACs that may remain with --points",
  ...{ "keep-params": axis, "keep-latency": axis, profile: axis },
  ...{ "max-error": limits, "min-agreement": limits },
  lossless: "optimize without a budget applies exact rewrites only",
  report: files,
  reporter: `${files}; --json prints them all`,
  certificate: "convopt verify IN.onnx OUTDIR/keep-0.50.onnx --write-certificate FILE makes one of a point",
  "print-after": "optimize has it",
  "stop-after": "optimize has it",
  "dry-run": "optimize has it, for one budget",
};

/** Fractions with commas between; repeatable. */
function pointList(text: string, previous: readonly number[] = []): number[] {
  const words = text.split(",").map((word) => word.trim());
  if (words.some((word) => word === "")) throw new InvalidArgumentError("it looks like 0.8,0.6,0.5");
  return [...previous, ...words.map(fraction)];
}
