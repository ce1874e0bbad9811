import type { Network } from "./details.js";
import { forHtml, visible } from "./escape.js";
import { percent } from "./format.js";
import { folded, paragraph, wide } from "./html-page.js";
import { kindOf, layerKinds } from "./layer-kinds.js";
import { describePlan } from "./rows.js";
import type { LayerReport } from "./schema.js";
import { shorten } from "./table.js";

/*
 * The network as a list of rows from input to output with its edges in lanes on the left, as version histories are
 * drawn: readable at any width and for any depth. The rows are cut into columns, each a drawing of its own, so that
 * the page can put them beside each other; a lane that goes on in the next column keeps its place.
 */

export const mapStyle = `
.map { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1rem 0; } .map svg { font: 11px system-ui, sans-serif; }
.map .lane { fill: none; stroke: var(--soft); stroke-width: 1.5; opacity: .7; }
.map text { fill: var(--ink); } .map .soft { fill: var(--soft); } .map .mono { font-family: ui-monospace, monospace; }
.mark-letter { fill: #fff; font: bold 9px system-ui, sans-serif; text-anchor: middle; } text.mark-letter.dark { fill: var(--ink); }
.map text.mark-letter { fill: #fff; } .map text.mark-letter.dark { fill: var(--ink); }
.k-same { fill: #7d8791; } .k-exact { fill: #2f6fd0; } .k-depthwise { fill: #12806a; } .k-grouped { fill: #b35900; }
.k-low { fill: #8250df; } .k-spatial { fill: #bf3989; } .k-sum { fill: #8a6a00; } .k-other { fill: #a33b2c; }
.k-gone { fill: var(--back); stroke: var(--soft); stroke-dasharray: 2 2; } .k-node { fill: var(--back); stroke: var(--soft); stroke-width: 1.5; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; color: var(--soft); font-size: 13px; list-style: none; padding: 0; }
.legend li { display: flex; align-items: center; gap: .4rem; max-width: none; }
`.trim();

/** Widths of a column: three or four of them fit on a page, one on a telephone. */
const widths = { full: 352, compact: 250 };
const mostLanes = 10;
const laneWidth = 12;
/** Beyond this many rows each takes one line instead of two, and a column more of them. */
const compactFrom = 60;
/** Beyond this many rows the map is folded away under the strip that shows it all. */
const foldedFrom = 150;

interface Row {
  readonly node: Network["nodes"][number];
  readonly layer: LayerReport | undefined;
  readonly lane: number;
}

/** Rows that a value is alive in, in its lane. */
interface Wire {
  readonly lane: number;
  readonly from: number;
  readonly readers: readonly number[];
}

/** The map with its legend; empty for a network without layers. */
export function networkMap(network: Network, layers: readonly LayerReport[]): string {
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const { rows, wires, lanes } = layOut(network, byName);
  if (!rows.some(({ layer }) => layer)) return "";
  const compact = rows.length > compactFrom;
  const size = {
    width: compact ? widths.compact : widths.full,
    row: compact ? 16 : 32,
    gutter: Math.min(lanes, mostLanes) * laneWidth + 10,
  };
  const perColumn = compact ? 60 : 20;
  const columns: string[] = [];
  for (let start = 0; start < rows.length; start += perColumn) {
    columns.push(
      drawColumn(rows, wires, { start, end: Math.min(rows.length, start + perColumn), compact, ...size }),
    );
  }
  const note = paragraph(
    "From the input down; lines are data, circles where branches meet. The share is that of the MACs that remain.",
  );
  const map = `${note}\n<div class="map">\n${columns.join("\n")}\n</div>`;
  if (!compact) return `${legend(layers)}\n${map}`;
  const drawn = folded(`${rows.length} rows`, map, rows.length < foldedFrom);
  return `${legend(layers)}\n${wide(strip(rows))}\n${drawn}`;
}

