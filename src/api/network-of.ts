import type { Model, Node, Value } from "../ir/index.js";
import type { Network } from "../report/index.js";

const layerOps: ReadonlySet<string> = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul"]);
/** Operators whose further inputs are shapes, axes or bounds, not data. */
const shapedOps: ReadonlySet<string> = new Set([
  "Reshape", "Expand", "Tile", "Slice", "Pad", "Resize", "Upsample", "Unsqueeze", "Squeeze", "TopK", "Split", "Gather",
  "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "Clip", "Range", "ConstantOfShape",
]); // prettier-ignore

/**
 * What shapes a network: its layers with weights, the nodes where branches meet, inputs and outputs. Everything between
 * is left out: its readers read what it reads. Shape arithmetic is no data.
 */
export function networkOf(model: Model): Network {
  const nodes: Network["nodes"] = [];
  /** Indices of the drawn nodes that a value comes from. */
  const sources = new Map<Value, readonly number[]>();
  const add = (node: Network["nodes"][number]): readonly number[] => {
    nodes.push(node);
    return [nodes.length - 1];
  };
  const { graph } = model;
  for (const { name } of graph.requiredInputs) {
    sources.set(graph.value(name)!, add({ name, op: "Input", kind: "input", reads: [] }));
  }
  for (const node of graph.nodes) {
    const reads = readsOf(node, sources);
    const layer = layerOps.has(node.op) && node.domain === "";
    if (layer && reads.length > 0) {
      setAll(node, sources, add({ name: node.label, op: node.op, kind: "layer", reads }));
    } else if (reads.length > 1) {
      setAll(node, sources, add({ name: node.label, op: node.op, kind: "join", reads }));
    } else if (node.op !== "Shape" && node.op !== "Size") {
      setAll(node, sources, reads);
    }
  }
  for (const output of graph.outputs) {
    add({ name: output.name, op: "Output", kind: "output", reads: [...(sources.get(output) ?? [])] });
  }
  return { nodes };
}

function readsOf(node: Node, sources: ReadonlyMap<Value, readonly number[]>): number[] {
  const inputs = shapedOps.has(node.op) ? node.inputs.slice(0, 1) : node.inputs;
  const found = inputs.flatMap((input) => (input ? (sources.get(input) ?? []) : []));
  return [...new Set(found)].sort((x, y) => x - y);
}

function setAll(node: Node, sources: Map<Value, readonly number[]>, from: readonly number[]): void {
  if (from.length > 0) for (const output of node.outputs) if (output) sources.set(output, from);
}
