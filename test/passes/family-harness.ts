import { expect } from "vitest";
import { isDecline, type FormFamily } from "../../src/engine/index.js";
import {
  compose,
  costRatios,
  describeForm,
  fitForm,
  FitTarget,
  formCost,
  outputSize,
  tapCount,
  weightSize,
  WholeCovariance,
  type ConvLayer,
  type ConvSpec,
  type Form,
  type FormPlan,
} from "../../src/forms/index.js";
import { matrix, multiply, seededRandom, type Random } from "../../src/linalg/index.js";

export interface LayerOptions {
  readonly kernel?: readonly number[];
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
  readonly pads?: readonly number[];
  /** Spatial size of the input; 8 along every axis. */
  readonly input?: readonly number[];
  readonly weight?: Float64Array;
  readonly seed?: number;
}

/** A layer without groups: 3×3, stride 1, padded to keep its size, random weights, unless told otherwise. */
export function layerOf(inChannels: number, outChannels: number, options: LayerOptions = {}): ConvLayer {
  const { kernel = [3, 3], seed = 1 } = options;
  const strides = options.strides ?? kernel.map(() => 1);
  const dilations = options.dilations ?? kernel.map(() => 1);
  const half = kernel.map((size) => Math.floor(size / 2));
  const pads = options.pads ?? [...half, ...half];
  const spec: ConvSpec = { inChannels, outChannels, kernel, strides, dilations, pads, group: 1 };
  const inputShape = options.input ?? kernel.map(() => 8);
  const outputShape = inputShape.map((size, axis) => outputSize(spec, axis, size));
  return {
    name: "layer",
    op: "Conv",
    spec,
    weight: options.weight ?? normals(seededRandom(seed), weightSize(spec)),
    bias: new Float64Array(outChannels),
    dtype: "float32",
    inputShape,
    outputShape,
    macs: outChannels * inChannels * productOf(kernel) * productOf(outputShape),
  };
}

/** A 3×3 layer whose axes all differ: stride, dilation and pads of their own. */
export function oddLayer(inChannels: number, outChannels: number, seed = 3): ConvLayer {
  return layerOf(inChannels, outChannels, {
    kernel: [3, 2],
    strides: [2, 1],
    dilations: [1, 2],
    pads: [1, 0, 2, 1],
    input: [7, 6],
    seed,
  });
}

export function productOf(values: readonly number[]): number {
  return values.reduce((product, value) => product * value, 1);
}

function normals(random: Random, count: number): Float64Array {
  return Float64Array.from({ length: count }, () => random.normal());
}

/** Why a family says no to a layer; undefined when it does not. */
export function reason(family: FormFamily, layer: ConvLayer): string | undefined {
  const proposed = family.propose(layer);
  return isDecline(proposed) ? proposed.declined : undefined;
}

export function plansOf(family: FormFamily, layer: ConvLayer): readonly FormPlan[] {
  const proposed = family.propose(layer);
  if (isDecline(proposed)) throw new Error(`declined: ${proposed.declined}`);
  return proposed;
}

/** What a family proposes, as reports print it; checks on the way that each proposal is cheaper and named once. */
export function sizesOf(family: FormFamily, layer: ConvLayer): string[] {
  const plans = plansOf(family, layer);
  const names = plans.map(describeForm);
  expect(new Set(names).size, "each size once").toBe(names.length);
  for (const plan of plans)
    expect(macsOf(plan, layer), `${describeForm(plan)} below the layer's`).toBeLessThan(layer.macs);
  return names;
}

export function macsOf(plan: FormPlan, layer: ConvLayer): number {
  return formCost(plan.branches, layer.inputShape).macs;
}

/** The plan that reports print as `name`. */
export function planNamed(family: FormFamily, layer: ConvLayer, name: string): FormPlan {
  const plan = plansOf(family, layer).find((each) => describeForm(each) === name);
  if (!plan) throw new Error(`no ${name} among ${plansOf(family, layer).map(describeForm).join(", ")}`);
  return plan;
}

/** Sizes 1 … largest that come nearest below each of the ratios that families aim at, tried one by one. */
export function nearestBelow(layer: ConvLayer, largest: number, macs: (size: number) => number): number[] {
  const sizes = Array.from({ length: largest }, (_, i) => i + 1);
  const chosen = costRatios.map((ratio) => sizes.filter((size) => macs(size) <= ratio * layer.macs).at(-1));
  return [...new Set(chosen.filter((size) => size !== undefined))];
}

/** Output of one conv without bias by the definition of convolution; `x` is channels × spatial…. */
function convolve(
  spec: ConvSpec,
  weight: Float64Array,
  x: Float64Array,
  shape: readonly number[],
): { y: Float64Array; shape: readonly number[] } {
  const out = shape.map((size, axis) => outputSize(spec, axis, size));
  const [positions, taps] = [productOf(out), tapCount(spec)];
  const [perIn, perOut] = [spec.inChannels / spec.group, spec.outChannels / spec.group];
  const y = new Float64Array(spec.outChannels * positions);
  for (let p = 0; p < positions; p++) {
    for (let t = 0; t < taps; t++) {
      const source = sourceOf(spec, shape, indexOf(p, out), indexOf(t, spec.kernel));
      if (source < 0) continue;
      for (let o = 0; o < spec.outChannels; o++) {
        for (let i = 0; i < perIn; i++) {
          const channel = Math.floor(o / perOut) * perIn + i;
          y[o * positions + p]! +=
            weight[(o * perIn + i) * taps + t]! * x[channel * productOf(shape) + source]!;
        }
      }
    }
  }
  return { y, shape: out };
}

