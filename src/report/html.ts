import { forHtml } from "./escape.js";
import { milliseconds, percent, quantity, small } from "./format.js";
import { describePlan, headline, headlineColumns, judgedOn, provenance, titleOf } from "./rows.js";
import type { LayerReport, Report } from "./schema.js";
import type { Column } from "./table.js";

/*
 * The report as one static HTML file: no script, no request, light and dark. The content security policy would stop
 * both if a string ever got through the escaping.
 */

const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const style = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --line: #d1d9e0; --back: #fff; --panel: #f6f8fa;
  --before: #b6c2cf; --after: #1a7f6b; --good: #1a7f37; --bad: #c42b1c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --back: #0d1117;
  --panel: #151b23; --before: #4a5663; --after: #3fb6a0; --good: #3fb950; --bad: #f85149; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 72rem; background: var(--back); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
p, li { color: var(--soft); max-width: 52rem; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: .5rem .75rem; color: var(--soft); }
th, td { padding: .4rem .75rem; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; } th { background: var(--panel); font-weight: 600; white-space: nowrap; }
.right { text-align: right; white-space: nowrap; }
.name { font-family: ui-monospace, monospace; font-size: 13px; overflow-wrap: anywhere; min-width: 10rem; }
.kept { color: var(--good); } .missed { color: var(--bad); } .why { color: var(--soft); min-width: 14rem; }
svg { display: block; } .before { fill: var(--before); } .after { fill: var(--after); }
@media print { body { max-width: none; padding: 0; } .scroll { overflow: visible; } }
`.trim();

export function renderHtml(report: Report): string {
  const { quality, tool } = report;
  const title = titleOf(report);
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
    section("Passes", passes(report)),
    report.warnings.length > 0 ? section("Warnings", list(report.warnings)) : "",
    section("Facts", list(facts(report))),
    paragraph(`Made by convopt ${tool.version}${tool.runtime ? ` with ${tool.runtime}` : ""}.`),
  ].filter((part) => part !== "");
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="referrer" content="no-referrer">',
    `<title>${forHtml(`convopt: ${title}`)}</title>`,
    `<style>${style}</style>`,
    "</head>",
    "<body>",
    "<main>",
    ...body,
    "</main>",
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

function section(title: string, content: string): string {
  return `<section>${title === "" ? "" : `<h2>${forHtml(title)}</h2>`}\n${content}\n</section>`;
}

function paragraph(text: string): string {
  return `<p>${forHtml(text)}</p>`;
}

function list(items: readonly string[]): string {
  return `<ul>\n${items.map((item) => `<li>${forHtml(item)}</li>`).join("\n")}\n</ul>`;
}

/** A table of cells that are HTML already. */
function table(
  columns: readonly (Column & { readonly kind?: string })[],
  rows: readonly string[][],
  caption = "",
): string {
  const kind = (index: number): string => {
    const column = columns[index];
    const name = column?.kind ?? (column?.align === "right" ? "right" : "");
    return name === "" ? "" : ` class="${name}"`;
  };
  const head = columns.map((column, i) => `<th scope="col"${kind(i)}>${forHtml(column.title)}</th>`).join("");
  const body = rows.map((row) => `<tr>${row.map((cell, i) => `<td${kind(i)}>${cell}</td>`).join("")}</tr>`);
  const label = caption === "" ? "" : `<caption>${forHtml(caption)}</caption>`;
  return `<div class="scroll" tabindex="0"><table>${label}<thead><tr>${head}</tr></thead><tbody>\n${body.join("\n")}\n</tbody></table></div>`;
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
