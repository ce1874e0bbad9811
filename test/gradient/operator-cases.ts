import { attr, Tensor, type AttributeInput } from "../../src/ir/index.js";

export interface Case {
  readonly op: string;
  readonly inputs: readonly (readonly number[] | null)[];
  readonly attrs?: Readonly<Record<string, AttributeInput>>;
  /** Constant inputs behind the others. */
  readonly constants?: readonly (Tensor | null)[];
  /** Values are drawn from here; [-2, 2] by default. */
  readonly range?: readonly [number, number];
  readonly opset?: number;
  readonly outputs?: number;
}

const ints = (...values: number[]): Tensor => Tensor.i64([values.length], values);
const real = (...values: number[]): Tensor =>
  Tensor.of("float64", [values.length], Float64Array.from(values));
export const scalar = (value: number): Tensor => Tensor.of("float64", [], Float64Array.of(value));

export const cases: Readonly<Record<string, Case>> = {
  "Conv 3×3, padded": {
    op: "Conv",
    inputs: [[2, 3, 5, 6], [4, 3, 3, 3], [4]],
    attrs: { pads: [1, 1, 1, 1] },
  },
  "Conv, strided, pads that leave a rest": {
    op: "Conv",
    inputs: [[2, 2, 6, 7], [3, 2, 3, 2], [3]],
    attrs: { strides: [2, 3], pads: [1, 0, 0, 1] },
  },
  "Conv, dilated": {
    op: "Conv",
    inputs: [
      [1, 2, 7, 7],
      [2, 2, 3, 3],
    ],
    attrs: { dilations: [2, 2], pads: [2, 1, 0, 2] },
  },
  "Conv, pads wider than the kernel": {
    op: "Conv",
    inputs: [
      [1, 2, 3, 3],
      [2, 2, 1, 1],
    ],
    attrs: { pads: [1, 2, 0, 1] },
  },
  "Conv, strided and dilated, many channels": {
    op: "Conv",
    inputs: [[2, 33, 5, 5], [2, 33, 2, 3], [2]],
    attrs: { strides: [2, 1], dilations: [1, 2], pads: [1, 2, 1, 1] },
  },
  "Conv 1×1, many channels": { op: "Conv", inputs: [[2, 32, 2, 3], [3, 32, 1, 1], [3]] },
  "Conv, grouped": {
    op: "Conv",
    inputs: [[2, 4, 4, 4], [6, 2, 3, 3], [6]],
    attrs: { group: 2, pads: [1, 1, 1, 1] },
  },
  "Conv, depthwise, strided": {
    op: "Conv",
    inputs: [[2, 3, 5, 5], [3, 1, 3, 3], [3]],
    attrs: { group: 3, pads: [1, 1, 1, 1], strides: [2, 2] },
  },
  "Conv, auto_pad": {
    op: "Conv",
    inputs: [
      [1, 2, 5, 5],
      [2, 2, 2, 2],
    ],
    attrs: { auto_pad: "SAME_LOWER", strides: [2, 2] },
  },
  "Conv, 1-D": { op: "Conv", inputs: [[2, 2, 9], [3, 2, 3], [3]], attrs: { strides: [2], pads: [0, 1] } },
  "Conv, 3-D": {
    op: "Conv",
    inputs: [[1, 2, 3, 4, 3], [2, 2, 2, 2, 2], [2]],
    attrs: { strides: [1, 2, 1], pads: [1, 0, 0, 0, 0, 1] },
  },
  ConvTranspose: {
    op: "ConvTranspose",
    inputs: [[2, 3, 3, 4], [3, 2, 3, 3], [2]],
    attrs: { strides: [2, 2], pads: [1, 0, 1, 1], output_padding: [1, 0] },
  },
  "ConvTranspose, uncovered rest": {
    op: "ConvTranspose",
    inputs: [[1, 4, 3, 3], [4, 1, 2, 2], [2]],
    attrs: { strides: [3, 3], output_padding: [2, 1], group: 2 },
  },
  Gemm: { op: "Gemm", inputs: [[3, 4], [4, 5], [5]], attrs: { alpha: attr.float(0.5), beta: attr.float(2) } },
  "Gemm, transposed": {
    op: "Gemm",
    inputs: [
      [4, 3],
      [5, 4],
      [3, 1],
    ],
    attrs: { transA: 1, transB: 1 },
  },
  "Gemm, transA": {
    op: "Gemm",
    inputs: [
      [4, 3],
      [4, 5],
    ],
    attrs: { transA: 1 },
  },
  "Gemm, transB": { op: "Gemm", inputs: [[3, 4], [5, 4], [1]], attrs: { transB: 1 } },
  MatMul: {
    op: "MatMul",
    inputs: [
      [2, 1, 3, 4],
      [3, 4, 2],
    ],
  },
  "Add, broadcast": {
    op: "Add",
    inputs: [
      [2, 3, 4],
      [3, 1],
    ],
  },
  "Sub, broadcast": {
    op: "Sub",
    inputs: [
      [3, 1],
      [2, 3, 4],
    ],
  },
  "Mul, broadcast": {
    op: "Mul",
    inputs: [
      [2, 3],
      [2, 1],
    ],
  },
  "Div, broadcast": { op: "Div", inputs: [[2, 3], [3]], range: [0.5, 2] },
  Sum: {
    op: "Sum",
    inputs: [
      [2, 3],
      [1, 3],
      [2, 1],
    ],
  },
  Mean: {
    op: "Mean",
    inputs: [
      [2, 3],
      [1, 3],
      [2, 1],
    ],
  },
  Max: { op: "Max", inputs: [[2, 3], [3]] },
  Min: {
    op: "Min",
    inputs: [
      [2, 3],
      [2, 1],
    ],
  },
  Pow: { op: "Pow", inputs: [[5]], constants: [scalar(3)] },
  "Pow, fractional": { op: "Pow", inputs: [[5]], constants: [real(0.5)], range: [0.5, 2] },
  Neg: { op: "Neg", inputs: [[3]] },
  Abs: { op: "Abs", inputs: [[7]] },
  Sqrt: { op: "Sqrt", inputs: [[4]], range: [0.5, 2] },
  Exp: { op: "Exp", inputs: [[4]] },
  Log: { op: "Log", inputs: [[4]], range: [0.5, 2] },
  Reciprocal: { op: "Reciprocal", inputs: [[4]], range: [0.5, 2] },
  Relu: { op: "Relu", inputs: [[9]] },
  LeakyRelu: { op: "LeakyRelu", inputs: [[9]], attrs: { alpha: attr.float(0.1) } },
  PRelu: {
    op: "PRelu",
    inputs: [
      [2, 3, 4],
      [3, 1],
    ],
  },
  Clip: { op: "Clip", inputs: [[12]], constants: [scalar(-1), scalar(0.7)] },
  "Clip, one bound": { op: "Clip", inputs: [[12]], constants: [null, scalar(0.7)] },
  Sigmoid: { op: "Sigmoid", inputs: [[4]] },
  Tanh: { op: "Tanh", inputs: [[4]] },
  HardSigmoid: { op: "HardSigmoid", inputs: [[12]], attrs: { alpha: attr.float(0.4) } },
  HardSwish: { op: "HardSwish", inputs: [[12]], range: [-5, 5] },
  Elu: { op: "Elu", inputs: [[8]], attrs: { alpha: attr.float(1.5) } },
  Selu: { op: "Selu", inputs: [[8]] },
  Softplus: { op: "Softplus", inputs: [[8]] },
  Erf: { op: "Erf", inputs: [[8]] },
  Gelu: { op: "Gelu", inputs: [[8]], opset: 20 },
  "Gelu, tanh": { op: "Gelu", inputs: [[8]], attrs: { approximate: "tanh" }, opset: 20 },
  Softmax: { op: "Softmax", inputs: [[2, 3, 2]], attrs: { axis: 1 } },
  LogSoftmax: { op: "LogSoftmax", inputs: [[2, 4]] },
  Concat: {
    op: "Concat",
    inputs: [
      [2, 1, 2],
      [2, 3, 2],
    ],
    attrs: { axis: -2 },
  },
  Split: { op: "Split", inputs: [[2, 5]], constants: [ints(2, 3)], attrs: { axis: 1 }, outputs: 2 },
  Slice: { op: "Slice", inputs: [[5, 7]], constants: [ints(1, -1), ints(4, 0), ints(0, 1), ints(2, -3)] },
  "Slice to the end": {
    op: "Slice",
    inputs: [[2, 3, 5]],
    constants: [ints(1), Tensor.i64([1], [9223372036854775807n]), ints(2), ints(2)],
  },
  "Pad, zeros": { op: "Pad", inputs: [[2, 3]], constants: [ints(0, 1, 2, 0)] },
  "Pad, reflected": {
    op: "Pad",
    inputs: [[1, 2, 4, 3]],
    constants: [ints(0, 0, 2, 1, 0, 0, 3, 2)],
    attrs: { mode: "reflect" },
  },
  "Pad, edge": { op: "Pad", inputs: [[2, 3]], constants: [ints(1, 2, 0, 1)], attrs: { mode: "edge" } },
  Flatten: { op: "Flatten", inputs: [[2, 3, 2]] },
  Reshape: { op: "Reshape", inputs: [[2, 6]], constants: [ints(0, 3, -1)] },
  Squeeze: { op: "Squeeze", inputs: [[2, 1, 3]], constants: [ints(1)] },
  Unsqueeze: { op: "Unsqueeze", inputs: [[2, 3]], constants: [ints(0, 3)] },
  Transpose: { op: "Transpose", inputs: [[2, 3, 4]], attrs: { perm: [2, 0, 1] } },
  "Transpose, reversed": { op: "Transpose", inputs: [[2, 3, 4]] },
  Expand: { op: "Expand", inputs: [[3, 1]], constants: [ints(2, 3, 4)] },
  "DepthToSpace, DCR": { op: "DepthToSpace", inputs: [[1, 8, 2, 3]], attrs: { blocksize: 2 } },
  "DepthToSpace, CRD": { op: "DepthToSpace", inputs: [[1, 8, 2, 3]], attrs: { blocksize: 2, mode: "CRD" } },
  SpaceToDepth: { op: "SpaceToDepth", inputs: [[1, 2, 4, 6]], attrs: { blocksize: 2 } },
  "Resize, nearest": {
    op: "Resize",
    inputs: [[1, 2, 2, 3]],
    constants: [null, Tensor.f32([4], [1, 1, 2, 3])],
    attrs: { mode: "nearest", nearest_mode: "floor", coordinate_transformation_mode: "asymmetric" },
  },
  GlobalAveragePool: { op: "GlobalAveragePool", inputs: [[2, 3, 2, 4]] },
  GlobalMaxPool: { op: "GlobalMaxPool", inputs: [[2, 3, 2, 4]] },
  AveragePool: {
    op: "AveragePool",
    inputs: [[2, 2, 5, 6]],
    attrs: { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1] },
  },
  "AveragePool, pads counted, ceil_mode": {
    op: "AveragePool",
    inputs: [[1, 2, 6, 6]],
    attrs: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 0, 0], count_include_pad: 1, ceil_mode: 1 },
    opset: 19,
  },
  MaxPool: {
    op: "MaxPool",
    inputs: [[2, 2, 5, 6]],
    attrs: { kernel_shape: [3, 3], strides: [1, 2], pads: [1, 1, 1, 1] },
  },
  ReduceMean: { op: "ReduceMean", inputs: [[2, 3, 4]], attrs: { axes: [-1, 0], keepdims: 0 } },
  "ReduceSum, all": { op: "ReduceSum", inputs: [[2, 3]] },
  "ReduceMean, axes as input": { op: "ReduceMean", inputs: [[2, 3, 4]], constants: [ints(1)], opset: 18 },
  BatchNormalization: {
    op: "BatchNormalization",
    inputs: [[2, 3, 2, 2], [3], [3]],
    constants: [real(0.1, -0.2, 0.3), real(1, 0.5, 2)],
  },
  InstanceNormalization: { op: "InstanceNormalization", inputs: [[2, 3, 3, 2], [3], [3]] },
  LayerNormalization: { op: "LayerNormalization", inputs: [[2, 3, 4], [3, 4], [4]], attrs: { axis: 1 } },
  LRN: {
    op: "LRN",
    inputs: [[1, 5, 2, 2]],
    attrs: { size: 4, alpha: attr.float(0.5), bias: attr.float(1.5) },
  },
};

/** A model of one node behind float64 inputs x0, x1, …; outputs y0, … */
