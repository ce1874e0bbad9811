import type { Ledger, LedgerEntry, PassSummary } from "../engine/index.js";
import type { Model, ModelFile, Node } from "../ir/index.js";
import type { ModelCost } from "../measure/index.js";
import type { LayerReport, Report } from "../report/index.js";
import { reasonFor, type FittedLayer } from "../search/index.js";
import type { Compression, RunData } from "./compress.js";
import { bytesOf, fileOf } from "./load.js";
import type { Budget, OptimizeOptions } from "./options.js";
import { version } from "./version.js";

export interface CostPair {
  readonly macs: number | null;
  readonly params: number;
  readonly nodes: ModelCost["nodes"];
}

/** What a report is made from. */
export interface ReportParts {
  readonly outcome: {
    readonly original: Model;
    readonly run: RunData;
    readonly before: CostPair;
    readonly after: CostPair;
    readonly compression: Compression | null;
    readonly passes: readonly PassSummary[];
    readonly ledger: Ledger;
    readonly warnings: readonly string[];
    readonly started: number;
  };
  readonly quality: Report["quality"];
  readonly latencyMs: Report["latencyMs"];
  readonly verdicts: Report["verdicts"];
  readonly judged: number;
  readonly file: ModelFile | null;
  readonly bytes: number;
  readonly verifyMs: number;
  readonly options: OptimizeOptions;
}

/** Why a layer stays as it is where no exact rewrite is for it. */
export const withoutBudget = "exact rewrites only: no budget allows more";

/** One verdict per budget of the user's, from what was measured on the written file. */
export function budgetVerdicts(
  budget: Budget,
  { before, after }: { readonly before: CostPair; readonly after: CostPair },
  quality: Report["quality"],
  latencyMs: Report["latencyMs"],
): Report["verdicts"] {
  const verdicts: Report["verdicts"] = [];
  const add = (
    name: string,
    limit: number | undefined,
    measured: number | null,
    met: (x: number) => boolean,
    what: string,
  ): void => {
    if (limit === undefined) return;
    verdicts.push({ budget: name, limit, measured, met: measured !== null && met(measured), message: what });
  };
  add(
    "keepMacs",
    budget.keepMacs,
    ratioOf(before.macs, after.macs),
    (x) => x <= budget.keepMacs!,
    "MACs kept",
  );
  add(
    "keepParams",
    budget.keepParams,
    ratioOf(before.params, after.params),
    (x) => x <= budget.keepParams!,
    "parameters kept",
  );
  add(
    "keepLatency",
    budget.keepLatency,
    latencyMs.ratio,
    (x) => x <= budget.keepLatency!,
    "milliseconds kept",
  );
  add(
    "maxError",
    budget.maxError,
    quality.relativeError,
    (x) => x <= budget.maxError!,
    "relative error of the worst output",
  );
  add(
    "minAgreement",
    budget.minAgreement,
    quality.agreement,
    (x) => x >= budget.minAgreement!,
    "top-1 agreement with the original",
  );
  return verdicts;
}

export function buildReport({
  outcome,
  quality,
  latencyMs,
  verdicts,
  judged,
  file,
  bytes,
  verifyMs,
  options,
}: ReportParts): Report {
  const { original, run, before, after, compression, passes, warnings } = outcome;
  const { budget = {} } = options;
  const interval = quality.agreementInterval;
  const uncertain =
    budget.minAgreement !== undefined && interval !== null && interval[0] < budget.minAgreement
      ? [
          `the 95 % interval of the agreement reaches down to ${(100 * interval[0]).toFixed(2)} %, below the budget: more images would tell`,
        ]
      : [];
  return {
    schema: "convopt.report/1",
    input: fileOf(original),
    output: { path: file?.path ?? "", sha256: file?.sha256 ?? "" },
    budget: { ...budget },
    calibration: {
      given: run.given ? run.data.count : 0,
      fitted: compression?.images.fitted ?? 0,
      selected: compression?.images.selected ?? 0,
      judged,
      seed: options.seed ?? 0,
      labels: false,
      fineTuned: false,
    },
    macs: { before: before.macs, after: after.macs, ratio: ratioOf(before.macs, after.macs) },
    params: { before: before.params, after: after.params, ratio: ratioOf(before.params, after.params) },
    bytes: { before: bytesOf(original), after: bytes },
    latencyMs,
    quality,
    verdicts,
    layers: layerReports(outcome),
    passes: passes.map(({ name, applied, declined, ms }) => ({
      name,
      applied,
      declined,
      ms: Math.round(ms),
    })),
    timings: {
      totalMs: Math.round(performance.now() - outcome.started),
      ...(compression?.timings ?? { calibrateMs: null, searchMs: null, refitMs: null, recoverMs: null }),
      verifyMs,
    },
    peakRssBytes: peakRss(),
    warnings: [...warnings, ...uncertain],
    tool: { name: "convopt", version, runtime: quality.engine, command: options.command ?? "" },
  };
}

