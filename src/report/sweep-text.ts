import { forMarkdown, forTerminal } from "./escape.js";
import { sweepColumns, sweepNotes, sweepRow } from "./sweep-rows.js";
import type { Sweep } from "./sweep.js";
import { markdownTable, textTable } from "./table.js";

/** The sweep for a terminal. */
export function renderSweepText(sweep: Sweep): string {
  const rows = sweep.points.map((point) => sweepRow(point, forTerminal));
  return [textTable(sweepColumns, rows), sweepNotes(sweep).join("\n")].join("\n\n") + "\n";
}

/** The sweep as Markdown: nothing in it that the JSON doesn't say. */
export function renderSweepMarkdown(sweep: Sweep): string {
  const { input, tool, warnings } = sweep;
  const sections = [
    `# Frontier of ${forMarkdown(input.path)}`,
    markdownTable(
      sweepColumns,
      sweep.points.map((point) => sweepRow(point, forMarkdown)),
    ),
    ...sweepNotes(sweep),
    ...(warnings.length > 0
      ? ["## Warnings", warnings.map((warning) => `- ${forMarkdown(warning)}`).join("\n")]
      : []),
    "## Facts",
    `- input: ${forMarkdown(input.path)} (sha256 ${forMarkdown(input.sha256)})\n- command: ${forMarkdown(tool.command)}`,
    `Made by convopt ${forMarkdown(tool.version)}${tool.runtime ? ` with ${forMarkdown(tool.runtime)}` : ""}.`,
  ];
  return sections.join("\n\n") + "\n";
}
