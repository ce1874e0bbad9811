import { forTerminal } from "./escape.js";
import { byteSize, quantity } from "./format.js";
import type { InspectedLayer, Inspection } from "./inspection.js";
import { shorten, textTable, type Column } from "./table.js";

const maxCell = 40;

/** What `inspect` found, for a terminal: layers first, totals last, where the eye ends. */
export function renderInspection(inspection: Inspection, options: { readonly rewrites: boolean }): string {
  const parts = [
    inspection.layers.length > 0
      ? layerTable(inspection)
      : "The model has no Conv, ConvTranspose, Gemm or MatMul.",
    options.rewrites ? opinions(inspection.layers) : "",
    totals(inspection),
  ];
  return parts.filter((part) => part !== "").join("\n\n") + "\n";
}

function layerTable({ layers }: Inspection): string {
  const perPixel = layers.some((layer) => layer.macsPerPixel !== null);
  const columns: Column[] = [
    { title: "layer" },
    { title: "op" },
    { title: "weight" },
    { title: "output" },
    { title: perPixel ? "MACs/pixel" : "MACs", align: "right" },
    { title: "params", align: "right" },
    { title: "rewrites" },
  ];
  const rows = layers.map((layer) => [
    cell(layer.name),
    cell(layer.op),
    weightText(layer),
    cell(shapeText(layer.outputShape)),
    quantity(perPixel ? (layer.macsPerPixel ?? layer.macs) : layer.macs),
    quantity(layer.params),
    verdictText(layer),
  ]);
  return textTable(columns, rows);
}

function weightText({ shape, group, strides, dtype }: InspectedLayer): string {
  const notes = [
    group !== null && group > 1 ? `g${group}` : "",
    strides?.some((stride) => stride > 1) ? `s${strides[0]}` : "",
    dtype !== null && dtype !== "float32" ? dtype : "",
  ].filter((note) => note !== "");
  return [shape ?? "not constant", ...notes].join(" ");
}

function verdictText({ rewrites }: InspectedLayer): string {
  const exact = rewrites.filter(({ verdict }) => verdict === "applies").map(({ pass }) => pass);
  const families = rewrites.filter(({ verdict }) => verdict === "candidates");
  const parts = [
    ...[...new Set(exact)].map(cell),
    ...(families.length > 0
      ? [`${families.length} famil${families.length === 1 ? "y" : "ies"} with cheaper forms`]
      : []),
  ];
  return parts.length > 0 ? parts.join(", ") : "—";
}

function opinions(layers: readonly InspectedLayer[]): string {
  return layers
    .filter((layer) => layer.rewrites.length > 0)
    .map((layer) => {
      const width = Math.max(...layer.rewrites.map(({ pass }) => pass.length));
      const lines = layer.rewrites.map(({ pass, verdict, reason }) =>
        `  ${forTerminal(pass).padEnd(width)}  ${verdict.padEnd(10)}  ${forTerminal(reason)}`.trimEnd(),
      );
      return [forTerminal(layer.name), ...lines].join("\n");
    })
    .join("\n");
}

function totals(inspection: Inspection): string {
  const { macs, macsPerPixel, params, bytes, countedAt } = inspection;
  const list = (values: Inspection["inputs"]): string =>
    values.map(({ name, dtype, shape }) => `${cell(name)} ${dtype ?? "?"}${shapeText(shape)}`).join(", ") ||
    "none";
  const at: Record<string, string> = {
    file: "",
    option: ", at --shape",
    data: ", at the data's shape",
    "batch 1": ", batch counted as 1",
  };
  const cost =
    macs === null && macsPerPixel !== null
      ? `${quantity(macsPerPixel)} MACs per input pixel (symbolic spatial dimensions; FLOPs = 2 × MACs)`
      : `${quantity(macs)} MACs per sample (FLOPs = 2 × MACs${at[countedAt] ?? ""})`;
  const operators = inspection.operators.map(({ op, count }) => `${forTerminal(op)} ${count}`).join(", ");
  return [
    `inputs      ${list(inspection.inputs)}`,
    `outputs     ${list(inspection.outputs)}`,
    `opsets      ${inspection.opsets.map(({ domain, version }) => `${cell(domain)} ${version}`).join(", ")} (IR ${inspection.irVersion})`,
    `operators   ${operators || "none"}`,
    `cost        ${cost}`,
    `parameters  ${quantity(params)}`,
    `file        ${byteSize(bytes)}, ${inspection.nodes} nodes${inspection.functions > 0 ? `, ${inspection.functions} functions` : ""}`,
  ].join("\n");
}

export function shapeText(shape: readonly (number | string | null)[] | null): string {
  return shape ? `[${shape.map((dim) => dim ?? "?").join(",")}]` : "[…]";
}

function cell(raw: string): string {
  return shorten(forTerminal(raw), maxCell);
}
