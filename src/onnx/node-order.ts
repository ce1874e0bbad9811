import { ModelError } from "../ir/index.js";
import type { GraphProto, NodeProto } from "./proto.js";

/**
 * Nodes of a graph or function in an order in which every value is made before it is read; `sorted` tells whether
 * they were not. Nodes that read each other's outputs are a ModelError `E_MODEL_CYCLE`.
 */
export function orderNodes(nodes: readonly NodeProto[]): {
  readonly nodes: readonly NodeProto[];
  readonly sorted: boolean;
} {
  const producers = new Map<string, number>();
  nodes.forEach((node, index) => {
    for (const output of node.output ?? []) if (output !== "") producers.set(output, index);
  });
  const needs = (index: number): number[] => {
    const found: number[] = [];
    for (const name of readNames(nodes[index]!)) {
      const producer = producers.get(name);
      if (producer !== undefined) found.push(producer);
    }
    return found;
  };
  let ordered = true;
  for (let index = 0; ordered && index < nodes.length; index++) {
    ordered = needs(index).every((producer) => producer < index);
  }
  return ordered
    ? { nodes, sorted: false }
    : { nodes: sort(nodes.length, needs, nodes).map((index) => nodes[index]!), sorted: true };
}

/** Depth first from the front, so that nodes move as little as possible. */
function sort(count: number, needs: (index: number) => number[], nodes: readonly NodeProto[]): number[] {
  const sorted: number[] = [];
  const state = new Uint8Array(count); // 0 unseen, 1 open, 2 done
  for (let start = 0; start < count; start++) {
    const stack: { readonly index: number; readonly entered: boolean }[] = [{ index: start, entered: false }];
    for (let top = stack.pop(); top; top = stack.pop()) {
      const { index, entered } = top;
      if (entered) {
        state[index] = 2;
        sorted.push(index);
      } else if (state[index] === 0) {
        state[index] = 1;
        stack.push({ index, entered: true });
        for (const producer of needs(index).reverse()) {
          if (state[producer] === 1) {
            throw new ModelError("E_MODEL_CYCLE", "nodes read each other's outputs in a circle", {
              where: { node: labelOf(nodes[index]!), op: nodes[index]!.op_type ?? "" },
            });
          }
          stack.push({ index: producer, entered: false });
        }
      }
    }
  }
  return sorted;
}

/** Names that a node reads: its inputs and what its subgraphs take from around them. */
function readNames(node: NodeProto): Iterable<string> {
  const inputs = node.input ?? [];
  const graphs = (node.attribute ?? []).flatMap((attribute) => [
    ...(attribute.g ? [attribute.g] : []),
    ...(attribute.graphs ?? []),
  ]);
  if (graphs.length === 0) return inputs;
  const names = new Set(inputs);
  for (const graph of graphs) for (const name of freeNames(graph)) names.add(name);
  return names;
}

const freeNamesOf = new WeakMap<GraphProto, ReadonlySet<string>>();

/** Names that a subgraph reads (or outputs) and does not define itself. */
function freeNames(graph: GraphProto): ReadonlySet<string> {
  const known = freeNamesOf.get(graph);
  if (known) return known;
  const own = new Set<string>();
  for (const input of graph.input ?? []) own.add(input.name ?? "");
  for (const tensor of graph.initializer ?? []) own.add(tensor.name ?? "");
  for (const sparse of graph.sparse_initializer ?? []) own.add(sparse.values?.name ?? "");
  for (const node of graph.node ?? []) for (const output of node.output ?? []) own.add(output);
  const free = new Set<string>();
  for (const node of graph.node ?? []) for (const name of readNames(node)) if (!own.has(name)) free.add(name);
  for (const output of graph.output ?? []) if (!own.has(output.name ?? "")) free.add(output.name ?? "");
  free.delete("");
  freeNamesOf.set(graph, free);
  return free;
}

/** What users call a node: its name, or its first output's. */
export function labelOf(node: NodeProto): string {
  return node.name || (node.output ?? []).find((output) => output !== "") || node.op_type || "";
}