function indexOf(flat: number, dims: readonly number[]): number[] {
  const index: number[] = [];
  let rest = flat;
  for (const size of dims.toReversed()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index;
}

/** Flat input position that an output position reads through a tap, −1 in the padding. */
function sourceOf(
  spec: ConvSpec,
  shape: readonly number[],
  position: readonly number[],
  tap: readonly number[],
): number {
  let flat = 0;
  for (const [axis, size] of shape.entries()) {
    const at = position[axis]! * spec.strides[axis]! + tap[axis]! * spec.dilations[axis]! - spec.pads[axis]!;
    if (at < 0 || at >= size) return -1;
    flat = flat * size + at;
  }
  return flat;
}

/** Channels of `x` in a new order: channel c of the result is channel order[c]. */
function reordered(x: Float64Array, order: Int32Array | undefined): Float64Array {
  if (!order) return x;
  const size = x.length / order.length;
  const result = new Float64Array(x.length);
  order.forEach((from, to) => result.set(x.subarray(from * size, (from + 1) * size), to * size));
  return result;
}

/** What a form answers to `x`, stage by stage. */
export function answerOf(form: Form, layer: ConvLayer, x: Float64Array): Float64Array {
  const input = reordered(x, form.inputOrder);
  const branches = form.branches.map((chain) => {
    let [value, shape]: [Float64Array, readonly number[]] = [input, layer.inputShape];
    for (const { spec, weight } of chain) ({ y: value, shape } = convolve(spec, weight, value, shape));
    expect(shape).toEqual(layer.outputShape);
    return value;
  });
  const sum = branches[0]!.map((_, at) => branches.reduce((total, branch) => total + branch[at]!, 0));
  return reordered(sum, form.outputOrder);
}

function targetOf(layer: ConvLayer, weight: Float64Array, metric: "identity" | "random"): FitTarget {
  const { outChannels } = layer.spec;
  const width = weight.length / outChannels;
  const random = seededRandom(width);
  const root = matrix(width, 2 * width, normals(random, 2 * width * width));
  const covariance = metric === "identity" ? null : multiply(root, root, { transB: true });
  return new FitTarget(
    layer.spec,
    matrix(outChannels, width, weight),
    covariance && new WholeCovariance(covariance),
  );
}

/** The family's full form of the layer, without a step of fitting, answers as the layer does. */
export async function expectExact(family: FormFamily, layer: ConvLayer): Promise<Form> {
  const plan = family.full(layer)!;
  const { form } = await fitForm(plan, targetOf(layer, layer.weight, "identity"), 0);
  const x = normals(seededRandom(11), layer.spec.inChannels * productOf(layer.inputShape));
  const expected = convolve(layer.spec, layer.weight, x, layer.inputShape).y;
  const got = answerOf(form, layer, x);
  const error = got.reduce((sum, value, at) => sum + (value - expected[at]!) ** 2, 0);
  const power = expected.reduce((sum, value) => sum + value * value, 0);
  expect(Math.sqrt(error / power), describeForm(plan)).toBeLessThan(1e-10);
  return form;
}

/** Relative error of the fit on a layer whose weights are such a form with random factors, in both kinds of metric. */
export async function plantedErrors(
  plan: FormPlan,
  layer: ConvLayer,
  { steps = 0, orders = false, seed = 5 }: { steps?: number; orders?: boolean; seed?: number } = {},
): Promise<number[]> {
  const random = seededRandom(seed);
  const order = (count: number): Int32Array =>
    random.shuffle(Int32Array.from({ length: count }, (_, i) => i));
  const planted: Form = {
    name: plan.name,
    size: plan.size,
    terms: plan.terms,
    branches: plan.branches.map((chain) =>
      chain.map((stage) => ({ ...stage, weight: normals(random, weightSize(stage.spec)) })),
    ),
    ...(orders
      ? { inputOrder: order(layer.spec.inChannels), outputOrder: order(layer.spec.outChannels) }
      : {}),
  };
  const weight = compose(planted, layer.spec).data;
  return [
    (await fitForm(plan, targetOf(layer, weight, "identity"), steps)).error,
    (await fitForm(plan, targetOf(layer, weight, "random"), steps)).error,
  ];
}

/** Families that mix channels leave layers alone that have nothing to mix, whichever side has one channel. */
export function expectDeclinesOneChannel(family: FormFamily, kernel: readonly number[] = [3, 3]): void {
  for (const [inChannels, outChannels] of [
    [1, 4],
    [4, 1],
  ] as const) {
    expect(reason(family, layerOf(inChannels, outChannels, { kernel }))).toBe(
      "one channel has nothing to mix",
    );
  }
  expect(reason(family, layerOf(2, 2, { kernel }))).toBeUndefined();
}

/** Families about taps leave layers with one tap alone: 1×1, and Gemm, which has no axes. */
export function expectDeclinesOneTap(family: FormFamily, why = "the kernel has one tap"): void {
  for (const kernel of [[1, 1], [1], []]) {
    expect(reason(family, layerOf(8, 12, { kernel }))).toBe(why);
  }
}
