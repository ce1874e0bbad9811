import { elementCount, type Value } from "../ir/index.js";
import { resolveConv, resolveConvTranspose } from "../ops/conv-geometry.js";
import type { Emitter } from "./emitter.js";
import { attributes, unsupported, type GradientRule, type GradientRules } from "./rule.js";

interface Geometry {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
}

/** The geometry of one convolution between `small` (its output) and `large` (its input). */
interface Passage extends Geometry {
  readonly group: number;
  /** N × C × spatial. */
  readonly large: readonly number[];
  /** N × O × spatial. */
  readonly small: readonly number[];
}

/**
 * Pads and output_padding that make a ConvTranspose of this geometry the adjoint of a window operator from `lengths`
 * to `counts` elements: what no window covers at the end gets zeros.
 */
export function adjointPads(
  { kernel, strides, dilations, pads }: Geometry,
  lengths: readonly number[],
  counts: readonly number[],
): { readonly pads: readonly number[]; readonly output_padding: readonly number[] } {
  const rest = lengths.map((length, axis) => {
    const reach = (counts[axis]! - 1) * strides[axis]! + (kernel[axis]! - 1) * dilations[axis]! + 1;
    return reach - pads[axis]! - length;
  });
  return {
    pads: [...pads.slice(0, lengths.length), ...rest.map((end) => Math.max(0, end))],
    output_padding: rest.map((end) => Math.max(0, -end)),
  };
}

const conv: GradientRule = (call) => {
  const { emit, gradient } = call;
  const [x, w] = [call.input(0), call.input(1)];
  const geometry = resolveConv(attributes<"Conv">(call), call.shape(x), call.shape(w), { node: call.node });
  const passage = { ...geometry, large: call.shape(x), small: call.shape(call.output) };
  return [
    call.wants(0) ? inputGradient(emit, passage, gradient, w) : null,
    call.wants(1) ? weightGradient(emit, passage, x, gradient) : null,
    call.wants(2) ? biasGradient(emit, passage.small, gradient) : null,
  ];
};

/** The adjoint of a convolution is a convolution of the same kernel, and the other way round. */
const convTranspose: GradientRule = (call) => {
  const { emit, gradient, node } = call;
  const [x, w] = [call.input(0), call.input(1)];
  const view = attributes<"ConvTranspose">(call);
  const { pads, ...geometry } = resolveConvTranspose(view, call.shape(x), call.shape(w), { node });
  if (!pads) throw unsupported(node, "the pads are not known");
  const passage = { ...geometry, pads, large: call.shape(call.output), small: call.shape(x) };
  // Windows of the forward conv are as many as x has elements: the end pad follows from that.
  const ends = passage.small.slice(2).map((count, axis) => {
    const reach =
      (count - 1) * passage.strides[axis]! + (passage.kernel[axis]! - 1) * passage.dilations[axis]! + 1;
    return reach - pads[axis]! - passage.large[axis + 2]!;
  });
  const covered = { ...passage, pads: [...pads.slice(0, ends.length), ...ends] };
  const cut = uncovered(emit, gradient, covered);
  const attrs = convAttributes(cut.passage);
  return [
    call.wants(0) ? emit.op("Conv", [cut.value, w], { ...attrs, pads: cut.passage.pads }) : null,
    call.wants(1) ? weightGradient(emit, cut.passage, cut.value, x) : null,
    call.wants(2) ? biasGradient(emit, passage.large, gradient) : null,
  ];
};

/** Negative end pads leave elements that no window covers (output_padding): they are cut off first. */
function uncovered(
  emit: Emitter,
  large: Value,
  passage: Passage,
): { readonly value: Value; readonly passage: Passage } {
  const rank = passage.kernel.length;
  const ends = passage.pads.slice(rank);
  if (ends.every((end) => end >= 0)) return { value: large, passage };
  const lengths = passage.large.slice(2).map((length, axis) => length + Math.min(0, ends[axis]!));
  const axes = lengths.map((_, axis) => axis + 2);
  return {
    value: emit.slice(
      large,
      lengths.map(() => 0),
      lengths,
      axes,
    ),
    passage: {
      ...passage,
      large: [...passage.large.slice(0, 2), ...lengths],
      pads: [...passage.pads.slice(0, rank), ...ends.map((end) => Math.max(0, end))],
    },
  };
}

function convAttributes({ kernel, strides, dilations, group }: Passage) {
  return { kernel_shape: kernel, strides, dilations, group };
}

