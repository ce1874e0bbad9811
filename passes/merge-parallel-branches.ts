import {
  definePass,
  isDecline,
  isLinearOp,
  isRepresentable,
  parallelBranch,
  readLinearLayer,
  remakeLinearLayer,
  sumOfBranches,
  takesBias,
  type Decline,
  type LinearLayer,
  type ParallelBranch,
  type RewriteContext,
} from "../src/engine/index.js";
import type { Node, Patch, Value } from "../src/ir/index.js";

/*
 * Convolutions of one input whose outputs are summed are one convolution: its kernel holds every branch's taps at
 * their offsets (dilation · tap − pad), its bias is the sum of theirs. The input itself, or the input through a
 * BatchNormalization, is a 1×1 branch with a diagonal kernel (RepVGG). All branches need one stride. Convolutions of
 * one geometry that meet in a Concat are one with their filters stacked. Merged only when that costs no more MACs.
 */
export default definePass({
  kind: "rewrite",
  name: "merge-parallel-branches",
  summary: "convolutions of one input whose outputs are summed or stacked into one, when that is no dearer",
  anchors: ["Add", "Sum", "Concat"],
  propose(node, cx) {
    return node.op === "Concat" ? stack(node, cx) : sum(node, cx);
  },
});

function sum(node: Node, cx: RewriteContext): Patch | Decline | null {
  const leaves = operands(node, cx);
  const layers = leaves.flatMap((leaf) => (isLinearOp(leaf.producer) ? (leaf.producer ?? []) : []));
  const source = layers[0]?.input(0);
  // Only sums of one input's branches concern this pass: several convolutions, or one beside its own input.
  if (!source || leaves.length < 2) return null;
  const related = leaves.every((leaf) => leaf === source || leaf.producer?.input(0) === source);
  if (!related) return null;
  if (leaves.some((leaf) => leaf !== source && cx.soleReader(leaf) === null))
    return cx.decline("a branch is read elsewhere too");
  if (leaves.some((leaf) => isBroadcast(leaf, node.output, cx))) return cx.decline("a branch is broadcast");
  const first = readLinearLayer(layers[0]!, cx);
  if (isDecline(first)) return cx.decline(`of "${layers[0]!.label}": ${first.declined}`);
  const branches: ParallelBranch[] = [];
  for (const leaf of leaves) {
    const branch = parallelBranch(leaf, source, first, cx);
    if (branch === null) return null;
    if (isDecline(branch)) return branch;
    branches.push(branch);
  }
  const merged = sumOfBranches(first, branches, cx);
  if (isDecline(merged)) return merged;
  const costs = layers.map((layer) => cx.macs(layer));
  if (costs.includes(null)) return cx.decline("its cost is unknown");
  const apart = costs.reduce((total: number, macs) => total + macs!, 0);
  const positions = costs[0]! / ((first.outChannels * first.inChannels * first.taps) / first.group);
  const cost = positions * merged.weight.length;
  if (cost > apart) return cx.decline(`merging would raise MACs from ${apart} to ${cost}`);
  if (merged.hasBias && !takesBias(first, cx)) return cx.decline("a MatMul of this rank can't take a bias");
  if (!isRepresentable(merged.weight, first.dtype) || !isRepresentable(merged.bias, first.dtype))
    return cx.decline(`the merged weights leave the range of ${first.dtype}`);
  const patch = cx.patch(node);
  const { weight, bias, group, kernel, attributes, hasBias } = merged;
  patch.replace(
    node.output,
    remakeLinearLayer(patch, first, { weight, group, kernel, attributes, ...(hasBias ? { bias } : {}) }, cx),
  );
  cx.note(patch, `${branches.length} branches`);
  return patch;
}

function isBroadcast(leaf: Value, whole: Value, cx: RewriteContext): boolean {
  const [own, all] = [cx.fact(leaf).shape, cx.fact(whole).shape];
  return (
    !own ||
    !all ||
    own.length !== all.length ||
    own.some((dim, axis) => typeof dim === "number" && dim !== all[axis])
  );
}