/** All layers in one line, from input to output. */
function strip(rows: readonly Row[]): string {
  const layers = rows.flatMap(({ layer }) => layer ?? []);
  const [length, height] = [1080, 26];
  const step = length / layers.length;
  const bars = layers.map((layer, i) => {
    const { style } = kindOf(layer);
    const tooltip = forHtml(`${i + 1} ${layer.name}: ${detailsOf(layer)}`);
    return `<rect class="${style}" x="${at(i * step)}" width="${at(Math.max(0.7, step - 0.5))}" height="${height}"><title>${tooltip}</title></rect>`;
  });
  return `<svg class="plot" viewBox="0 0 ${length} ${height}" width="${length}" height="${height}" role="img" aria-label="What each of ${layers.length} layers became, from input to output">${bars.join("")}</svg>`;
}

/** A lane for every value from where it is made to its last reader; a reader takes over the lane that ends with it. */
function layOut(
  { nodes }: Network,
  byName: ReadonlyMap<string, LayerReport>,
): { rows: Row[]; wires: Wire[]; lanes: number } {
  const readers = nodes.map((): number[] => []);
  nodes.forEach(({ reads }, i) => reads.forEach((source) => readers[source]?.push(i)));
  const taken: (number | null)[] = [];
  const rows: Row[] = [];
  const wires: Wire[] = [];
  let lanes = 1;
  nodes.forEach((node, i) => {
    for (const [lane, source] of taken.entries()) {
      if (source !== null && (readers[source]!.at(-1) ?? -1) <= i) taken[lane] = null;
    }
    const inherited = node.reads
      .map((source) => rows[source]?.lane ?? -1)
      .filter((lane) => lane >= 0 && taken[lane] === null)
      .sort((x, y) => x - y)[0];
    const free = taken.findIndex((source) => source === null);
    const lane = inherited ?? (free >= 0 ? free : taken.length);
    if (readers[i]!.length > 0) taken[lane] = i;
    lanes = Math.max(lanes, lane + 1);
    rows.push({ node, layer: node.kind === "layer" ? byName.get(node.name) : undefined, lane });
    wires.push({ lane, from: i, readers: readers[i]! });
  });
  return { rows, wires, lanes };
}

interface ColumnFrame {
  readonly width: number;
  readonly start: number;
  readonly end: number;
  readonly compact: boolean;
  readonly row: number;
  readonly gutter: number;
}

function drawColumn(rows: readonly Row[], wires: readonly Wire[], frame: ColumnFrame): string {
  const { width, start, end, row, gutter } = frame;
  const height = (end - start) * row + 8;
  const x = (lane: number): number => 8 + Math.min(lane, mostLanes - 1) * laneWidth;
  const y = (index: number): number => 4 + (index - start + 0.5) * row;
  const lines = wires.flatMap((wire) => drawWire(wire, rows, frame, x, y, height));
  const marks = rows.slice(start, end).map((one, i) => drawRow(one, x(one.lane), y(start + i), frame));
  const label = `Layers ${start + 1} to ${end} of the network`;
  return [
    `<svg width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">`,
    ...lines,
    ...marks.map(({ mark }) => mark),
    ...marks.map(({ text }) => text(gutter)),
    "</svg>",
  ].join("\n");
}

/** The part of a value's lane and of its branches that lies in this column. */
function drawWire(
  { lane, from, readers }: Wire,
  rows: readonly Row[],
  { start, end, row }: ColumnFrame,
  x: (lane: number) => number,
  y: (index: number) => number,
  height: number,
): string[] {
  const last = readers.at(-1) ?? from;
  if (last < start || from >= end || last === from) return [];
  const paths: string[] = [];
  // The lane reaches to the row before its last reader: from there a curve leads to it.
  const top = from < start ? 0 : y(from);
  const bottom = last - 1 >= end - 1 ? (last >= end ? height : y(last - 1)) : y(last - 1);
  if (bottom > top) paths.push(`M${at(x(lane))} ${at(top)}V${at(bottom)}`);
  for (const reader of readers) {
    if (reader < start || reader >= end) continue;
    const target = rows[reader]!.lane;
    const before = Math.max(y(reader) - row, 0);
    const middle = (before + y(reader)) / 2;
    paths.push(
      `M${at(x(lane))} ${at(before)}C${at(x(lane))} ${at(middle)} ${at(x(target))} ${at(middle)} ${at(x(target))} ${at(y(reader))}`,
    );
  }
  return paths.map((path) => `<path class="lane" d="${path}"/>`);
}

