import {
  definePass,
  isDecline,
  isLinearOp,
  isRepresentable,
  readLinearLayer,
  remakeLinearLayer,
  takesBias,
  type LinearLayer,
  type RewriteContext,
} from "../src/engine/index.js";

/*
 * Two convolutions with nothing between them, one of them 1×1, are one convolution: B·(A·x + a) + b = (B·A)·x + B·a + b.
 * 1×1 in front (stride 1, no pads): the kernel, stride and pads are B's. A pad of B is 0 where A's output would be a,
 * so with pads the bias a has to be 0. 1×1 behind (no pads): the kernel and pads are A's, the strides multiply.
 * Groups g₁ and g₂ become gcd(g₁, g₂). Gemm and MatMul are the case without spatial axes. Merged only when the
 * product costs no more MACs than the factors: a bottleneck stays.
 */
export default definePass({
  kind: "rewrite",
  name: "merge-pointwise-chain",
  summary: "a convolution and a 1×1 convolution in a row into one, when that is no dearer",
  anchors: ["Conv", "Gemm", "MatMul"],
  propose(node, cx) {
    const producer = node.input(0)?.producer ?? null;
    if (!producer || !isLinearOp(producer)) return null;
    const [a, b] = [readLinearLayer(producer, cx), readLinearLayer(node, cx)];
    if (isDecline(a)) return cx.decline(`of "${producer.label}": ${a.declined}`);
    if (isDecline(b)) return b;
    if ((a.op === "Conv") !== (b.op === "Conv") || a.op === "ConvTranspose" || a.dtype !== b.dtype)
      return null;
    if (cx.soleReader(a.output) !== node)
      return cx.decline(`the output of "${producer.label}" is read elsewhere too`);
    const ahead = isPointwise(a) && a.strides.every((stride) => stride === 1);
    const behind = isPointwise(b);
    if (!ahead && !behind) return cx.decline(`neither it nor "${producer.label}" is 1×1 without pads`);
    if (behind && b.strides.some((stride) => stride > 1) && !a.pads)
      return cx.decline(`the pads of "${producer.label}" are unknown`);
    const padded = !behind && !(b.pads?.every((pad) => pad === 0) ?? false);
    if (padded && a.bias.some((v) => v !== 0))
      return cx.decline(`the bias of "${producer.label}" does not reach the pads`);
    const group = gcd(a.group, b.group);
    const cost = costOf(a, b, group, cx);
    if (cost === null) return cx.decline("its cost is unknown");
    if (cost.merged > cost.apart)
      return cx.decline(`merging would raise MACs from ${cost.apart} to ${cost.merged}`);
    const { weight, bias } = product(a, b, group);
    const needsBias = a.hasBias || b.hasBias;
    if (needsBias && !takesBias(behind ? a : b, cx))
      return cx.decline("a MatMul of this rank can't take a bias");
    if (!isRepresentable(weight, a.dtype) || !isRepresentable(bias, a.dtype))
      return cx.decline(`the merged weights leave the range of ${a.dtype}`);
    const patch = cx.patch(node);
    const changes = {
      weight,
      group,
      inChannels: a.inChannels,
      outChannels: b.outChannels,
      ...(needsBias ? { bias } : {}),
    };
    const strides = b.strides.some((stride) => stride > 1)
      ? {
          strides: a.strides.map((stride, axis) => stride * b.strides[axis]!),
          pads: a.pads!,
          auto_pad: undefined,
        }
      : {};
    const merged = behind
      ? remakeLinearLayer(patch, a, { ...changes, attributes: strides }, cx)
      : remakeLinearLayer(patch, b, { ...changes, input: a.input }, cx);
    patch.replace(b.output, merged);
    cx.note(patch, `with "${producer.label}"`);
    return patch;
  },
});

function isPointwise(layer: LinearLayer): boolean {
  return layer.taps === 1 && (layer.pads?.every((pad) => pad === 0) ?? false);
}

/** B·A and B·a + b in so many groups. */
function product(
  a: LinearLayer,
  b: LinearLayer,
  group: number,
): { weight: Float64Array; bias: Float64Array } {
  const [lower, upper] = [a.weight, b.weight];
  const [inputs, middles] = [a.inChannels / a.group, b.inChannels / b.group];
  const width = a.inChannels / group;
  const taps = a.taps * b.taps;
  const weight = new Float64Array(b.outChannels * width * taps);
  const bias = b.bias.slice();
  for (let o = 0; o < b.outChannels; o++) {
    const firstMiddle = Math.floor(o / (b.outChannels / b.group)) * middles;
    const firstInput = Math.floor(o / (b.outChannels / group)) * width;
    for (let m = 0; m < middles; m++) {
      const middle = firstMiddle + m;
      const shift = Math.floor(middle / (a.outChannels / a.group)) * inputs - firstInput;
      for (let tb = 0; tb < b.taps; tb++) {
        const factor = upper[(o * middles + m) * b.taps + tb]!;
        bias[o]! += factor * a.bias[middle]!;
        if (factor === 0) continue;
        for (let i = 0; i < inputs; i++) {
          for (let ta = 0; ta < a.taps; ta++) {
            weight[(o * width + shift + i) * taps + ta + tb]! +=
              factor * lower[(middle * inputs + i) * a.taps + ta]!;
          }
        }
      }
    }
  }
  return { weight, bias };
}

function costOf(
  a: LinearLayer,
  b: LinearLayer,
  group: number,
  cx: RewriteContext,
): { apart: number; merged: number } | null {
  const [first, second] = [cx.macs(a.node), cx.macs(b.node)];
  if (first === null || second === null) return null;
  const positions = second / ((b.outChannels * b.inChannels * b.taps) / b.group);
  return {
    apart: first + second,
    merged: (positions * b.outChannels * a.inChannels * a.taps * b.taps) / group,
  };
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
