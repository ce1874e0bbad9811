import type { Dim } from "../ir/index.js";
import { formatShape, type Site } from "./operand.js";
import {
  axisList,
  checkElements,
  geometryError,
  resolveWindows,
  windowSteps,
  type WindowAttributes,
  type WindowSteps,
} from "./window-geometry.js";

/** Attributes of Conv and its relatives, as `attributesOf` gives them. */
export interface ConvAttributes extends WindowAttributes {
  readonly group?: number | null;
}

export interface ConvTransposeAttributes extends ConvAttributes {
  readonly output_padding?: readonly number[] | null;
  readonly output_shape?: readonly number[] | null;
}

/**
 * A convolution's geometry with every default filled in; lists have one entry per spatial axis.
 * `pads` holds all begins, then all ends, and is null when auto_pad needs a dimension that is unknown.
 */
export interface ConvGeometry {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[] | null;
  readonly group: number;
  readonly inChannels: number;
  readonly outChannels: number;
  /** N × outChannels × spatial; symbolic dimensions stay where a convolution keeps them. */
  readonly outputShape: readonly Dim[];
}

/** A geometry whose every number is known. */
export interface KnownConvGeometry extends ConvGeometry {
  readonly pads: readonly number[];
  readonly outputShape: readonly number[];
}

/**
 * The one source for convolutions' output shapes and pads: `input` is N × C × spatial, `weight` O × C/group × kernel.
 * Unknown input dimensions give unknown output dimensions; the weight's must be known.
 * Throws a ModelError `E_SHAPE` or `E_ATTRIBUTE` that names both sides when the parts can't go together.
 */
export function resolveConv(
  attributes: ConvAttributes,
  input: readonly number[],
  weight: readonly number[],
  site?: Site,
): KnownConvGeometry;
export function resolveConv(
  attributes: ConvAttributes,
  input: readonly Dim[],
  weight: readonly number[],
  site?: Site,
): ConvGeometry;
export function resolveConv(
  attributes: ConvAttributes,
  input: readonly Dim[],
  weight: readonly number[],
  site?: Site,
): ConvGeometry {
  const { group, kernel, steps } = resolveWeight(attributes, input, weight, site);
  const [outChannels, perGroup] = weight as [number, number];
  const channels = input[1]!;
  if (typeof channels === "number" && channels !== perGroup * group) {
    throw geometryError(
      site,
      `input channels ${channels} must match weight channels ${perGroup} × group ${group}`,
    );
  }
  if (outChannels % group !== 0) {
    throw geometryError(site, `output channels ${outChannels} must be a multiple of group ${group}`);
  }
  const { pads, counts } = resolveWindows(steps, input.slice(2), kernel, false, site);
  const outputShape = [input[0]!, outChannels, ...counts];
  checkElements(site, outputShape);
  const { strides, dilations } = steps;
  return { kernel, strides, dilations, pads, group, inChannels: perGroup * group, outChannels, outputShape };
}

/**
 * Geometry of ConvTranspose: `input` is N × C × spatial, `weight` C × O/group × kernel. Along each axis the output is
 * (length − 1) · stride + output_padding + extent − pads, or what output_shape says; under SAME it is
 * length · stride and the pads follow.
 */
export function resolveConvTranspose(
  attributes: ConvTransposeAttributes,
  input: readonly number[],
  weight: readonly number[],
  site?: Site,
): KnownConvGeometry;
export function resolveConvTranspose(
  attributes: ConvTransposeAttributes,
  input: readonly Dim[],
  weight: readonly number[],
  site?: Site,
): ConvGeometry;
export function resolveConvTranspose(
  attributes: ConvTransposeAttributes,
  input: readonly Dim[],
  weight: readonly number[],
  site?: Site,
): ConvGeometry {
  const { group, kernel, steps } = resolveWeight(attributes, input, weight, site);
  const [inChannels, perGroup] = weight as [number, number];
  const channels = input[1]!;
  if (typeof channels === "number" && channels !== inChannels) {
    throw geometryError(site, `input channels ${channels} must match weight channels ${inChannels}`);
  }
  if (inChannels % group !== 0) {
    throw geometryError(site, `input channels ${inChannels} must be a multiple of group ${group}`);
  }
  const rank = kernel.length;
  const extra = axisList(site, "output_padding", attributes.output_padding, rank, 0);
  const wanted = attributes.output_shape?.length ? attributes.output_shape.slice(-rank) : null;
  if (wanted) axisList(site, "output_shape", wanted, rank, 0, 1);
  const axes = kernel.map((_, axis) =>
    transposeAxis(steps, axis, input[axis + 2]!, kernel[axis]!, extra[axis]!, wanted, site),
  );
  const pads = [...axes.map(({ begin }) => begin), ...axes.map(({ end }) => end)];
  const outChannels = perGroup * group;
  const outputShape = [input[0]!, outChannels, ...axes.map(({ count }) => count)];
  checkElements(site, outputShape);
  return {
    kernel,
    strides: steps.strides,
    dilations: steps.dilations,
    pads: pads.every((pad): pad is number => pad !== null) ? pads : null,
    group,
    inChannels,
    outChannels,
    outputShape,
  };
}

