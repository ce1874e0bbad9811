import type { ConvSpec, StagePlan } from "./form.js";

/** One link of a chain as a family names it: how many channels come out, in how many groups, which axes have taps. */
export interface Link {
  readonly out: number;
  readonly group?: number;
  /** "none" is a 1×1 conv, "all" has the layer's kernel, a list has the layer's kernel on these spatial axes only. */
  readonly taps: "none" | "all" | readonly number[];
}

/**
 * Geometry of a chain that stands for a conv of geometry `layer` (group 1). The stride, dilation and pads of a spatial
 * axis sit on the one stage that owns its taps; an axis that no link claims (its kernel is 1) belongs to the first
 * stage, where a stride saves most. Intermediate stages have no bias, so padding a later stage's input with zeros is
 * the same as padding the first one's.
 */
export function chainOf(layer: ConvSpec, links: readonly Link[]): readonly StagePlan[] {
  const axes = layer.kernel.map((_, axis) => axis);
  const owner = axes.map((axis) =>
    Math.max(
      0,
      links.findIndex(({ taps }) => taps === "all" || (taps !== "none" && taps.includes(axis))),
    ),
  );
  let channels = layer.inChannels;
  return links.map(({ out, group = 1 }, index) => {
    const own = axes.filter((axis) => owner[axis] === index);
    const spec = stageSpec(layer, own, channels, out, group);
    channels = out;
    return { spec, taps: own };
  });
}

function stageSpec(
  layer: ConvSpec,
  own: readonly number[],
  inChannels: number,
  outChannels: number,
  group: number,
): ConvSpec {
  const rank = layer.kernel.length;
  const pick = (values: readonly number[], otherwise: number): number[] =>
    Array.from({ length: rank }, (_, axis) => (own.includes(axis) ? values[axis]! : otherwise));
  return {
    inChannels,
    outChannels,
    kernel: pick(layer.kernel, 1),
    strides: pick(layer.strides, 1),
    dilations: pick(layer.dilations, 1),
    pads: [...pick(layer.pads.slice(0, rank), 0), ...pick(layer.pads.slice(rank), 0)],
    group,
  };
}

/** Number of taps of a kernel. */
export function tapCount(spec: ConvSpec): number {
  return spec.kernel.reduce((product, size) => product * size, 1);
}

/** Entries of the patch that one output of a conv reads: inputs of a group by taps. */
export function patchWidth(spec: ConvSpec): number {
  return (spec.inChannels / spec.group) * tapCount(spec);
}

/** Elements of a conv's weight. */
export function weightSize(spec: ConvSpec): number {
  return spec.outChannels * patchWidth(spec);
}

/** Output size along one axis, as ONNX defines it for convolutions. */
export function outputSize(spec: ConvSpec, axis: number, input: number): number {
  const rank = spec.kernel.length;
  const reach = spec.dilations[axis]! * (spec.kernel[axis]! - 1) + 1;
  return Math.floor((input + spec.pads[axis]! + spec.pads[rank + axis]! - reach) / spec.strides[axis]!) + 1;
}

/** Flat offsets in the layer's kernel of a stage's taps, in the stage's own row-major order. */
export function tapOffsets(layer: ConvSpec, stage: StagePlan): Int32Array {
  const rank = layer.kernel.length;
  let offsets = [0];
  for (let axis = 0; axis < rank; axis++) {
    if (!stage.taps.includes(axis)) continue;
    const step = layer.kernel.slice(axis + 1).reduce((product, size) => product * size, 1);
    offsets = offsets.flatMap((at) =>
      Array.from({ length: layer.kernel[axis]! }, (_, tap) => at + tap * step),
    );
  }
  return Int32Array.from(offsets);
}
