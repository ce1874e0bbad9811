import { attr, Tensor, type AttributeInput, type Node, type Patch, type Value } from "../ir/index.js";
import { weightSize } from "./chain.js";
import type { ConvSpec, Form, Stage } from "./form.js";
import type { ConvLayer } from "./layer.js";
import { plainLowering, type Lowering } from "./lowering.js";
import { chainsOf, programOf, type Operand, type Program, type Step } from "./program.js";

/**
 * Stacks one form per group of a layer, all of one geometry, into a form of the whole layer: stage s of group g becomes
 * groups g·G_s … of one grouped stage. Channel orders are shifted to the group's own channels.
 */
export function stackGroups(forms: readonly Form[]): Form {
  const [first] = forms;
  if (!first || forms.length === 1) return first!;
  const groups = forms.length;
  const branches = first.branches.map((chain, b) =>
    chain.map((stage, s): Stage => {
      const { spec } = stage;
      const weight = new Float64Array(weightSize(spec) * groups);
      forms.forEach((form, g) => weight.set(form.branches[b]![s]!.weight, g * weightSize(spec)));
      return {
        ...stage,
        spec: {
          ...spec,
          inChannels: spec.inChannels * groups,
          outChannels: spec.outChannels * groups,
          group: spec.group * groups,
        },
        weight,
      };
    }),
  );
  const inputOrder = stackOrders(forms.map((form) => form.inputOrder));
  const outputOrder = stackOrders(forms.map((form) => form.outputOrder));
  return {
    ...first,
    branches,
    ...(inputOrder ? { inputOrder } : {}),
    ...(outputOrder ? { outputOrder } : {}),
  };
}

function stackOrders(orders: readonly (Int32Array | undefined)[]): Int32Array | null {
  if (orders.some((order) => !order)) return null;
  const size = orders[0]!.length;
  const stacked = new Int32Array(size * orders.length);
  orders.forEach((order, g) => order!.forEach((channel, i) => (stacked[g * size + i] = g * size + channel)));
  return stacked;
}

export interface LowerOptions {
  /** How the form is written as nodes; the plain way by default. */
  readonly lowering?: Lowering;
  /** What the network adds to the layer's output: the result is then their sum. */
  readonly shortcut?: Value;
}

/**
 * Plans the nodes that compute a form of the layer in place of its node: one Conv (or Gemm) per stage, Gathers for
 * channel orders, Adds between branches, the bias on the last stage of the first branch; other lowerings join, split or
 * widen them. Exact up to the rounding of the factors to the layer's dtype. `bias` has outChannels entries; none is
 * written when all are 0.
 */
export function lowerForm(
  form: Form,
  layer: ConvLayer,
  bias: Float64Array,
  input: Value,
  patch: Patch,
  { lowering = plainLowering, shortcut }: LowerOptions = {},
): Value {
  const chains = chainsOf(
    form,
    bias.some((x) => x !== 0),
  );
  const program = programOf(chains, lowering, shortcut !== undefined);
  // The bias stands in front of the final channel order.
  const inner = chains.orderedOut ? inverseGather(bias, form.outputOrder!) : bias;
  const orders = { in: form.inputOrder!, out: form.outputOrder! };
  return emit(program, layer, patch, { input, bias: inner, orders, ...(shortcut ? { shortcut } : {}) });
}

/**
 * Plans the form in place of a layer's node and, with a lowering that takes the shortcut into the sum, in place of the
 * Add behind it.
 */
export function replaceLayer(
  patch: Patch,
  node: Node,
  form: Form,
  layer: ConvLayer,
  bias: Float64Array,
  lowering: Lowering = plainLowering,
): void {
  const behind = lowering.shortcutFirst ? shortcutOf(node) : null;
  const value = lowerForm(form, layer, bias, node.input(0)!, patch, {
    lowering,
    ...(behind ? { shortcut: behind.value } : {}),
  });
  patch.replace(behind ? behind.add.output : node.output, value);
}

/** Plans a program in place of a layer's node, as {@link replaceLayer} does; orders are those of the chains it is made from. */
export function replaceByProgram(
  patch: Patch,
  node: Node,
  program: Program,
  layer: ConvLayer,
  { bias, orders }: Pick<Surroundings, "bias" | "orders">,
): void {
  const usesShortcut = program.steps.some(({ inputs }) => inputs.includes("shortcut"));
  const behind = usesShortcut ? shortcutOf(node) : null;
  const value = emit(program, layer, patch, {
    ...{ input: node.input(0)!, bias, orders },
    ...(behind ? { shortcut: behind.value } : {}),
  });
  patch.replace(behind ? behind.add.output : node.output, value);
}

