import { forHtml } from "./escape.js";
import { frontierPlot } from "./frontier-plot.js";
import { fronts } from "./front-plots.js";
import { byteSize, milliseconds, percent, quantity, small } from "./format.js";
import { errorPlot } from "./depth-plots.js";
import { folded, htmlPage, list, paragraph, section, table, wide } from "./html-page.js";
import { barLegend, layerBars } from "./layer-bars.js";
import { layerMillisecondsSection } from "./layer-milliseconds.js";
import { mapStyle, networkMap } from "./network-map.js";
import { pictureRows, pictureStyle } from "./pictures.js";
import { plotStyle } from "./plot.js";
import { describePlan, headline, headlineColumns, judgement, provenance, titleOf } from "./rows.js";
import type { LayerReport, Report } from "./schema.js";
import type { Column } from "./table.js";

/** The report as one static HTML file: as much as it holds, the network, its errors and its pictures included. */
export function renderHtml(report: Report): string {
  const { tool, frontier, network, profile } = report;
  const title = titleOf(report);
  const plots = fronts(report.decisions ?? []);
  const map = network ? networkMap(network, report.layers) : "";
  const errors = profile ? errorPlot(profile) : "";
  const pictures = pictureRows(report.pictures ?? []);
  const titled = (heading: string, content: string): string =>
    content === "" ? "" : section(heading, content);
  const body = [
    `<h1>${forHtml(title)}</h1>`,
    section(
      "",
      table(
        headlineColumns,
        headline(report).map((row) => row.map(headlineCell)),
        "Before and after",
      ),
    ),
    verdicts(report),
    warnings(report),
    paragraph(`${judgement(report)} Calibration: ${provenance(report)}.`),
    titled("Frontier", frontier ? frontierPlot(frontier) : ""),
    titled("Pictures", pictures),
    titled("What each layer became", map),
    titled("Cost along the depth", bars(report.layers)),
    titled("Milliseconds of each layer", layerMillisecondsSection(report)),
    titled("Error along the depth", errors === "" ? "" : `${errorNote(report)}\n${errors}`),
    section("Layers", layers(report)),
    titled("Candidates", plots),
    section("Passes", passes(report)),
    section("Facts", list(facts(report))),
    section("Reproduce", `<pre>${forHtml(tool.command || "run from a program, not by a command")}</pre>`),
    paragraph(`Made by convopt ${tool.version}${tool.runtime ? ` with ${tool.runtime}` : ""}.`),
  ].filter((part) => part !== "");
  return htmlPage(title, body, [plotStyle, mapStyle, pictureStyle].join("\n"));
}

/** Ratios above this stand out: something takes more than before, by more than a machine's noise. */
const dearer = 1.02;

function headlineCell(cell: string, column: number): string {
  if (column === headlineColumns.length - 1 && Number(cell) > dearer)
    return `<strong class="missed">${forHtml(cell)}</strong>`;
  return forHtml(cell).replace(/ (\(95 .*\))$/, " <small>$1</small>");
}

function bars(reports: readonly LayerReport[]): string {
  const layers = reports.map(({ name, macs: [before, after] }) => ({
    name,
    before: before === null ? null : { value: before },
    after: after === null ? null : { value: after },
  }));
  const svg = layerBars("MACs of each layer, before and after", layers, quantity);
  return svg === "" ? "" : barLegend + wide(svg);
}

function errorNote({ profile }: Report): string {
  const images = profile?.images ?? 0;
  return paragraph(
    `Inner values of the original and of the written file that stand for the same, on ${images} image${images === 1 ? "" : "s"} in float64: the error that has come up to there, and the part that the layer itself adds (the result is fed with the original's values). Values without error are not drawn.`,
  );
}

function verdicts(report: Report): string {
  if (report.verdicts.length === 0) return "";
  const items = report.verdicts.map(
    ({ met, message, limit, measured }) =>
      `<li><strong class="${met ? "kept" : "missed"}">${met ? "kept" : "missed"}</strong> ${forHtml(message)} (limit ${limit}, measured ${small(measured)})</li>`,
  );
  return `<ul>\n${items.join("\n")}\n</ul>`;
}

/** Longer lists of warnings are folded away at first. */
const openWarnings = 6;

