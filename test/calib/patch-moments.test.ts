import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { momentStream, PatchRows, PatchSums, type MomentSource } from "../../src/calib/index.js";
import {
  outputSize,
  SampledCovariance,
  WholeCovariance,
  type ConvSpec,
  type Covariance,
} from "../../src/forms/index.js";
import { Tensor } from "../../src/ir/index.js";
import { identity, matrix, seededRandom } from "../../src/linalg/index.js";
import { openExecutor } from "../../src/runtime/index.js";
import { directMoments } from "./direct-moments.js";

function randomActivations(dims: readonly number[], seed: number): Tensor {
  const random = seededRandom(seed);
  const size = dims.reduce((product, dim) => product * dim, 1);
  return Tensor.f32(
    dims,
    Float32Array.from({ length: size }, () => random.normal(0.5, 1)),
  );
}

const open: MomentSource["open"] = (model) => openExecutor(model, { engine: "reference" });

/** The covariance as the patches have it. */
function observed(covariance: Covariance): Float64Array {
  return covariance.timesObserved(identity(covariance.size)).data;
}

const axis = fc.record({
  kernel: fc.integer({ min: 1, max: 3 }),
  stride: fc.constantFrom(1, 1, 2),
  dilation: fc.integer({ min: 1, max: 2 }),
  begin: fc.integer({ min: 0, max: 2 }),
  end: fc.integer({ min: 0, max: 2 }),
  size: fc.integer({ min: 5, max: 8 }),
});

