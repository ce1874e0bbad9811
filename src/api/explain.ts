import { allNodes, ModelError, UsageError, type Model, type Node } from "../ir/index.js";
import { reportSchema, type Decision, type Explanation, type Report } from "../report/index.js";
import { readTextFile } from "./file-access.js";
import { inspect, layerOperators } from "./inspect.js";
import { fileOf } from "./load.js";
import { optimize } from "./optimize.js";
import { withoutBudget } from "./optimize-report.js";
import type { OptimizeOptions } from "./options.js";
import { didYouMean } from "./suggest.js";

export interface ExplainOptions extends OptimizeOptions {
  /** A report whose decisions are explained; without one the optimization is computed again, in memory. */
  readonly report?: Report;
}

/**
 * Every candidate tried for a layer, with cost, error, verdict and reason. Throws a UsageError with the nearest names
 * when the model has no such layer.
 */
export async function explain(
  model: Model,
  layer: string,
  options: ExplainOptions = {},
): Promise<Explanation> {
  const node = findLayer(model, layer);
  const inspection = await inspect(model, {
    ...(options.shapes ? { shapes: options.shapes } : {}),
    ask: options.report === undefined && !hasBudget(options) ? "all" : "none",
    ...(options.signal ? { signal: options.signal } : {}),
  });
  const known = inspection.layers.find((candidate) => candidate.name === node.label);
  const base = {
    schema: "convopt.explain/1" as const,
    input: fileOf(model),
    layer: node.label,
    op: node.op,
    shape: known?.shape ?? null,
    macs: known?.macs ?? null,
    params: known?.params ?? 0,
  };
  if (options.report) return { ...base, ...fromReport(options.report, node, model) };
  if (hasBudget(options)) {
    const { report: _, ...run } = options;
    const { report, ledger } = await optimize(model, { ...run, dryRun: true });
    const candidates = ledger.entries.filter((entry) => entry.node === node.label).map(decisionOf);
    return {
      ...base,
      outcome: outcomeIn(report, node, candidates),
      candidates,
      source: "recomputed",
      warnings: report.warnings,
    };
  }
  const candidates = (known?.rewrites ?? []).map((opinion): Decision => ({
    pass: opinion.pass,
    node: node.label,
    op: node.op,
    verdict: opinion.verdict === "applies" ? "applied" : "declined",
    by: opinion.verdict === "candidates" ? "budget" : "rule",
    reason: opinion.reason,
    macs: [known?.macs ?? null, opinion.candidates?.macs?.[0] ?? known?.macs ?? null],
    params: [known?.params ?? 0, known?.params ?? 0],
    error: null,
  }));
  const kept: Explanation["outcome"] =
    candidates.length > 0
      ? { verdict: "declined", by: "budget", form: "standard", reason: withoutBudget }
      : null;
  return {
    ...base,
    outcome: candidates.some(({ verdict }) => verdict === "applied") ? outcomeOf(candidates) : kept,
    candidates,
    source: "recomputed",
    warnings: [...inspection.warnings, "no budget was given: approximate forms are listed, not tried"],
  };
}

/** The layer of a name (or of an output's name). Throws a UsageError with the nearest names. */
export function findLayer(model: Model, name: string): Node {
  const nodes = allNodes(model.graph);
  const found =
    nodes.find((node) => node.label === name) ??
    nodes.find((node) => node.outputs.some((output) => output?.name === name));
  if (found) return found;
  const weighted = nodes.filter(({ op }) => layerOperators.has(op));
  const near = didYouMean(
    name,
    (weighted.length > 0 ? weighted : nodes).map((node) => node.label),
  );
  throw new UsageError("E_UNKNOWN_LAYER", `the model has no layer ${JSON.stringify(name)}`, {
    where: model.file ? { file: model.file.path } : {},
    hint: near ?? "convopt inspect lists the layers",
  });
}

/** Reads a JSON report and checks it against its schema. */
export async function loadReport(path: string): Promise<Report> {
  const text = await readTextFile(path);
  try {
    return reportSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new ModelError("E_REPORT", "the file is not a convopt.report/1", {
      where: { file: path },
      hint: "make one with convopt optimize … --report FILE.json",
      cause,
    });
  }
}

function hasBudget(options: OptimizeOptions): boolean {
  return Object.entries(options.budget ?? {}).some(
    ([name, value]) => name !== "lossless" && value !== undefined,
  );
}

function fromReport(
  report: Report,
  node: Node,
  model: Model,
): Pick<Explanation, "outcome" | "candidates" | "source" | "warnings"> {
  const warnings: string[] = [];
  if (model.file && report.input.sha256 !== "" && report.input.sha256 !== model.file.sha256) {
    warnings.push("the report was made for another input: its sha256 differs");
  }
  if (!report.decisions) warnings.push("the report holds no decisions, only the outcome");
  const candidates = (report.decisions ?? []).filter((decision) => decision.node === node.label);
  return { outcome: outcomeIn(report, node, candidates), candidates, source: "report", warnings };
}

function outcomeIn(report: Report, node: Node, candidates: readonly Decision[]): Explanation["outcome"] {
  const row = report.layers.find((layer) => layer.name === node.label);
  return row
    ? { verdict: row.verdict, by: row.by, form: row.form, reason: row.reason }
    : outcomeOf(candidates);
}

/** What applied to it, else the last that didn't; null where nothing looked at it. */
function outcomeOf(candidates: readonly Decision[]): Explanation["outcome"] {
  const decided = candidates.find(({ verdict }) => verdict === "applied") ?? candidates.at(-1);
  if (!decided) return null;
  return {
    verdict: decided.verdict,
    by: decided.by,
    form: decided.form ?? decided.pass,
    reason: decided.reason,
  };
}

/** A ledger entry as reports keep it. */
export function decisionOf(
  entry: Omit<Decision, "macs" | "params" | "size"> & {
    readonly macs: readonly [number | null, number | null];
    readonly params: readonly [number, number];
    readonly size?: Readonly<Record<string, number>>;
  },
): Decision {
  const { size, macs, params, ...rest } = entry;
  return { ...rest, macs: [...macs], params: [...params], ...(size ? { size: { ...size } } : {}) };
}
