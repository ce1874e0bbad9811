import type { Node, Tensor, Value } from "../ir/index.js";
import type { RewriteContext } from "./pass.js";

/*
 * Operators that treat every channel (axis 1) by itself: reordering, dropping or merging channels passes through
 * them. A constant operand with one entry per channel goes along.
 */

/** Elementwise functions of input 0; further inputs are scalars (Clip's bounds) or don't matter. */
const unary: ReadonlySet<string> = new Set([
  "Abs", "Cast", "Ceil", "Celu", "Clip", "Cos", "Dropout", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid",
  "HardSwish", "Identity", "LeakyRelu", "Log", "Mish", "Neg", "Reciprocal", "Relu", "Round", "Selu", "Shrink",
  "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Sqrt", "Swish", "Tanh", "ThresholdedRelu",
]); // prettier-ignore

/** Windows or whole planes of one channel. */
const pools: ReadonlySet<string> = new Set([
  "AveragePool", "MaxPool", "LpPool", "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool",
]); // prettier-ignore

const elementwise: ReadonlySet<string> = new Set([
  "Add",
  "Sub",
  "Mul",
  "Div",
  "Sum",
  "Max",
  "Min",
  "Mean",
  "Pow",
  "PRelu",
]);

/** How a node passes channels on. */
export interface Channelwise {
  /** Inputs whose axis 1 holds the channels. */
  readonly inputs: readonly Value[];
  /** Input slots of constants with one entry per channel, and the axis of the constant that holds them. */
  readonly parameters: ReadonlyMap<number, number>;
  /** Entries of the output's axis 1 per entry of the inputs'. */
  readonly spread: number;
}

/**
 * How the node passes on the `width` entries of axis 1, or null when it mixes them, needs their number, or isn't
 * understood. Only nodes with one output that is read.
 */
export function channelwise(node: Node, width: number, cx: RewriteContext): Channelwise | null {
  if (node.domain !== "" || node.outputs.length === 0 || node.outputs[0] === null) return null;
  if (node.outputs.slice(1).some((output) => output && cx.readers(output)?.length !== 0)) return null;
  const x = node.input(0);
  if (!x) return null;
  if (elementwise.has(node.op)) return elementwiseOf(node, width, cx);
  const plain: Channelwise = { inputs: [x], parameters: new Map(), spread: 1 };
  const rest = node.inputs.slice(1);
  if (unary.has(node.op))
    return rest.every((input) => !input || cx.constant(input)?.size === 1) ? plain : null;
  const shape = cx.fact(x).shape;
  if (!shape || shape.length < 2) return null;
  if (pools.has(node.op)) return shape.length > 2 ? plain : null;
  switch (node.op) {
    case "BatchNormalization": {
      const training = node.attributes.get("training_mode");
      const spatial = node.attributes.get("spatial");
      if (
        (training?.kind === "int" && training.value !== 0) ||
        (spatial?.kind === "int" && spatial.value === 0)
      )
        return null;
      return withStatistics(node, 4, width, plain, cx);
    }
    case "InstanceNormalization":
      return withStatistics(node, 2, width, plain, cx);
    case "Pad":
      return padsSpatially(node, shape.length, cx) ? plain : null;
    case "Resize":
    case "Upsample":
      return scalesSpatially(node, cx) ? plain : null;
    case "Flatten":
    case "Reshape":
      return flattens(node, cx) ? spreadOf(plain, shape) : null;
    case "Squeeze":
    case "ReduceMean":
    case "ReduceMax":
    case "ReduceMin":
    case "ReduceSum":
      return reducesSpatially(node, shape.length, cx) ? plain : null;
    default:
      return null;
  }
}

function elementwiseOf(node: Node, width: number, cx: RewriteContext): Channelwise | null {
  if ((cx.graph.opset() ?? 1) < 7 && (node.attributes.has("axis") || node.attributes.has("broadcast")))
    return null;
  const out = cx.fact(node.output).shape;
  if (!out || out.length < 2 || out[1] !== width) return null;
  const inputs: Value[] = [];
  const parameters = new Map<number, number>();
  for (const [slot, input] of node.inputs.entries()) {
    if (!input) return null;
    const shape = cx.fact(input).shape;
    if (!shape) return null;
    const axis = 1 - (out.length - shape.length);
    const entries = axis < 0 ? 1 : shape[axis]!;
    if (entries === 1 && width !== 1) continue;
    if (axis < 0) continue;
    if (entries !== width) return null;
    if (cx.constant(input)) parameters.set(slot, axis);
    else if (shape.length === out.length) inputs.push(input);
    else return null;
  }
  return inputs.length > 0 ? { inputs, parameters, spread: 1 } : null;
}

function withStatistics(
  node: Node,
  count: number,
  width: number,
  plain: Channelwise,
  cx: RewriteContext,
): Channelwise | null {
  const parameters = new Map<number, number>();
  for (let slot = 1; slot <= count; slot++) {
    const tensor = cx.constant(node.input(slot));
    if (tensor?.size !== width) return null;
    parameters.set(slot, 0);
  }
  return { ...plain, parameters };
}

function padsSpatially(node: Node, rank: number, cx: RewriteContext): boolean {
  if (node.input(3)) return false;
  const own = node.attributes.get("pads") ?? node.attributes.get("paddings");
  const pads = own?.kind === "ints" ? own.value : integers(cx.constant(node.input(1)));
  if (pads?.length !== 2 * rank || (node.input(2) && cx.constant(node.input(2)) === null)) return false;
  return [0, 1, rank, rank + 1].every((at) => pads[at] === 0);
}

function scalesSpatially(node: Node, cx: RewriteContext): boolean {
  if (node.attributes.has("axes") || node.input(3)) return false;
  const own = node.attributes.get("scales");
  const input = cx.constant(node.input(node.op === "Resize" && node.inputs.length > 2 ? 2 : 1));
  const scales = own?.kind === "floats" ? own.value : input ? Array.from(input.numbers) : null;
  return scales !== null && scales.length > 2 && scales[0] === 1 && scales[1] === 1;
}

/** Flatten from axis 1 on, or a Reshape to two axes of which the last takes what is left. */
function flattens(node: Node, cx: RewriteContext): boolean {
  if (node.op === "Flatten") {
    const axis = node.attributes.get("axis");
    return !axis || (axis.kind === "int" && axis.value === 1);
  }
  const target = integers(cx.constant(node.input(1)));
  const keepsBatch = target?.[0] === 0 || target?.[0] === cx.fact(node.input(0)).shape?.[0];
  return target?.length === 2 && keepsBatch && target[1] === -1;
}

function spreadOf(plain: Channelwise, shape: readonly unknown[]): Channelwise | null {
  const spatial = shape.slice(2);
  if (!spatial.every((dim): dim is number => typeof dim === "number")) return null;
  return { ...plain, spread: spatial.reduce((product, dim) => product * dim, 1) };
}

/** Axes are named and all spatial; the channel axis stays where it is. */
function reducesSpatially(node: Node, rank: number, cx: RewriteContext): boolean {
  const own = node.attributes.get("axes");
  const axes = own?.kind === "ints" ? own.value : integers(cx.constant(node.input(1)));
  return axes !== null && axes.length > 0 && axes.every((axis) => (axis < 0 ? axis + rank : axis) > 1);
}

function integers(tensor: Tensor | null): number[] | null {
  return tensor && tensor.dtype !== "string"
    ? Array.from(tensor.data as ArrayLike<number | bigint>, Number)
    : null;
}
