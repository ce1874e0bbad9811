import fc from "fast-check";
import { attr, Tensor, type AttributeInput } from "../../src/ir/index.js";
import type { OneNode } from "./one-node.js";
import { bools, floats, int32s, ints, scalar, size, texts } from "./sample-tensors.js";

/* Random calls of every operator, for properties that must hold for all of them. */

type Attributes = Readonly<Record<string, AttributeInput | undefined>>;

const shapes = (least: number, most: number, from = 1): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: from, max: 4 }), { minLength: least, maxLength: most });

/** A shape and one that broadcasts with it. */
const pairs: fc.Arbitrary<[number[], number[]]> = shapes(0, 4, 0).chain((dims) =>
  fc
    .tuple(
      fc.array(fc.boolean(), { minLength: dims.length, maxLength: dims.length }),
      fc.nat({ max: dims.length }),
    )
    .map(([ones, cut]): [number[], number[]] => [dims, dims.map((dim, i) => (ones[i] ? 1 : dim)).slice(cut)]),
);

function one(
  op: string,
  inputs: readonly (Tensor | null)[],
  attributes: Attributes = {},
  rest: Partial<OneNode> = {},
): OneNode {
  return { op, inputs, attributes, ...rest };
}

const unaryFloat = [
  "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Celu", "Cos", "Cosh", "Elu", "Erf", "Exp",
  "Floor", "Gelu", "HardSigmoid", "HardSwish", "Hardmax", "LeakyRelu", "Log", "LogSoftmax", "Mish", "Neg",
  "Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softmax", "Softplus",
  "Softsign", "Sqrt", "Swish", "Tan", "Tanh", "ThresholdedRelu", "IsNaN", "IsInf", "Identity", "Shape", "Size",
  "Affine", "Scale", "ScaledTanh", "ParametricSoftplus", "NonZero", "Dropout",
]; // prettier-ignore

