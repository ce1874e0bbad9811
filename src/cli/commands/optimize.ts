import { InvalidArgumentError, Option } from "commander";
import { extname } from "node:path";
import {
  cheaperLayers,
  checkWritable,
  decisionOf,
  ExitCode,
  forJson,
  forTerminal,
  load,
  loadData,
  optimizeFile,
  preset,
  renderGithub,
  renderHtml,
  renderJunit,
  renderMarkdown,
  renderSarif,
  renderText,
  UsageError,
  writeFileAtomically,
  type CertifiedRun,
  reportDetails,
  type DetailOptions,
  type OptimizedFile,
  type OptimizeOptions,
  type Report,
} from "../../index.js";
import { writeCertificate } from "../certificate-file.js";
import { withSession, type CommandModule, type Session } from "../context.js";
import { choice, commonOptions, modelArgument, oneOf, positiveNumber } from "../options.js";
import { checkSeparateFiles, realPathOf, type FileRole } from "../separate-files.js";
import {
  addOptimizeOptions,
  dataOptions,
  hasBudget,
  journalOptions,
  journalSettings,
  optimizeOptions,
  type JournalFlags,
  type OptimizeFlags,
} from "./optimize-options.js";

interface Flags extends OptimizeFlags, JournalFlags {
  readonly report?: readonly string[];
  readonly reporter: string;
  readonly printAfter?: string;
  readonly stopAfter?: number;
  readonly upgradeOpset?: number;
  readonly dryRun?: boolean;
  readonly certificate?: string;
}

export const optimizeCommand: CommandModule = (program, cx) => {
  const command = program
    .command("optimize")
    .description("rewrites the convolutions, verifies, reports; without a budget exact rewrites only")
    .addArgument(modelArgument("IN.onnx", "the model; - is standard input"))
    .addArgument(modelArgument("OUT.onnx", "where the result goes; - is standard output"));
  addOptimizeOptions(command);
  const options = [
    new Option("--report <file>", "write a report: FILE.html, FILE.md or FILE.json; repeatable").argParser(
      reportFile,
    ),
    choice("--reporter <kind>", "form of the result on stdout", Object.keys(reporters)).default("text"),
    new Option("--certificate <file>", "write a certificate that verify can check again"),
    new Option(
      "--print-after <pass>",
      'print the graph after this pass, or "changed": after each that changed it',
    ).argParser((text: string) => oneOf(text, ["changed", ...preset.conv.map((pass) => pass.name)])),
    new Option("--stop-after <n>", "stop after this many rewrites, to find the one that hurts").argParser(
      positiveNumber,
    ),
    new Option(
      "--upgrade-opset <version>",
      "write the model in this operator set (version 17, say)",
    ).argParser(positiveNumber),
    new Option("--dry-run", "do everything but write"),
    ...journalOptions("OUT.onnx.convopt-journal"),
    ...commonOptions(),
  ];
  for (const option of options) command.addOption(option);
  command.action((input: string, output: string, flags: Flags) =>
    withSession(cx, flags, async (session) => {
      const { terminal, control } = session;
      await checkPlaces(input, output, flags);
      const base = await optimizeOptions(flags);
      const { calib } = flags;
      const done = await optimizeFile(input, output, {
        ...base,
        ...control,
        command: cx.commandLine,
        calibration: calib === undefined ? null : (model) => loadData(calib, model, dataOptions(flags)),
        ...(flags.printAfter === undefined
          ? {}
          : { printAfter: flags.printAfter, onPrint: (text: string) => terminal.aside(printable(text)) }),
        ...(flags.stopAfter === undefined ? {} : { stopAfter: flags.stopAfter }),
        ...(flags.upgradeOpset === undefined ? {} : { upgradeOpset: flags.upgradeOpset }),
        ...(flags.dryRun ? { dryRun: true } : {}),
        ...journalSettings(flags),
      });
      const { report, exitCode } = done;
      for (const warning of report.warnings) control.onWarning(warning);
      await writeReports(flags.report ?? [], done, { ...base, ...control });
      if (flags.certificate !== undefined && report.output.sha256 !== "") {
        await writeCertificate(flags.certificate, certifiedRun(input, output, flags), flags, session);
      }
      if (flags.json) terminal.json(report);
      else if (output === "-") terminal.note(reporters[flags.reporter]!(report).trimEnd());
      else terminal.result(reporters[flags.reporter]!(report));
      if (!hasBudget(base))
        await sayWhatABudgetAllows(session, flags.dryRun || output === "-" ? input : output, base);
      for (const { met, message } of report.verdicts)
        if (!met) terminal.note(`${terminal.paint("red", "missed")}: ${forTerminal(message)}`);
      return exitCode === 0 ? ExitCode.done : ExitCode.unmet;
    }),
  );
};