/** What a sum adds up, through sums that only it reads. */
function operands(node: Node, cx: RewriteContext): Value[] {
  return node.inputs.flatMap((input): Value[] => {
    if (!input) return [];
    const { producer } = input;
    const nested = producer?.is("Add", "Sum") && cx.soleReader(input) === node;
    return nested ? operands(producer!, cx) : [input];
  });
}

/** Runs of neighbouring operands of a Concat over channels become one convolution each. */
function stack(node: Node, cx: RewriteContext): Patch | Decline | null {
  const axis = node.attributes.get("axis");
  const rank = cx.fact(node.output).shape?.length ?? 0;
  if (axis?.kind === "int" ? axis.value !== 1 && axis.value + rank !== 1 : (cx.graph.opset() ?? 1) >= 4)
    return null;
  const runs: LinearLayer[][] = [];
  const operands: (Value | LinearLayer[])[] = [];
  for (const input of node.inputs) {
    if (!input) return null;
    const layer =
      isLinearOp(input.producer) && cx.soleReader(input) === node
        ? readLinearLayer(input.producer!, cx)
        : null;
    const last = operands.at(-1);
    if (!layer || isDecline(layer) || layer.op === "ConvTranspose" || layer.group > 1) operands.push(input);
    else if (
      Array.isArray(last) &&
      stacks(last[0]!, layer) &&
      !last.some((other) => other.node === layer.node)
    )
      last.push(layer);
    else runs[operands.push([layer]) - 1] = operands.at(-1) as LinearLayer[];
  }
  const long = operands.filter((each): each is LinearLayer[] => Array.isArray(each) && each.length > 1);
  if (long.length === 0) {
    const related = operands.filter((each): each is LinearLayer[] => Array.isArray(each));
    const shared = related.some(([layer], i) =>
      related.slice(i + 1).some(([other]) => other!.input === layer!.input),
    );
    return shared ? cx.decline("its branches have different kernels: stacking them would be dearer") : null;
  }
  const patch = cx.patch(node);
  const values = operands.map((each) =>
    Array.isArray(each) ? (each.length > 1 ? stacked(patch, each, cx) : each[0]!.output) : each,
  );
  const whole =
    values.length === 1
      ? values[0]!
      : patch.op("Concat", values, Object.fromEntries(node.attributes), { heirOf: node });
  patch.replace(node.output, whole);
  cx.note(patch, long.map((run) => run.map((layer) => `"${layer.node.label}"`).join(" + ")).join(", "));
  return patch;
}

function stacks(a: LinearLayer, b: LinearLayer): boolean {
  const same = (p: readonly number[] | null, q: readonly number[] | null): boolean =>
    p !== null && q !== null && p.length === q.length && p.every((v, i) => v === q[i]);
  return (
    a.input === b.input &&
    a.op === b.op &&
    a.dtype === b.dtype &&
    same(a.kernel, b.kernel) &&
    same(a.strides, b.strides) &&
    same(a.dilations, b.dilations) &&
    same(a.pads, b.pads)
  );
}

function stacked(patch: Patch, run: readonly LinearLayer[], cx: RewriteContext): Value {
  const join = (parts: readonly Float64Array[]): Float64Array =>
    Float64Array.from(parts.flatMap((part) => [...part]));
  const weight = join(run.map((layer) => layer.weight));
  const bias = run.some((layer) => layer.hasBias) ? { bias: join(run.map((layer) => layer.bias)) } : {};
  const [first] = run as [LinearLayer];
  const suffix = `${first.node.label}.`;
  return remakeLinearLayer(
    patch,
    first,
    { weight, ...bias, outChannels: run.reduce((total, layer) => total + layer.outChannels, 0), suffix },
    cx,
  );
}