function ratioOf(before: number | null, after: number | null): number | null {
  return before === null || after === null || before === 0 ? null : after / before;
}

/** Largest resident set so far; Node reports kilobytes. */
export function peakRss(): number {
  return process.resourceUsage().maxRSS * 1024;
}

const layerOps: ReadonlySet<string> = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul"]);

function layerReports({
  original,
  before,
  after,
  compression,
  ledger,
}: ReportParts["outcome"]): LayerReport[] {
  const fitted = new Map(compression?.solution?.fitted.map((layer) => [layer.slot.layer.name, layer]) ?? []);
  const declined = new Map(compression?.search?.declined.map(({ name, reason }) => [name, reason]) ?? []);
  const candidates = new Map(
    compression?.search?.layers.map(({ layer, tried }) => [layer.name, tried.length]) ?? [],
  );
  const standardMs = new Map(
    compression?.search?.layers.map(({ layer, standard }) => [layer.name, standard.latency?.ms ?? null]) ??
      [],
  );
  const remaining = new Map(after.nodes.map((cost) => [cost.node.label, cost]));
  return before.nodes
    .filter(({ node }) => layerOps.has(node.op) && node.graph === original.graph)
    .map(({ node, macs, params }): LayerReport => {
      const base = {
        name: node.label,
        op: node.op,
        shape: node.input(1)?.type?.shape?.join("x") ?? node.input(1)?.constant?.dims.join("x") ?? "",
        ...millisecondsOf(fitted.get(node.label), standardMs.get(node.label)),
        candidates: candidates.get(node.label) ?? 0,
      };
      const chosen = fitted.get(node.label);
      if (chosen?.candidate.plan)
        return {
          ...base,
          ...appliedForm(chosen, macs, params),
          reason: reasonFor(compression!.solution!.allocation),
        };
      const own = remaining.get(node.label);
      const entry = exactEntry(ledger, node);
      if (entry && (!own || own.macs !== macs)) {
        const rest: [number | null, number] = own ? [own.macs, own.params] : [0, 0];
        return {
          ...base,
          macs: [macs, rest[0]],
          params: [params, rest[1]],
          form: entry.pass,
          plan: { branches: [] },
          error: null,
          verdict: "applied",
          by: "rule",
          reason: entry.reason || entry.pass,
        };
      }
      const reason =
        declined.get(node.label) ??
        (compression ? "no form serves the budget better than the layer as it is" : withoutBudget);
      return {
        ...base,
        macs: [macs, macs],
        params: [params, own?.params ?? params],
        form: "standard",
        plan: { branches: [] },
        error: chosen?.candidate.error ?? null,
        verdict: "declined",
        by: declined.has(node.label) ? "rule" : "budget",
        reason,
      };
    });
}

/** Milliseconds of a layer before and after on the target; nulls where no latency was asked for. */
function millisecondsOf(
  chosen: FittedLayer | undefined,
  before: number | null | undefined,
): Pick<LayerReport, "ms" | "msInterval"> {
  const { plan, latency } = chosen?.candidate ?? {};
  const after = plan ? latency?.ms : before;
  const interval = plan ? latency?.interval : null;
  return { ms: [before ?? null, after ?? null], ...(interval ? { msInterval: [...interval] } : {}) };
}

function appliedForm(
  { candidate, slot }: FittedLayer,
  macs: number | null,
  params: number,
): Omit<LayerReport, "name" | "op" | "shape" | "ms" | "msInterval" | "candidates" | "reason"> {
  return {
    macs: [macs, candidate.cost.macs],
    params: [
      params,
      candidate.cost.params + (slot.layer.bias.some((x) => x !== 0) ? slot.layer.bias.length : 0),
    ],
    form: candidate.plan!.name,
    plan: { branches: candidate.plan!.terms.map(({ form, size }) => ({ form, size: { ...size } })) },
    error: candidate.error,
    verdict: "applied",
    by: "budget",
  };
}

/** The last exact rewrite that changed a node. */
function exactEntry(ledger: Ledger, node: Node): LedgerEntry | undefined {
  return ledger.of(node.label).findLast((entry) => entry.verdict === "applied" && entry.form === undefined);
}