const reporters: Readonly<Record<string, (report: Report) => string>> = {
  text: renderText,
  github: renderGithub,
  junit: renderJunit,
  sarif: renderSarif,
};

const renderers: Readonly<Record<string, (report: Report) => string>> = {
  ".json": (report) => `${forJson(report)}\n`,
  ".md": renderMarkdown,
  ".html": renderHtml,
};

function reportFile(path: string, previous: readonly string[] = []): string[] {
  if (!(extname(path).toLowerCase() in renderers)) {
    throw new InvalidArgumentError("it ends in .html, .md or .json, which says the format");
  }
  return [...previous, path];
}

/** Report files hold more than what is printed: every decision, the network, errors along its depth, pictures. */
async function writeReports(
  paths: readonly string[],
  { report, ledger, original, written, data, frontier }: OptimizedFile,
  options: DetailOptions,
): Promise<void> {
  if (paths.length === 0) return;
  const wantsTimes = report.budget.keepLatency !== undefined && report.latencyMs.runs !== null;
  const full = {
    ...report,
    decisions: ledger.entries.map(decisionOf),
    ...(frontier ? { frontier } : {}),
    ...(await reportDetails(original, written, data, {
      ...options,
      runs: report.quality.engine !== null,
      timed: wantsTimes ? report : null,
    })),
  };
  for (const path of paths) {
    await writeFileAtomically(path, renderers[extname(path).toLowerCase()]!(full));
  }
}

/** What the report is about: both files, the judged part of the images. */
function certifiedRun(input: string, output: string, flags: Flags): CertifiedRun {
  const { calib, shape } = flags;
  return {
    input,
    output,
    part: "judged",
    data: calib ?? null,
    ...dataOptions(flags),
    ...(shape ? { shapes: shape } : {}),
  };
}

/** Everything about files that can be known to fail, before the work rather than after it. */
async function checkPlaces(input: string, output: string, flags: Flags): Promise<void> {
  await checkSeparateFiles(flags, {
    reads: [["IN.onnx", input]],
    writes: [
      ["OUT.onnx", flags.dryRun ? undefined : output],
      ...(flags.report ?? []).map((path): FileRole => ["--report", path]),
      ["--certificate", flags.certificate],
      ["--journal", flags.journal],
    ],
    inPlace: true,
  });
  if (output === "-" && flags.json) {
    throw new UsageError("E_STDOUT", "standard output cannot hold both the model and the JSON", {
      hint: "write the report with --report FILE.json",
    });
  }
  if (input === "-" && flags.calib === "-") {
    throw new UsageError("E_STDIN", "standard input cannot hold both the model and the data", {
      hint: "read one of them from a file",
    });
  }
  if (flags.certificate !== undefined) {
    const files = [input, output, flags.calib ?? ""];
    if (flags.dryRun || files.includes("-") || (await realPathOf(input)) === (await realPathOf(output))) {
      throw new UsageError(
        "E_CERTIFICATE",
        "a certificate needs the model, the result and the data as files",
        {
          hint: "write to another file than the input's, and leave out --dry-run",
        },
      );
    }
    await checkWritable(flags.certificate);
  }
  if (!flags.dryRun) await checkWritable(output);
  for (const path of flags.report ?? []) await checkWritable(path);
}

/** The graph's lines with everything but their breaks made visible. */
function printable(text: string): string {
  return text.split("\n").map(forTerminal).join("\n");
}

/** Without a budget: how much cheaper forms could be, so that the next command is known. */
async function sayWhatABudgetAllows(
  { terminal, control }: Session,
  path: string,
  options: OptimizeOptions,
): Promise<void> {
  if (terminal.quiet || path === "-") return;
  const { layers, cheaper } = await cheaperLayers(await load(path), { ...options, signal: control.signal });
  if (cheaper === 0) {
    const { only, skip, revert, families, passes } = options;
    const narrowed = [only, skip, revert, families, passes].some((option) => option !== undefined);
    terminal.note(
      `No budget was given, and no family has a cheaper form for any layer${narrowed ? " that the options leave to them" : ""}.`,
    );
    return;
  }
  terminal.note(
    `No budget was given: exact rewrites only. ${cheaper} of ${layers} layers have cheaper approximate forms; allow them with a budget, e.g. --keep-macs 0.5 --calib IMAGES.`,
  );
}
