import { attr, GraphBuilder, Model, Tensor, type DType, type Value } from "../ir/index.js";
import { matrix, type Matrix } from "../linalg/index.js";
import type { ConvSpec } from "../forms/index.js";
import type { Executor } from "../runtime/index.js";

/** Sums over patches x (per group: D = inChannels/group · taps, channel first) and over the outputs y of the same positions. */
export interface LayerMoments {
  readonly count: number;
  /** Per group. */
  readonly groups: readonly GroupMoments[];
}

/**
 * An input whose variance is at most this share of its mean square doesn't vary: what is left of sums in float32 is
 * rounding, of either sign.
 */
const constantShare = 1e-6;

/** Centred second moments of one group: covariance D × D, cross covariance of (y, x) O/group × D, and the means. */
export interface GroupMoments {
  readonly covariance: Matrix;
  readonly cross: Matrix;
  readonly meanIn: Float64Array;
  readonly meanOut: Float64Array;
  /** Variance of each output channel. */
  readonly varianceOut: Float64Array;
}

/**
 * Streams batches of (input, output) of a layer into its second moments. The sums of each batch are one small model
 * (Pad, a Slice per tap, Concat, Gemm), so that they run wherever models run; the totals are kept in float64.
 * Positions may be thinned: every `thinning`-th along each spatial axis, with a phase that moves from batch to batch.
 */
export class PatchMomentSums {
  #count = 0;
  readonly #gram: Float64Array;
  readonly #cross: Float64Array;
  readonly #sumIn: Float64Array;
  readonly #sumOut: Float64Array;
  readonly #squares: Float64Array;
  readonly #executors = new Map<string, Promise<Executor>>();
  readonly #width: number;
  readonly #outputs: number;
  #batches = 0;

  constructor(
    private readonly spec: ConvSpec,
    private readonly dtype: DType,
    private readonly open: (model: Model) => Promise<Executor>,
    private readonly thinning = 1,
  ) {
    const taps = spec.kernel.reduce((product, size) => product * size, 1);
    this.#width = (spec.inChannels / spec.group) * taps;
    this.#outputs = spec.outChannels / spec.group;
    this.#gram = new Float64Array(spec.group * this.#width * this.#width);
    this.#cross = new Float64Array(spec.group * this.#outputs * this.#width);
    this.#sumIn = new Float64Array(spec.group * this.#width);
    this.#sumOut = new Float64Array(spec.outChannels);
    this.#squares = new Float64Array(spec.outChannels);
  }

