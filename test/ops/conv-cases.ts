import fc from "fast-check";
import { expect } from "vitest";
import type { Tensor } from "../../src/ir/index.js";
import { noise, type OneNode } from "./one-node.js";

/* Random convolutions and what they are by definition. */

export interface Geometry {
  readonly batch: number;
  readonly group: number;
  readonly inPerGroup: number;
  readonly outPerGroup: number;
  readonly spatial: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly bias: boolean;
}

/** Every index of an array of these dims, row-major. */
function indices(dims: readonly number[]): number[][] {
  let all: number[][] = [[]];
  for (const dim of dims) all = all.flatMap((head) => Array.from({ length: dim }, (_, i) => [...head, i]));
  return all;
}

/** Row-major place of an index; null outside. */
function placeIn(dims: readonly number[], index: (axis: number) => number): number | null {
  let place = 0;
  for (let axis = 0; axis < dims.length; axis++) {
    const i = index(axis);
    if (i < 0 || i >= dims[axis]!) return null;
    place = place * dims[axis]! + i;
  }
  return place;
}

interface Plain {
  readonly dims: number[];
  readonly data: number[];
}

/** The definition, index by index: every output asks each tap for its input. */
export function naiveConv(g: Geometry, x: Tensor, w: Tensor, b: Tensor | null): Plain {
  const rank = g.kernel.length;
  const outs = g.spatial.map((n, a) => {
    const reach = n + g.pads[a]! + g.pads[rank + a]! - (g.kernel[a]! - 1) * g.dilations[a]! - 1;
    return Math.floor(reach / g.strides[a]!) + 1;
  });
  const dims = [g.batch, g.group * g.outPerGroup, ...outs];
  const [positions, taps] = [indices(outs), indices(g.kernel)];
  const size = g.spatial.reduce((a, n) => a * n, 1);
  const data: number[] = [];
  for (let n = 0; n < g.batch; n++) {
    for (let o = 0; o < g.group * g.outPerGroup; o++) {
      const first = Math.floor(o / g.outPerGroup) * g.inPerGroup;
      for (const p of positions) {
        let sum = b ? b.numbers[o]! : 0;
        taps.forEach((k, t) => {
          const from = placeIn(
            g.spatial,
            (a) => p[a]! * g.strides[a]! + k[a]! * g.dilations[a]! - g.pads[a]!,
          );
          if (from === null) return;
          for (let c = 0; c < g.inPerGroup; c++) {
            const weight = w.numbers[(o * g.inPerGroup + c) * taps.length + t]!;
            sum += weight * x.numbers[(n * g.group * g.inPerGroup + first + c) * size + from]!;
          }
        });
        data.push(sum);
      }
    }
  }
  return { dims, data };
}

/** The definition the other way round: every input adds its products where they land. */
export function naiveTransposed(
  g: Geometry,
  extra: readonly number[],
  x: Tensor,
  w: Tensor,
  b: Tensor | null,
): Plain {
  const rank = g.kernel.length;
  const outs = g.spatial.map(
    (n, a) =>
      (n - 1) * g.strides[a]! +
      (g.kernel[a]! - 1) * g.dilations[a]! +
      1 +
      extra[a]! -
      g.pads[a]! -
      g.pads[rank + a]!,
  );
  const channels = g.group * g.outPerGroup;
  const dims = [g.batch, channels, ...outs];
  const [positions, taps] = [indices(g.spatial), indices(g.kernel)];
  const size = outs.reduce((a, n) => a * n, 1);
  const data = Array.from({ length: g.batch * channels * size }, (_, i) =>
    b ? b.numbers[Math.floor(i / size) % channels]! : 0,
  );
  for (let n = 0; n < g.batch; n++) {
    for (let c = 0; c < g.group * g.inPerGroup; c++) {
      positions.forEach((p, i) => {
        const value = x.numbers[(n * g.group * g.inPerGroup + c) * positions.length + i]!;
        taps.forEach((k, t) => {
          const to = placeIn(outs, (a) => p[a]! * g.strides[a]! + k[a]! * g.dilations[a]! - g.pads[a]!);
          if (to === null) return;
          for (let o = 0; o < g.outPerGroup; o++) {
            const channel = Math.floor(c / g.inPerGroup) * g.outPerGroup + o;
            data[(n * channels + channel) * size + to]! +=
              value * w.numbers[(c * g.outPerGroup + o) * taps.length + t]!;
          }
        });
      });
    }
  }
  return { dims, data };
}

export const geometries: fc.Arbitrary<Geometry> = fc
  .record({
    rank: fc.integer({ min: 1, max: 3 }),
    batch: fc.integer({ min: 1, max: 2 }),
    group: fc.integer({ min: 1, max: 3 }),
    inPerGroup: fc.integer({ min: 1, max: 5 }),
    outPerGroup: fc.integer({ min: 1, max: 6 }),
    bias: fc.boolean(),
  })
  .chain(({ rank, ...rest }) => {
    const list = (min: number, max: number, count = rank): fc.Arbitrary<number[]> =>
      fc.array(fc.integer({ min, max }), { minLength: count, maxLength: count });
    return fc.record({
      batch: fc.constant(rest.batch),
      group: fc.constant(rest.group),
      inPerGroup: fc.constant(rest.inPerGroup),
      outPerGroup: fc.constant(rest.outPerGroup),
      bias: fc.constant(rest.bias),
      spatial: list(1, 9),
      kernel: list(1, 4),
      strides: list(1, 3),
      dilations: list(1, 3),
      pads: list(0, 3, 2 * rank),
    });
  })
  .filter((g) =>
    g.spatial.every(
      (n, a) => n + g.pads[a]! + g.pads[g.kernel.length + a]! >= (g.kernel[a]! - 1) * g.dilations[a]! + 1,
    ),
  );

export function operandsOf(g: Geometry, transposed = false): [Tensor, Tensor, Tensor | null] {
  const [ins, outs] = [g.group * g.inPerGroup, g.group * g.outPerGroup];
  const weight = transposed ? [ins, g.outPerGroup, ...g.kernel] : [outs, g.inPerGroup, ...g.kernel];
  return [noise([g.batch, ins, ...g.spatial], 1), noise(weight, 2), g.bias ? noise([outs], 3) : null];
}

export function nodeOf(
  g: Geometry,
  op: string,
  inputs: readonly (Tensor | null)[],
  more: OneNode["attributes"] = {},
): OneNode {
  const { group, kernel, strides, dilations, pads } = g;
  return { op, inputs, attributes: { group, kernel_shape: kernel, strides, dilations, pads, ...more } };
}

export function expectClose(
  got: Tensor,
  want: { dims: readonly number[]; data: readonly number[] },
  tolerance = 1e-12,
): void {
  expect(got.dims).toEqual(want.dims);
  const worst = want.data.reduce((most, y, i) => Math.max(most, Math.abs(y - got.numbers[i]!)), 0);
  expect(worst).toBeLessThanOrEqual(tolerance);
}