/** The Add that alone reads a layer's output, with its other operand; null when there is none or it is constant. */
export function shortcutOf(node: Node): { readonly add: Node; readonly value: Value } | null {
  const { uses, isGraphOutput } = node.output;
  const add = uses.length === 1 && !isGraphOutput ? uses[0]!.node : null;
  if (!add?.is("Add") || add.graph !== node.graph) return null;
  const value = add.inputs.find((input) => input !== node.output);
  return value && !value.constant ? { add, value } : null;
}

interface Surroundings {
  readonly input: Value;
  readonly shortcut?: Value;
  readonly bias: Float64Array;
  readonly orders: { readonly in: Int32Array; readonly out: Int32Array };
}

function emit(program: Program, layer: ConvLayer, patch: Patch, around: Surroundings): Value {
  const values: Value[] = [];
  const valueOf = (operand: Operand): Value =>
    operand === "input" ? around.input : operand === "shortcut" ? around.shortcut! : values[operand]!;
  const suffixes = new Map<string, number>();
  const suffixOf = (word: string): string => {
    const count = (suffixes.get(word) ?? 0) + 1;
    suffixes.set(word, count);
    return count > 1 ? `${word}${count}` : word;
  };
  for (const step of program.steps) {
    const inputs = step.inputs.map(valueOf);
    const value = ((): Value => {
      switch (step.op) {
        case "conv":
          return emitConv(step, inputs[0]!, layer, patch, around.bias);
        case "add":
          return patch.op("Add", inputs, {}, { suffix: suffixOf("add") });
        case "concat":
          return patch.op("Concat", inputs, { axis: 1 }, { suffix: suffixOf("concat") });
        case "slice":
          return emitSlice(step, inputs[0]!, patch, suffixOf("slice"));
        case "order":
          return gather(patch, inputs[0]!, around.orders[step.side], `order-${step.side}`);
      }
    })();
    values.push(value);
  }
  return valueOf(program.result);
}

function emitConv(
  { stage, bias, name }: Extract<Step, { op: "conv" }>,
  input: Value,
  layer: ConvLayer,
  patch: Patch,
  all: Float64Array,
): Value {
  const { dtype, op } = layer;
  const inputs = [input, patch.constant(`${name}.weight`, Tensor.floats(dtype, weightDims(stage.spec), stage.weight()))]; // prettier-ignore
  if (bias) {
    const own = all.slice(bias.from, bias.to);
    inputs.push(patch.constant(`${name}.bias`, Tensor.floats(dtype, [own.length], own)));
  }
  return op === "Gemm"
    ? patch.op("Gemm", inputs, { transB: 1 }, { suffix: name })
    : patch.op("Conv", inputs, convAttributes(stage.spec), { suffix: name });
}

/** Channels from … to − 1; the bounds were attributes before operator set 10. */
function emitSlice(
  { from, to }: Extract<Step, { op: "slice" }>,
  input: Value,
  patch: Patch,
  suffix: string,
): Value {
  if ((patch.graph.opset() ?? 1) < 10) {
    const bounds = { starts: attr.ints([from]), ends: attr.ints([to]), axes: attr.ints([1]) };
    return patch.op("Slice", [input], bounds, { suffix });
  }
  const bound = (name: string, value: number): Value =>
    patch.constant(`${suffix}.${name}`, Tensor.i64([1], [value]));
  return patch.op(
    "Slice",
    [input, bound("starts", from), bound("ends", to), bound("axes", 1)],
    {},
    { suffix },
  );
}

function weightDims({ outChannels, inChannels, group, kernel }: ConvSpec): number[] {
  return [outChannels, inChannels / group, ...kernel];
}

function convAttributes({
  kernel,
  strides,
  dilations,
  pads,
  group,
}: ConvSpec): Record<string, AttributeInput> {
  return {
    kernel_shape: attr.ints(kernel),
    strides: attr.ints(strides),
    dilations: attr.ints(dilations),
    pads: attr.ints(pads),
    group,
  };
}

function gather(patch: Patch, value: Value, order: Int32Array, suffix: string): Value {
  const indices = patch.constant(`${suffix}.indices`, Tensor.i64([order.length], Array.from(order)));
  return patch.op("Gather", [value, indices], { axis: 1 }, { suffix });
}

function inverseGather(values: Float64Array, order: Int32Array): Float64Array {
  const result = new Float64Array(values.length);
  order.forEach((from, to) => (result[from] = values[to]!));
  return result;
}
