import {
  attr,
  GraphBuilder,
  Model,
  Tensor,
  type AttributeInput,
  type DType,
  type Value,
} from "../ir/index.js";
import { patchWidth, tapCount, type ConvSpec } from "../forms/index.js";

/** What the model of a batch is made for: the layer, and the spatial shapes on both sides of it. */
export interface BatchModel {
  readonly spec: ConvSpec;
  readonly dtype: DType;
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  /** Every so many-th position along each spatial axis, beginning with `phase`. */
  readonly thinning: number;
  readonly phase: number;
}

/** A batch as graph: patches, group × D × rows, the same transposed, and outputs beside them, group × O/group × rows. */
interface Unfolded {
  readonly builder: GraphBuilder;
  readonly columns: Value;
  readonly across: Value;
  readonly outputs: Value;
}

type Naming = (
  op: string,
  inputs: readonly Value[],
  attrs: Readonly<Record<string, AttributeInput>>,
  name: string,
) => void;

/**
 * The sums of one batch as a model: inputs x and y, outputs gram, cross, sum_x, sum_y, squares and count, and
 * with `every` each so many-th patch as sample (group × rows × D).
 */
export function sumsModel(batch: BatchModel, every: number | null): Model {
  const { builder, columns, across, outputs } = unfold(batch);
  const named = naming(builder);
  named("MatMul", [columns, across], {}, "gram");
  named("MatMul", [outputs, across], {}, "cross");
  const last = integers(builder, "last_axis", [2]);
  named("ReduceSum", [columns, last], { keepdims: 0 }, "sum_x");
  named("ReduceSum", [outputs, last], { keepdims: 0 }, "sum_y");
  named("ReduceSum", [builder.op("Mul", [outputs, outputs]), last], { keepdims: 0 }, "squares");
  if (every !== null) {
    const [from, to, axis, step] = [0, 2 ** 31 - 1, 1, every].map((value, i) =>
      integers(builder, ["from", "to", "rows_axis", "every"][i]!, [value]),
    );
    named("Slice", [across, from!, to!, axis!, step!], {}, "sample");
  }
  const shape = builder.op("Shape", [outputs]);
  named("Gather", [shape, integers(builder, "two", [2])], {}, "count");
  return smallModel(builder);
}

/** The patches of one batch as a model: inputs x and y, outputs patches (group × rows × D) and outputs (group × rows × O/group). */
export function rowsModel(batch: BatchModel): Model {
  const { builder, across, outputs } = unfold(batch);
  const named = naming(builder);
  named("Identity", [across], {}, "patches");
  named("Transpose", [outputs], { perm: attr.ints([0, 2, 1]) }, "outputs");
  return smallModel(builder);
}

function naming(builder: GraphBuilder): Naming {
  return (op, inputs, attrs, name) => {
    builder.output(builder.op(op, [...inputs], attrs, { outputs: [name] }));
  };
}

function integers(builder: GraphBuilder, name: string, values: readonly number[]): Value {
  return builder.initializer(name, Tensor.i64([values.length], values));
}

function unfold({ spec, dtype, inputShape, outputShape, thinning, phase }: BatchModel): Unfolded {
  const builder = new GraphBuilder("moments");
  const wide = (value: Value): Value =>
    dtype === "float32" || dtype === "float64" ? value : builder.op("Cast", [value], { to: 1 });
  const x = wide(builder.input("x", { dtype, shape: [null, spec.inChannels, ...inputShape] }));
  const y = wide(builder.input("y", { dtype, shape: [null, spec.outChannels, ...outputShape] }));
  const { group } = spec;
  const patches = unfoldPatches(builder, x, spec, inputShape, outputShape, thinning, phase);
  // Channels, taps, images, positions → group × D × rows.
  const columns = builder.op("Reshape", [
    patches,
    integers(builder, "to_columns", [group, patchWidth(spec), -1]),
  ]);
  const spatial = outputShape.length;
  const thinned = thinning > 1 && spatial > 0 ? thin(builder, y, outputShape, thinning, phase) : y;
  const channelFirst = builder.op("Transpose", [thinned], {
    perm: attr.ints([1, 0, ...outputShape.map((_, axis) => axis + 2)]),
  });
  const perGroup = integers(builder, "to_rows", [group, spec.outChannels / group, -1]);
  return {
    builder,
    columns,
    across: builder.op("Transpose", [columns], { perm: attr.ints([0, 2, 1]) }),
    outputs: builder.op("Reshape", [channelFirst, perGroup]),
  };
}

/** x as channels × taps × N × positions: im2col by one slice per tap. */
function unfoldPatches(
  builder: GraphBuilder,
  x: Value,
  spec: ConvSpec,
  inputShape: readonly number[],
  outputShape: readonly number[],
  thinning: number,
  phase: number,
): Value {
  const rank = inputShape.length;
  const order = attr.ints([1, 0, ...inputShape.map((_, axis) => axis + 2)]);
  const channelFirst = builder.op("Transpose", [x], { perm: order });
  if (rank === 0) return channelFirst;
  const { kernel, strides, dilations, pads } = spec;
  const padded = pads.some((pad) => pad !== 0)
    ? builder.op("Pad", [
        channelFirst,
        integers(builder, "pads", [0, 0, ...pads.slice(0, rank), 0, 0, ...pads.slice(rank)]),
      ])
    : channelFirst;
  const axes = integers(
    builder,
    "axes",
    inputShape.map((_, axis) => axis + 2),
  );
  const steps = integers(
    builder,
    "steps",
    strides.map((stride) => stride * thinning),
  );
  const unsqueeze = integers(builder, "tap_axis", [1]);
  const slices: Value[] = [];
  const tap = new Array<number>(rank).fill(0);
  const total = tapCount(spec);
  for (let t = 0; t < total; t++) {
    let rest = t;
    for (let axis = rank - 1; axis >= 0; axis--) {
      tap[axis] = rest % kernel[axis]!;
      rest = Math.floor(rest / kernel[axis]!);
    }
    const first = tap.map((at, axis) => at * dilations[axis]!);
    const starts = first.map((at, axis) => at + Math.min(phase, outputShape[axis]! - 1) * strides[axis]!);
    const ends = first.map((at, axis) => at + strides[axis]! * (outputShape[axis]! - 1) + 1);
    const slice = builder.op("Slice", [
      padded,
      integers(builder, `starts${t}`, starts),
      integers(builder, `ends${t}`, ends),
      axes,
      steps,
    ]);
    slices.push(builder.op("Unsqueeze", [slice, unsqueeze]));
  }
  return slices.length === 1 ? slices[0]! : builder.op("Concat", slices, { axis: 1 });
}

function thin(
  builder: GraphBuilder,
  y: Value,
  outputShape: readonly number[],
  thinning: number,
  phase: number,
): Value {
  return builder.op("Slice", [
    y,
    integers(
      builder,
      "thin_starts",
      outputShape.map((size) => Math.min(phase, size - 1)),
    ),
    integers(builder, "thin_ends", [...outputShape]),
    integers(
      builder,
      "thin_axes",
      outputShape.map((_, axis) => axis + 2),
    ),
    integers(
      builder,
      "thin_steps",
      outputShape.map(() => thinning),
    ),
  ]);
}

function smallModel(builder: GraphBuilder): Model {
  const { graph } = builder;
  graph.irVersion = 8;
  graph.opsets.set("", 17);
  return new Model(graph);
}
