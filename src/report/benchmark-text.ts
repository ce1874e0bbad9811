import type { Benchmark, LayerTime, ModelTime } from "./benchmark.js";
import { forTerminal } from "./escape.js";
import { percent, preciseMilliseconds } from "./format.js";
import { shorten, textTable, type Column } from "./table.js";

const maxCell = 48;

/** What `bench` measured, for a terminal: kernels per model where they were asked for, the comparison last. */
export function renderBenchmark(bench: Benchmark): string {
  const { engine, threads, machine, inputs, rounds } = bench;
  const shapes = Object.entries(inputs.shapes).map(([name, dims]) => `${cell(name)} ${dims.join("×")}`);
  const circumstances = [
    `engine   ${forTerminal(engine)}, ${threads === 0 ? "its own choice of threads" : `${threads} thread${threads === 1 ? "" : "s"}`}`,
    `machine  ${forTerminal(machine.cpu)}, ${machine.cores} cores`,
    `inputs   ${shapes.join(", ") || "none"} (${forTerminal(inputs.source)})`,
    `rounds   ${rounds}, the models in turn in each; the ratio is the median over the rounds, ± its 95 % interval`,
  ].join("\n");
  const layers = bench.models.flatMap((model) =>
    model.layers ? [`${cell(model.path)}\n${layerTable(model.layers)}`] : [],
  );
  return [...layers, modelTable(bench.models), circumstances].join("\n\n") + "\n";
}

function modelTable(models: readonly ModelTime[]): string {
  const columns: Column[] = [
    { title: "model" },
    { title: "median ms", align: "right" },
    { title: "quartiles", align: "right" },
    { title: "least", align: "right" },
    { title: "ratio", align: "right" },
    { title: "95 %", align: "right" },
    { title: "runs", align: "right" },
    { title: "outliers", align: "right" },
  ];
  const rows = models.map(({ path, ms, ratio, runs, outliers }, i) => [
    cell(path),
    preciseMilliseconds(ms.median),
    ms.quartiles.map(preciseMilliseconds).join("–"),
    preciseMilliseconds(ms.least),
    i === 0 ? "1" : ratio.median.toFixed(3),
    i === 0 ? "" : ratio.interval.map((end) => end.toFixed(3)).join("–"),
    String(runs),
    String(outliers),
  ]);
  return textTable(columns, rows);
}

function layerTable(layers: readonly LayerTime[]): string {
  const total = layers.reduce((sum, { ms }) => sum + ms, 0);
  const columns: Column[] = [
    { title: "layer" },
    { title: "kernel" },
    { title: "ms", align: "right" },
    { title: "share", align: "right" },
    { title: "computes too" },
  ];
  const rows = layers.map(({ layer, op, kernel, nodes, ms }) => [
    layer === null ? `(${cell(kernel)})` : cell(layer),
    cell(op),
    preciseMilliseconds(ms),
    percent(total > 0 ? ms / total : null),
    nodes
      .filter((node) => node !== layer)
      .map(cell)
      .join(", "),
  ]);
  return textTable(columns, [...rows, ["all kernels", "", preciseMilliseconds(total), "", ""]]);
}

function cell(raw: string): string {
  return shorten(forTerminal(raw), maxCell);
}
