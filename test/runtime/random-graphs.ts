import { attr, GraphBuilder, Model, Tensor, type Value } from "../../src/ir/index.js";
import { seededNumbers } from "./graph-fixtures.js";

/** A seeded source of choices. */
export interface Chooser {
  integer(least: number, most: number): number;
  pick<T>(items: readonly T[]): T;
  tensor(dims: readonly number[], scale?: number): Tensor;
}

export function chooser(seed: number): Chooser {
  const next = seededNumbers(seed);
  const integer = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1));
  return {
    integer,
    pick: (items) => items[integer(0, items.length - 1)]!,
    tensor: (dims, scale = 1) =>
      Tensor.f32(
        dims,
        Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => scale * (next() + next() - 1)),
      ),
  };
}

interface Spot {
  readonly value: Value;
  /** N, C, H, W for the size that the graph is made for. */
  readonly dims: readonly [number, number, number, number];
}

type Step = (b: GraphBuilder, x: Spot, c: Chooser, all: readonly Spot[]) => Spot | null;

const named = (b: GraphBuilder, base: string): string => b.graph.freshName(base);

function weight(b: GraphBuilder, tensor: Tensor): Value {
  return b.initializer(named(b, "w"), tensor);
}

function op(
  b: GraphBuilder,
  type: string,
  inputs: readonly (Value | null)[],
  attrs: Parameters<GraphBuilder["op"]>[2] = {},
): Value {
  const name = named(b, type.toLowerCase());
  return b.op(type, inputs, attrs, { outputs: [name], name });
}

const window = (
  c: Chooser,
  height: number,
  width: number,
): { kernel: number[]; strides: number[]; dilations: number[]; pads: number[] } | null => {
  const kernel = [c.integer(1, 3), c.integer(1, 3)];
  const strides = [c.integer(1, 2), c.integer(1, 2)];
  const dilations = [c.integer(1, 2), c.integer(1, 2)];
  const pads = Array.from({ length: 4 }, (_, i) => c.integer(0, kernel[i % 2]! - 1));
  const fits = [height, width].every(
    (length, i) => length + pads[i]! + pads[i + 2]! > dilations[i]! * (kernel[i]! - 1),
  );
  return fits ? { kernel, strides, dilations, pads } : null;
};

const slid = (length: number, i: number, w: NonNullable<ReturnType<typeof window>>): number =>
  Math.floor(
    (length + w.pads[i]! + w.pads[i + 2]! - w.dilations[i]! * (w.kernel[i]! - 1) - 1) / w.strides[i]!,
  ) + 1;

