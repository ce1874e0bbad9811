import { forHtml } from "./escape.js";
import { fronts } from "./front-plots.js";
import { milliseconds, percent, quantity, small } from "./format.js";
import { htmlPage, list, paragraph, section, table } from "./html-page.js";
import { plotStyle } from "./plot.js";
import { describePlan, headline, headlineColumns, judgedOn, provenance, titleOf } from "./rows.js";
import type { LayerReport, Report } from "./schema.js";
import type { Column } from "./table.js";

/** The report as one static HTML file; with its decisions it plots what was tried for every layer. */
export function renderHtml(report: Report): string {
  const { quality, tool } = report;
  const title = titleOf(report);
  const plots = fronts(report.decisions ?? []);
  const body = [
    `<h1>${forHtml(title)}</h1>`,
    section(
      "",
      table(
        headlineColumns,
        headline(report).map((row) => row.map(forHtml)),
        "Before and after",
      ),
    ),
    verdicts(report),
    paragraph(
      `Quality was measured on the written file with ${judgedOn(report)}${quality.engine ? ` by ${quality.engine}` : ""}. Calibration: ${provenance(report)}.`,
    ),
    section("Layers", layers(report)),
    plots === "" ? "" : section("Candidates", plots),
    section("Passes", passes(report)),
    report.warnings.length > 0 ? section("Warnings", list(report.warnings)) : "",
    section("Facts", list(facts(report))),
    paragraph(`Made by convopt ${tool.version}${tool.runtime ? ` with ${tool.runtime}` : ""}.`),
  ].filter((part) => part !== "");
  return htmlPage(title, body, plots === "" ? "" : plotStyle);
}

function verdicts(report: Report): string {
  if (report.verdicts.length === 0) return "";
  const items = report.verdicts.map(
    ({ met, message, limit, measured }) =>
      `<li><strong class="${met ? "kept" : "missed"}">${met ? "kept" : "missed"}</strong> ${forHtml(message)} (limit ${limit}, measured ${small(measured)})</li>`,
  );
  return `<ul>\n${items.join("\n")}\n</ul>`;
}

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
    { title: "became" },
    { title: "error", align: "right" as const },
    { title: "why", kind: "why" },
  ];
  const rows = report.layers.map((layer) => [
    forHtml(layer.name),
    forHtml(`${layer.op} ${layer.shape}`),
    quantity(layer.macs[0]),
    layer.verdict === "applied" ? quantity(layer.macs[1]) : "=",
    bars(layer, largest),
    forHtml(layer.verdict === "applied" ? describePlan(layer) : "standard"),
    small(layer.error),
    forHtml(layer.reason),
  ]);
  const note =
    "MACs are multiply–accumulates per sample (FLOPs = 2 × MACs). The error is the layer's own, relative L2, in the metric of its inputs.";
  return `${paragraph(note)}\n${table(columns, rows)}`;
}

/** Two bars, the layer's MACs before and after, against the largest layer. */
function bars(layer: LayerReport, largest: number): string {
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
  const { input, output, tool, timings } = report;
  return [
    `input: ${input.path} (sha256 ${input.sha256})`,
    `output: ${output.path} (sha256 ${output.sha256})`,
    `command: ${tool.command}`,
    `time: ${milliseconds(timings.totalMs)}`,
  ];
}
