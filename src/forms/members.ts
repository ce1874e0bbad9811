import { matrix, multiply, symmetricEigen, transpose, type Matrix } from "../linalg/index.js";
import { tapOffsets } from "./chain.js";
import { coCluster } from "./co-cluster.js";
import { compose } from "./compose.js";
import { solveMixers } from "./fit.js";
import type { ConvSpec, Form, FormPlan } from "./form.js";
import { formPlan } from "./plan.js";
import {
  channelColumns,
  depthwiseFactors,
  groupFactors,
  inputFactors,
  outputFactors,
  pointwiseFactors,
  restrictedKernel,
  rowsOf,
  spatialFactors,
} from "./starts.js";
import type { FitTarget } from "./target.js";

/* The named members of the lattice: geometry and start of each. I, O, T are the layer's channels and taps. */

/** k×k, group = G, between channel orders learned by co-clustering (AlexNet, ResNeXt); per-group least squares. */
export function grouped(layer: ConvSpec, groups: number): FormPlan {
  const plan = formPlan(
    layer,
    "grouped",
    { groups },
    [[{ out: layer.outChannels, group: groups, taps: "all" }]],
    (target) => {
      const { inputOrder, outputs } = coCluster(target, groups);
      const [perIn, perOut] = [layer.inChannels / groups, layer.outChannels / groups];
      const taps = target.taps;
      const weight = new Float64Array(layer.outChannels * perIn * taps);
      const outputOrder = new Int32Array(layer.outChannels);
      outputs.forEach((o, position) => (outputOrder[o] = position));
      for (let g = 0; g < groups; g++) {
        const channels = inputOrder.subarray(g * perIn, (g + 1) * perIn);
        const columns = Int32Array.from(
          { length: perIn * taps },
          (_, q) => channels[Math.floor(q / taps)]! * taps + (q % taps),
        );
        const own = outputs.subarray(g * perOut, (g + 1) * perOut);
        weight.set(restrictedKernel(target, own, columns).data, g * perOut * perIn * taps);
      }
      return { branches: [[weight]], inputOrder, outputOrder };
    },
  );
  return { ...plan, ordered: true };
}

/** k×k, group = G on contiguous channels, without channel orders: a branch that a sum can hold. */
export function contiguousGroups(layer: ConvSpec, groups: number): FormPlan {
  return formPlan(
    layer,
    "grouped",
    { groups },
    [[{ out: layer.outChannels, group: groups, taps: "all" }]],
    (target) => {
      const [perIn, perOut] = [layer.inChannels / groups, layer.outChannels / groups];
      const weight = new Float64Array(layer.outChannels * perIn * target.taps);
      for (let g = 0; g < groups; g++) {
        const own = Int32Array.from({ length: perOut }, (_, o) => g * perOut + o);
        const columns = channelColumns(g * perIn, (g + 1) * perIn, target.taps);
        weight.set(restrictedKernel(target, own, columns).data, g * perOut * columns.length);
      }
      return { branches: [[weight]] };
    },
  );
}

/** k×k, group = G (I→R), then 1×1 (R→O): the pointwise mixer gives back what grouping cuts (ResNeXt, ShuffleNet). */
export function groupedPointwise(layer: ConvSpec, groups: number, width: number): FormPlan {
  const links = [
    { out: width, group: groups, taps: "all" as const },
    { out: layer.outChannels, taps: "none" as const },
  ];
  return formPlan(layer, "grouped-pointwise", { groups, width }, [links], (target) => {
    const perIn = layer.inChannels / groups;
    const perMid = width / groups;
    const front = new Float64Array(width * perIn * target.taps);
    for (let g = 0; g < groups; g++) {
      const columns = channelColumns(g * perIn, (g + 1) * perIn, target.taps);
      front.set(
        paddedRows(groupFactors(target, Math.min(perMid, layer.outChannels), columns), perMid),
        g * perMid * columns.length,
      );
    }
    // The mixer is solved by the fit.
    return { branches: [[front, new Float64Array(layer.outChannels * width)]] };
  });
}

/** 1×1 (I→R), then k×k, group = G (R→O): the mirror. */
export function pointwiseGrouped(layer: ConvSpec, groups: number, width: number): FormPlan {
  const links = [
    { out: width, taps: "none" as const },
    { out: layer.outChannels, group: groups, taps: "all" as const },
  ];
  return formPlan(layer, "pointwise-grouped", { groups, width }, [links], (target) => {
    const [perMid, perOut] = [width / groups, layer.outChannels / groups];
    const rank = Math.min(perMid, layer.inChannels);
    const front = new Float64Array(width * layer.inChannels);
    const back = new Float64Array(layer.outChannels * perMid * target.taps);
    for (let g = 0; g < groups; g++) {
      const rows = rowsOf(target.kernel, g * perOut, (g + 1) * perOut);
      const factors = inputFactors(target, rank, rows, `${g}/${groups}`);
      front.set(paddedRows(factors.basis, perMid), g * perMid * layer.inChannels);
      for (let o = 0; o < perOut; o++) {
        const row = factors.back.data.subarray(o * rank * target.taps, (o + 1) * rank * target.taps);
        back.set(row, (g * perOut + o) * perMid * target.taps);
      }
    }
    return { branches: [[front, back]] };
  });
}

