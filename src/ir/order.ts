import { subgraphsReturning } from "./dead.js";
import { InvariantError } from "./errors.js";
import { outerReads, type Graph, type Node, type Value } from "./graph.js";

/** What a node reads, its subgraphs' reads of outer values included. */
export function readsOf(node: Node): readonly (Value | null)[] {
  if (node.graph?.holders_.has(node) !== true) return node.inputs_;
  return [...node.inputs_, ...node.subgraphs.flatMap(outerReads)];
}

/** Looks up positions among the nodes of a graph that does not change meanwhile; cheap for a few, and for many. */
export function positionsIn(graph: Graph): (node: Node) => number {
  let lookups = 0;
  let table: Map<Node, number> | null = null;
  return (node) => {
    if (++lookups <= 32) return graph.nodes_.indexOf(node);
    table ??= new Map(graph.nodes_.map((at, index) => [at, index]));
    return table.get(node) ?? -1;
  };
}

/** True when `nodes` come behind all that they read, and so do the readers of their outputs. */
export function isSortedAround(graph: Graph, nodes: readonly Node[]): boolean {
  const position = positionsIn(graph);
  const behindReads = (node: Node): boolean =>
    readsOf(node).every(
      (read) => !read?.producer || read.graph !== graph || position(read.producer) < position(node),
    );
  return nodes.every(
    (node) =>
      behindReads(node) &&
      node.outputs.every((output) => output === null || readersIn(graph, output).every(behindReads)),
  );
}

/** Nodes of `graph` that read a value of it, themselves or in their subgraphs. */
export function readersIn(graph: Graph, value: Value): readonly Node[] {
  const returning = subgraphsReturning(graph, value).map((subgraph) => holderIn(graph, subgraph));
  const readers = [...value.consumers_].map((reader) => holderIn(graph, reader));
  return [...readers, ...returning].filter((node) => node !== null);
}

/** The node of `graph` that is `node`, or whose subgraphs it lies in; null when there is none. */
export function holderIn(graph: Graph, node: Node | Graph): Node | null {
  let scope: Graph;
  if ("nodes_" in node) scope = node;
  else if (node.graph === graph) return node;
  else if (node.graph === null) return null;
  else scope = node.graph;
  while (scope.parent !== null && scope.parent !== graph) scope = scope.parent;
  return [...graph.holders_].find((holder) => holder.subgraphs.includes(scope)) ?? null;
}

/** Restores topological order, moving as few nodes as a stable sort does. Throws and changes nothing on a cycle. */
export function sortTopologically(graph: Graph): void {
  const nodes = graph.nodes_;
  if (isSorted(graph)) return;
  const sorted: Node[] = [];
  const state = new Map<Node, "open" | "done">();
  for (const start of nodes) {
    const stack: { node: Node; entered: boolean }[] = [{ node: start, entered: false }];
    for (let top = stack.pop(); top; top = stack.pop()) {
      const { node, entered } = top;
      if (entered) {
        state.set(node, "done");
        sorted.push(node);
      } else if (!state.has(node)) {
        state.set(node, "open");
        stack.push({ node, entered: true });
        for (const read of [...readsOf(node)].reverse()) {
          const producer = read?.graph === graph ? read.producer : null;
          if (!producer) continue;
          if (state.get(producer) === "open")
            throw new InvariantError("the graph has a cycle", { where: { node: node.label } });
          stack.push({ node: producer, entered: false });
        }
      }
    }
  }
  nodes.splice(0, nodes.length, ...sorted);
}

function isSorted(graph: Graph): boolean {
  const seen = new Set<Node>();
  for (const node of graph.nodes_) {
    for (const read of readsOf(node)) {
      if (read?.producer && read.graph === graph && !seen.has(read.producer)) return false;
    }
    seen.add(node);
  }
  return true;
}
