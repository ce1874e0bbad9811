import fc from "fast-check";
import {
  isLayer,
  readLayer,
  weightSize,
  type ConvLayer,
  type Form,
  type FormPlan,
} from "../../src/forms/index.js";
import { attr, GraphBuilder, Model, Tensor, type DType } from "../../src/ir/index.js";
import { seededRandom } from "../../src/linalg/index.js";
import { inferFacts } from "../../src/measure/index.js";

/** Shape of a random convolution in one to three dimensions; the input is big enough for one output position. */
export interface ConvCase {
  readonly group: number;
  readonly perIn: number;
  readonly perOut: number;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly extra: readonly number[];
  readonly bias: boolean;
  readonly seed: number;
}

const axes = (rank: number, min: number, max: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min, max }), { minLength: rank, maxLength: rank });

/** Random convolutions whose groups have `channels` inputs and outputs. */
export function convCases(channels: fc.Arbitrary<number>): fc.Arbitrary<ConvCase> {
  return fc.integer({ min: 1, max: 3 }).chain((rank) =>
    fc.record({
      group: fc.constantFrom(1, 1, 1, 2, 3),
      perIn: channels,
      perOut: channels,
      kernel: axes(rank, 1, rank === 3 ? 2 : 4),
      strides: axes(rank, 1, 3),
      dilations: axes(rank, 1, 2),
      pads: axes(2 * rank, 0, 2),
      extra: axes(rank, 0, 4),
      bias: fc.boolean(),
      seed: fc.nat(),
    }),
  );
}

export interface ConvModelOptions {
  readonly dtype: DType;
  readonly opset?: number;
  /** s + conv(x) in place of conv(x); the other operand first, as exporters don't agree. */
  readonly shortcut?: boolean;
}

/** A model of one Conv "conv" from "x" to "y" with random weights, its layer, and feeds for it. */
export function convModel(
  c: ConvCase,
  { dtype, opset = 17, shortcut = false }: ConvModelOptions,
): { model: Model; layer: ConvLayer; feeds: Map<string, Tensor> } {
  const random = seededRandom(c.seed);
  const [inChannels, outChannels] = [c.group * c.perIn, c.group * c.perOut];
  const spatial = c.kernel.map((k, axis) => {
    const covered = c.dilations[axis]! * (k - 1) + 1;
    return Math.max(1, covered - c.pads[axis]! - c.pads[c.kernel.length + axis]!) + c.extra[axis]!;
  });
  const normal = (dims: readonly number[]): Tensor => {
    const length = dims.reduce((product, dim) => product * dim, 1);
    return Tensor.floats(
      dtype,
      dims,
      Float64Array.from({ length }, () => random.normal()),
    );
  };
  const b = new GraphBuilder();
  b.graph.opsets.set("", opset);
  const dims = [2, inChannels, ...spatial];
  const inputs = [b.input("x", { dtype, shape: dims })];
  inputs.push(b.initializer("w", normal([outChannels, c.perIn, ...c.kernel])));
  if (c.bias) inputs.push(b.initializer("b", normal([outChannels])));
  const geometry = {
    kernel_shape: attr.ints(c.kernel),
    strides: attr.ints(c.strides),
    dilations: attr.ints(c.dilations),
    pads: attr.ints(c.pads),
    group: c.group,
  };
  const y = b.op("Conv", inputs, geometry, { name: "conv", outputs: ["y"] });
  const model = new Model(b.graph);
  const layer = readLayer(y.producer!, inferFacts(model));
  if (!isLayer(layer)) throw new Error(layer.declined);
  const feeds = new Map([["x", normal(dims)]]);
  if (shortcut) {
    const outDims = [2, outChannels, ...layer.outputShape];
    feeds.set("s", normal(outDims));
    const other = b.input("s", { dtype, shape: outDims });
    b.output(b.op("Add", [other, y], {}, { name: "add", outputs: ["z"] }));
  } else b.output(y, null);
  return { model, layer, feeds };
}

/** A form of the plan's geometry with random weights, and random channel orders on the sides that are `ordered`. */
export function randomForm(
  { name, size, terms, branches }: FormPlan,
  { spec }: ConvLayer,
  seed: number,
  ordered: { readonly inputs: boolean; readonly outputs: boolean },
): Form {
  const random = seededRandom(seed);
  const order = (count: number): Int32Array =>
    random.shuffle(Int32Array.from({ length: count }, (_, i) => i));
  return {
    ...{ name, size, terms },
    branches: branches.map((chain) =>
      chain.map((stage) => ({
        ...stage,
        weight: Float64Array.from({ length: weightSize(stage.spec) }, () => random.normal()),
      })),
    ),
    ...(ordered.inputs ? { inputOrder: order(spec.inChannels) } : {}),
    ...(ordered.outputs ? { outputOrder: order(spec.outChannels) } : {}),
  };
}