/** Σ over M terms of depthwise k×k → pointwise (MobileNet; M = 1 is the classic). Lowered as one branch per term. */
export function depthwiseSeparable(layer: ConvSpec, terms: number): FormPlan {
  const { inChannels, outChannels } = layer;
  const chain = [
    { out: inChannels, group: inChannels, taps: "all" as const },
    { out: outChannels, taps: "none" as const },
  ];
  return formPlan(
    layer,
    "depthwise-separable",
    { terms },
    Array.from({ length: terms }, () => chain),
    (target) => {
      const { depthwise, pointwise } = depthwiseFactors(target, terms);
      const { taps } = target;
      return {
        branches: Array.from({ length: terms }, (_, m) => [
          strided(depthwise, inChannels, terms * taps, m * taps, taps),
          pick(pointwise, outChannels * inChannels, terms, m),
        ]),
      };
    },
  );
}

/** Σ over M terms of pointwise → depthwise k×k: the mirror, better where output channels are alike in their taps. */
export function pointwiseDepthwise(layer: ConvSpec, terms: number): FormPlan {
  const { inChannels, outChannels } = layer;
  const chain = [
    { out: outChannels, taps: "none" as const },
    { out: outChannels, group: outChannels, taps: "all" as const },
  ];
  return formPlan(
    layer,
    "pointwise-depthwise",
    { terms },
    Array.from({ length: terms }, () => chain),
    (target) => {
      const { depthwise, pointwise } = pointwiseFactors(target, terms);
      const { taps } = target;
      return {
        branches: Array.from({ length: terms }, (_, m) => [
          strided(pointwise, outChannels, terms * inChannels, m * inChannels, inChannels),
          strided(depthwise, outChannels, terms * taps, m * taps, taps),
        ]),
      };
    },
  );
}

/** k×1 (I→r) then 1×k (r→O) (Jaderberg et al. 2014); `axis` is the spatial axis that comes first, the others follow. */
export function spatiallySeparable(layer: ConvSpec, rank: number, axis: number): FormPlan {
  const others = layer.kernel.map((_, a) => a).filter((a) => a !== axis);
  const links = [
    { out: rank, taps: [axis] },
    { out: layer.outChannels, taps: others },
  ];
  const plan = formPlan(layer, "spatially-separable", { rank, axis }, [links], (target) => {
    const [first, second] = plan.branches[0]!;
    const factors = spatialFactors(target, rank, tapOffsets(layer, first!), tapOffsets(layer, second!));
    return { branches: [[factors.first, factors.second]] };
  });
  return plan;
}

/** 1×1 (I→r1) → k×k (r1→r2) → 1×1 (r2→O): Tucker-2 (Kim et al. 2016), the bottleneck of ResNet. */
export function bottleneck(layer: ConvSpec, r1: number, r2: number): FormPlan {
  const links = [
    { out: r1, taps: "none" as const },
    { out: r2, taps: "all" as const },
    { out: layer.outChannels, taps: "none" as const },
  ];
  return formPlan(layer, "bottleneck", { r1, r2 }, [links], (target) => {
    const output = outputFactors(target, r2);
    const input = inputFactors(target, r1, output.front, `output ${r2}`);
    return { branches: [[input.basis.data, input.back.data, transpose(output.basis).data]] };
  });
}

/** 1×1 (I→r) → k×k (r→O). */
export function reduceIn(layer: ConvSpec, rank: number): FormPlan {
  const links = [
    { out: rank, taps: "none" as const },
    { out: layer.outChannels, taps: "all" as const },
  ];
  return formPlan(layer, "reduce-in", { rank }, [links], (target) => {
    const { basis, back } = inputFactors(target, rank);
    return { branches: [[basis.data, back.data]] };
  });
}

/** k×k (I→r) → 1×1 (r→O): principal components of the outputs (Zhang et al. 2016), optimal for its rank. */
export function reduceOut(layer: ConvSpec, rank: number): FormPlan {
  return outputPlan(layer, "reduce-out", rank);
}

/** 1×1 (I→r) → 1×1 (r→O), for 1×1 convs and Gemm. */
export function lowRankPointwise(layer: ConvSpec, rank: number): FormPlan {
  return outputPlan(layer, "low-rank-pointwise", rank);
}

