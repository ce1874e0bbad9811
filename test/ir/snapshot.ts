import { print, type Graph, type Node, type Value } from "../../src/ir/index.js";

/** Everything that a patch could change in a graph, as text: print() and what print() leaves out. */
export function snapshot(graph: Graph): string {
  return [print(graph.root), ...describeGraph(graph.root)].join("\n");
}

function describeGraph(graph: Graph): string[] {
  const values = [...graph.values_].map(([name, value]) => `${name}: ${describeValue(value)}`);
  const names = [...graph.nodeNames_].map(([name, count]) => `${name}×${count}`).sort();
  return [
    `inputs ${graph.inputs.map((value) => value.name).join(" ")}`,
    `initializers ${graph.initializers.map((value) => value.name).join(" ")}`,
    `names ${names.join(" ")}`,
    ...values,
    ...graph.nodes.flatMap((node) => [describeNode(node), ...node.subgraphs.flatMap(describeGraph)]),
  ];
}

function describeValue(value: Value): string {
  const uses = value.uses.map(({ node, index }) => `${node.label}[${index}]`);
  const type = value.type ? `${value.type.dtype}[${value.type.shape?.join(",") ?? "…"}]` : "?";
  return `${value.name} ${type} by ${value.producer?.label ?? "-"} for ${uses.join(" ")} ${String(value.source)}`;
}

function describeNode(node: Node): string {
  return `${node.name} ${node.label} (${node.docString}) from ${node.origin.join(",")} ${String(node.source)}`;
}
