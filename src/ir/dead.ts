import { removeInitializer, removeNode } from "./edit.js";
import { outerReads, type Graph, type Node, type Value } from "./graph.js";

/** Subgraphs below `graph` that name `value` as an output of their own. */
export function subgraphsReturning(graph: Graph, value: Value): readonly Graph[] {
  return graph.subgraphs.flatMap((subgraph) => [
    ...(subgraph.outputs_.includes(value) ? [subgraph] : []),
    ...subgraphsReturning(subgraph, value),
  ]);
}

/**
 * Removes the producer of an unread value, then whatever only that producer needed; appends the nodes to `removed`.
 * Graph inputs stay, and so do initializers that a caller may override: both belong to the interface.
 */
export function removeDead(value: Value, removed: Node[] = []): void {
  const pending = [value];
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (!next.graph || !isUnread(next)) continue;
    const node = next.producer;
    if (node) {
      if (!node.outputs.every((output) => output === null || isUnread(output))) continue;
      const inputs = new Set([...node.inputs, ...node.subgraphs.flatMap(outerReads)]);
      removeNode(node);
      removed.push(node);
      for (const input of [...inputs].reverse()) if (input) pending.push(input);
    } else if (next.constant) {
      removeInitializer(next);
    }
  }
}

function isUnread(value: Value): boolean {
  return (
    value.consumers_.size === 0 &&
    !value.isGraphOutput &&
    (value.graph === null || subgraphsReturning(value.graph, value).length === 0)
  );
}