  /** Adds a batch: x is N × inChannels × spatial, y N × outChannels × spatial. */
  async add(x: Tensor, y: Tensor): Promise<void> {
    const phase = this.thinning > 1 ? this.#batches % this.thinning : 0;
    this.#batches++;
    const key = `${x.dims.slice(1).join("x")}/${phase}`;
    let executor = this.#executors.get(key);
    if (!executor) {
      executor = this.open(
        momentsModel(this.spec, this.dtype, x.dims.slice(2), y.dims.slice(2), this.thinning, phase),
      );
      this.#executors.set(key, executor);
    }
    const sums = await (
      await executor
    ).run(
      new Map([
        ["x", x],
        ["y", y],
      ]),
    );
    const add = (name: string, into: Float64Array): void => {
      const values = sums.get(name)!.numbers;
      for (let i = 0; i < into.length; i++) into[i]! += values[i]!;
    };
    add("gram", this.#gram);
    add("cross", this.#cross);
    add("sum_x", this.#sumIn);
    add("sum_y", this.#sumOut);
    add("squares", this.#squares);
    this.#count += sums.get("count")!.toNumbers()[0]!;
  }

  result(): LayerMoments {
    const n = Math.max(1, this.#count);
    const [d, o] = [this.#width, this.#outputs];
    const groups = Array.from({ length: this.spec.group }, (_, g): GroupMoments => {
      const meanIn = this.#sumIn.slice(g * d, (g + 1) * d).map((sum) => sum / n);
      const meanOut = this.#sumOut.slice(g * o, (g + 1) * o).map((sum) => sum / n);
      const covariance = matrix(d, d, this.#gram.slice(g * d * d, (g + 1) * d * d));
      const cross = matrix(o, d, this.#cross.slice(g * o * d, (g + 1) * o * d));
      const varies = meanIn.map((mean, q) => {
        const square = covariance.data[q * d + q]! / n;
        return square - mean * mean > constantShare * square ? 1 : 0;
      });
      for (let p = 0; p < d; p++) {
        for (let q = 0; q < d; q++) {
          const moment = covariance.data[p * d + q]! / n - meanIn[p]! * meanIn[q]!;
          covariance.data[p * d + q] = varies[p]! * varies[q]! * moment;
        }
      }
      for (let p = 0; p < o; p++) {
        for (let q = 0; q < d; q++)
          cross.data[p * d + q] = varies[q]! * (cross.data[p * d + q]! / n - meanOut[p]! * meanIn[q]!);
      }
      const varianceOut = Float64Array.from(meanOut, (mean, p) =>
        Math.max(0, this.#squares[g * o + p]! / n - mean * mean),
      );
      return { covariance, cross, meanIn, meanOut, varianceOut };
    });
    return { count: this.#count, groups };
  }

  async dispose(): Promise<void> {
    for (const executor of this.#executors.values()) await (await executor).dispose();
  }
}

/** The sums of one batch as a model: inputs x and y, outputs gram, cross, sum_x, sum_y, squares and count. */
function momentsModel(
  spec: ConvSpec,
  dtype: DType,
  inputShape: readonly number[],
  outputShape: readonly number[],
  thinning: number,
  phase: number,
): Model {
  const builder = new GraphBuilder("moments");
  const integers = (name: string, values: readonly number[]): Value =>
    builder.initializer(name, Tensor.i64([values.length], values));
  const wide = (value: Value): Value =>
    dtype === "float32" || dtype === "float64" ? value : builder.op("Cast", [value], { to: 1 });
  const x = wide(builder.input("x", { dtype, shape: [null, spec.inChannels, ...inputShape] }));
  const y = wide(builder.input("y", { dtype, shape: [null, spec.outChannels, ...outputShape] }));
  const { group, kernel } = spec;
  const patches = unfoldPatches(builder, x, spec, inputShape, outputShape, thinning, phase);
  const taps = kernel.reduce((product, size) => product * size, 1);
  const width = (spec.inChannels / group) * taps;
  // Channels, taps, images, positions → group × D × rows.
  const columns = builder.op("Reshape", [patches, integers("to_columns", [group, width, -1])]);
  const spatial = outputShape.length;
  const thinned = thinning > 1 && spatial > 0 ? thin(builder, y, outputShape, thinning, phase) : y;
  const channelFirst = builder.op("Transpose", [thinned], {
    perm: attr.ints([1, 0, ...outputShape.map((_, axis) => axis + 2)]),
  });
  const rows = builder.op("Reshape", [
    channelFirst,
    integers("to_rows", [group, spec.outChannels / group, -1]),
  ]);
  const across = builder.op("Transpose", [columns], { perm: attr.ints([0, 2, 1]) });
  const named = (op: string, inputs: Value[], attrs: Record<string, number>, name: string): void =>
    builder.output(builder.op(op, inputs, attrs, { outputs: [name] }));
  named("MatMul", [columns, across], {}, "gram");
  named("MatMul", [rows, across], {}, "cross");
  const last = integers("last_axis", [2]);
  named("ReduceSum", [columns, last], { keepdims: 0 }, "sum_x");
  named("ReduceSum", [rows, last], { keepdims: 0 }, "sum_y");
  named("ReduceSum", [builder.op("Mul", [rows, rows]), last], { keepdims: 0 }, "squares");
  const shape = builder.op("Shape", [rows]);
  named("Gather", [shape, builder.initializer("two", Tensor.i64([1], [2]))], {}, "count");
  return smallModel(builder);
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
  const integers = (name: string, values: readonly number[]): Value =>
    builder.initializer(name, Tensor.i64([values.length], values));
  if (rank === 0) return channelFirst;
  const { kernel, strides, dilations, pads } = spec;
  const padded = pads.some((pad) => pad !== 0)
    ? builder.op("Pad", [
        channelFirst,
        integers("pads", [0, 0, ...pads.slice(0, rank), 0, 0, ...pads.slice(rank)]),
      ])
    : channelFirst;
  const axes = integers(
    "axes",
    inputShape.map((_, axis) => axis + 2),
  );
  const steps = integers(
    "steps",
    strides.map((stride) => stride * thinning),
  );
  const unsqueeze = integers("tap_axis", [1]);
  const slices: Value[] = [];
  const tap = new Array<number>(rank).fill(0);
  const total = kernel.reduce((product, size) => product * size, 1);
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
      integers(`starts${t}`, starts),
      integers(`ends${t}`, ends),
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
  const integers = (name: string, values: readonly number[]): Value =>
    builder.initializer(name, Tensor.i64([values.length], values));
  return builder.op("Slice", [
    y,
    integers(
      "thin_starts",
      outputShape.map((size) => Math.min(phase, size - 1)),
    ),
    integers("thin_ends", [...outputShape]),
    integers(
      "thin_axes",
      outputShape.map((_, axis) => axis + 2),
    ),
    integers(
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
