import type { Value } from "../ir/index.js";
import { resolveRange } from "../ops/slice.js";
import { attributes, unsupported, type GradientCall, type GradientRule, type GradientRules } from "./rule.js";

/** The gradient in the input's shape: for operators that only change the shape. */
const reshaped: GradientRule = (call) => [call.emit.reshape(call.gradient, call.shape(call.input(0)))];

const unchanged: GradientRule = ({ gradient }) => [gradient];

function positive(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

const transpose: GradientRule = (call) => {
  const rank = call.shape(call.input(0)).length;
  const perm =
    attributes<"Transpose">(call).perm ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  const inverse = perm.map((_, axis) => perm.indexOf(axis));
  return [call.emit.transpose(call.gradient, inverse)];
};

const concat: GradientRule = (call) => {
  const { emit, gradient, node } = call;
  const axis = positive(attributes<"Concat">(call).axis ?? 1, call.shape(call.output).length);
  let at = 0;
  return node.inputs.map((_, index) => {
    const from = at;
    at += call.shape(call.input(index))[axis]!;
    return call.wants(index) ? emit.slice(gradient, [from], [at], [axis]) : null;
  });
};

const split: GradientRule = (call) => {
  const { emit, gradients, node } = call;
  const axis = positive(attributes<"Split">(call).axis ?? 0, call.shape(call.input(0)).length);
  const parts = node.outputs.map((output, index) => {
    if (!output) throw unsupported(node, `output ${index} is not named`);
    return gradients[index] ?? emit.op("Expand", [emit.scalar(0), emit.integers(call.shape(output))]);
  });
  return [parts.length === 1 ? parts[0]! : emit.op("Concat", parts, { axis })];
};

/** Zeros between the elements where the slice skipped some, and around them where it started later or ended sooner. */
const slice: GradientRule = (call) => {
  const { emit, shape } = call;
  const dims = shape(call.input(0));
  const [starts, ends] = [call.numbers(1) ?? [], call.numbers(2) ?? []];
  const axes = (call.numbers(3) ?? starts.map((_, index) => index)).map((axis) =>
    positive(axis, dims.length),
  );
  const steps = call.numbers(4) ?? starts.map(() => 1);
  const counts = [...shape(call.output)];
  const [before, after] = [dims.map(() => 0), dims.map(() => 0)];
  let gradient = call.gradient;
  axes.forEach((axis, index) => {
    const { start, step, count } = resolveRange(dims[axis]!, starts[index]!, ends[index]!, steps[index]!);
    if (count === 0) throw unsupported(call.node, "an empty slice");
    const stride = Math.abs(step);
    const first = step < 0 ? start + (count - 1) * step : start;
    if (step < 0) gradient = emit.slice(gradient, [-1], [Number.MIN_SAFE_INTEGER], [axis], [-1]);
    if (stride > 1) {
      gradient = stuffed(call, gradient, counts, axis, stride);
      counts[axis] = (count - 1) * stride + 1;
    }
    before[axis] = first;
    after[axis] = dims[axis]! - first - counts[axis]!;
  });
  return [emit.pad(gradient, before, after)];
};

/** `stride − 1` zeros between the elements along an axis. */
function stuffed(
  { emit }: GradientCall,
  x: Value,
  dims: readonly number[],
  axis: number,
  stride: number,
): Value {
  const count = dims[axis]!;
  const apart = emit.reshape(x, [...dims.slice(0, axis + 1), 1, ...dims.slice(axis + 1)]);
  const zeros = Array<number>(dims.length + 1).fill(0);
  const padded = emit.pad(
    apart,
    zeros,
    zeros.map((_, at) => (at === axis + 1 ? stride - 1 : 0)),
  );
  const joined = emit.reshape(
    padded,
    dims.map((size, at) => (at === axis ? count * stride : size)),
  );
  return emit.slice(joined, [0], [(count - 1) * stride + 1], [axis]);
}

/** Places of the input that pads copy from, by output element along one axis; −1 for a constant. */
function padSources(mode: string, length: number, begin: number, end: number): readonly number[] {
  return Array.from({ length: begin + length + end }, (_, out) => {
    const at = out - begin;
    if (at >= 0 && at < length) return at;
    if (mode === "edge") return at < 0 ? 0 : length - 1;
    if (mode === "wrap") return ((at % length) + length) % length;
    if (mode !== "reflect") return -1;
    const period = Math.max(1, 2 * (length - 1));
    const turned = ((at % period) + period) % period;
    return turned < length ? turned : period - turned;
  });
}

const pad: GradientRule = (call) => {
  const { emit, gradient, shape } = call;
  const dims = shape(call.input(0));
  const { mode } = attributes<"Pad">(call);
  const listed = call.numbers(1) ?? [];
  const named = call.numbers(3)?.map((axis) => positive(axis, dims.length)) ?? dims.map((_, axis) => axis);
  const pads = new Map(named.map((axis, i) => [axis, [listed[i]!, listed[named.length + i]!] as const]));
  if (listed.some((amount) => amount < 0)) throw unsupported(call.node, "negative pads");
  const of = (axis: number): readonly [number, number] => pads.get(axis) ?? [0, 0];
  const axes = dims.flatMap((_, axis) => (of(axis)[0] + of(axis)[1] > 0 ? [axis] : []));
  if (axes.length === 0) return [gradient];
  if (mode === "constant") {
    return [
      emit.slice(
        gradient,
        axes.map((axis) => of(axis)[0]),
        axes.map((axis) => of(axis)[0] + dims[axis]!),
        axes,
      ),
    ];
  }
  return [
    axes.reduce((value, axis) => {
      const sources = padSources(mode, dims[axis]!, ...of(axis));
      const matrix = new Float64Array(sources.length * dims[axis]!);
      sources.forEach((source, out) => (matrix[out * dims[axis]! + source]! += 1));
      return alongAxis(call, value, axis, [sources.length, dims[axis]!], matrix);
    }, gradient),
  ];
};

/** Σ over the axis of x · matrix: each output element along the axis is a combination of the input's. */
function alongAxis(
  call: GradientCall,
  x: Value,
  axis: number,
  [rows, cols]: readonly [number, number],
  matrix: Float64Array,
): Value {
  const { emit } = call;
  const rank = call.shape(call.output).length;
  const right = emit.floats([rows, cols], matrix);
  if (axis === rank - 1) return emit.op("MatMul", [x, right]);
  const perm = Array.from({ length: rank }, (_, at) => at);
  [perm[axis], perm[rank - 1]] = [rank - 1, axis];
  return emit.transpose(emit.op("MatMul", [emit.transpose(x, perm), right]), perm);
}

const expand: GradientRule = (call) => [
  call.emit.unbroadcast(call.gradient, call.shape(call.output), call.shape(call.input(0))),
];

/** Depth to space and back are permutations of [N, b, b, C, H, W] (DCR) or [N, C, b, b, H, W] (CRD). */
const depthToSpace: GradientRule = (call) => {
  const { emit, gradient, shape } = call;
  const { blocksize: block, mode } = attributes<"DepthToSpace">(call);
  const [batch, depth, height, width] = shape(call.input(0)) as [number, number, number, number];
  const channels = depth / (block * block);
  const apart = emit.reshape(gradient, [batch, channels, height, block, width, block]);
  const perm = mode === "CRD" ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4];
  return [emit.reshape(emit.transpose(apart, perm), [batch, depth, height, width])];
};

