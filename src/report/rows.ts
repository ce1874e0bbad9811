import { byteSize, milliseconds, percent, plusMinus, quantity, ratio, small } from "./format.js";
import type { LayerReport, Report } from "./schema.js";
import type { Column } from "./table.js";

/** Rows of the headline table, the same for terminal, Markdown and HTML. Cells are plain, unescaped text. */
export function headline(report: Report): string[][] {
  const { macs, params, bytes, latencyMs, quality } = report;
  const byteRatio = bytes.before && bytes.after !== null ? bytes.after / bytes.before : null;
  const rows = [
    ["MACs per sample", quantity(macs.before), quantity(macs.after), ratio(macs.ratio)],
    ["FLOPs (2 × MACs)", quantity(twice(macs.before)), quantity(twice(macs.after)), ratio(macs.ratio)],
    ["parameters", quantity(params.before), quantity(params.after), ratio(params.ratio)],
    ["file size", byteSize(bytes.before), byteSize(bytes.after), ratio(byteRatio)],
  ];
  if (latencyMs.before !== null) {
    rows.push([
      "latency",
      milliseconds(latencyMs.before),
      milliseconds(latencyMs.after),
      latencyMs.ratioInterval
        ? plusMinus(latencyMs.ratio!, latencyMs.ratioInterval, ratio)
        : ratio(latencyMs.ratio),
    ]);
  }
  if (!isJudged(report)) return [...rows, ["relative output error", "0", "not measured", ""]];
  rows.push(["relative output error", "0", small(quality.relativeError), ""]);
  rows.push(["noise floor of the original", small(quality.noiseFloor), "", ""]);
  if (quality.agreement !== null) {
    const interval = quality.agreementInterval;
    const range = interval ? ` (95 %: ${percent(interval[0])} to ${percent(interval[1])})` : "";
    rows.push(["top-1 agreement with the original", "100 %", percent(quality.agreement) + range, ""]);
    rows.push(["KL divergence of the answers", "0", small(quality.klDivergence), ""]);
  }
  return rows;
}

export const headlineColumns: readonly Column[] = [
  { title: "" },
  { title: "before", align: "right" },
  { title: "after", align: "right" },
  { title: "ratio" },
];

export const layerColumns: readonly Column[] = [
  { title: "layer" },
  { title: "weight" },
  { title: "MACs before", align: "right" },
  { title: "after", align: "right" },
  { title: "became" },
  { title: "error", align: "right" },
  { title: "why" },
];

/** One row per layer; `text` escapes names and reasons for the medium. */
export function layerRow(layer: LayerReport, text: (raw: string) => string): string[] {
  return [
    text(layer.name),
    text(`${layer.op} ${layer.shape}`),
    quantity(layer.macs[0]),
    layer.verdict === "applied" ? quantity(layer.macs[1]) : "=",
    layer.verdict === "applied" ? text(describePlan(layer)) : "standard",
    small(layer.error),
    text(layer.reason),
  ];
}

/** "depthwise-separable (terms 2)" or the sum of two forms. */
export function describePlan(layer: LayerReport): string {
  const branches = layer.plan.branches.map(({ form, size }) => {
    const sizes = Object.entries(size).map(([name, value]) => `${name} ${value}`);
    return sizes.length > 0 ? `${form} (${sizes.join(", ")})` : form;
  });
  return branches.length > 0 ? branches.join(" + ") : layer.form;
}

/** Whether the quality was measured at all; the warnings say why not. */
export function isJudged({ quality }: Report): boolean {
  return quality.images !== null;
}

/** Why there is no quality to tell of. */
export const unjudged = "The quality was not measured, as a warning explains.";

/** What the quality was measured on, in a sentence; names go through `escape`. */
export function judgement(report: Report, escape: (text: string) => string = (text) => text): string {
  if (!isJudged(report)) return unjudged;
  const { engine } = report.quality;
  return `Quality was measured on the written file with ${judgedOn(report)}${engine ? ` by ${escape(engine)}` : ""}.`;
}

/** "256 images" or "32 samples of noise", what the quality was measured on. */
export function judgedOn({ quality, calibration }: Report): string {
  const images = quality.images ?? 0;
  if (calibration.given === 0) return `${images} samples of seeded noise`;
  return `${images} image${images === 1 ? "" : "s"}`;
}

/** "net.onnx → small.onnx" without folders. */
export function titleOf({ input, output }: Report): string {
  const name = (path: string): string => path.split(/[\\/]/).at(-1) ?? path;
  return `${name(input.path) || "model"} → ${name(output.path) || "not written"}`;
}

export function provenance(report: Report): string {
  const { calibration } = report;
  const images =
    calibration.given === 0
      ? "no calibration images were given (data-free)"
      : `${calibration.given} unlabelled images (${calibration.fitted} fitted, ${calibration.selected} selected, ${calibration.judged} judged), seed ${calibration.seed}`;
  return `${images}; fine-tuned: ${yesNo(calibration.fineTuned)}; labels: ${yesNo(calibration.labels)}`;
}

function yesNo(value: boolean): string {
  return value ? "yes" : "no";
}

function twice(value: number | null): number | null {
  return value === null ? null : 2 * value;
}
