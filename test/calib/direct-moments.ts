import { tapCount, type ConvSpec } from "../../src/forms/index.js";
import type { Tensor } from "../../src/ir/index.js";

/** Centred moments of one group, row-major: D × D, O/group × D and per column. */
export interface DirectMoments {
  readonly covariance: readonly number[];
  readonly cross: readonly number[];
  readonly meanIn: readonly number[];
  readonly meanOut: readonly number[];
  readonly varianceOut: readonly number[];
}

/** The index of every entry of an array of these dims, in row-major order. */
function indices(dims: readonly number[]): number[][] {
  return dims.reduce<number[][]>(
    (all, size) => all.flatMap((index) => Array.from({ length: size }, (_, i) => [...index, i])),
    [[]],
  );
}

/** Value at an index, 0 outside. */
function at(tensor: Tensor, index: readonly number[]): number {
  let flat = 0;
  for (const [axis, i] of index.entries()) {
    if (i < 0 || i >= tensor.dims[axis]!) return 0;
    flat = flat * tensor.dims[axis]! + i;
  }
  return tensor.numbers[flat]!;
}

/** Per group, the patches that a conv reads and the outputs beside them, written out one by one and averaged. */
export function directMoments(
  spec: ConvSpec,
  batches: readonly (readonly [x: Tensor, y: Tensor])[],
): readonly DirectMoments[] {
  const [perIn, perOut] = [spec.inChannels / spec.group, spec.outChannels / spec.group];
  return Array.from({ length: spec.group }, (_, g) => {
    const rows: { patch: number[]; out: number[] }[] = [];
    for (const [x, y] of batches) {
      for (const [n, ...position] of indices([y.dims[0]!, ...y.dims.slice(2)])) {
        const patch = indices([perIn, ...spec.kernel]).map(([channel, ...tap]) =>
          at(x, [
            n!,
            g * perIn + channel!,
            ...position.map(
              (p, axis) => p * spec.strides[axis]! + tap[axis]! * spec.dilations[axis]! - spec.pads[axis]!,
            ),
          ]),
        );
        const out = Array.from({ length: perOut }, (__, o) => at(y, [n!, g * perOut + o, ...position]));
        rows.push({ patch, out });
      }
    }
    const mean = (value: (row: (typeof rows)[number]) => number): number =>
      rows.reduce((sum, row) => sum + value(row), 0) / rows.length;
    const columns = Array.from({ length: perIn * tapCount(spec) }, (__, column) => column);
    const outputs = Array.from({ length: perOut }, (__, o) => o);
    const meanIn = columns.map((p) => mean(({ patch }) => patch[p]!));
    const meanOut = outputs.map((o) => mean(({ out }) => out[o]!));
    return {
      meanIn,
      meanOut,
      covariance: columns.flatMap((p) =>
        columns.map((q) => mean(({ patch }) => (patch[p]! - meanIn[p]!) * (patch[q]! - meanIn[q]!))),
      ),
      cross: outputs.flatMap((o) =>
        columns.map((q) => mean(({ patch, out }) => (out[o]! - meanOut[o]!) * (patch[q]! - meanIn[q]!))),
      ),
      varianceOut: outputs.map((o) => mean(({ out }) => (out[o]! - meanOut[o]!) ** 2)),
    };
  });
}