const steps: readonly Step[] = [
  function conv(b, { value, dims: [n, ch, h, wd] }, c) {
    const w = window(c, h, wd);
    if (!w) return null;
    const group = c.pick([1, 2, 3, ch].filter((g) => ch % g === 0));
    const out = group * c.integer(1, 3);
    const kernel = weight(b, c.tensor([out, ch / group, ...w.kernel]));
    const bias = c.integer(0, 1) ? weight(b, c.tensor([out])) : null;
    const attrs = { group, strides: w.strides, dilations: w.dilations, pads: w.pads };
    return {
      value: op(b, "Conv", bias ? [value, kernel, bias] : [value, kernel], attrs),
      dims: [n, out, slid(h, 0, w), slid(wd, 1, w)],
    };
  },
  function convTranspose(b, { value, dims: [n, ch, h, wd] }, c) {
    if (h * wd > 200) return null;
    const group = c.pick([1, 2, ch].filter((g) => ch % g === 0));
    const out = c.integer(1, 2);
    const [k, s] = [c.integer(1, 3), c.integer(1, 2)];
    const attrs = { group, strides: [s, s], kernel_shape: [k, k] };
    const value2 = op(b, "ConvTranspose", [value, weight(b, c.tensor([ch, out, k, k]))], attrs);
    return { value: value2, dims: [n, out * group, (h - 1) * s + k, (wd - 1) * s + k] };
  },
  function pool(b, { value, dims: [n, ch, h, wd] }, c) {
    const w = window(c, h, wd);
    if (!w) return null;
    const type = c.pick(["MaxPool", "AveragePool"]);
    const attrs = { kernel_shape: w.kernel, strides: w.strides, pads: w.pads, dilations: w.dilations };
    const counted = type === "AveragePool" ? { count_include_pad: c.integer(0, 1) } : {};
    return {
      value: op(b, type, [value], { ...attrs, ...counted }),
      dims: [n, ch, slid(h, 0, w), slid(wd, 1, w)],
    };
  },
  function activation(b, x, c) {
    const type = c.pick([
      "Relu",
      "Sigmoid",
      "Tanh",
      "Elu",
      "LeakyRelu",
      "HardSigmoid",
      "Softplus",
      "Abs",
      "Neg",
      "HardSwish",
      "Erf",
      "Softsign",
    ]);
    return { ...x, value: op(b, type, [x.value]) };
  },
  function normalization(b, x, c) {
    const ch = x.dims[1];
    const positive = c.tensor([ch]).numbers.map((v) => 1 + Math.abs(v));
    const inputs = [c.tensor([ch]), c.tensor([ch]), c.tensor([ch]), Tensor.f32([ch], positive)].map((t) =>
      weight(b, t),
    );
    return { ...x, value: op(b, "BatchNormalization", [x.value, ...inputs], { epsilon: attr.float(1e-3) }) };
  },
  function scaled(b, x, c) {
    const dims = c.pick([[], [1], [x.dims[1], 1, 1], [1, x.dims[1], 1, 1]]);
    const inputs = [x.value, weight(b, c.tensor(dims))];
    return { ...x, value: op(b, c.pick(["Add", "Sub", "Mul"]), c.integer(0, 1) ? inputs : inputs.reverse()) };
  },
  function joined(b, x, c, all) {
    const others = all.filter((y) => y.dims[2] === x.dims[2] && y.dims[3] === x.dims[3]);
    const other = c.pick(others);
    const value = op(b, "Concat", [x.value, other.value], { axis: c.pick([1, -3]) });
    return { value, dims: [x.dims[0], x.dims[1] + other.dims[1], x.dims[2], x.dims[3]] };
  },
  function added(b, x, c, all) {
    const others = all.filter((y) => y.dims.every((dim, i) => dim === x.dims[i]));
    return {
      ...x,
      value: op(b, c.pick(["Add", "Sub", "Mul", "Max", "Min"]), [x.value, c.pick(others).value]),
    };
  },
  function padded(b, { value, dims: [n, ch, h, wd] }, c) {
    const amounts = Array.from({ length: 4 }, () => c.integer(0, Math.min(1, h - 1, wd - 1)));
    const pads = weight(b, Tensor.i64([8], [0, 0, amounts[0]!, amounts[1]!, 0, 0, amounts[2]!, amounts[3]!]));
    const mode = attr.string(c.pick(["constant", "edge", "reflect"]));
    return {
      value: op(b, "Pad", [value, pads], { mode }),
      dims: [n, ch, h + amounts[0]! + amounts[2]!, wd + amounts[1]! + amounts[3]!],
    };
  },
  function sliced(b, { value, dims: [n, ch, h, wd] }) {
    if (h < 3 || ch < 2) return null;
    const [starts, ends, axes] = [
      [1, 0],
      [ch, -1],
      [1, 2],
    ].map((v) => weight(b, Tensor.i64([2], v)));
    return { value: op(b, "Slice", [value, starts!, ends!, axes!]), dims: [n, ch - 1, h - 1, wd] };
  },
  function reduced(b, x, c) {
    if (c.integer(0, 2)) return null;
    const axes = weight(b, Tensor.i64([2], [2, 3]));
    const type = c.pick(["ReduceMean", "ReduceMax", "ReduceSum"]);
    return { value: op(b, type, [x.value, axes], { keepdims: 1 }), dims: [x.dims[0], x.dims[1], 1, 1] };
  },
  function shuffled(b, x, c) {
    const ch = x.dims[1];
    const group = c.pick([2, 3].filter((g) => ch % g === 0));
    if (!group) return null;
    const split = op(b, "Reshape", [x.value, weight(b, Tensor.i64([4], [0, group, ch / group, -1]))]);
    const turned = op(b, "Transpose", [split], { perm: [0, 2, 1, 3] });
    const shape = op(b, "Shape", [x.value]);
    return { ...x, value: op(b, "Reshape", [turned, shape]) };
  },
  function softened(b, x, c) {
    return { ...x, value: op(b, "Softmax", [x.value], { axis: c.pick([1, -1, 2]) }) };
  },
  function gathered(b, x, c) {
    const order = Array.from({ length: x.dims[1] }, () => c.integer(0, x.dims[1] - 1));
    return {
      ...x,
      value: op(b, "Gather", [x.value, weight(b, Tensor.i64([order.length], order))], { axis: 1 }),
    };
  },
  function resized(b, { value, dims: [n, ch, h, wd] }, c) {
    if (h * wd > 200) return null;
    const scales = weight(b, Tensor.f32([4], [1, 1, 2, 2]));
    const mode = { mode: attr.string(c.pick(["nearest", "linear"])) };
    return { value: op(b, "Resize", [value, null, scales], mode), dims: [n, ch, 2 * h, 2 * wd] };
  },
];

/** A seeded graph of convolutions and what stands between them. Its input is 2×C×H×W, declared with or without symbols. */
export function randomGraph(seed: number, symbolic: boolean): { model: Model; feeds: Map<string, Tensor> } {
  const c = chooser(seed);
  const b = new GraphBuilder("random");
  b.graph.irVersion = 10;
  b.graph.opsets.set("", 21);
  const dims = [2, c.integer(1, 6), c.integer(4, 9), c.integer(4, 9)] as const;
  const input = b.input("x", { dtype: "float32", shape: symbolic ? ["N", dims[1], "H", "W"] : dims });
  const spots: Spot[] = [{ value: input, dims }];
  for (let i = c.integer(2, 8); i > 0; i--) {
    const from = c.integer(0, 2) ? spots.at(-1)! : c.pick(spots);
    const made = c.pick(steps)(b, from, c, spots);
    if (made && made.dims[1] <= 32) spots.push(made);
  }
  if (spots.length === 1) spots.push({ ...spots[0]!, value: op(b, "Relu", [input]) });
  const read = new Set(b.graph.nodes.flatMap((node) => node.inputs));
  for (const { value } of spots)
    if (!read.has(value)) b.output(value, { dtype: "float32", shape: [null, null, null, null] });
  return { model: new Model(b.graph), feeds: new Map([["x", c.tensor(dims, 2)]]) };
}