function warnings({ warnings: texts }: Report): string {
  return texts.length === 0
    ? ""
    : folded(
        `${texts.length} warning${texts.length === 1 ? "" : "s"}`,
        list(texts),
        texts.length <= openWarnings,
      );
}

/** Longer tables are folded away at first. */
const openRows = 80;

function layers(report: Report): string {
  if (report.layers.length === 0)
    return paragraph("The model has no convolution or Gemm with constant weights.");
  const largest = Math.max(1, ...report.layers.map((layer) => layer.macs[0] ?? 0));
  const columns = [
    { title: "layer", kind: "name" },
    { title: "weight" },
    { title: "MACs before", align: "right" as const },
    { title: "after", align: "right" as const },
    { title: "before and after" },
    { title: "became", kind: "became" },
    { title: "error", align: "right" as const },
    { title: "why", kind: "why" },
  ];
  const rows = report.layers.map((layer) => [
    forHtml(layer.name),
    forHtml(`${layer.op} ${layer.shape}`),
    quantity(layer.macs[0]),
    layer.verdict === "applied" ? quantity(layer.macs[1]) : "=",
    smallBars(layer, largest),
    forHtml(layer.verdict === "applied" ? describePlan(layer) : "standard"),
    small(layer.error),
    forHtml(layer.reason),
  ]);
  const note =
    "MACs are multiply–accumulates per sample (FLOPs = 2 × MACs). The error is the layer's own, relative L2, in the metric of its inputs.";
  return `${paragraph(note)}\n${folded(`${rows.length} layers`, table(columns, rows), rows.length <= openRows)}`;
}

/** Two bars, the layer's MACs before and after, against the largest layer. */
function smallBars(layer: LayerReport, largest: number): string {
  const width = 120;
  const size = (macs: number | null): string => ((width * (macs ?? 0)) / largest).toFixed(1);
  const [before, after] = layer.macs;
  const share = before !== null && after !== null && before > 0 ? percent(after / before) : "not known";
  return `<svg width="${width}" height="14" role="img" aria-label="${forHtml(`${share} of the MACs remain`)}"><rect class="before" width="${size(before)}" height="6"/><rect class="after" y="8" width="${size(after)}" height="6"/></svg>`;
}

function passes(report: Report): string {
  const right = (title: string): Column => ({ title, align: "right" });
  return table(
    [{ title: "pass" }, right("applied"), right("declined"), right("time")],
    report.passes.map((pass) => [
      forHtml(pass.name),
      String(pass.applied),
      String(pass.declined),
      milliseconds(pass.ms),
    ]),
  );
}

function facts(report: Report): string[] {
  const { input, output, tool, timings, calibration, latencyMs, peakRssBytes, budget } = report;
  const phases = [
    ["calibration", timings.calibrateMs],
    ["search", timings.searchMs],
    ["refit", timings.refitMs],
    ["recovery", timings.recoverMs],
    ["verification", timings.verifyMs],
  ] as const;
  const measured = phases.flatMap(([name, ms]) => (ms === null ? [] : [`${name} ${milliseconds(ms)}`]));
  const budgets = Object.entries(budget).map(([name, value]) => `${name} ${String(value)}`);
  return [
    `input: ${input.path} (sha256 ${input.sha256})`,
    `output: ${output.path} (sha256 ${output.sha256})`,
    `budget: ${budgets.length > 0 ? budgets.join(", ") : "none, exact rewrites only"}`,
    `calibration: ${provenance(report)}`,
    `seed: ${calibration.seed}`,
    ...(latencyMs.engine === null ? [] : [`latency: ${latencyMs.engine}, ${timedOn(latencyMs)}`]),
    `time: ${milliseconds(timings.totalMs)}${measured.length > 0 ? ` (${measured.join(", ")})` : ""}`,
    `peak memory: ${byteSize(peakRssBytes)}`,
    `tool: convopt ${tool.version}${tool.runtime ? `, ${tool.runtime}` : ""}`,
  ];
}

function timedOn({ threads, runs, ratioInterval }: Report["latencyMs"]): string {
  const counted = `${threads ?? "?"} thread${threads === 1 ? "" : "s"}, ${runs ?? "?"} runs of each in turn`;
  // On several threads cores come and go for seconds at a time.
  return ratioInterval && threads !== 1
    ? `${counted}; the quarter of the rounds counts in which the original was quickest`
    : counted;
}
