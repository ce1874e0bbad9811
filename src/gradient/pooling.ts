import type { Value } from "../ir/index.js";
import { resolvePool } from "../ops/pool.js";
import { adjointPads } from "./conv.js";
import { spread } from "./reduction.js";
import { attributes, unsupported, type GradientCall, type GradientRule, type GradientRules } from "./rule.js";

function spatialAxes(shape: readonly number[]): readonly number[] {
  return shape.slice(2).map((_, axis) => axis + 2);
}

const globalAveragePool: GradientRule = (call) => {
  const shape = call.shape(call.input(0));
  const count = shape.slice(2).reduce((product, size) => product * size, 1);
  return [spread(call, call.emit.scale(call.gradient, 1 / count), spatialAxes(shape))];
};

/** Every window spreads its share over its elements: a transposed depthwise convolution with ones. */
const averagePool: GradientRule = (call) => {
  const { emit, gradient, node } = call;
  const shape = call.shape(call.input(0));
  const view = attributes<"AveragePool">(call);
  const { kernel, strides, dilations, pads } = resolvePool(view, shape, { node });
  if (!pads) throw unsupported(node, "the pads are not known");
  const counts = call.shape(call.output).slice(2);
  const geometry = { kernel, strides, dilations, pads };
  const channels = shape[1]!;
  const weights = emit.floats(
    [channels, 1, ...kernel],
    new Float64Array(channels * kernel.reduce((p, k) => p * k, 1)).fill(1),
  );
  const shares = windowShares(shape.slice(2), counts, geometry, view.count_include_pad === 1);
  const scaled = emit.multiply(gradient, emit.floats([1, 1, ...counts], shares));
  return [
    emit.op("ConvTranspose", [scaled, weights], {
      group: channels,
      kernel_shape: kernel,
      strides,
      dilations,
      ...adjointPads(geometry, shape.slice(2), counts),
    }),
  ];
};

interface WindowGeometry {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
}

/** 1 / (elements that count) of every window, row-major. */
function windowShares(
  lengths: readonly number[],
  counts: readonly number[],
  { kernel, strides, dilations, pads }: WindowGeometry,
  padsCount: boolean,
): Float64Array {
  let sizes = [1];
  lengths.forEach((length, axis) => {
    const own = Array.from({ length: counts[axis]! }, (_, window) => {
      let inside = 0;
      for (let tap = 0; tap < kernel[axis]!; tap++) {
        const at = window * strides[axis]! + tap * dilations[axis]! - pads[axis]!;
        const from = padsCount ? -pads[axis]! : 0;
        const to = padsCount ? length + pads[lengths.length + axis]! : length;
        if (at >= from && at < to) inside++;
      }
      return inside;
    });
    sizes = sizes.flatMap((size) => own.map((inside) => size * inside));
  });
  return Float64Array.from(sizes, (size) => 1 / Math.max(1, size));
}

/** Every gradient goes to the place that MaxPool says it took the maximum from; windows may share a place. */
const maxPool: GradientRule = (call) => {
  const { emit, gradient, node, shape } = call;
  const x = call.input(0);
  const attrs = Object.fromEntries([...node.attributes].filter(([name]) => name !== "storage_order"));
  const indices = emit.outputs("MaxPool", [x], attrs, 2)[1]!;
  return [scattered(call, gradient, indices, shape(x))];
};

function scattered({ emit }: GradientCall, gradient: Value, indices: Value, dims: readonly number[]): Value {
  const size = dims.reduce((product, dim) => product * dim, 1);
  const zeros = emit.op("Expand", [emit.floats([1], [0]), emit.integers([size])]);
  const places = emit.reshape(indices, [-1]);
  const sum = emit.op("ScatterElements", [zeros, places, emit.reshape(gradient, [-1])], {
    axis: 0,
    reduction: "add",
  });
  return emit.reshape(sum, dims);
}

const globalMaxPool: GradientRule = (call) => {
  const { emit, gradient, shape } = call;
  const x = call.input(0);
  const attrs = { kernel_shape: shape(x).slice(2) };
  return [scattered(call, gradient, emit.outputs("MaxPool", [x], attrs, 2)[1]!, shape(x))];
};

/** Pools. */
export const poolingRules: GradientRules = {
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
  AveragePool: averagePool,
  MaxPool: maxPool,
};
