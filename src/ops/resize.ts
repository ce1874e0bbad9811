import { elementCount, isFloat, Tensor, type Dim } from "../ir/index.js";
import { entriesOf } from "./entries.js";
import { fact, type Fact } from "./fact.js";
import { defineOp, type EvalCall, type InferCall } from "./op.js";
import {
  attributeError,
  axesIn,
  constantNumbers,
  factOf,
  formatShape,
  integerOperand,
  operand,
  shapeError,
  type Site,
} from "./operand.js";
import { unsupportedDtype } from "./pairwise.js";
import { resampleTaps, type ResampleOptions, type Taps } from "./resample-weights.js";
import { splitAt } from "./strided.js";
import { gatherAxis } from "./gather.js";

/** What becomes of one axis. */
interface AxisPlan {
  readonly axis: number;
  readonly scale: number;
  readonly length: number;
}

interface ResizeAttributes {
  readonly axes: readonly number[] | null;
  readonly keep_aspect_ratio_policy: string | null;
}

/** Plans the named axes by scales, or by sizes under the aspect-ratio policy. */
function planAxes(
  site: Site & { readonly attributes: ResizeAttributes },
  dims: readonly number[],
  scales: readonly number[] | null,
  sizes: readonly number[] | null,
): AxisPlan[] {
  const axes = axesIn(site, site.attributes.axes ?? dims.map((_, i) => i), dims.length);
  const given = sizes ?? scales;
  if (!given) throw shapeError(site, "neither scales nor sizes are given");
  if (given.length !== axes.length) {
    throw shapeError(site, `${given.length} ${sizes ? "sizes" : "scales"} are given for ${axes.length} axes`);
  }
  const invalid = given.findIndex((value) => !(sizes ? value >= 0 : value > 0) || !Number.isFinite(value));
  if (invalid >= 0) throw shapeError(site, `${sizes ? "size" : "scale"} ${given[invalid]} is not positive`);
  if (!sizes) {
    return axes.map((axis, i) => ({
      axis,
      scale: scales![i]!,
      length: Math.floor(dims[axis]! * scales![i]!),
    }));
  }
  const own = axes.map((axis, i) => sizes[i]! / dims[axis]!);
  const policy = site.attributes.keep_aspect_ratio_policy ?? "stretch";
  if (policy === "stretch") return axes.map((axis, i) => ({ axis, scale: own[i]!, length: sizes[i]! }));
  if (policy !== "not_larger" && policy !== "not_smaller") {
    throw attributeError(site, `keep_aspect_ratio_policy "${policy}" is not known`);
  }
  const scale = policy === "not_larger" ? Math.min(...own) : Math.max(...own);
  return axes.map((axis) => ({ axis, scale, length: Math.floor(dims[axis]! * scale + 0.5) }));
}

function inferResize(
  call: InferCall<ResizeAttributes>,
  scales: readonly number[] | null,
  sizes: readonly Dim[] | null,
): Fact {
  const x = factOf(call, 0);
  if (!x.shape) return fact(x.dtype, null);
  const { shape } = x;
  const axes = axesIn(call, call.attributes.axes ?? shape.map((_, i) => i), shape.length);
  const stretch = (call.attributes.keep_aspect_ratio_policy ?? "stretch") === "stretch";
  if (shape.every((dim) => typeof dim === "number")) {
    const numeric = sizes?.every((size) => typeof size === "number") ? (sizes as readonly number[]) : null;
    if (numeric || (scales && !sizes)) {
      const out: Dim[] = [...shape];
      for (const { axis, length } of planAxes(call, shape as number[], scales, numeric)) out[axis] = length;
      return fact(x.dtype, out);
    }
  }
  const out: Dim[] = [...shape];
  axes.forEach((axis, i) => {
    const dim = shape[axis]!;
    if (sizes) out[axis] = stretch ? (sizes[i] ?? null) : null;
    else if (scales && typeof dim === "number") out[axis] = Math.floor(dim * scales[i]!);
    else if (!scales || scales[i] !== 1) out[axis] = null;
  });
  return fact(x.dtype, out);
}

/** `x` resampled axis by axis. */
function resample(
  call: EvalCall<unknown>,
  x: Tensor,
  plans: readonly AxisPlan[],
  o: readonly ResampleOptions[],
  outside: number,
): Tensor {
  const empty = x.size === 0 && plans.some(({ length, axis }) => length > 0 && x.dims[axis] === 0);
  if (empty) throw shapeError(call, `the input ${formatShape(x.dims)} is empty`);
  const changed = plans
    .map((plan, i) => ({ plan, o: o[i]! }))
    .filter(
      ({ plan, o: { coordinates } }) =>
        plan.length !== x.dims[plan.axis] || plan.scale !== 1 || coordinates === "tf_crop_and_resize",
    );
  const taps = changed.map(({ plan, o }) => ({
    axis: plan.axis,
    taps: resampleTaps(x.dims[plan.axis]!, plan.length, plan.scale, o),
  }));
  const picks =
    changed.every(({ o }) => o.mode === "nearest") &&
    taps.every((one) => one.taps.every((tap) => tap !== null));
  if (picks) {
    return taps.reduce((tensor, { axis, taps: list }) => {
      const places = list.map((tap) => tap!.indices[0]!);
      return gatherAxis(call, tensor, Tensor.i64([places.length], places), axis);
    }, x);
  }
  if (!isFloat(x.dtype) && (x.dtype === "string" || x.dtype.endsWith("64")))
    throw unsupportedDtype(call, x.dtype);
  let dims = x.dims;
  let values: ArrayLike<number> = x.numbers;
  for (const { axis, taps: list } of taps) {
    values = resampleAxis(values, dims, axis, list, outside);
    dims = dims.map((dim, i) => (i === axis ? list.length : dim));
  }
  const out = call.allocate(x.dtype, elementCount(dims)) as Float64Array;
  for (let i = 0; i < out.length; i++) out[i] = values[i]!;
  return Tensor.of(x.dtype, dims, out);
}

