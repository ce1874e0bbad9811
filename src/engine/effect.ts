import { Node, type Patch, type Value } from "../ir/index.js";
import type { Fact } from "../ops/fact.js";

/** What a patch would do, found out before anything is changed. */
export interface PatchEffect {
  /** Nodes that would go. */
  readonly removed: readonly Node[];
  /** Initializers and inputs-only constants that would go with them. */
  readonly released: readonly Value[];
  /** Stand-ins for the planned nodes, in no graph. */
  readonly planned: readonly Node[];
  /** MACs of what goes and of what comes, per sample; null when a dimension is unknown. */
  readonly macs: readonly [number | null, number | null];
  /** Elements of initializers that go and that come. */
  readonly params: readonly [number, number];
}

/** Simulates a patch on use lists; `macsOf` must know the planned values already. */
export function effectOf(patch: Patch, macsOf: (node: Node) => number | null): PatchEffect {
  const planned = patch.planned.map(
    (plan) =>
      new Node({
        op: plan.op,
        domain: plan.domain,
        name: `${patch.anchor.label}.${plan.op.toLowerCase()}`,
        inputs: plan.inputs,
        outputs: [plan.output],
        attributes: plan.attributes,
      }),
  );
  const { removed, released } = superfluous(patch);
  const total = (nodes: readonly Node[]): number | null => {
    let sum: number | null = 0;
    for (const node of nodes) {
      const macs = macsOf(node);
      sum = sum === null || macs === null ? null : sum + macs;
    }
    return sum;
  };
  const before = released.reduce((sum, value) => sum + (value.initializer?.size ?? 0), 0);
  const after = patch.constants.reduce((sum, { tensor }) => sum + tensor.size, 0);
  return {
    removed,
    released,
    planned,
    macs: [total(removed), total(planned)],
    params: [before + attributeElements(removed), after],
  };
}

/** Elements of the tensors in Constant nodes, which are parameters as much as initializers are. */
function attributeElements(nodes: readonly Node[]): number {
  return nodes.reduce((sum, node) => {
    const value = node.is("Constant") ? node.attributes.get("value") : undefined;
    return sum + (value?.kind === "tensor" ? value.value.size : 0);
  }, 0);
}

/** Nodes and initializers that nothing would read any more. */
export function superfluous(patch: Patch): {
  readonly removed: readonly Node[];
  readonly released: readonly Value[];
} {
  const replaced = new Set(patch.replacements.map(({ old }) => old));
  const needed = new Set<Value>(patch.replacements.map(({ by }) => by));
  for (const node of patch.planned) for (const input of node.inputs) if (input) needed.add(input);
  const removed = new Set<Node>();
  const released = new Set<Value>();
  const unread = (value: Value): boolean => {
    if (needed.has(value)) return false;
    if (replaced.has(value)) return true;
    return !value.isGraphOutput && value.uses.every(({ node }) => removed.has(node));
  };
  const queue: Value[] = [...replaced, ...patch.drops];
  for (let value = queue.pop(); value; value = queue.pop()) {
    if (!unread(value)) continue;
    const { producer } = value;
    if (producer) {
      if (removed.has(producer) || !producer.outputs.every((output) => output === null || unread(output)))
        continue;
      removed.add(producer);
      for (const input of producer.inputs) if (input) queue.push(input);
    } else if (value.initializer && !(value.isGraphInput && patch.graph.root.irVersion >= 4)) {
      released.add(value);
    }
  }
  return { removed: [...removed], released: [...released] };
}

/** Why the planned value can't stand for the old one, or null when it can. */
export function mismatch(old: Fact, by: Fact): string | null {
  if (old.dtype && by.dtype && old.dtype !== by.dtype) return `type ${by.dtype} in place of ${old.dtype}`;
  if (!old.shape || !by.shape) return null;
  const text = `shape [${by.shape.map((dim) => dim ?? "?").join(", ")}] in place of [${old.shape.map((dim) => dim ?? "?").join(", ")}]`;
  if (old.shape.length !== by.shape.length) return text;
  const clash = old.shape.some((dim, axis) => {
    const other = by.shape![axis]!;
    return typeof dim === "number" && typeof other === "number" && dim !== other;
  });
  return clash ? text : null;
}
