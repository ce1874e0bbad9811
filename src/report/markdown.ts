import { forMarkdown } from "./escape.js";
import { milliseconds, small } from "./format.js";
import { headline, headlineColumns, judgement, layerColumns, layerRow, provenance, titleOf } from "./rows.js";
import type { Report } from "./schema.js";
import { markdownTable } from "./table.js";

/** The report as Markdown: nothing in it that the JSON doesn't say. */
export function renderMarkdown(report: Report): string {
  const { tool } = report;
  const sections = [
    `# ${forMarkdown(titleOf(report))}`,
    markdownTable(headlineColumns, headline(report)),
    verdicts(report),
    report.warnings.map((warning) => `- **warning** ${forMarkdown(warning)}`).join("\n"),
    `${judgement(report, forMarkdown)} Calibration: ${provenance(report)}.`,
    "## Layers",
    "MACs are multiply–accumulates per sample (FLOPs = 2 × MACs). The error is the layer's own, relative L2, in the metric of its inputs.",
    report.layers.length > 0
      ? markdownTable(
          layerColumns,
          report.layers.map((layer) => layerRow(layer, forMarkdown)),
        )
      : "The model has no convolution or Gemm with constant weights.",
    "## Passes",
    markdownTable(
      [
        { title: "pass" },
        { title: "applied", align: "right" },
        { title: "declined", align: "right" },
        { title: "time", align: "right" },
      ],
      report.passes.map((pass) => [
        forMarkdown(pass.name),
        String(pass.applied),
        String(pass.declined),
        milliseconds(pass.ms),
      ]),
    ),
    "## Facts",
    facts(report)
      .map(([name, value]) => `- ${name}: ${forMarkdown(value)}`)
      .join("\n"),
    `Made by convopt ${forMarkdown(tool.version)}${tool.runtime ? ` with ${forMarkdown(tool.runtime)}` : ""}.`,
  ];
  return sections.filter((section) => section !== "").join("\n\n") + "\n";
}

function verdicts(report: Report): string {
  return report.verdicts
    .map(
      ({ met, message, limit, measured }) =>
        `- ${met ? "**kept**" : "**missed**"} ${forMarkdown(message)} (limit ${limit}, measured ${small(measured)})`,
    )
    .join("\n");
}

function facts(report: Report): [string, string][] {
  const { input, output, timings, tool } = report;
  return [
    ["input", `${input.path} (sha256 ${input.sha256})`],
    ["output", `${output.path} (sha256 ${output.sha256})`],
    ["command", tool.command],
    [
      "time",
      `${milliseconds(timings.totalMs)} (calibration ${milliseconds(timings.calibrateMs)}, search ${milliseconds(timings.searchMs)}, verification ${milliseconds(timings.verifyMs)})`,
    ],
    [
      "peak memory",
      report.peakRssBytes === null ? "not measured" : `${Math.round(report.peakRssBytes / 1e6)} MB`,
    ],
  ];
}