function drawRow(
  { node, layer }: Row,
  cx: number,
  cy: number,
  { width, compact }: ColumnFrame,
): { mark: string; text: (gutter: number) => string } {
  const kind = layer && kindOf(layer);
  const details = layer ? detailsOf(layer) : node.op;
  const tooltip = `<title>${forHtml(`${node.name} (${node.op}${layer ? ` ${layer.shape}` : ""}): ${details}`)}</title>`;
  const dark = kind?.style === "k-gone" ? " dark" : "";
  const mark = kind
    ? `<g>${tooltip}<rect class="${kind.style}" x="${at(cx - 6)}" y="${at(cy - 6)}" width="12" height="12" rx="2"/><text class="mark-letter${dark}" x="${at(cx)}" y="${at(cy + 3.2)}">${kind.letter}</text></g>`
    : `<g>${tooltip}<circle class="k-node" cx="${at(cx)}" cy="${at(cy)}" r="${node.kind === "join" ? 3.5 : 5}"/></g>`;
  return { mark, text: (gutter) => rowText(node, details, layer, { gutter, width, compact }, cy) };
}

/** Letters that fit: monospaced ones are 6.7 wide, others less than 6 on average. */
function rowText(
  node: Row["node"],
  details: string,
  layer: LayerReport | undefined,
  { gutter, width, compact }: Pick<ColumnFrame, "gutter" | "width" | "compact">,
  cy: number,
): string {
  const fit = (text: string, room: number, letter: number): string =>
    forHtml(shorten(visible(text), Math.max(6, Math.floor(room / letter))));
  const room = width - gutter - 4;
  if (!layer) {
    return `<text class="soft" x="${at(gutter)}" y="${at(cy + 4)}">${fit(node.kind === "join" ? node.op : `${node.kind} ${node.name}`, room, 6.4)}</text>`;
  }
  if (compact) {
    const share = keptText(layer);
    const short = node.name.endsWith(`/${node.op}`) ? node.name.slice(0, -node.op.length - 1) : node.name;
    const name = `<text class="mono" x="${at(gutter)}" y="${at(cy + 4)}">${fit(short, room - 40, 6.75)}</text>`;
    return `${name}<text class="soft" x="${width - 2}" y="${at(cy + 4)}" text-anchor="end">${share}</text>`;
  }
  return [
    `<text class="mono" x="${at(gutter)}" y="${at(cy - 2)}">${fit(node.name, room, 6.9)}</text>`,
    `<text class="soft" x="${at(gutter)}" y="${at(cy + 11)}">${fit(details, room, 5.9)}</text>`,
  ].join("");
}

function detailsOf(layer: LayerReport): string {
  const became = layer.verdict === "declined" ? "unchanged" : describePlan(layer);
  const share = keptText(layer);
  return share === "" ? became : `${share} · ${became}`;
}

function keptText({ macs: [before, after], verdict }: LayerReport): string {
  return verdict === "declined" || before === null || after === null || before === 0
    ? ""
    : percent(after / before, 0);
}

function legend(layers: readonly LayerReport[]): string {
  const counts = new Map<string, number>();
  for (const layer of layers) {
    const { style } = kindOf(layer);
    counts.set(style, (counts.get(style) ?? 0) + 1);
  }
  const items = layerKinds
    .filter(({ style }) => counts.has(style))
    .map(({ style, letter, title }) => {
      const dark = style === "k-gone" ? " dark" : "";
      return `<li><svg width="14" height="14" aria-hidden="true"><rect class="${style}" x="1" y="1" width="12" height="12" rx="2"/><text class="mark-letter${dark}" x="7" y="10.2">${letter}</text></svg>${counts.get(style)} ${title}</li>`;
    });
  return `<ul class="legend">${items.join("")}</ul>`;
}

/** A coordinate: a tenth of a pixel is enough. */
function at(value: number): string {
  return String(Math.round(value * 10) / 10);
}
