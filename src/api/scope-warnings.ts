import { matchesGlob } from "../engine/index.js";
import { isLayerOp } from "../forms/index.js";
import { allNodes, type Model } from "../ir/index.js";
import type { OptimizeOptions } from "./options.js";
import { didYouMean } from "./suggest.js";

/**
 * What to tell of patterns that reach nothing. Exact rewrites may touch any node, so every node counts; where forms are
 * searched, `--only` has to leave them a layer. `models` are the original and what exact rewrites made of it.
 */
export function scopeWarnings(
  models: readonly Model[],
  options: Pick<OptimizeOptions, "only" | "skip" | "revert">,
  searches: boolean,
): string[] {
  const nodes = models.flatMap(({ graph }) => allNodes(graph));
  const labels = [...new Set(nodes.map(({ label }) => label))];
  const layers = [...new Set(nodes.filter(isLayerOp).map(({ label }) => label))];
  return (["only", "skip", "revert"] as const).flatMap((name) =>
    (options[name] ?? []).flatMap((pattern) => {
      const reached = name === "only" && searches ? layers : labels;
      if (reached.some((label) => matchesGlob(label, [pattern]))) return [];
      const near = didYouMean(pattern.replaceAll("*", ""), layers.length > 0 ? layers : labels);
      const hint = near ?? "convopt inspect lists the layers";
      return [`--${name} ${JSON.stringify(pattern)} matches no layer; ${hint}`];
    }),
  );
}