const pairwise = ["Add", "Sub", "Mul", "Div", "Mod", "Pow", "Max", "Min", "Sum", "Mean", "Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"]; // prettier-ignore
const reductions = ["ReduceSum", "ReduceMean", "ReduceProd", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"]; // prettier-ignore

const axisOf = (dims: readonly number[]): fc.Arbitrary<number> =>
  fc.integer({ min: -dims.length, max: dims.length - 1 });

/** By operator: how to make a call of it. */
export const sampleCalls: Readonly<Record<string, fc.Arbitrary<OneNode>>> = {
  ...Object.fromEntries(
    unaryFloat.map((op) => [
      op,
      shapes(op === "Hardmax" || op.endsWith("oftmax") ? 1 : 0, 4, op === "Hardmax" ? 1 : 0).map((dims) =>
        one(op, [floats(dims)], op === "Mod" ? { fmod: 1 } : {}, { opset: op === "Affine" ? 8 : 24 }),
      ),
    ]),
  ),
  ...Object.fromEntries(
    pairwise.map((op) => [
      op,
      fc
        .tuple(pairs, fc.boolean())
        .map(([[a, b], integers]) =>
          integers && op !== "Mean" && op !== "Sum"
            ? one(op, [int32s(a), int32s(b, 2)])
            : one(op, [floats(a), floats(b, 2)], op === "Mod" ? { fmod: 1 } : {}),
        ),
    ]),
  ),
  ...Object.fromEntries(
    ["And", "Or", "Xor"].map((op) => [op, pairs.map(([a, b]) => one(op, [bools(a), bools(b, 2)]))]),
  ),
  ...Object.fromEntries(
    ["BitwiseAnd", "BitwiseOr", "BitwiseXor"].map((op) => [
      op,
      pairs.map(([a, b]) => one(op, [int32s(a), int32s(b, 2)])),
    ]),
  ),
  ...Object.fromEntries(
    reductions.map((op) => [
      op,
      shapes(1, 4, 0).chain((dims) =>
        fc
          .tuple(
            fc.subarray(dims.map((_, i) => i)),
            fc.constantFrom(0, 1),
            fc.constantFrom(0, 1),
            fc.constantFrom(11, 18),
          )
          .map(([axes, keepdims, noop, opset]) =>
            opset === 18
              ? one(op, [floats(dims), ints(...axes)], { keepdims, noop_with_empty_axes: noop }, { opset })
              : one(op, [floats(dims)], { keepdims, axes: axes.length > 0 ? axes : undefined }, { opset }),
          ),
      ),
    ]),
  ),
  ...Object.fromEntries(
    ["ArgMax", "ArgMin"].map((op) => [
      op,
      shapes(1, 4).chain((dims) =>
        fc
          .tuple(axisOf(dims), fc.constantFrom(0, 1))
          .map(([axis, keepdims]) => one(op, [floats(dims)], { axis, keepdims })),
      ),
    ]),
  ),
  Not: shapes(0, 3).map((dims) => one("Not", [bools(dims)])),
  BitwiseNot: shapes(0, 3).map((dims) => one("BitwiseNot", [int32s(dims)])),
  BitShift: pairs.map(([a, b]) => {
    const bytes = (dims: number[]): Tensor => Tensor.of("uint8", dims, new Uint8Array(size(dims)).fill(3));
    return one("BitShift", [bytes(a), bytes(b)], { direction: "LEFT" });
  }),
  PRelu: pairs.map(([a, b]) => one("PRelu", [floats(a), floats(b, 2)])),
  Clip: shapes(0, 3).map((dims) => one("Clip", [floats(dims), scalar(-1), null])),
  SwiGLU: shapes(0, 3).map((dims) => one("SwiGLU", [floats(dims), floats(dims, 2)], {}, { opset: 28 })),
  Where: pairs.map(([a, b]) => one("Where", [bools(b), floats(a), floats(b)])),
  Concat: shapes(1, 4).chain((dims) =>
    axisOf(dims).map((axis) => {
      const other = dims.map((dim, i) => (i === (axis + dims.length) % dims.length ? dim + 1 : dim));
      return one("Concat", [floats(dims), floats(other)], { axis });
    }),
  ),
  Split: shapes(1, 4, 2).chain((dims) =>
    axisOf(dims).map((axis) => {
      const length = dims.at(axis)!;
      return one("Split", [floats(dims), ints(1, length - 1)], { axis }, { outputs: 2 });
    }),
  ),
  DepthToSpace: fc
    .constantFrom("DCR", "CRD")
    .map((mode) => one("DepthToSpace", [floats([2, 8, 2, 3])], { blocksize: 2, mode })),
  SpaceToDepth: fc.constant(one("SpaceToDepth", [floats([2, 3, 4, 6])], { blocksize: 2 })),
  Transpose: shapes(0, 4).chain((dims) =>
    fc
      .shuffledSubarray(
        dims.map((_, i) => i),
        { minLength: dims.length },
      )
      .map((perm) => one("Transpose", [floats(dims)], { perm: dims.length > 0 ? perm : undefined })),
  ),
  Expand: pairs.map(([a, b]) => one("Expand", [floats(b), ints(...a)])),
  Tile: shapes(1, 3).chain((dims) =>
    fc
      .array(fc.nat({ max: 3 }), { minLength: dims.length, maxLength: dims.length })
      .map((repeats) => one("Tile", [floats(dims), ints(...repeats)])),
  ),
  Pad: shapes(1, 3, 2).chain((dims) =>
    fc
      .tuple(
        fc.array(fc.integer({ min: -1, max: 2 }), { minLength: 2 * dims.length, maxLength: 2 * dims.length }),
        fc.constantFrom("constant", "edge", "wrap"),
      )
      .map(([pads, mode]) => {
        const safe = dims.every(
          (dim, i) => dim + Math.min(pads[i]!, 0) + Math.min(pads[i + dims.length]!, 0) > 0,
        );
        return one("Pad", [floats(dims), ints(...(safe ? pads : pads.map(Math.abs)))], { mode });
      }),
  ),
  CenterCropPad: shapes(2, 2).chain((dims) =>
    shapes(2, 2).map((target) => one("CenterCropPad", [floats(dims), ints(...target)])),
  ),
  Reshape: shapes(1, 4).chain((dims) =>
    fc.boolean().map((open) => one("Reshape", [floats(dims), open ? ints(0, -1) : ints(size(dims))])),
  ),
  Flatten: shapes(1, 4).chain((dims) => axisOf(dims).map((axis) => one("Flatten", [floats(dims)], { axis }))),
  Squeeze: shapes(1, 3).map((dims) => one("Squeeze", [floats([1, ...dims, 1]), ints(0, -1)])),
  Unsqueeze: shapes(0, 3).map((dims) => one("Unsqueeze", [floats(dims), ints(0, -1)])),
  Slice: shapes(1, 3).chain((dims) =>
    fc
      .tuple(
        axisOf(dims),
        fc.integer({ min: -5, max: 5 }),
        fc.integer({ min: -5, max: 5 }),
        fc.constantFrom(-2, -1, 1, 2),
      )
      .map(([axis, start, end, step]) =>
        one("Slice", [floats(dims), ints(start), ints(end), ints(axis), ints(step)]),
      ),
  ),
  Cast: fc
    .tuple(shapes(0, 3, 0), fc.constantFrom(1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 19, 21, 22, 23))
    .map(([dims, to]) => one("Cast", [floats(dims)], { to }, { opset: 24 })),
  CastLike: shapes(0, 3).map((dims) => one("CastLike", [floats(dims), int32s([1])])),
  BitCast: shapes(0, 3).map((dims) => one("BitCast", [floats(dims)], { to: 6 }, { opset: 26 })),
  Constant: shapes(0, 3).map((dims) => one("Constant", [], { value: floats(dims) })),
  ConstantOfShape: shapes(0, 3, 0).map((dims) =>
    one("ConstantOfShape", [ints(...dims)], { value: Tensor.i64([1], [7]) }),
  ),
  Range: fc
    .tuple(fc.integer({ min: -5, max: 5 }), fc.integer({ min: -5, max: 5 }), fc.constantFrom(-2, 1, 3))
    .map((bounds) =>
      one(
        "Range",
        bounds.map((value) => Tensor.i64([], [value])),
      ),
    ),
  EyeLike: shapes(2, 2).map((dims) => one("EyeLike", [floats(dims)], { k: 1, dtype: 7 })),
  Gather: fc.tuple(shapes(1, 3), shapes(0, 2, 0)).chain(([dims, indices]) =>
    axisOf(dims).map((axis) => {
      const zeros = Tensor.i64(indices, new Array<number>(size(indices)).fill(-1));
      return one("Gather", [floats(dims), zeros], { axis });
    }),
  ),
  GatherElements: shapes(1, 3).chain((dims) =>
    axisOf(dims).map((axis) =>
      one("GatherElements", [floats(dims), Tensor.i64(dims, new Array<number>(size(dims)).fill(0))], {
        axis,
      }),
    ),
  ),
  GatherND: shapes(2, 4).map((dims) =>
    one("GatherND", [floats(dims), Tensor.i64([3, 2], [0, 0, 0, -1, -1, 0])]),
  ),
  Compress: shapes(1, 3).chain((dims) =>
    axisOf(dims).map((axis) => one("Compress", [floats(dims), bools([dims.at(axis)!])], { axis })),
  ),
  Scatter: shapes(1, 2).map((dims) =>
    one(
      "Scatter",
      [floats(dims), Tensor.i64(dims, new Array<number>(size(dims)).fill(0)), floats(dims)],
      {},
      { opset: 9 },
    ),
  ),
  ScatterElements: shapes(1, 3).map((dims) =>
    one(
      "ScatterElements",
      [floats(dims), Tensor.i64(dims, new Array<number>(size(dims)).fill(0)), floats(dims)],
      { reduction: "add" },
    ),
  ),
  ScatterND: shapes(1, 3).map((dims) =>
    one("ScatterND", [floats(dims), Tensor.i64([2, 1], [0, -1]), floats([2, ...dims.slice(1)])]),
  ),
  TensorScatter: fc.constant(
    one("TensorScatter", [floats([2, 3, 5, 2]), floats([2, 3, 2, 2]), ints(1, 3)], {}, { opset: 24 }),
  ),
  TopK: shapes(1, 3).chain((dims) =>
    axisOf(dims).map((axis) => one("TopK", [floats(dims), ints(1)], { axis }, { outputs: 2 })),
  ),
  Unique: shapes(1, 3).chain((dims) =>
    fc
      .option(axisOf(dims), { nil: undefined })
      .map((axis) => one("Unique", [floats(dims)], { axis }, { outputs: 4 })),
  ),
  OneHot: shapes(1, 2).chain((dims) =>
    axisOf([...dims, 0]).map((axis) =>
      one("OneHot", [int32s(dims), Tensor.i64([], [4]), floats([2])], { axis }),
    ),
  ),
  Resize: shapes(4, 4).chain((dims) =>
    fc
      .tuple(
        fc.constantFrom("nearest", "linear", "cubic"),
        fc.constantFrom(
          "half_pixel",
          "align_corners",
          "asymmetric",
          "pytorch_half_pixel",
          "half_pixel_symmetric",
        ),
        fc.constantFrom(0.5, 1, 1.5, 2, 2.6),
        fc.boolean(),
      )
      .map(([mode, coordinates, factor, bySize]) => {
        const scales = Tensor.f32([2], [1, Math.max(factor, 1)]);
        const inputs = bySize ? [floats(dims), null, null, ints(3, 5)] : [floats(dims), null, scales];
        return one("Resize", inputs, { mode, coordinate_transformation_mode: coordinates, axes: [2, 3] });
      }),
  ),
  Upsample: shapes(4, 4).map((dims) =>
    one("Upsample", [floats(dims), Tensor.f32([4], [1, 1, 2, 1.5])], {}, { opset: 9 }),
  ),
  CumSum: shapes(1, 3).chain((dims) => axisOf(dims).map((axis) => one("CumSum", [floats(dims), ints(axis)]))),
  CumProd: shapes(1, 3).chain((dims) =>
    axisOf(dims).map((axis) => one("CumProd", [floats(dims), ints(axis)], {}, { opset: 26 })),
  ),
  Trilu: shapes(2, 4, 0).chain((dims) =>
    fc
      .integer({ min: -3, max: 3 })
      .map((k) => one("Trilu", [floats(dims), Tensor.i64([], [k])], { upper: 0 })),
  ),
  Det: shapes(1, 2).map((dims) => one("Det", [floats([...dims, 3, 3])])),
  QuantizeLinear: shapes(2, 3).map((dims) =>
    one("QuantizeLinear", [floats(dims), scalar(0.5), Tensor.of("int8", [], Int8Array.of(3))]),
  ),
  DequantizeLinear: shapes(2, 3).map((dims) =>
    one("DequantizeLinear", [Tensor.of("uint8", dims, new Uint8Array(size(dims)).fill(9)), scalar(0.5)]),
  ),
  DynamicQuantizeLinear: shapes(0, 3).map((dims) =>
    one("DynamicQuantizeLinear", [floats(dims)], {}, { outputs: 3 }),
  ),
  Einsum: fc
    .constantFrom("...ij,...jk->...ik", "bij,bjk", "bij,bjk->")
    .map((equation) => one("Einsum", [floats([2, 3, 4]), floats([2, 4, 2])], { equation })),
  ReverseSequence: fc.constant(one("ReverseSequence", [floats([4, 2, 3]), ints(3, 4)])),
  StringConcat: pairs.map(([a, b]) => one("StringConcat", [texts(a), texts(b)])),
  StringSplit: shapes(0, 2).map((dims) => one("StringSplit", [texts(dims)], {}, { outputs: 2 })),
  RegexFullMatch: shapes(0, 2).map((dims) => one("RegexFullMatch", [texts(dims)], { pattern: "a .*" })),
  StringNormalizer: fc.constant(one("StringNormalizer", [texts([5])], { stopwords: attr.strings(["a 0"]) })),
  GridSample: fc.constantFrom("linear", "nearest", "cubic").map((mode) =>
    one("GridSample", [floats([2, 3, 4, 5]), floats([2, 3, 2, 2], 3)], {
      mode,
      padding_mode: "reflection",
    }),
  ),
  AffineGrid: fc
    .constantFrom(0, 1)
    .map((align_corners) => one("AffineGrid", [floats([2, 2, 3]), ints(2, 3, 4, 5)], { align_corners })),
  NonMaxSuppression: fc.constant(
    one("NonMaxSuppression", [Tensor.f32([1, 2, 4], [0, 0, 1, 1, 0, 0, 1, 0.9]), floats([1, 2, 2]), ints(2)]),
  ),
  RoiAlign: fc.constantFrom("avg", "max").map((mode) =>
    one("RoiAlign", [floats([1, 2, 5, 5]), Tensor.f32([2, 4], [0, 0, 3, 3, 1, 1, 4, 4]), ints(0, 0)], {
      mode,
      output_height: 2,
      output_width: 3,
    }),
  ),
  MaxRoiPool: fc.constant(
    one("MaxRoiPool", [floats([1, 2, 5, 5]), Tensor.f32([1, 5], [0, 0, 0, 3, 3])], { pooled_shape: [2, 2] }),
  ),
  Col2Im: fc.constant(one("Col2Im", [floats([1, 5, 5]), ints(5, 5), ints(1, 5)])),
  ImageScaler: shapes(4, 4).map((dims) =>
    one(
      "ImageScaler",
      [floats(dims)],
      { scale: attr.float(2), bias: attr.floats(new Array<number>(dims[1]!).fill(0.5)) },
      { opset: 8 },
    ),
  ),
  Crop: fc
    .constantFrom(undefined, [2, 3])
    .map((scale) => one("Crop", [floats([1, 2, 5, 6])], { border: [1, 1, 2, 1], scale }, { opset: 8 })),
  NegativeLogLikelihoodLoss: fc
    .constantFrom("none", "sum", "mean")
    .map((reduction) =>
      one("NegativeLogLikelihoodLoss", [floats([2, 3, 2]), Tensor.i64([2, 2], [0, 1, 2, 0])], { reduction }),
    ),
  SoftmaxCrossEntropyLoss: fc
    .constantFrom("none", "sum", "mean")
    .map((reduction) =>
      one(
        "SoftmaxCrossEntropyLoss",
        [floats([2, 3, 2]), Tensor.i64([2, 2], [0, 1, 2, 0])],
        { reduction },
        { outputs: 2 },
      ),
    ),
  RNN: fc.constantFrom("forward", "bidirectional").map((direction) => recurrent("RNN", 1, direction)),
  GRU: fc.constantFrom("forward", "reverse").map((direction) => recurrent("GRU", 3, direction)),
  LSTM: fc
    .constantFrom("forward", "bidirectional")
    .map((direction) => ({ ...recurrent("LSTM", 4, direction), outputs: 3 })),
  MatMulInteger: fc.constant(
    one("MatMulInteger", [
      Tensor.of("uint8", [2, 3], new Uint8Array(6).fill(4)),
      Tensor.of("uint8", [3, 2], new Uint8Array(6).fill(5)),
    ]),
  ),
};

function recurrent(op: string, gates: number, direction: string): OneNode {
  const count = direction === "bidirectional" ? 2 : 1;
  const [hidden, features] = [3, 2];
  const inputs = [
    floats([4, 2, features]),
    floats([count, gates * hidden, features]),
    floats([count, gates * hidden, hidden]),
  ];
  return one(op, inputs, { direction, hidden_size: hidden }, { outputs: 2 });
}
