import { byteSize, percent, quantity, small } from "./format.js";
import type { Sweep, SweepPoint } from "./sweep.js";
import type { Column } from "./table.js";

/** Columns of a sweep's table, the same for terminal, Markdown and HTML. */
export const sweepColumns: readonly Column[] = [
  { title: "asked", align: "right" },
  { title: "families" },
  { title: "MACs kept", align: "right" },
  { title: "MACs", align: "right" },
  { title: "params kept", align: "right" },
  { title: "file", align: "right" },
  { title: "relative error", align: "right" },
  { title: "agreement", align: "right" },
  { title: "95 % interval" },
  { title: "KL", align: "right" },
  { title: "Pareto" },
];

/** One row; `text` escapes for the medium. */
export function sweepRow(point: SweepPoint, text: (raw: string) => string): string[] {
  const { quality, macs, params } = point;
  const interval = quality.agreementInterval;
  return [
    percent(point.keepMacs, Number.isInteger(Math.round(point.keepMacs * 1e6) / 1e4) ? 0 : 1),
    text(point.family ?? "all"),
    percent(macs.ratio) + (point.met ? "" : " (missed)"),
    quantity(macs.after),
    percent(params.ratio),
    byteSize(point.bytes),
    small(quality.relativeError),
    percent(quality.agreement, 2),
    interval ? `${percent(interval[0])} to ${percent(interval[1])}` : "—",
    small(quality.klDivergence),
    point.paretoOptimal ? "yes" : "no",
  ];
}

/** What the table's words mean, and on what it was measured. */
export function sweepNotes(sweep: Sweep): string[] {
  const { calibration, points } = sweep;
  const images = points[0]?.quality.images ?? 0;
  const on =
    calibration.given === 0
      ? `${images} samples of seeded noise (no calibration images were given)`
      : `${images} images kept out of all fitting and choosing`;
  const measure = sweep.divergence === "klDivergence" ? "KL divergence" : "relative error";
  return [
    "MACs are multiply–accumulates per sample (FLOPs = 2 × MACs). No labels, no fine-tuning.",
    `Every row was measured on its written file, on ${on}. Pareto: no other row has at most its MACs and its ${measure}.`,
  ];
}
