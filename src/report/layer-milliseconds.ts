import type { Milliseconds } from "./details.js";
import { forHtml } from "./escape.js";
import { plusMinus, preciseMilliseconds } from "./format.js";
import { folded, paragraph, table, wide } from "./html-page.js";
import { barLegend, layerBars } from "./layer-bars.js";
import type { Report } from "./schema.js";

/** Longer tables are folded away at first. */
const openRows = 30;

/** Milliseconds of the layers, predicted and, where they were, measured; empty where no latency was asked for. */
export function layerMillisecondsSection({ layers, milliseconds: measured }: Report): string {
  const predicted = layers.some(({ ms }) => ms.some((value) => value !== null));
  if (!predicted && !measured) return "";
  const measuredOf = new Map(measured?.layers.map((layer) => [layer.name, layer]));
  const bars = layers.map(({ name, ms: [before, after], msInterval }) => {
    const own = measuredOf.get(name);
    if (!measured) {
      return {
        name,
        before: before === null ? null : { value: before },
        after: after === null ? null : { value: after, interval: msInterval },
      };
    }
    return { name, before: barOf(own?.before), after: barOf(own?.after, after) };
  });
  const svg = layerBars("Time of each layer, before and after", bars, withUnit);
  const note = measured
    ? "Measured in place, in the original and in the written file: the runtime's own times of a layer's kernels, which add up to the whole model's. Error bars are 95 % intervals of the median; the line across is what was predicted from timing the layer alone; what several changed layers save together is often a little less. Work that the runtime fuses into a layer, such as the Add behind it, counts for the layer."
    : "As predicted by the latency model: the target was not measured. Error bars are 95 % intervals.";
  if (!measured) return [paragraph(note), barLegend, wide(svg)].join("\n");
  const right = (title: string) => ({ title, align: "right" as const });
  const rows = [
    ...layers.map(({ name, ms: [before, after], msInterval }) => [
      forHtml(name),
      precise(before),
      spanText(measuredOf.get(name)?.before),
      after === null ? "–" : spanText({ ms: after, interval: msInterval ?? [after, after] }),
      spanText(measuredOf.get(name)?.after),
    ]),
    ["everything else", "–", spanText(measured.others.before), "–", spanText(measured.others.after)],
  ];
  const columns = [
    { title: "layer", kind: "name" },
    right("before, predicted"),
    right("measured"),
    right("after, predicted"),
    right("measured"),
  ];
  const all = folded(
    `${layers.length} layers in milliseconds`,
    table(columns, rows),
    rows.length <= openRows,
  );
  return [paragraph(note), barLegend, wide(svg), all].join("\n");
}

function barOf(span: Milliseconds | null | undefined, expected?: number | null) {
  return span ? { value: span.ms, interval: span.interval, expected: expected ?? undefined } : null;
}

function spanText(span: Milliseconds | null | undefined): string {
  return span ? plusMinus(span.ms, span.interval, preciseMilliseconds) : "–";
}

const withUnit = (ms: number): string => `${preciseMilliseconds(ms)} ms`;

function precise(ms: number | null): string {
  return ms === null ? "–" : preciseMilliseconds(ms);
}