function transposeAxis(
  steps: WindowSteps,
  axis: number,
  length: Dim,
  kernel: number,
  extra: number,
  wanted: readonly number[] | null,
  site: Site | undefined,
): { readonly begin: number | null; readonly end: number | null; readonly count: Dim } {
  const { autoPad, strides, dilations, pads } = steps;
  const stride = strides[axis]!;
  const extent = (kernel - 1) * dilations[axis]! + 1;
  const same = autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER";
  if (!wanted && !same) {
    const [begin, end] = [pads[axis]!, pads[strides.length + axis]!];
    const rest = extra + extent - begin - end;
    if (typeof length !== "number") {
      return { begin, end, count: stride === 1 && rest === 1 ? length : null };
    }
    const count = stride * (length - 1) + rest;
    if (count < 1) {
      throw geometryError(
        site,
        `pads ${begin} and ${end} leave nothing of the ${stride * (length - 1) + extra + extent} outputs` +
          ` along spatial axis ${axis}`,
      );
    }
    return { begin, end, count };
  }
  if (typeof length !== "number")
    return { begin: null, end: null, count: wanted?.[axis] ?? (stride === 1 ? length : null) };
  const count = wanted?.[axis] ?? length * stride;
  const total = Math.max(0, stride * (length - 1) + extra + extent - count);
  const small = Math.floor(total / 2);
  const begin = autoPad === "SAME_UPPER" ? small : total - small;
  return { begin, end: total - begin, count };
}

/** Checks that are the same for both directions: ranks, kernel_shape against the weight, group. */
function resolveWeight(
  attributes: ConvAttributes,
  input: readonly Dim[],
  weight: readonly number[],
  site: Site | undefined,
): { readonly group: number; readonly kernel: readonly number[]; readonly steps: WindowSteps } {
  if (input.length < 2 || weight.length !== input.length) {
    throw geometryError(
      site,
      `the input ${formatShape(input)} and the weight ${formatShape(weight)} must have one rank, at least 2`,
    );
  }
  const group = attributes.group ?? 1;
  if (!Number.isSafeInteger(group) || group < 1)
    throw geometryError(site, `group ${group} must be an integer ≥ 1`);
  const kernel = weight.slice(2);
  const said = attributes.kernel_shape;
  if (
    said &&
    said.length > 0 &&
    (said.length !== kernel.length || said.some((k, axis) => k !== kernel[axis]))
  ) {
    throw geometryError(
      site,
      `kernel_shape [${said.join(", ")}] must match the weight ${formatShape(weight)}`,
    );
  }
  if (kernel.some((k) => k < 1))
    throw geometryError(site, `the weight ${formatShape(weight)} has an empty kernel`);
  return { group, kernel, steps: windowSteps(attributes, kernel.length, site) };
}

/** MACs of one sample: outputs × input channels per group × taps; null when a needed dimension is unknown. */
export function convMacs(geometry: ConvGeometry): number | null {
  const outputs = knownProduct(geometry.outputShape.slice(1));
  return outputs === null
    ? null
    : (outputs * geometry.inChannels * knownProduct(geometry.kernel)!) / geometry.group;
}

/** MACs of one sample of a ConvTranspose: inputs × output channels per group × taps. */
export function convTransposeMacs(geometry: ConvGeometry, input: readonly Dim[]): number | null {
  const inputs = knownProduct([geometry.inChannels, ...input.slice(2)]);
  return inputs === null
    ? null
    : (inputs * geometry.outChannels * knownProduct(geometry.kernel)!) / geometry.group;
}

function knownProduct(dims: readonly Dim[]): number | null {
  let product = 1;
  for (const dim of dims) {
    if (typeof dim !== "number") return null;
    product *= dim;
  }
  return product;
}