/** dL/dx: at stride 1 a convolution with the flipped kernel, else a ConvTranspose. */
function inputGradient(emit: Emitter, passage: Passage, gradient: Value, w: Value): Value {
  const { kernel, strides, dilations, group, large, small } = passage;
  const adjoint = adjointPads(passage, large.slice(2), small.slice(2));
  const mirrored = kernel.map((k, axis) => (k - 1) * dilations[axis]! - adjoint.pads[axis]!);
  const mirroredEnds = kernel.map(
    (k, axis) => (k - 1) * dilations[axis]! - adjoint.pads[kernel.length + axis]!,
  );
  const flippable =
    group === 1 &&
    strides.every((stride) => stride === 1) &&
    adjoint.output_padding.every((extra) => extra === 0) &&
    [...mirrored, ...mirroredEnds].every((pad) => pad >= 0);
  if (!flippable) return emit.op("ConvTranspose", [gradient, w], { ...convAttributes(passage), ...adjoint });
  const axes = kernel.map((_, axis) => axis + 2);
  const swapped = emit.transpose(w, [1, 0, ...axes]);
  const back = axes.map(() => -1);
  const flipped = kernel.every((k) => k === 1)
    ? swapped
    : emit.slice(
        swapped,
        back,
        axes.map(() => Number.MIN_SAFE_INTEGER),
        axes,
        back,
      );
  return emit.op("Conv", [gradient, flipped], {
    ...convAttributes(passage),
    pads: [...mirrored, ...mirroredEnds],
  });
}

function biasGradient(emit: Emitter, shape: readonly number[], gradient: Value): Value {
  return emit.sum(
    gradient,
    shape.flatMap((_, axis) => (axis === 1 ? [] : [axis])),
    false,
  );
}

/** From this many input channels on, a product per tap beats one product with all patches laid out. */
const manyChannels = 12;

/** dL/dW from the convolution's input (`large`) and the gradient of its output (`small`). */
function weightGradient(emit: Emitter, passage: Passage, large: Value, small: Value): Value {
  const perTap = passage.group === 1 && passage.large[1]! >= manyChannels;
  return perTap ? weightByTap(emit, passage, large, small) : weightByPatches(emit, passage, large, small);
}

/** The input as each tap of the kernel sees it: strided slices of the padded input, as large as the output. */
function tapViews(emit: Emitter, { kernel, strides, dilations, pads, small }: Passage, x: Value): Value[] {
  const rank = kernel.length;
  const counts = small.slice(2);
  const padded = emit.pad(x, [0, 0, ...pads.slice(0, rank)], [0, 0, ...pads.slice(rank)]);
  const axes = kernel.map((_, axis) => axis + 2);
  let taps: number[][] = [[]];
  for (const size of kernel)
    taps = taps.flatMap((tap) => Array.from({ length: size }, (_, k) => [...tap, k]));
  return taps.map((tap) => {
    const starts = tap.map((k, axis) => k * dilations[axis]!);
    const ends = starts.map((start, axis) => start + (counts[axis]! - 1) * strides[axis]! + 1);
    return axes.length === 0 ? padded : emit.slice(padded, starts, ends, axes, strides);
  });
}

/** Patches of all taps side by side, one batched product, summed over the batch: any group count. */
function weightByPatches(emit: Emitter, passage: Passage, x: Value, dy: Value): Value {
  const { group, kernel, large, small } = passage;
  const [batch, channels] = large as [number, number];
  const outChannels = small[1]!;
  const positions = elementCount(small.slice(2));
  const [perIn, perOut, taps] = [channels / group, outChannels / group, elementCount(kernel)];
  const views = tapViews(emit, passage, x).map((view) =>
    emit.reshape(view, [batch, group, perIn, positions]),
  );
  const patches = views.length === 1 ? views[0]! : emit.op("Concat", views, { axis: 2 });
  const right = emit.transpose(emit.reshape(dy, [batch, group, perOut, positions]), [0, 1, 3, 2]);
  const sums = emit.sum(emit.op("MatMul", [patches, right]), [0], false);
  const ordered = emit.transpose(emit.reshape(sums, [group, taps, perIn, perOut]), [0, 3, 2, 1]);
  return emit.reshape(ordered, [outChannels, perIn, ...kernel]);
}

/** One matrix product over all images and positions per tap. */
function weightByTap(emit: Emitter, passage: Passage, x: Value, dy: Value): Value {
  const { kernel, large, small } = passage;
  const [channels, outChannels, taps] = [large[1]!, small[1]!, elementCount(kernel)];
  const perm = [1, 0, ...kernel.map((_, axis) => axis + 2)];
  const left = emit.reshape(emit.transpose(dy, perm), [outChannels, -1]);
  const products = tapViews(emit, passage, emit.transpose(x, perm)).map((view) =>
    emit.op("Gemm", [left, emit.reshape(view, [channels, -1])], { transB: 1 }),
  );
  if (taps === 1) return emit.reshape(products[0]!, [outChannels, channels, ...kernel]);
  const stacked = emit.reshape(emit.op("Concat", products, { axis: 1 }), [outChannels, taps, channels]);
  return emit.reshape(emit.transpose(stacked, [0, 2, 1]), [outChannels, channels, ...kernel]);
}

/** Convolutions in any number of spatial dimensions. */
export const convRules: GradientRules = { Conv: conv, ConvTranspose: convTranspose };
