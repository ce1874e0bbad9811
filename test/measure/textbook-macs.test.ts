import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Tensor } from "../../src/ir/index.js";
import { inferFacts, modelCost } from "../../src/measure/index.js";
import { buildModel, f32 } from "./small-models.js";

interface Geometry {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: readonly [number, number];
  readonly stride: number;
  readonly dilation: number;
  readonly pad: number;
  readonly size: readonly [number, number];
  readonly group: number;
}

function convMacs(g: Geometry, batch: number | string = 1): { macs: number | null; params: number } {
  const model = buildModel((b) => {
    b.input("x", f32([batch, g.inChannels, ...g.size]));
    b.initializer("w", Tensor.zeros("float32", [g.outChannels, g.inChannels / g.group, ...g.kernel]));
    const attributes = {
      group: g.group,
      strides: [g.stride, g.stride],
      dilations: [g.dilation, g.dilation],
      pads: [g.pad, g.pad, g.pad, g.pad],
    };
    b.output(b.op("Conv", ["x", "w"], attributes, { outputs: ["y"] }));
  });
  return modelCost(model, inferFacts(model));
}

/** Output length by sliding the window along the padded axis, one position at a time. */
function positions(length: number, kernel: number, { stride, dilation, pad }: Geometry): number {
  let count = 0;
  for (let at = -pad; at + dilation * (kernel - 1) < length + pad; at += stride) count++;
  return count;
}

const same = { kernel: [3, 3], stride: 1, dilation: 1, pad: 1, size: [32, 32] } as const;

describe("the textbook's counts", () => {
  it("a standard convolution costs IC·OC·H·W·K²", () => {
    expect(convMacs({ ...same, inChannels: 8, outChannels: 8, group: 1 }).macs).toBe(8 * 8 * 32 * 32 * 9);
  });

  it("8→8, 3×3, groups = 4 over 1×8×32×32 costs a quarter of it", () => {
    const grouped = convMacs({ ...same, inChannels: 8, outChannels: 8, group: 4 });
    expect(grouped.macs).toBe(147_456);
    expect(grouped.macs).toBe((8 * 8 * 32 * 32 * 9) / 4);
    expect(grouped.params).toBe((8 * 8 * 9) / 4);
  });

  const axis = fc.integer({ min: 1, max: 5 });
  const geometry = fc.record({
    groupIn: fc.integer({ min: 1, max: 6 }),
    groupOut: fc.integer({ min: 1, max: 6 }),
    group: fc.integer({ min: 1, max: 8 }),
    kernel: fc.tuple(axis, axis),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 3 }),
    pad: fc.integer({ min: 0, max: 3 }),
    size: fc.tuple(fc.integer({ min: 13, max: 40 }), fc.integer({ min: 13, max: 40 })),
  });

  it("holds for 1,000 geometries, and groups divide exactly by their number", () => {
    fc.assert(
      fc.property(geometry, ({ groupIn, groupOut, group, ...rest }) => {
        const channels = { inChannels: groupIn * group, outChannels: groupOut * group };
        const grouped: Geometry = { ...rest, ...channels, group };
        const [height, width] = rest.size.map((length, i) => positions(length, rest.kernel[i]!, grouped));
        const dense = groupIn * group * groupOut * group * height! * width! * rest.kernel[0] * rest.kernel[1];
        expect(convMacs({ ...grouped, group: 1 }).macs).toBe(dense);
        expect(convMacs(grouped).macs! * group).toBe(dense);
        expect(convMacs(grouped).params * group).toBe(convMacs({ ...grouped, group: 1 }).params);
      }),
      { numRuns: 1000 },
    );
  });

  it("counts one sample, whatever the batch", () => {
    const g: Geometry = { ...same, inChannels: 4, outChannels: 6, group: 2 };
    const one = convMacs(g, 1).macs;
    expect(convMacs(g, "N").macs).toBe(one);
    expect(convMacs(g, 16).macs).toBe(one);
  });
});
