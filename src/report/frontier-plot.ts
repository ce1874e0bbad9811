import type { Frontier } from "./details.js";
import { percent, small } from "./format.js";
import { paragraph, wide } from "./html-page.js";
import { plotSvg, type PlotSeries } from "./plot.js";

const measures: Readonly<Record<Frontier["measure"], string>> = {
  klDivergence: "KL divergence (nats)",
  squaredError: "squared relative error",
  both: "KL divergence (nats) and squared relative error",
};

/** Decades of the divergence that are drawn; what lies lower is at the bottom of any budget's interest. */
const decades = 6;

/** Families that are drawn alone at most: those that do best at the choice's cost. */
const mostFamilies = 6;

/** Where the families are compared when there is no choice. */
const middle = 0.5;

const choiceNote =
  "Filled points are the choice: as predicted, and as measured on the selected images with everything refitted together. Other budgets than MACs put the choice above the line.";

/** What the search predicted for every budget of MACs, with its choice, beside each family alone. */
export function frontierPlot({ measure, chosen, series }: Frontier): string {
  const highest = Math.max(...series.flatMap(({ points }) => points.map(({ loss }) => loss)));
  const drawn = (loss: number): boolean => loss > 0 && loss >= highest / 10 ** decades;
  const choice = chosen
    ? [
        { label: "predicted", loss: chosen.predicted, below: chosen.predicted < chosen.measured },
        { label: "measured", loss: chosen.measured, below: chosen.predicted >= chosen.measured },
      ]
    : [];
  const kept = chosen?.kept ?? middle;
  const alone = series
    .filter(({ family }) => family !== null)
    .sort((a, b) => lossWithin(a, kept) - lossWithin(b, kept));
  const others = Math.max(0, alone.length - mostFamilies);
  const lines = [...series.filter(({ family }) => family === null), ...alone.slice(0, mostFamilies)].map(
    ({ family, points }): PlotSeries => ({
      name: family ?? "all families",
      connected: true,
      quiet: family !== null,
      dots: false,
      points: points
        .filter(({ loss }) => drawn(loss))
        .map(({ kept: x, loss }) => ({
          x,
          y: Math.log10(loss),
          label: `${percent(x)} of the MACs, ${small(loss)}`,
        })),
    }),
  );
  const svg = plotSvg({
    title: `Predicted ${measures[measure]} over MACs kept`,
    x: { title: "MACs kept", format: (value) => percent(value, 0), holds: [0, 1] },
    y: {
      title: measures[measure],
      format: (value) => (value < -3 ? `1e${value}` : small(10 ** value)),
      whole: true,
    },
    series: [
      ...lines.filter(({ points }) => points.length > 0),
      {
        name: "",
        points: choice
          .filter(({ loss }) => drawn(loss))
          .map(({ label, loss, below }) => ({ x: kept, y: Math.log10(loss), label, below, emphasis: true })),
      },
    ],
  });
  if (svg === "") return "";
  const note = `The strong line is the least ${measures[measure]} that the sensitivities predict at each budget with all families, the soft ones with one family alone and untouched layers${others > 0 ? ` (${mostFamilies} families of ${alone.length}: those that do best at ${percent(kept, 0)})` : ""}: the sum of what single layers do to the answers. ${chosen ? choiceNote : "No choice kept the budget."}`;
  return `${paragraph(note)}\n<figure>${wide(svg)}</figure>`;
}

/** Least loss at a cost of the choice's or below; infinite where the family can't reach it. */
function lossWithin({ points }: Frontier["series"][number], kept: number): number {
  return Math.min(Infinity, ...points.filter((point) => point.kept <= kept).map(({ loss }) => loss));
}
