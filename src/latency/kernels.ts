import type { Model, Node } from "../ir/index.js";
import type { KernelTime } from "../runtime/index.js";
import { median, quickMean } from "./statistics.js";

/** What the runtime made of some nodes of a model, and how long it takes. */
export interface KernelRow {
  /** Label of the node that the work belongs to: the convolution of a fusion; null for what the runtime put in. */
  readonly layer: string | null;
  /** The kernel's operator in the runtime, e.g. FusedConv or ReorderInput. */
  readonly op: string;
  /** The runtime's own name of the kernel. */
  readonly kernel: string;
  /** Labels of the model's nodes that the kernel computes, in order. */
  readonly nodes: readonly string[];
  /** Median over the profiled runs that count. */
  readonly ms: number;
  /** Milliseconds of each of them. */
  readonly runs: readonly number[];
}

/** Milliseconds that kernels take together, by the quicker runs of each. */
export function togetherMs(rows: readonly KernelRow[]): number {
  return rows.reduce((sum, { runs }) => sum + quickMean(runs), 0);
}

/** Whether a node is a layer or took its place, after which it is called "layer.part". */
export function standsFor(node: string, layer: string): boolean {
  return node === layer || node.startsWith(`${layer}.`);
}

const blocked = "_nchwc";

/** How a kernel's name leads to a node: kernels in blocked layout are named after the value that they make. */
interface Anchor {
  readonly node: Node;
  readonly by: "value" | "name";
}

/**
 * The runtime's kernels with the nodes that they came from, in the order in which they run. Nodes that were fused into
 * a neighbour's kernel are listed with it; kernels that the runtime added (layout conversions) have no layer. Names
 * must be unique in the model: see {@link namedCopy}. The first `warmUp` runs don't count.
 */
export function kernelRows(model: Model, kernels: readonly KernelTime[], warmUp = 0): KernelRow[] {
  const times = new Map<string, { readonly kernel: KernelTime; readonly ms: number[] }>();
  for (const kernel of kernels) {
    const key = `${kernel.index} ${kernel.name}`;
    const entry = times.get(key);
    if (entry) entry.ms.push(kernel.ms);
    else times.set(key, { kernel, ms: [kernel.ms] });
  }
  const rows = [...times.values()].map(({ kernel, ms }) => {
    const runs = ms.slice(warmUp);
    return { kernel, runs, ms: median(runs), anchor: anchorOf(model, kernel.name) };
  });
  const owners = new Map<Node, number>();
  for (const [i, { anchor }] of rows.entries()) if (anchor) owners.set(anchor.node, i);
  const members = rows.map(({ anchor }) => (anchor ? [anchor.node] : []));
  for (const node of model.graph.nodes) {
    if (owners.has(node)) continue;
    const owner = absorber(node, owners, rows);
    if (owner !== null) members[owner]!.push(node);
  }
  const place = new Map(model.graph.nodes.map((node, i) => [node, i]));
  return rows.map(({ kernel, ms, runs }, i) => {
    const nodes = members[i]!.sort((a, b) => place.get(a)! - place.get(b)!);
    const main = nodes.find((node) => node.is("Conv", "ConvTranspose", "Gemm", "MatMul")) ?? nodes[0];
    return { layer: main?.label ?? null, op: kernel.op, kernel: kernel.name, nodes: nodes.map(({ label }) => label), ms, runs }; // prettier-ignore
  });
}

function anchorOf(model: Model, name: string): Anchor | null {
  const node = model.graph.node(name);
  if (node) return { node, by: "name" };
  if (name.endsWith(blocked)) {
    const maker = model.graph.value(name.slice(0, -blocked.length))?.producer;
    if (maker) return { node: maker, by: "value" };
  }
  // A fusion puts something behind the name of one of its nodes.
  let best: Node | null = null;
  for (const each of model.graph.nodes) {
    const longer = each.name.length > (best?.name.length ?? 0);
    if (longer && name.startsWith(each.name) && /^\W/.test(name.slice(each.name.length))) best = each;
  }
  return best && { node: best, by: "name" };
}

type Rows = readonly { readonly kernel: KernelTime; readonly anchor: Anchor | null }[];

/** What the runtime adds to a convolution in blocked layout without renaming it. */
const added = ["Add", "Sum", "Relu", "LeakyRelu", "Sigmoid", "Tanh", "Clip", "HardSigmoid"];

/**
 * The kernel that a node without one of its own was fused into: one that took in what stands behind it (a fused kernel
 * keeps the name of the node in front), else that of the value to which the node leads through others of its kind.
 * Null for nodes that are folded away.
 */
function absorber(node: Node, owners: ReadonlyMap<Node, number>, rows: Rows): number | null {
  const before = ownerBefore(node, owners, rows);
  if (before !== null) return before;
  for (let at = node; ;) {
    const { uses } = at.output;
    const behind = uses.length === 1 ? uses[0]!.node : null;
    if (!behind) return null;
    const owner = owners.get(behind);
    if (owner !== undefined) return rows[owner]!.anchor!.by === "value" && !behind.is("Conv") ? owner : null;
    at = behind;
  }
}

function ownerBefore(node: Node, owners: ReadonlyMap<Node, number>, rows: Rows): number | null {
  for (const input of node.inputs) {
    const before = input?.producer;
    if (!before || before.output.uses.length !== 1) continue;
    const owner = owners.get(before);
    if (owner === undefined) {
      const further = ownerBefore(before, owners, rows);
      if (further !== null && node.is(...added)) return further;
      continue;
    }
    const { kernel, anchor } = rows[owner]!;
    const tookIn =
      anchor!.by === "name" ? kernel.op !== before.op : kernel.op === "Conv" && node.is(...added);
    if (tookIn) return owner;
  }
  return null;
}
