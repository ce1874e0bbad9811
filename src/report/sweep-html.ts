import { forHtml } from "./escape.js";
import { percent } from "./format.js";
import { htmlPage, list, paragraph, section, table } from "./html-page.js";
import { paretoPlot, plotStyle, type ParetoPoint } from "./plot.js";
import { sweepColumns, sweepNotes, sweepRow } from "./sweep-rows.js";
import { divergenceOf, type Sweep } from "./sweep.js";

const measures = { klDivergence: "KL divergence (nats)", relativeError: "relative error" };

/** The sweep as one static HTML file: the frontier as plots and as a table. */
export function renderSweepHtml(sweep: Sweep): string {
  const title = sweep.input.path.split(/[\\/]/).at(-1) ?? "model";
  const { tool, warnings } = sweep;
  const measure = measures[sweep.divergence];
  const disagreement = sweep.points.some(({ quality }) => quality.agreement !== null)
    ? figure(
        plotOf(sweep, "disagreement with the original", ({ quality }) =>
          quality.agreement === null ? null : 1 - quality.agreement,
        ),
      )
    : "";
  const body = [
    `<h1>${forHtml(`Frontier of ${title}`)}</h1>`,
    section(
      "",
      figure(plotOf(sweep, measure, (point) => divergenceOf(point, sweep.divergence))) + disagreement,
    ),
    section(
      "Points",
      table(
        sweepColumns,
        sweep.points.map((point) => sweepRow(point, forHtml)),
      ),
    ),
    ...sweepNotes(sweep).map(paragraph),
    warnings.length > 0 ? section("Warnings", list(warnings)) : "",
    section(
      "Facts",
      list([`input: ${sweep.input.path} (sha256 ${sweep.input.sha256})`, `command: ${tool.command}`]),
    ),
    paragraph(`Made by convopt ${tool.version}${tool.runtime ? ` with ${tool.runtime}` : ""}.`),
  ].filter((part) => part !== "");
  return htmlPage(`frontier of ${title}`, body, plotStyle);
}

function plotOf(
  { points }: Sweep,
  measure: string,
  value: (point: Sweep["points"][number]) => number | null,
): string {
  const plotted = points.flatMap((point): ParetoPoint[] => {
    const [kept, divergence] = [point.macs.ratio, value(point)];
    if (kept === null || divergence === null) return [];
    const { family, paretoOptimal } = point;
    return [{ kept, divergence, label: percent(kept), series: family ?? "", optimal: paretoOptimal }];
  });
  return paretoPlot(plotted, measure);
}

function figure(svg: string): string {
  return svg === "" ? "" : `<figure>${svg}</figure>`;
}
