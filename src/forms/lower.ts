import { attr, Tensor, type AttributeInput, type Patch, type Value } from "../ir/index.js";
import { weightSize } from "./chain.js";
import type { ConvSpec, Form, Stage } from "./form.js";
import type { ConvLayer } from "./layer.js";

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

/**
 * Plans the nodes that compute a form of the layer in place of its node: one Conv (or Gemm) per stage, Gathers for
 * channel orders, Adds between branches, the bias on the last stage of the first branch. Exact up to the rounding of
 * the factors to the layer's dtype. `bias` has outChannels entries; none is written when all are 0.
 */
export function lowerForm(
  form: Form,
  layer: ConvLayer,
  bias: Float64Array,
  input: Value,
  patch: Patch,
): Value {
  const tap =
    form.inputOrder && !isIdentity(form.inputOrder)
      ? gather(patch, input, form.inputOrder, "order-in")
      : input;
  const order = form.outputOrder && !isIdentity(form.outputOrder) ? form.outputOrder : null;
  // The bias stands in front of the final channel order.
  const inner = order ? inverseGather(bias, order) : bias;
  const sums = form.branches.map((chain, b) => {
    const name = form.branches.length > 1 ? `branch${b}.` : "";
    return lowerChain(chain, layer, b === 0 && inner.some((x) => x !== 0) ? inner : null, tap, patch, name);
  });
  const sum = sums.reduce((left, right, b) =>
    patch.op("Add", [left, right], {}, { suffix: b > 1 ? `add${b}` : "add" }),
  );
  return order ? gather(patch, sum, order, "order-out") : sum;
}

function lowerChain(
  chain: readonly Stage[],
  layer: ConvLayer,
  bias: Float64Array | null,
  input: Value,
  patch: Patch,
  prefix: string,
): Value {
  return chain.reduce((value, stage, s) => {
    const last = s === chain.length - 1;
    const name = `${prefix}${stageName(stage.spec, s)}`;
    const weight = patch.constant(
      `${name}.weight`,
      Tensor.floats(layer.dtype, weightDims(stage.spec), stage.weight),
    );
    const inputs = [value, weight];
    if (last && bias)
      inputs.push(patch.constant(`${name}.bias`, Tensor.floats(layer.dtype, [bias.length], bias)));
    return layer.op === "Gemm"
      ? patch.op("Gemm", inputs, { transB: 1 }, { suffix: name })
      : patch.op("Conv", inputs, convAttributes(stage.spec), { suffix: name });
  }, input);
}

/** What a stage is called in the graph: `depthwise0`, `grouped1`, `1x1_2`, `3x1_0`. */
function stageName({ kernel, group, inChannels }: ConvSpec, index: number): string {
  if (kernel.length === 0) return `factor${index}`;
  if (group > 1) return `${group === inChannels ? "depthwise" : "grouped"}${index}`;
  return `${kernel.join("x")}_${index}`;
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

function isIdentity(order: Int32Array): boolean {
  return order.every((channel, i) => channel === i);
}
