import { forHtml } from "./escape.js";
import { percent, small } from "./format.js";
import { shorten } from "./table.js";

/*
 * Plots as static SVG: no script, no request, colours through CSS classes, every string escaped here. The style belongs
 * to the page: `plotStyle` for both colour schemes.
 */

export interface PlotPoint {
  readonly x: number;
  readonly y: number;
  /** Written beside the point; the tooltip always says it. */
  readonly label: string;
  /** The label stands under the point, not above it. */
  readonly below?: boolean;
  /** Filled, where others are hollow. */
  readonly emphasis?: boolean;
}

export interface PlotSeries {
  readonly name: string;
  readonly points: readonly PlotPoint[];
  /** A line through the points in the order of x. */
  readonly connected?: boolean;
  /** In the background: soft, without labels. */
  readonly quiet?: boolean;
  /** False for a line without its points and labels; their tooltips stay. */
  readonly dots?: boolean;
}

export interface PlotAxis {
  readonly title: string;
  readonly format: (value: number) => string;
  /** The axis holds this range at least. */
  readonly holds?: readonly [number, number];
  /** Ticks at whole numbers only. */
  readonly whole?: boolean;
}

export interface Plot {
  readonly title: string;
  readonly x: PlotAxis;
  readonly y: PlotAxis;
  readonly series: readonly PlotSeries[];
  readonly width?: number;
  readonly height?: number;
  /** Whether points carry their labels. */
  readonly labels?: boolean;
}

export const plotStyle = `
.plot { max-width: 100%; height: auto; font: 12px system-ui, sans-serif; }
.plot text { fill: var(--soft); } .plot .name { fill: var(--ink); font: inherit; }
.plot .grid { stroke: var(--line); stroke-width: 1; } .plot .line { fill: none; stroke: var(--after); stroke-width: 2; }
.plot .point { fill: var(--back); stroke: var(--after); stroke-width: 1.5; } .plot .point.full { fill: var(--after); }
.plot .quiet.line { stroke: var(--before); stroke-width: 1; } .plot .quiet.point { stroke: var(--before); stroke-width: 1; }
.plot .quiet.point.full { fill: var(--before); }
.plot .whisker { fill: none; stroke: var(--ink); stroke-width: 1; }
.plot .hidden { opacity: 0; } figure { margin: 1rem 0; } figcaption { color: var(--soft); }
`.trim();

/** Magnitudes that can be drawn; anything smaller is zero. */
const [smallest, largest] = [1e-100, 1e100];

const legendLine = 18;
const legendWidth = 260;

