import type { LayerReport } from "./schema.js";

/** What became of a layer, in the few kinds that a drawing can tell apart. */
export interface LayerKind {
  /** CSS class of its mark. */
  readonly style: string;
  /** One letter in the mark, so that colour is not all that tells. */
  readonly letter: string;
  readonly title: string;
}

const kinds = {
  same: { style: "k-same", letter: "=", title: "unchanged" },
  exact: { style: "k-exact", letter: "E", title: "rewritten exactly" },
  gone: { style: "k-gone", letter: "×", title: "gone" },
  depthwise: { style: "k-depthwise", letter: "D", title: "depthwise" },
  grouped: { style: "k-grouped", letter: "G", title: "grouped" },
  lowRank: { style: "k-low", letter: "L", title: "low rank" },
  spatial: { style: "k-spatial", letter: "S", title: "spatially separable" },
  sum: { style: "k-sum", letter: "+", title: "sum of forms" },
  other: { style: "k-other", letter: "F", title: "another form" },
} as const satisfies Record<string, LayerKind>;

export const layerKinds: readonly LayerKind[] = Object.values(kinds);

export function kindOf(layer: LayerReport): LayerKind {
  if (layer.verdict === "declined") return kinds.same;
  if (layer.by === "rule") return layer.params[1] === 0 ? kinds.gone : kinds.exact;
  const [first, ...others] = layer.plan.branches;
  if (others.length > 0) return kinds.sum;
  const form = first?.form ?? layer.form;
  if (/depthwise/.test(form)) return kinds.depthwise;
  if (/group/.test(form)) return kinds.grouped;
  if (/spatial|separable/.test(form)) return kinds.spatial;
  if (/rank|bottleneck|reduce|tucker/.test(form)) return kinds.lowRank;
  return kinds.other;
}
