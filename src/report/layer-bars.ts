import { forHtml } from "./escape.js";
import { ticks } from "./plot.js";

/** A layer before and after, in whatever unit. */
export interface LayerBar {
  readonly name: string;
  readonly before: BarValue | null;
  readonly after: BarValue | null;
}

export interface BarValue {
  readonly value: number;
  /** Drawn as an error bar. */
  readonly interval?: readonly [number, number] | undefined;
  /** Drawn as a line across: what was expected in its place. */
  readonly expected?: number | undefined;
}

/** Bars of every layer before and after, over its number; empty where there is nothing to draw. */
export function layerBars(
  title: string,
  layers: readonly LayerBar[],
  text: (value: number) => string,
): string {
  const values = layers.flatMap(({ before, after }) => [before, after].filter((bar) => bar !== null));
  const largest = Math.max(
    ...values.flatMap(({ value, interval, expected = 0 }) => [value, interval?.[1] ?? 0, expected]),
  );
  if (!(largest > 0)) return "";
  const [width, height, left, right, top, bottom] = [720, 260, 64, 20, 12, 36];
  const marks = ticks([0, largest], undefined, 4);
  const toY = (value: number): number => height - bottom - ((height - top - bottom) * value) / marks.at(-1)!;
  const step = (width - left - right) / layers.length;
  // Narrow bars lie over each other, so that what is gone shows above.
  const [bare, second] = step < 6 ? [0.9, 0] : [0.4, 0.4];
  const bar = (it: BarValue | null, i: number, style: string, shift: number): string => {
    if (it === null || it.value <= 0) return "";
    const x = left + step * (i + 0.05 + shift);
    const size = Math.max(0.5, bare * step);
    const y = toY(it.value);
    const rect = `<rect class="${style}" x="${at(x)}" y="${at(y)}" width="${at(size)}" height="${at(height - bottom - y)}"/>`;
    return rect + whisker(it, x, size, toY);
  };
  const said = (it: BarValue | null): string => (it === null ? "–" : text(it.value));
  const bars = layers.map(
    ({ name, before, after }, i) =>
      `<g><title>${forHtml(`${i + 1} ${name}: ${said(before)} → ${said(after)}`)}</title>${bar(before, i, "before", 0)}${bar(after, i, "after", second)}</g>`,
  );
  const every = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((n) => n * step >= 34) ?? 5000;
  const numbers = layers.flatMap((_, i) =>
    (i + 1) % every === 0 || (i === 0 && every > 1)
      ? [
          `<text x="${at(left + step * (i + 0.5))}" y="${height - bottom + 16}" text-anchor="middle">${i + 1}</text>`,
        ]
      : [],
  );
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

/** Bars narrower than this carry no error bars. */
const leastWhisker = 4;

function whisker(
  { interval, expected }: BarValue,
  x: number,
  size: number,
  toY: (v: number) => number,
): string {
  if (size < leastWhisker) return "";
  const middle = x + size / 2;
  const parts = [
    ...(interval ? [`M${at(middle)} ${at(toY(interval[0]))}V${at(toY(interval[1]))}`] : []),
    ...(expected === undefined ? [] : [`M${at(x)} ${at(toY(expected))}h${at(size)}`]),
  ];
  return parts.length > 0 ? `<path class="whisker" d="${parts.join("")}"/>` : "";
}

/** Small squares that say which bar is which. */
export const barLegend =
  '<ul class="legend"><li><svg width="12" height="12" aria-hidden="true"><rect class="before" width="12" height="12"/></svg>before</li><li><svg width="12" height="12" aria-hidden="true"><rect class="after" width="12" height="12"/></svg>after</li></ul>';

function at(value: number): string {
  return String(Math.round(value * 10) / 10);
}
