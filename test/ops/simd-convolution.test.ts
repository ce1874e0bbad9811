import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { elementCount } from "../../src/ir/index.js";
import { seededRandom } from "../../src/linalg/index.js";
import { resolveConv } from "../../src/ops/conv-geometry.js";
import { convolvePortable, type ConvolutionOperands } from "../../src/ops/kernels/convolution.js";
import { rectify } from "../../src/ops/kernels/store.js";
import { convolveSimd } from "../../src/ops/kernels/simd-convolution.js";

/** What sums and roundings stumble over; the last one is a subnormal float32. */
const oddities = [NaN, Infinity, -Infinity, 0, -0, 3e38, -3e38, 1e-40];

const small = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });

/** Convolutions over one or two axes, wide enough for whole registers, and bands where `tall`. */
const cases = fc
  .record({
    rank: fc.constantFrom(0, 1, 2, 2, 2, 2),
    batch: small(1, 2),
    group: fc.oneof(small(1, 4), small(1, 40)),
    inPerGroup: fc.oneof(small(1, 4), small(1, 40)),
    outPerGroup: fc.oneof(small(1, 2), small(1, 9)),
    spatial: fc.tuple(small(1, 24), small(1, 24)),
    kernel: fc.tuple(small(1, 4), small(1, 4)),
    strides: fc.tuple(small(1, 3), small(1, 4)),
    dilations: fc.tuple(small(1, 3), small(1, 3)),
    pads: fc.tuple(small(0, 4), small(0, 4), small(0, 4), small(0, 4)),
    bias: fc.boolean(),
    odd: fc.constantFrom(0, 0, 0.01, 0.3),
    // Products of the lesser ones are rounded to zeros, of either sign.
    scale: fc.constantFrom(1, 1, 1, 1e-25),
    seed: fc.nat(),
  })
  .filter(({ spatial, kernel, dilations, pads }) =>
    spatial.every((n, a) => n + pads[a]! + pads[2 + a]! >= (kernel[a]! - 1) * dilations[a]! + 1),
  );

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function operandsOf(c: Case): ConvolutionOperands {
  const axes = <T>(list: readonly T[]): T[] => list.slice(2 - c.rank, 2);
  const xDims = [c.batch, c.group * c.inPerGroup, ...axes(c.spatial)];
  const outs = c.group * c.outPerGroup;
  const kernel = axes(c.kernel);
  const geometry = resolveConv(
    {
      group: c.group,
      strides: axes(c.strides),
      dilations: axes(c.dilations),
      pads: [...axes(c.pads.slice(0, 2)), ...axes(c.pads.slice(2))],
    },
    xDims,
    [outs, c.inPerGroup, ...kernel],
  );
  const random = seededRandom(c.seed);
  const floats = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () =>
      random.uniform() < c.odd ? oddities[random.integer(oddities.length)]! : random.uniform(-2, 2) * c.scale,
    );
  return {
    geometry,
    xDims,
    x: floats(elementCount(xDims)),
    weight: floats(outs * c.inPerGroup * elementCount(kernel)),
    bias: c.bias ? floats(outs) : null,
    y: new Float32Array(elementCount(geometry.outputShape)).fill(77),
  };
}

const fresh = (o: ConvolutionOperands, rectified = false): ConvolutionOperands => ({
  ...o,
  rectified,
  y: o.y.slice(),
});

/** Equal as numbers, NaN to NaN, and zeros of the same sign. */
function expectSame(got: ConvolutionOperands["y"], want: ConvolutionOperands["y"]): void {
  const at = want.findIndex((value, i) => !Object.is(value, got[i]));
  expect(at < 0 ? null : `${at}: ${got[at]!} for ${want[at]!}`).toBeNull();
}

describe("convolutions on 128-bit registers", () => {
  let [ran, all] = [0, 0];

  const check = (c: Case): void => {
    const plain = fresh(operandsOf(c));
    convolvePortable(plain);
    const simd = fresh(plain);
    all++;
    if (!convolveSimd(simd)) return;
    ran++;
    expectSame(simd.y, plain.y);
    const rectified = fresh(plain, true);
    convolveSimd(rectified);
    rectify(plain.y as Float32Array, plain.y as Float32Array);
    expectSame(rectified.y, plain.y);
  };

  it("are those in plain numbers bit for bit, with Relu and without", () => {
    fc.assert(fc.property(cases, check), { numRuns: 600 });
    expect(ran / all).toBeGreaterThan(0.7);
  });

  const plain: Case = {
    rank: 2,
    batch: 1,
    group: 1,
    inPerGroup: 1,
    outPerGroup: 1,
    spatial: [1, 1],
    kernel: [3, 3],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [1, 1, 1, 1],
    bias: true,
    odd: 0.01,
    scale: 1,
    seed: 5,
  };

  it.each<[string, Partial<Case>]>([
    ["several bands", { inPerGroup: 9, outPerGroup: 5, spatial: [150, 122], batch: 2 }],
    ["several bands with steps", { inPerGroup: 9, outPerGroup: 5, spatial: [301, 121], strides: [2, 3] }],
    ["several bands of few channels", { inPerGroup: 9, outPerGroup: 2, spatial: [150, 121], group: 2 }],
    ["blocks of groups", { group: 50, spatial: [60, 62], batch: 2 }],
    ["blocks of groups, two channels each", { group: 50, outPerGroup: 2, spatial: [60, 62] }],
    ["blocks of groups of products", { group: 12, inPerGroup: 3, outPerGroup: 5, spatial: [60, 62] }],
    ["several blocks of depth and rows", { inPerGroup: 130, outPerGroup: 70, spatial: [7, 9] }],
    [
      "pointwise, several bands",
      { inPerGroup: 6, outPerGroup: 30, kernel: [1, 1], pads: [0, 0, 0, 0], spatial: [99, 161] },
    ],
    [
      "much output of little input",
      { outPerGroup: 90, kernel: [1, 1], pads: [0, 0, 0, 0], spatial: [60, 99] },
    ],
    [
      "more padding than input",
      { inPerGroup: 2, outPerGroup: 3, spatial: [2, 2], pads: [9, 9, 9, 9], strides: [3, 2] },
    ],
  ])("are so for %s", (_, change) => {
    ran = 0;
    check({ ...plain, ...change });
    expect(ran).toBe(1);
  });

  it("leave other types and three axes alone", () => {
    const operands = operandsOf({ ...plain, spatial: [9, 9] });
    expect(convolveSimd({ ...operands, x: Float64Array.from(operands.x) })).toBe(false);
    expect(convolveSimd({ ...operands, y: new Float64Array(operands.y.length) })).toBe(false);
    const geometry = resolveConv({}, [1, 2, 5, 5, 5], [3, 2, 1, 1, 1]);
    const [x, weight, y] = [new Float32Array(250), new Float32Array(6), new Float32Array(375)];
    expect(convolveSimd({ geometry, xDims: [1, 2, 5, 5, 5], x, weight, bias: null, y })).toBe(false);
  });
});