const spaceToDepth: GradientRule = (call) => [
  call.emit.op("DepthToSpace", [call.gradient], {
    blocksize: attributes<"SpaceToDepth">(call).blocksize,
    mode: "DCR",
  }),
];

/** Nearest-neighbour enlargement by whole factors: the copies' gradients are summed. */
const resize: GradientRule = (call) => {
  const { emit, gradient, node, shape } = call;
  const {
    mode,
    nearest_mode: nearest,
    coordinate_transformation_mode: coordinates,
  } = attributes<"Resize">(call);
  const [from, to] = [shape(call.input(0)), shape(call.output)];
  const factors = from.map((size, axis) => to[axis]! / size);
  const copies =
    mode === "nearest" &&
    ((coordinates === "asymmetric" && nearest === "floor") || coordinates === "half_pixel") &&
    factors.every((factor) => Number.isInteger(factor));
  if (!copies) throw unsupported(node, `${mode} resizing other than by whole factors`);
  const apart = emit.reshape(
    gradient,
    from.flatMap((size, axis) => [size, factors[axis]!]),
  );
  return [
    emit.sum(
      apart,
      from.map((_, axis) => 2 * axis + 1),
      false,
    ),
  ];
};

/** Operators that move elements and compute nothing. */
export const movementRules: GradientRules = {
  Identity: unchanged,
  Dropout: unchanged,
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Pad: pad,
  Expand: expand,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Resize: resize,
};