interface Frame {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The plot as an `<svg>`; empty when no point has coordinates that can be drawn. */
export function plotSvg(plot: Plot): string {
  const named = plot.series.length > 1 && plot.series.some(({ name }) => name !== "");
  const { width = named ? 960 : 720 } = plot;
  const height = Math.max(plot.height ?? 400, named ? plot.series.length * legendLine + 72 : 0);
  const series = plot.series.map((one) => ({
    ...one,
    points: one.points
      .filter(({ x, y }) => Math.abs(x) <= largest && Math.abs(y) <= largest)
      .sort((a, b) => a.x - b.x || a.y - b.y),
  }));
  const points = series.flatMap((one) => one.points);
  if (points.length === 0) return "";
  const frame: Frame = { left: 64, top: 16, right: width - (named ? legendWidth : 24), bottom: height - 48 };
  const xTicks = ticks(points.map(({ x }) => x), plot.x.holds, Math.max(2, Math.round(width / 110))); // prettier-ignore
  const yTicks = ticks(points.map(({ y }) => y), plot.y.holds, Math.max(2, Math.round(height / 70)), plot.y.whole); // prettier-ignore
  const toX = scale(xTicks, frame.left, frame.right);
  const toY = scale(yTicks, frame.bottom, frame.top);
  // Quiet series go below the others.
  const ordered = [...series.filter(({ quiet }) => quiet), ...series.filter(({ quiet }) => !quiet)];
  const parts = [
    ...grid(plot, frame, xTicks, yTicks, toX, toY),
    ...ordered.flatMap((one) => drawSeries(one, toX, toY, plot.labels ?? true)),
    ...(named ? legend(series, toX, toY, frame) : []),
  ];
  return [
    `<svg class="plot" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${forHtml(plot.title)}">`,
    `<title>${forHtml(plot.title)}</title>`,
    ...parts,
    "</svg>",
  ].join("\n");
}

function grid(
  { x, y }: Plot,
  frame: Frame,
  xTicks: readonly number[],
  yTicks: readonly number[],
  toX: (value: number) => number,
  toY: (value: number) => number,
): string[] {
  const { left, right, top, bottom } = frame;
  const middle = (left + right) / 2;
  return [
    ...xTicks.map(
      (tick) =>
        `<path class="grid" d="M${at(toX(tick))} ${at(top)}V${at(bottom)}"/><text x="${at(toX(tick))}" y="${at(bottom + 16)}" text-anchor="middle">${forHtml(x.format(tick))}</text>`,
    ),
    ...yTicks.map(
      (tick) =>
        `<path class="grid" d="M${at(left)} ${at(toY(tick))}H${at(right)}"/><text x="${at(left - 8)}" y="${at(toY(tick) + 4)}" text-anchor="end">${forHtml(y.format(tick))}</text>`,
    ),
    `<text x="${at(middle)}" y="${at(bottom + 36)}" text-anchor="middle">${forHtml(x.title)}</text>`,
    `<text transform="translate(14 ${at((top + bottom) / 2)}) rotate(-90)" text-anchor="middle">${forHtml(y.title)}</text>`,
  ];
}

function drawSeries(
  { points, connected, quiet, name, dots = true }: PlotSeries,
  toX: (value: number) => number,
  toY: (value: number) => number,
  labels: boolean,
): string[] {
  const kind = quiet ? "quiet " : "";
  const line =
    connected && points.length > 1
      ? `<polyline class="${kind}line" points="${points.map(({ x, y }) => `${at(toX(x))},${at(toY(y))}`).join(" ")}"/>`
      : "";
  const marks = points.map(({ x, y, label, emphasis, below }) => {
    const [cx, cy] = [at(toX(x)), at(toY(y))];
    const tooltip = `<title>${forHtml(name === "" ? label : `${name}: ${label}`)}</title>`;
    const text =
      labels && dots && !quiet && label !== ""
        ? `<text x="${at(toX(x) + 7)}" y="${at(toY(y) + (below ? 15 : -7))}">${forHtml(label)}</text>`
        : "";
    const style = dots ? `${kind}point${emphasis ? " full" : ""}` : "hidden";
    return `<circle class="${style}" cx="${cx}" cy="${cy}" r="${quiet ? 2.5 : 4}">${tooltip}</circle>${text}`;
  });
  return [line, ...marks].filter((part) => part !== "");
}

/** Where there are several series: the number of those with a name at the cheapest point, and number and name in a column on the right. */
function legend(
  series: readonly PlotSeries[],
  toX: (value: number) => number,
  toY: (value: number) => number,
  frame: Frame,
): string[] {
  return series.flatMap(({ name, quiet, points }, i) => {
    if (name === "") return [];
    const first = points[0];
    const kind = quiet ? "" : ' class="name"';
    const entry = `<text${kind} x="${at(frame.right + 16)}" y="${at(frame.top + 12 + i * legendLine)}">${forHtml(shorten(`${i + 1} ${name}`, 38))}</text>`;
    if (!first) return [entry];
    return [
      entry,
      `<text${kind} x="${at(toX(first.x) - 6)}" y="${at(toY(first.y) - 5)}" text-anchor="end">${i + 1}</text>`,
    ];
  });
}

/** Round numbers (1, 2 or 5 times a power of ten) that enclose the values, about `count` of them. */
export function ticks(
  values: readonly number[],
  holds: readonly [number, number] | undefined,
  count: number,
  whole = false,
): number[] {
  let low = Math.min(...values, holds?.[0] ?? Infinity);
  let high = Math.max(...values, holds?.[1] ?? -Infinity);
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (high - low <= 1e-9 * size || size < smallest) {
    const margin = size < smallest ? 1 : size / 2;
    [low, high] = [low - margin, high + margin];
  }
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const round = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough * (1 - 1e-9)) ?? 10);
  const step = whole ? Math.max(1, round) : round;
  const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
  // Multiples, not sums, so that 0.3 is 0.3.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function scale(over: readonly number[], from: number, to: number): (value: number) => number {
  const [low, high] = [over[0]!, over.at(-1)!];
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}

/** A coordinate: a tenth of a pixel is enough. */
function at(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** One model of a frontier. */
export interface ParetoPoint {
  /** Fraction of the MACs that remain. */
  readonly kept: number;
  readonly divergence: number;
  readonly label: string;
  /** Points of one series are joined; "" for the frontier that the others are compared with. */
  readonly series: string;
  readonly optimal: boolean;
}

/** Divergence over MACs kept; filled points are Pareto-optimal, quiet lines are the frontiers of others. */
export function paretoPlot(points: readonly ParetoPoint[], measure: string, main = "all families"): string {
  const names = [...new Set(points.map(({ series }) => series))];
  return plotSvg({
    title: `${measure} over MACs kept`,
    x: { title: "MACs kept", format: (value) => percent(value, 0), holds: [0, 1] },
    y: { title: measure, format: small, holds: [0, 0] },
    series: names.map((series) => ({
      name: series === "" ? (names.length > 1 ? main : "") : series,
      connected: true,
      quiet: series !== "",
      points: points
        .filter((point) => point.series === series)
        .map(({ kept, divergence, label, optimal }) => ({
          x: kept,
          y: divergence,
          label,
          emphasis: optimal,
        })),
    })),
  });
}
