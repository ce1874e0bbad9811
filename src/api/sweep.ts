import { Ledger } from "../engine/index.js";
import { ioError, UsageError, type Model } from "../ir/index.js";
import { forJson, markParetoOptimal, type Report, type Sweep, type SweepPoint } from "../report/index.js";
import { renderSweepHtml, renderSweepMarkdown } from "../report/index.js";
import { BudgetSearch } from "./compress.js";
import { decisionOf } from "./explain.js";
import { writeFileAtomically } from "./file-access.js";
import { fileHash, type FileJournal } from "./journal.js";
import type { Judge } from "./judge.js";
import { bytesOf, fileOf, inFile, load, save, type LoadOptions } from "./load.js";
import { checkSweepOptions } from "./check-options.js";
import { checkSearchable } from "./optimize.js";
import { peakRss } from "./optimize-report.js";
import type { OptimizeOptions } from "./options.js";
import { judgeOf, outcomeOf, reportOn } from "./outcome.js";
import { prepareRun, type PreparedRun } from "./prepared-run.js";
import { openRunJournal, withJournal } from "./run-journal.js";
import { version } from "./version.js";

/** Options of `optimize`, with points in place of a budget. */
export interface SweepOptions extends Omit<OptimizeOptions, "budget" | "dryRun" | "printAfter" | "onPrint"> {
  /**
   * Fractions of the original MACs that may remain, in (0, 1]. By default from 0.9 down to 0.2, as far as the forms
   * reach; points that are named and missed count as a missed budget.
   */
  readonly points?: readonly number[];
  /** Also the frontier of every family alone. */
  readonly singleForms?: boolean;
}

const defaultPoints: readonly number[] = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2];

/**
 * The accuracy/cost frontier of a model: candidates and sensitivities are worked out once and solved for every point.
 * Each result goes into the folder as `keep-0.50.onnx` with its report `keep-0.50.json`, those of single families into
 * a folder with the family's name; `sweep.json`, `sweep.md` and `sweep.html` hold them all. An interrupted sweep leaves
 * a journal in the folder. Exit code 1 when a named point was missed.
 */
export async function sweepFile(
  input: string,
  folder: string,
  given: SweepOptions = {},
): Promise<{ sweep: Sweep; exitCode: 0 | 1 }> {
  checkSweepOptions(given);
  const points = checkPoints(given.points ?? defaultPoints);
  const { join } = await import("node:path");
  await makeFolder(folder);
  const journalPlace = given.journal === undefined ? join(folder, "sweep.convopt-journal") : given.journal;
  const options: OptimizeOptions = { ...given, journal: journalPlace };
  const model = await load(input, loading(options));
  const prepared = await inFile(model, () => prepareRun(model, options));
  checkSearchable(prepared);
  const journal = await openRunJournal(prepared.exact, prepared.run, prepared.families, options);
  return withJournal(journal, options.keepJournal ?? false, () =>
    inFile(model, async () => {
      const frontier = new FrontierRun(prepared, options, journal, join);
      try {
        const named = given.points !== undefined;
        const found = await frontier.points(folder, null, points, named);
        if (given.singleForms) {
          for (const { name } of prepared.families) {
            found.push(...(await frontier.points(join(folder, name), name, points, named)));
          }
        }
        const sweep = sweepOf(prepared, folder, found, options);
        await writeFileAtomically(join(folder, "sweep.json"), `${forJson(sweep)}\n`);
        await writeFileAtomically(join(folder, "sweep.md"), renderSweepMarkdown(sweep));
        await writeFileAtomically(join(folder, "sweep.html"), renderSweepHtml(sweep));
        const missed = sweep.points.some(({ met, family }) => !met && family === null);
        return { sweep, exitCode: named && missed ? 1 : 0 };
      } finally {
        await frontier.dispose();
      }
    }),
  );
}

/** The files that a sweep writes into its folder, models of points that turn out too cheap included. */
export function sweepFiles(
  folder: string,
  points: readonly number[] = defaultPoints,
  families: readonly string[] = [],
): string[] {
  const folders = [folder, ...families.map((family) => `${folder}/${family}`)];
  return [
    ...["json", "md", "html"].map((kind) => `${folder}/sweep.${kind}`),
    ...folders.flatMap((place) =>
      checkPoints(points).flatMap((point) =>
        ["onnx", "json"].map((kind) => `${place}/${nameOf(point)}.${kind}`),
      ),
    ),
  ];
}

/** Points in the order of the sweep, dearest first. Throws a UsageError for what is no fraction. */
function checkPoints(points: readonly number[]): number[] {
  const wrong = points.find((point) => !(point > 0 && point <= 1));
  if (wrong !== undefined || points.length === 0) {
    throw new UsageError(
      "E_POINTS",
      `the points are fractions of the original in (0, 1], not ${wrong ?? "none"}`,
      {
        hint: "for example 0.8,0.6,0.5",
      },
    );
  }
  return [...new Set(points)].sort((a, b) => b - a);
}

/** "keep-0.50", with more digits where the point has them. */
function nameOf(point: number): string {
  const digits = String(point).split(".")[1]?.length ?? 0;
  return `keep-${digits > 2 ? String(point) : point.toFixed(2)}`;
}

