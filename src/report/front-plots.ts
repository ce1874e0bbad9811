import type { Decision } from "./explanation.js";
import { forHtml } from "./escape.js";
import { percent, small } from "./format.js";
import { paragraph } from "./html-page.js";
import { plotSvg } from "./plot.js";

/** One small plot per layer: error over MACs of every candidate that was fitted, the chosen one filled. */
export function fronts(decisions: readonly Decision[]): string {
  const byLayer = new Map<string, Decision[]>();
  for (const decision of decisions) {
    if (decision.form === undefined || decision.error === null || !decision.macs[0]) continue;
    const own = byLayer.get(decision.node);
    if (own) own.push(decision);
    else byLayer.set(decision.node, [decision]);
  }
  if (byLayer.size === 0) return "";
  const note =
    "Every point is a form that was fitted: the error (relative L2 of the layer's output, in the metric of its inputs) that its family's speed of convergence lets expect after the refit, over the MACs it keeps. The line is the front that the budget was spent on, the filled point what was chosen, with its error after the refit.";
  const figures = [...byLayer].map(([layer, own]) => figure(layer, own));
  return `${paragraph(note)}\n<details><summary>${byLayer.size} layer${byLayer.size === 1 ? "" : "s"}</summary>\n${figures.join("\n")}\n</details>`;
}

function figure(layer: string, decisions: readonly Decision[]): string {
  const points = decisions.map((decision) => ({
    x: (decision.macs[1] ?? NaN) / (decision.macs[0] ?? NaN),
    y: decision.error ?? NaN,
    label: decision.form ?? decision.pass,
    emphasis: decision.verdict === "applied",
    onFront: decision.by === "budget" && decision.verdict === "declined",
  }));
  const svg = plotSvg({
    title: `Candidates of ${layer}`,
    x: { title: "MACs kept", format: (value) => percent(value, 0), holds: [0, 1] },
    y: { title: "error", format: small, holds: [0, 0] },
    width: 360,
    height: 240,
    labels: false,
    series: [
      { name: "", quiet: true, points: points.filter(({ onFront, emphasis }) => !onFront && !emphasis) },
      { name: "", connected: true, points: points.filter(({ onFront }) => onFront) },
      { name: "", points: points.filter(({ emphasis }) => emphasis) },
    ],
  });
  return svg === "" ? "" : `<figure>${svg}<figcaption class="name">${forHtml(layer)}</figcaption></figure>`;
}
