import type { ConvSpec } from "../forms/form.js";
import { elementCount, InvariantError, type NumberArray, type Tensor } from "../ir/index.js";

/** Activations of some images: N × channels × spatial…, row-major. A float `Tensor` is one. */
export type Activations = Tensor | { readonly dims: readonly number[]; readonly data: NumberArray };

/** A conv over inputs of one size. Spatial arrays have one entry per axis. */
export interface PatchGeometry {
  readonly spec: ConvSpec;
  /** Input sizes and output sizes. */
  readonly input: readonly number[];
  readonly output: readonly number[];
  /** Taps of the kernel and positions of the output in all. */
  readonly taps: number;
  readonly positions: number;
  /** Columns of a patch, all groups: inChannels · taps. Group g has the g-th part of them. */
  readonly columns: number;
}

/** The geometry of a conv on inputs of the spatial sizes `input`. Throws InvariantError when they don't fit. */
export function patchGeometry(spec: ConvSpec, input: readonly number[]): PatchGeometry {
  const axes = spec.kernel.length;
  if (input.length !== axes || spec.pads.length !== 2 * axes || spec.inChannels % spec.group !== 0) {
    throw new InvariantError(`a conv of ${axes} spatial axes does not fit inputs of ${input.length}`);
  }
  const output = input.map((size, axis) => {
    const reach = (spec.kernel[axis]! - 1) * spec.dilations[axis]! + 1;
    const padded = size + spec.pads[axis]! + spec.pads[axes + axis]!;
    return Math.max(0, Math.floor((padded - reach) / spec.strides[axis]!) + 1);
  });
  const taps = elementCount(spec.kernel);
  return { spec, input, output, taps, positions: elementCount(output), columns: spec.inChannels * taps };
}

/** Number of images and the values of activations, checked against the channels. */
export function imagesOf(
  activations: Activations,
  channels: number,
): { readonly count: number; readonly spatial: readonly number[]; readonly data: NumberArray } {
  const data = "numbers" in activations ? activations.numbers : activations.data;
  const { dims } = activations;
  if (dims.length < 2 || dims[1] !== channels || data.length !== elementCount(dims)) {
    throw new InvariantError(`activations of shape ${dims.join("×")} do not have ${channels} channels`);
  }
  return { count: dims[0]!, spatial: dims.slice(2), data };
}

/**
 * Per tap (row-major over the kernel), the flat input position that output position p reads, or −1 for padding:
 * entry t·positions + p.
 */
export function tapSources(g: PatchGeometry): Int32Array {
  const { spec, input, output, taps, positions } = g;
  const axes = input.length;
  const sources = new Int32Array(taps * positions);
  const tap = new Array<number>(axes).fill(0);
  const at = new Array<number>(axes).fill(0);
  for (let t = 0; t < taps; t++) {
    at.fill(0);
    for (let p = 0; p < positions; p++) {
      let flat = 0;
      for (let axis = 0; axis < axes; axis++) {
        const i = at[axis]! * spec.strides[axis]! + tap[axis]! * spec.dilations[axis]! - spec.pads[axis]!;
        if (i < 0 || i >= input[axis]!) {
          flat = -1;
          break;
        }
        flat = flat * input[axis]! + i;
      }
      sources[t * positions + p] = flat;
      advance(at, output);
    }
    advance(tap, spec.kernel);
  }
  return sources;
}

/** The next index in row-major order. */
export function advance(index: number[], dims: readonly number[]): void {
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    index[axis] = index[axis]! + 1;
    if (index[axis]! < dims[axis]!) return;
    index[axis] = 0;
  }
}