type FoundPoint = Omit<SweepPoint, "paretoOptimal"> & { readonly report: Report };

/** Solves, writes and measures points; the search is opened when the first point needs it. */
class FrontierRun {
  readonly #judge: Judge;
  #search: Promise<BudgetSearch> | null = null;

  constructor(
    private readonly prepared: PreparedRun,
    private readonly options: OptimizeOptions,
    private readonly journal: FileJournal | null,
    private readonly join: (...parts: string[]) => string,
  ) {
    this.#judge = judgeOf(prepared, options);
  }

  /** One frontier, to its end: cheaper points than the first that is missed are left out unless they were named. */
  async points(
    folder: string,
    family: string | null,
    points: readonly number[],
    named: boolean,
  ): Promise<FoundPoint[]> {
    if (family !== null) await makeFolder(folder);
    const found: FoundPoint[] = [];
    const search = this.#lazily(family);
    for (const [i, point] of points.entries()) {
      const step = family === null ? "sweep" : `sweep of ${family}`;
      this.options.onProgress?.({ step, done: i, total: points.length });
      this.options.signal?.throwIfAborted();
      const report = await this.#point(this.join(folder, nameOf(point)), family, point, search);
      found.push(foundPoint(point, family, report));
      // A single family's missed points are all the same model.
      if (!found.at(-1)!.met && (!named || family !== null)) break;
    }
    return found;
  }

  async dispose(): Promise<void> {
    // Opening may have failed; that error has been seen already.
    await this.#search?.then(
      (search) => search.dispose(),
      () => undefined,
    );
  }

  #lazily(family: string | null): () => Promise<BudgetSearch> {
    let own: Promise<BudgetSearch> | null = null;
    return () => {
      this.#search ??= BudgetSearch.open(this.prepared, this.options, this.journal);
      if (family === null) return this.#search;
      own ??= this.#search.then((all) =>
        all.withFamilies(this.prepared.families.filter(({ name }) => name === family)),
      );
      return own;
    };
  }

  /** One point: what an earlier run wrote, if its files are still that, or solved now. */
  async #point(
    path: string,
    family: string | null,
    point: number,
    search: () => Promise<BudgetSearch>,
  ): Promise<Report> {
    const { prepared, options, journal } = this;
    const [model, json] = [`${path}.onnx`, `${path}.json`];
    const unit = `written ${family ?? ""} ${point}`;
    const kept = journal?.read(unit);
    if (Array.isArray(kept) && kept[0] === (await fileHash(model)) && kept[1] === (await fileHash(json))) {
      return JSON.parse(String(kept[2])) as Report;
    }
    const ledger = new Ledger();
    for (const entry of prepared.ledger.entries) ledger.add(entry);
    const budget = { keepMacs: point };
    const { before, exactCost } = prepared;
    const reached = exactCost.macs !== null && before.macs !== null && exactCost.macs <= point * before.macs;
    const compression = reached ? null : await (await search()).solve(budget, ledger);
    const families = prepared.families.filter(({ name }) => family === null || name === family);
    const outcome = outcomeOf({ ...prepared, families }, compression, ledger);
    const file = await save(outcome.model, model);
    const written: Model = await load(model, loading(options));
    const report = await reportOn(outcome, this.#judge, written, file, file.bytes, { ...options, budget });
    const text = `${forJson({ ...report, decisions: ledger.entries.map(decisionOf) })}\n`;
    await writeFileAtomically(json, text);
    journal?.write(unit, [file.sha256, (await fileHash(json)) ?? "", JSON.stringify(report)]);
    return report;
  }
}

function foundPoint(point: number, family: string | null, report: Report): FoundPoint {
  const { output, macs, params, bytes, quality, verdicts } = report;
  const met = verdicts.every((verdict) => verdict.met);
  return { keepMacs: point, family, output, macs, params, bytes: bytes.after, quality, met, report };
}

function sweepOf(
  prepared: PreparedRun,
  folder: string,
  found: readonly FoundPoint[],
  options: OptimizeOptions,
): Sweep {
  const { original, before, started } = prepared;
  const scored = found.every(({ quality }) => quality.klDivergence !== null);
  const divergence = scored ? "klDivergence" : "relativeError";
  const searched = found.find(({ report }) => report.calibration.fitted > 0) ?? found[0]!;
  const points = found.map(({ report: _, ...point }) => point);
  return {
    schema: "convopt.sweep/1",
    input: fileOf(original),
    folder,
    calibration: searched.report.calibration,
    divergence,
    original: { macs: before.macs, params: before.params, bytes: bytesOf(original) },
    points: markParetoOptimal(points, divergence),
    totalMs: Math.round(performance.now() - started),
    peakRssBytes: peakRss(),
    warnings: [...new Set(found.flatMap(({ report }) => report.warnings))],
    tool: {
      name: "convopt",
      version,
      runtime: searched.quality.engine,
      command: options.command ?? "",
    },
  };
}

function loading({ allowExternal }: OptimizeOptions): LoadOptions {
  return allowExternal ? { allowExternal } : {};
}

async function makeFolder(folder: string): Promise<void> {
  const { mkdir } = await import("node:fs/promises");
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw ioError(cause, folder, "cannot be made a folder");
  }
}
