import { forTerminal } from "./escape.js";
import { small } from "./format.js";
import {
  headline,
  headlineColumns,
  isJudged,
  judgedOn,
  layerColumns,
  layerRow,
  provenance,
  unjudged,
} from "./rows.js";
import type { Report } from "./schema.js";
import { shorten, textTable } from "./table.js";

const maxCell = 48;

/** The report for a terminal: per-layer table first, headline and verdicts last, where the eye ends. */
export function renderText(report: Report): string {
  const cell = (raw: string): string => shorten(forTerminal(raw), maxCell);
  const parts = [
    report.layers.length > 0
      ? textTable(
          layerColumns,
          report.layers.map((layer) => layerRow(layer, cell)),
        )
      : "",
    textTable(headlineColumns, headline(report)),
    report.verdicts
      .map(
        ({ met, message, limit, measured }) =>
          `${met ? "kept  " : "MISSED"}  ${forTerminal(message)} (limit ${limit}, measured ${small(measured)})`,
      )
      .join("\n"),
    `${judgement(report)} ${capitalised(provenance(report))}.`,
  ];
  return parts.filter((part) => part !== "").join("\n\n") + "\n";
}

function judgement(report: Report): string {
  if (!isJudged(report)) return unjudged;
  const { engine } = report.quality;
  const what = report.output.path === "" ? "what would be written" : "the written file";
  return `Judged on ${judgedOn(report)}${engine ? ` by ${forTerminal(engine)}` : ""}, on ${what}.`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