function resampleAxis(
  x: ArrayLike<number>,
  dims: readonly number[],
  axis: number,
  taps: readonly (Taps | null)[],
  outside: number,
): Float64Array {
  const { outer, length, inner } = splitAt(dims, axis);
  const out = new Float64Array(outer * taps.length * inner);
  for (let i = 0; i < outer; i++) {
    taps.forEach((tap, k) => {
      const to = (i * taps.length + k) * inner;
      if (!tap) {
        out.fill(outside, to, to + inner);
        return;
      }
      tap.indices.forEach((index, n) => {
        const weight = tap.weights[n]!;
        if (weight === 0) return;
        const from = (i * length + index) * inner;
        for (let j = 0; j < inner; j++) out[to + j]! += weight * x[from + j]!;
      });
    });
  }
  return out;
}

/** Opset 10 has inputs X and scales; from 11 on X, roi, scales, sizes. */
export const resize = defineOp("Resize", {
  infer: (call) => {
    const old = call.opset < 11;
    const scales = constantNumbers(call, old ? 1 : 2);
    const sizes = call.inputs[3] && !isEmpty(call.inputs[3]) ? call.inputs[3] : null;
    if (scales && scales.length > 0) return [inferResize(call, scales, null)];
    const count = call.attributes.axes?.length ?? factOf(call, 0).shape?.length ?? 0;
    return [inferResize(call, null, sizes ? (entriesOf(sizes) ?? Array<null>(count).fill(null)) : null)];
  },
  evaluate: (call) => {
    const x = operand(call, 0);
    const old = call.opset < 11;
    const nonEmpty = (list: number[] | null): number[] | null => (list && list.length > 0 ? list : null);
    const scales = nonEmpty(integerOperand(call, old ? 1 : 2));
    const sizes = old ? null : nonEmpty(integerOperand(call, 3));
    const plans = planAxes(call, x.dims, sizes ? null : scales, sizes);
    const roi = old ? null : nonEmpty(integerOperand(call, 1));
    const { attributes: a } = call;
    const options = plans.map((_, i): ResampleOptions => ({
      mode: checkedMode(call, a.mode),
      coordinates: old
        ? "asymmetric"
        : checkedCoordinates(call, a.coordinate_transformation_mode ?? "half_pixel"),
      nearest: old ? "simple" : (a.nearest_mode ?? "round_prefer_floor"),
      cubicA: a.cubic_coeff_a ?? -0.75,
      excludeOutside: a.exclude_outside === 1,
      antialias: a.antialias === 1,
      roi: [roi?.[i] ?? 0, roi?.[i + plans.length] ?? 1],
    }));
    return [resample(call, x, plans, options, a.extrapolation_value ?? 0)];
  },
});

function isEmpty({ shape }: Fact): boolean {
  return shape?.length === 1 && shape[0] === 0;
}

function checkedMode(site: Site, mode: string): string {
  if (mode === "bilinear") return "linear";
  if (mode === "nearest" || mode === "linear" || mode === "cubic") return mode;
  throw attributeError(site, `mode must be nearest, linear or cubic, not "${mode}"`);
}

const coordinateModes = new Set([
  "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
  "tf_half_pixel_for_nn", "tf_crop_and_resize",
]); // prettier-ignore

function checkedCoordinates(site: Site, mode: string): string {
  if (coordinateModes.has(mode)) return mode;
  throw attributeError(site, `coordinate_transformation_mode "${mode}" is not known`);
}

interface UpsampleAttributes {
  readonly scales: readonly number[] | null;
  readonly height_scale: number | null;
  readonly width_scale: number | null;
}

/** Scales of Upsample: two attributes in opset 1, one from 7, input 1 from 9 on. */
function upsampleScales(
  attributes: UpsampleAttributes,
  input: readonly number[] | null,
): readonly number[] | null {
  if (input) return input;
  const { scales, height_scale: height, width_scale: width } = attributes;
  if (scales) return scales;
  return height !== null && width !== null ? [1, 1, height, width] : null;
}

const wholeShape: ResizeAttributes = { axes: null, keep_aspect_ratio_policy: null };

/** The forerunner of Resize: x / scale, rounded down. */
export const upsample = defineOp("Upsample", {
  infer: (call) => [
    inferResize(
      { ...call, attributes: wholeShape },
      upsampleScales(call.attributes, constantNumbers(call, 1)),
      null,
    ),
  ],
  evaluate: (call) => {
    const x = operand(call, 0);
    const scales = upsampleScales(call.attributes, integerOperand(call, 1));
    const plans = planAxes({ node: call.node, attributes: wholeShape }, x.dims, scales, null);
    const options: ResampleOptions = {
      mode: checkedMode(call, call.attributes.mode),
      coordinates: "asymmetric",
      nearest: "floor",
      cubicA: -0.75,
      excludeOutside: false,
      antialias: false,
      roi: [0, 1],
    };
    return [
      resample(
        call,
        x,
        plans,
        plans.map(() => options),
        0,
      ),
    ];
  },
});