describe("moments of patches", () => {
  it.each([
    ["sums", PatchSums],
    ["rows", PatchRows],
  ])("agree with explicit patches for any geometry: %s", async (_, Stream) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(axis, { minLength: 0, maxLength: 3 }),
        fc.integer({ min: 1, max: 2 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer(),
        async (axes, group, perGroup, seed) => {
          const spec: ConvSpec = {
            inChannels: group * perGroup,
            outChannels: group * 2,
            kernel: axes.map((a) => a.kernel),
            strides: axes.map((a) => a.stride),
            dilations: axes.map((a) => a.dilation),
            pads: [...axes.map((a) => a.begin), ...axes.map((a) => a.end)],
            group,
          };
          const input = axes.map((a) => a.size);
          const output = input.map((size, along) => outputSize(spec, along, size));
          const sums = new Stream({ spec, dtype: "float32", open });
          const batches: [Tensor, Tensor][] = [];
          for (const images of [2, 3]) {
            const x = randomActivations([images, spec.inChannels, ...input], seed + images);
            const y = randomActivations([images, spec.outChannels, ...output], seed - images);
            await sums.add(x, y);
            batches.push([x, y]);
          }
          const got = sums.result();
          const expected = directMoments(spec, batches);
          await sums.dispose();
          expect(got.count).toBe(5 * output.reduce((product, size) => product * size, 1));
          expect(got.groups.length).toBe(group);
          const close = (a: ArrayLike<number>, b: ArrayLike<number>): void => {
            expect(a.length).toBe(b.length);
            for (let i = 0; i < a.length; i++) expect(Math.abs(a[i]! - b[i]!)).toBeLessThan(1e-4);
          };
          got.groups.forEach((group, g) => {
            close(observed(group.covariance), expected[g]!.covariance);
            close(group.cross.data, expected[g]!.cross);
            close(group.meanIn, expected[g]!.meanIn);
            close(group.meanOut, expected[g]!.meanOut);
            close(group.varianceOut, expected[g]!.varianceOut);
          });
        },
      ),
      { numRuns: 30 },
    );
  });

  it.each([
    ["sums", PatchSums],
    ["rows", PatchRows],
  ])("hold nothing of inputs that are constant but for rounding: %s", async (_, Stream) => {
    const spec: ConvSpec = {
      ...{ inChannels: 3, outChannels: 2, kernel: [1, 1], strides: [1, 1], dilations: [1, 1] },
      ...{ pads: [0, 0, 0, 0], group: 1 },
    };
    const sums = new Stream({ spec, dtype: "float32", open });
    for (let batch = 0; batch < 3; batch++) {
      const x = randomActivations([4, 3, 5, 7], batch);
      x.numbers.fill(0);
      for (let n = 0; n < 4; n++) {
        const random = seededRandom(10 * batch + n);
        for (let p = 0; p < 35; p++) {
          x.numbers[(3 * n + 0) * 35 + p] = random.normal(0.5, 1);
          x.numbers[(3 * n + 1) * 35 + p] = 123.456;
          x.numbers[(3 * n + 2) * 35 + p] = 20 + 0.1 * random.normal();
        }
      }
      await sums.add(x, randomActivations([4, 2, 5, 7], 100 + batch));
    }
    const { covariance: moments, cross, meanIn } = sums.result().groups[0]!;
    const covariance = observed(moments);
    await sums.dispose();
    expect(meanIn[1]).toBeCloseTo(123.456, 3);
    for (const at of [1, 4, 7, 3, 5]) expect(Math.abs(covariance[at]!)).toBe(0);
    for (const at of [1, 4]) expect(Math.abs(cross.data[at]!)).toBe(0);
    expect(covariance[0]).toBeGreaterThan(0.8);
    expect(covariance[8]).toBeCloseTo(0.01, 2);
  });

  it("thin inputs and outputs at the same positions", async () => {
    const spec: ConvSpec = {
      inChannels: 2,
      outChannels: 18,
      kernel: [3, 3],
      strides: [2, 1],
      dilations: [1, 1],
      pads: [1, 1, 1, 1],
      group: 1,
    };
    // Outputs that are the patches themselves: cross and covariance must then be the same.
    const images = 4;
    const [height, width] = [9, 10];
    const output = [height, width].map((size, along) => outputSize(spec, along, size));
    const positions = output[0]! * output[1]!;
    const sums = new PatchSums({ spec, dtype: "float32", open, thinning: 2 });
    for (let batch = 0; batch < 3; batch++) {
      const x = randomActivations([images, 2, height, width], batch);
      const y = new Float32Array(images * 18 * positions);
      for (let n = 0; n < images; n++) {
        for (let column = 0; column < 18; column++) {
          const [c, t] = [Math.floor(column / 9), column % 9];
          for (let p = 0; p < positions; p++) {
            const row = Math.floor(p / output[1]!) * 2 + Math.floor(t / 3) - 1;
            const col = (p % output[1]!) + (t % 3) - 1;
            const inside = row >= 0 && row < height && col >= 0 && col < width;
            y[(n * 18 + column) * positions + p] = inside
              ? x.numbers[((n * 2 + c) * height + row) * width + col]!
              : 0;
          }
        }
      }
      await sums.add(x, Tensor.f32([images, 18, ...output], y));
    }
    const { count, groups } = sums.result();
    await sums.dispose();
    expect(count).toBeLessThan(images * 3 * positions * 0.35);
    const { cross, meanIn, meanOut } = groups[0]!;
    const covariance = observed(groups[0]!.covariance);
    for (let i = 0; i < cross.data.length; i++) expect(cross.data[i]).toBeCloseTo(covariance[i]!, 5);
    for (let i = 0; i < meanIn.length; i++) expect(meanOut[i]).toBeCloseTo(meanIn[i]!, 5);
  });

  it("are shrunk alike, summed or kept, where patches are few", async () => {
    const spec: ConvSpec = {
      ...{ inChannels: 16, outChannels: 2, kernel: [3, 3], strides: [1, 1], dilations: [1, 1] },
      ...{ pads: [1, 1, 1, 1], group: 2 },
    };
    const source = { spec, dtype: "float32", open } as const;
    const streams = [new PatchRows(source), new PatchSums(source, 105), new PatchSums(source, 720)];
    const many = new PatchSums(source, 721);
    for (let batch = 0; batch < 3; batch++) {
      const x = randomActivations([1, 16, 5, 7], batch);
      // Inputs that depend on one another: of others all is chance.
      for (let i = 0; i < x.size; i++) x.numbers[i]! += 1.5 * Math.sin(0.9 * i + batch);
      for (const sums of [...streams, many]) await sums.add(x, randomActivations([1, 2, 5, 7], batch - 9));
    }
    const intensities = [...streams, many].map((sums) =>
      sums.result().groups.map(({ covariance }) => covariance.intensity),
    );
    for (const sums of [...streams, many]) await sums.dispose();
    const [kept, summed, thinly, none] = intensities as [number[], number[], number[], number[]];
    for (const g of [0, 1]) {
      expect(kept[g]).toBeGreaterThan(0.05);
      expect(summed[g]).toBeCloseTo(kept[g]!, 4);
      expect(Math.abs(thinly[g]! / kept[g]! - 1)).toBeLessThan(0.5);
      expect(none[g]).toBe(0);
    }
  });

  it("are kept as patches of wide layers where these are few", async () => {
    const wide: ConvSpec = {
      ...{ inChannels: 128, outChannels: 4, kernel: [3, 3], strides: [1, 1], dilations: [1, 1] },
      ...{ pads: [0, 0, 0, 0], group: 1 },
    };
    const kind = (spec: ConvSpec, patches: number): unknown =>
      momentStream({ spec, dtype: "float32", open }, patches).constructor;
    expect(kind(wide, 576)).toBe(PatchRows);
    expect(kind(wide, 577)).toBe(PatchSums);
    expect(kind({ ...wide, inChannels: 64 }, 10)).toBe(PatchSums);
    const rows = momentStream({ spec: wide, dtype: "float32", open }, 50);
    const sums = new PatchSums({ spec: wide, dtype: "float32", open });
    for (let batch = 0; batch < 2; batch++) {
      const [x, y] = [randomActivations([1, 128, 7, 7], batch), randomActivations([1, 4, 5, 5], -1 - batch)];
      await rows.add(x, y);
      await sums.add(x, y);
    }
    const [few, all] = [rows.result().groups[0]!, sums.result().groups[0]!];
    expect(few.covariance).toBeInstanceOf(SampledCovariance);
    expect(all.covariance).toBeInstanceOf(WholeCovariance);
    const probe = matrix(
      2,
      1152,
      Float64Array.from({ length: 2304 }, (_, i) => Math.sin(i)),
    );
    const [a, b] = [few, all].map(({ covariance }) => covariance.timesObserved(probe).data);
    for (let i = 0; i < 2304; i++) expect(a![i]).toBeCloseTo(b![i]!, 3);
    for (let i = 0; i < 4608; i++) expect(few.cross.data[i]).toBeCloseTo(all.cross.data[i]!, 4);
    await rows.dispose();
    await sums.dispose();
  });
});