function outputPlan(layer: ConvSpec, name: "reduce-out" | "low-rank-pointwise", rank: number): FormPlan {
  const links = [
    { out: rank, taps: "all" as const },
    { out: layer.outChannels, taps: "none" as const },
  ];
  return formPlan(layer, name, { rank }, [links], (target) => {
    const { basis, front } = outputFactors(target, rank);
    return { branches: [[front.data, transpose(basis).data]] };
  });
}

/** 1×1 (I→R) → depthwise k×k → 1×1 (R→O): CP of rank R, the inverted bottleneck of MobileNetV2 without activations. */
export function invertedBottleneck(layer: ConvSpec, width: number): FormPlan {
  const links = [
    { out: width, taps: "none" as const },
    { out: width, group: width, taps: "all" as const },
    { out: layer.outChannels, taps: "none" as const },
  ];
  return formPlan(layer, "inverted-bottleneck", { width }, [links], (target) => ({
    branches: [canonicalStart(target, width)],
  }));
}

/** The strongest rank-one pieces: a basis of the inputs, then an SVD of each basis vector's O × T slice. */
function canonicalStart(target: FitTarget, width: number): Float64Array[] {
  const { inChannels, outChannels } = target.layer;
  const { taps } = target;
  const { basis, back } = inputFactors(target, inChannels);
  const pieces: { strength: number; input: Float64Array; depthwise: Float64Array; output: Float64Array }[] =
    [];
  for (let r = 0; r < inChannels; r++) {
    const slice = matrix(outChannels, taps);
    for (let o = 0; o < outChannels; o++) {
      slice.data.set(
        back.data.subarray((o * inChannels + r) * taps, (o * inChannels + r + 1) * taps),
        o * taps,
      );
    }
    const { values, vectors } = symmetricEigen(multiply(slice, slice, { transA: true }));
    for (let p = 0; p < taps; p++) {
      const depthwise = Float64Array.from({ length: taps }, (_, t) => vectors.data[t * taps + p]!);
      const output = multiply(slice, matrix(taps, 1, depthwise)).data;
      pieces.push({
        strength: values[p]!,
        input: basis.data.slice(r * inChannels, (r + 1) * inChannels),
        depthwise,
        output,
      });
    }
  }
  pieces.sort((a, b) => b.strength - a.strength);
  const chosen = pieces.slice(0, width);
  const input = new Float64Array(width * inChannels);
  const depthwise = new Float64Array(width * taps);
  const output = new Float64Array(outChannels * width);
  chosen.forEach((piece, r) => {
    input.set(piece.input, r * inChannels);
    depthwise.set(piece.depthwise, r * taps);
    for (let o = 0; o < outChannels; o++) output[o * width + r] = piece.output[o]!;
  });
  return [input, depthwise, output];
}

/** Both forms side by side, the second started on what the first leaves over; then fitted together. */
export function sumOf(layer: ConvSpec, first: FormPlan, second: FormPlan): FormPlan {
  const terms = [...first.terms, ...second.terms];
  const size = {};
  return {
    name: "sum",
    size,
    terms,
    branches: [...first.branches, ...second.branches],
    start(target): Form {
      const { one, rest } = target.memo(`rest/${JSON.stringify(first.terms)}`, () => {
        const form = solveMixers(first.start(target), target);
        return { one: form, rest: target.withKernel(remainder(target.kernel, compose(form, layer))) };
      });
      const two = second.start(rest);
      return { name: "sum", size, terms, branches: [...one.branches, ...two.branches] };
    },
  };
}

function remainder(kernel: Matrix, composed: Matrix): Matrix {
  return matrix(
    kernel.rows,
    kernel.cols,
    kernel.data.map((w, i) => w - composed.data[i]!),
  );
}

/** Every `step`-th entry from `start` on, `count` of them. */
function pick(data: Float64Array, count: number, step: number, start: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => data[i * step + start]!);
}

/** `count` runs of `length` entries, `step` apart from `start` on. */
function strided(
  data: Float64Array,
  count: number,
  step: number,
  start: number,
  length: number,
): Float64Array {
  const result = new Float64Array(count * length);
  for (let i = 0; i < count; i++)
    result.set(data.subarray(i * step + start, i * step + start + length), i * length);
  return result;
}

/** Row-major data of a matrix with zero rows added up to `rows`. */
function paddedRows(a: Matrix, rows: number): Float64Array {
  const result = new Float64Array(rows * a.cols);
  result.set(a.data);
  return result;
}

/** Divisors of both channel counts above 1, ascending: the group counts that a grouped conv can have. */
export function commonGroups({ inChannels, outChannels }: ConvSpec): number[] {
  return Array.from({ length: Math.min(inChannels, outChannels) }, (_, i) => i + 1).filter(
    (groups) => groups > 1 && inChannels % groups === 0 && outChannels % groups === 0,
  );
}

/** Divisors of a channel count, ascending. */
export function divisorsOf(channels: number): number[] {
  return Array.from({ length: channels }, (_, i) => i + 1).filter((divisor) => channels % divisor === 0);
}
