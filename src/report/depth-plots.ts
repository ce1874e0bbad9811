import { forHtml } from "./escape.js";
import { quantity, small, milliseconds } from "./format.js";
import { wide } from "./html-page.js";
import { plotSvg, ticks } from "./plot.js";
import type { LayerReport } from "./schema.js";
import type { ErrorProfile } from "./verification.js";

/* Figures along the depth of a network. */

/** Errors below this are drawn at it: the axis is logarithmic. */
const least = 1e-17;

/** Error profile: relative L2 over the number of the layer, accumulated as a line, the layers' own as points. */
export function errorPlot(profile: ErrorProfile): string {
  const points = profile.layers.map(({ node, op, relativeError, localError }, i) => ({
    x: i + 1,
    label: `${node} (${op}): ${small(relativeError)}, its own ${small(localError)}`,
    relativeError,
    localError,
  }));
  const height = (error: number | null): number =>
    error === null ? NaN : Math.log10(Math.max(error, least));
  const drawn = points.filter(({ relativeError }) => relativeError !== null && relativeError > 0);
  if (drawn.length === 0) return "";
  const svg = plotSvg({
    title: "Error along the depth",
    x: { title: "value of the network, from the input on", format: String },
    y: { title: "relative L2 error", format: (exponent) => `1e${exponent}`, whole: true },
    labels: false,
    height: 320,
    series: [
      {
        name: "",
        connected: true,
        dots: drawn.length <= 80,
        points: drawn.map((point) => ({ ...point, y: height(point.relativeError), emphasis: true })),
      },
      {
        name: "",
        points: points
          .filter(({ localError }) => localError !== null && localError > 0)
          .map((point) => ({ ...point, y: height(point.localError) })),
      },
    ],
  });
  return svg === "" ? "" : `${errorLegend}\n${wide(svg)}`;
}

const errorLegend =
  '<ul class="legend"><li><svg class="plot" width="12" height="12" aria-hidden="true"><circle class="point full" cx="6" cy="6" r="4"/></svg>accumulated</li><li><svg class="plot" width="12" height="12" aria-hidden="true"><circle class="point" cx="6" cy="6" r="4"/></svg>its own</li></ul>';

/** Bars of every layer before and after, over its number; empty where nothing was measured. */
export function layerBars(layers: readonly LayerReport[], of: "macs" | "ms"): string {
  const measured = layers.map((layer) => ({ name: layer.name, before: layer[of][0], after: layer[of][1] }));
  const largest = Math.max(...measured.map(({ before, after }) => Math.max(before ?? 0, after ?? 0)));
  if (!(largest > 0)) return "";
  const [width, height, left, right, top, bottom] = [720, 260, 64, 20, 12, 36];
  const marks = ticks([0, largest], undefined, 4);
  const toY = (value: number): number => height - bottom - ((height - top - bottom) * value) / marks.at(-1)!;
  const step = (width - left - right) / measured.length;
  const text = of === "macs" ? quantity : milliseconds;
  // Narrow bars lie over each other, so that what is gone shows above.
  const [bare, second] = step < 6 ? [0.9, 0] : [0.4, 0.4];
  const bar = (value: number | null, i: number, style: string, shift: number): string => {
    if (value === null || value <= 0) return "";
    const y = toY(value);
    return `<rect class="${style}" x="${at(left + step * (i + 0.05 + shift))}" y="${at(y)}" width="${at(Math.max(0.5, bare * step))}" height="${at(height - bottom - y)}"/>`;
  };
  const bars = measured.map(
    ({ name, before, after }, i) =>
      `<g><title>${forHtml(`${i + 1} ${name}: ${text(before)} → ${text(after)}`)}</title>${bar(before, i, "before", 0)}${bar(after, i, "after", second)}</g>`,
  );
  const every = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((n) => n * step >= 34) ?? 5000;
  const numbers = measured.flatMap((_, i) =>
    (i + 1) % every === 0 || (i === 0 && every > 1)
      ? [
          `<text x="${at(left + step * (i + 0.5))}" y="${height - bottom + 16}" text-anchor="middle">${i + 1}</text>`,
        ]
      : [],
  );
  const title =
    of === "macs" ? "MACs of each layer, before and after" : "Time of each layer, before and after";
  return [
    `<svg class="plot" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${title}">`,
    `<title>${title}</title>`,
    ...marks.map(
      (mark) =>
        `<path class="grid" d="M${left} ${at(toY(mark))}H${width - right}"/><text x="${left - 8}" y="${at(toY(mark) + 4)}" text-anchor="end">${forHtml(text(mark))}</text>`,
    ),
    ...bars,
    ...numbers,
    `<text x="${(left + width) / 2}" y="${height - 4}" text-anchor="middle">layer</text>`,
    "</svg>",
  ].join("\n");
}

/** Small squares that say which bar is which. */
export const barLegend =
  '<ul class="legend"><li><svg width="12" height="12" aria-hidden="true"><rect class="before" width="12" height="12"/></svg>before</li><li><svg width="12" height="12" aria-hidden="true"><rect class="after" width="12" height="12"/></svg>after</li></ul>';

function at(value: number): string {
  return String(Math.round(value * 10) / 10);
}
