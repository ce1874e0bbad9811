import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCrossMoments, createMoments, type Activations } from "../../src/calib/index.js";
import { patchGeometry } from "../../src/calib/patch-geometry.js";
import { createShiftedGram } from "../../src/calib/shifted-gram.js";
import type { ConvSpec } from "../../src/forms/form.js";
import { Tensor } from "../../src/ir/index.js";
import { matrix, portableGemm, seededRandom } from "../../src/linalg/index.js";

interface Case {
  readonly spec: ConvSpec;
  readonly input: readonly number[];
  readonly images: number;
}

const axis = fc.record({
  kernel: fc.integer({ min: 1, max: 4 }),
  stride: fc.constantFrom(1, 1, 1, 2, 3),
  dilation: fc.integer({ min: 1, max: 3 }),
  begin: fc.integer({ min: 0, max: 3 }),
  end: fc.integer({ min: 0, max: 3 }),
  size: fc.integer({ min: 1, max: 6 }),
});

const cases: fc.Arbitrary<Case> = fc
  .record({
    axes: fc.array(axis, { minLength: 0, maxLength: 3 }),
    group: fc.integer({ min: 1, max: 3 }),
    perGroup: fc.integer({ min: 1, max: 5 }),
    outPerGroup: fc.integer({ min: 1, max: 3 }),
    images: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ axes, group, perGroup, outPerGroup, images }) => ({
    spec: {
      inChannels: group * perGroup,
      outChannels: group * outPerGroup,
      kernel: axes.map((a) => a.kernel),
      strides: axes.map((a) => a.stride),
      dilations: axes.map((a) => a.dilation),
      pads: [...axes.map((a) => a.begin), ...axes.map((a) => a.end)],
      group,
    },
    input: axes.map((a) => a.size),
    images,
  }));

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}

function indices(sizes: readonly number[]): number[][] {
  return sizes.reduce<number[][]>(
    (lists, size) => lists.flatMap((list) => Array.from({ length: size }, (_, i) => [...list, i])),
    [[]],
  );
}

function randomActivations(dims: readonly number[], seed: number): Tensor {
  const random = seededRandom(seed);
  return Tensor.f32(
    dims,
    Float32Array.from({ length: product(dims) }, () => random.normal(0.5, 1)),
  );
}

/** Patches by the definition, one row per image and output position, all groups side by side. */
function naivePatches({ spec, input, images }: Case, x: Tensor): number[][] {
  const axes = input.length;
  const output = input.map((size, a) => {
    const reach = (spec.kernel[a]! - 1) * spec.dilations[a]! + 1;
    return Math.max(
      0,
      Math.floor((size + spec.pads[a]! + spec.pads[axes + a]! - reach) / spec.strides[a]!) + 1,
    );
  });
  const rows: number[][] = [];
  for (let n = 0; n < images; n++) {
    for (const p of indices(output)) {
      const row: number[] = [];
      for (let c = 0; c < spec.inChannels; c++) {
        for (const t of indices(spec.kernel)) {
          const at = p.map((i, a) => i * spec.strides[a]! + t[a]! * spec.dilations[a]! - spec.pads[a]!);
          const inside = at.every((i, a) => i >= 0 && i < input[a]!);
          let flat = n * spec.inChannels + c;
          at.forEach((i, a) => (flat = flat * input[a]! + i));
          row.push(inside ? x.numbers[flat]! : 0);
        }
      }
      rows.push(row);
    }
  }
  return rows;
}

function naiveCovariance(a: readonly number[][], b: readonly number[][]): number[][] {
  const n = Math.max(1, a.length);
  const mean = (rows: readonly number[][], j: number): number =>
    rows.reduce((sum, row) => sum + row[j]!, 0) / n;
  const meansA = (a[0] ?? []).map((_, j) => mean(a, j));
  const meansB = (b[0] ?? []).map((_, j) => mean(b, j));
  return meansA.map((ma, i) =>
    meansB.map((mb, j) => a.reduce((sum, row, r) => sum + (row[i]! - ma) * (b[r]![j]! - mb), 0) / n),
  );
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-10): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    if (Math.abs(actual[i]! - expected[i]!) > tolerance)
      expect.fail(`[${i}] ${actual[i]} is not ${expected[i]}`);
  }
}

function columnsOf(rows: readonly number[][], from: number, to: number): number[][] {
  return rows.map((row) => row.slice(from, to));
}

describe("patch moments", () => {
  it("match a naive im2col for any geometry", async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.integer(), fc.boolean(), async (problem, seed, withGemm) => {
        const { spec, input, images } = problem;
        const x = randomActivations([images, spec.inChannels, ...input], seed);
        const patches = naivePatches(problem, x);
        const moments = createMoments(spec, { gemm: withGemm ? portableGemm : null });
        await moments.add(x);
        const { count, mean, covariance } = moments.result();
        expect(count).toBe(patches.length);
        const width = (spec.inChannels / spec.group) * product(spec.kernel);
        expect(covariance.cols).toBe(width);
        for (let g = 0; g < spec.group; g++) {
          const part = columnsOf(patches, g * width, (g + 1) * width);
          const expected =
            patches.length === 0
              ? new Array<number>(width * width).fill(0)
              : naiveCovariance(part, part).flat();
          expectClose(covariance.data.subarray(g * width * width, (g + 1) * width * width), expected);
        }
        const means = Array.from(
          mean,
          (_, j) => patches.reduce((sum, row) => sum + row[j]!, 0) / Math.max(1, count),
        );
        expectClose(mean, means);
      }),
      { numRuns: 150 },
    );
  });

  it("shifted correlations agree with patches wherever the stride is 1", () => {
    fc.assert(
      fc.property(cases, fc.integer(), (problem, seed) => {
        const input = problem.input.length === 0 ? [3] : problem.input;
        const axes = input.length;
        const filled = problem.input.length === 0;
        const spec: ConvSpec = {
          ...problem.spec,
          kernel: filled ? [2] : problem.spec.kernel,
          dilations: filled ? [1] : problem.spec.dilations,
          pads: filled ? [1, 0] : problem.spec.pads,
          strides: new Array<number>(axes).fill(1),
        };
        const geometry = patchGeometry(spec, input);
        if (geometry.positions === 0) return;
        const x = randomActivations([problem.images, spec.inChannels, ...input], seed);
        const gram = createShiftedGram(geometry);
        gram.add(x.numbers, 0, problem.images);
        const patches = naivePatches({ spec, input, images: problem.images }, x);
        const width = geometry.columns / spec.group;
        for (let g = 0; g < spec.group; g++) {
          const part = columnsOf(patches, g * width, (g + 1) * width);
          const expected = Array.from({ length: width * width }, (_, at) =>
            part.reduce((sum, row) => sum + row[Math.floor(at / width)]! * row[at % width]!, 0),
          );
          expectClose(gram.collect(g), expected, 1e-9);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("do not depend on how images are batched, nor on sizes that change between batches", async () => {
    const spec: ConvSpec = {
      inChannels: 12,
      outChannels: 4,
      kernel: [3, 3],
      strides: [1, 1],
      dilations: [1, 1],
      pads: [1, 1, 1, 1],
      group: 1,
    };
    const a = randomActivations([5, 12, 7, 6], 1);
    const b = randomActivations([2, 12, 4, 9], 2);
    const together = createMoments(spec);
    await together.add(a);
    await together.add(b);
    await together.add(a);
    const apart = createMoments(spec);
    const size = 12 * 7 * 6;
    for (let i = 0; i < 5; i++) {
      const image: Activations = { dims: [1, 12, 7, 6], data: a.numbers.subarray(i * size, (i + 1) * size) };
      await apart.add(image);
      await apart.add(image);
    }
    await apart.add(b);
    const naive = [
      ...naivePatches({ spec, input: [7, 6], images: 5 }, a),
      ...naivePatches({ spec, input: [7, 6], images: 5 }, a),
      ...naivePatches({ spec, input: [4, 9], images: 2 }, b),
    ];
    expect(together.result().count).toBe(naive.length);
    expectClose(together.result().covariance.data, naiveCovariance(naive, naive).flat());
    expectClose(apart.result().covariance.data, naiveCovariance(naive, naive).flat());
  });

  it("read negative pads as a crop", async () => {
    const spec: ConvSpec = {
      inChannels: 8,
      outChannels: 1,
      kernel: [2, 2],
      strides: [1, 1],
      dilations: [1, 1],
      pads: [-1, 0, -1, 1],
      group: 1,
    };
    const x = randomActivations([2, 8, 6, 5], 3);
    const moments = createMoments(spec);
    await moments.add(x);
    const naive = naivePatches({ spec, input: [6, 5], images: 2 }, x);
    expectClose(moments.result().covariance.data, naiveCovariance(naive, naive).flat());
  });

  it("draw as many positions as asked, the same for the same seed", async () => {
    const spec: ConvSpec = {
      inChannels: 2,
      outChannels: 1,
      kernel: [3, 3],
      strides: [1, 1],
      dilations: [1, 1],
      pads: [1, 1, 1, 1],
      group: 1,
    };
    const x = randomActivations([6, 2, 20, 20], 4);
    const run = async (seed: number) => {
      const moments = createMoments(spec, { positions: 150, seed });
      await moments.add(x);
      return moments.result();
    };
    const [a, b, c] = [await run(1), await run(1), await run(2)];
    expect(a.count).toBe(900);
    expect(a.covariance.data).toEqual(b.covariance.data);
    expect(a.covariance.data).not.toEqual(c.covariance.data);
    const all = createMoments(spec);
    await all.add(x);
    expectClose(a.covariance.data, all.result().covariance.data, 0.2);
  });

  it("are positive semidefinite and exactly symmetric", async () => {
    const spec: ConvSpec = {
      inChannels: 8,
      outChannels: 1,
      kernel: [3],
      strides: [1],
      dilations: [2],
      pads: [2, 2],
      group: 1,
    };
    const moments = createMoments(spec);
    await moments.add(randomActivations([3, 8, 11], 5));
    const { covariance: a } = moments.result();
    for (let i = 0; i < a.rows; i++)
      for (let j = 0; j < i; j++) expect(a.data[i * a.cols + j]).toBe(a.data[j * a.cols + i]);
  });

  it("of nothing are zero", () => {
    const spec: ConvSpec = {
      inChannels: 2,
      outChannels: 3,
      kernel: [3, 3],
      strides: [1, 1],
      dilations: [1, 1],
      pads: [0, 0, 0, 0],
      group: 1,
    };
    const { count, mean, covariance } = createMoments(spec).result();
    expect(count).toBe(0);
    expect(mean).toEqual(new Float64Array(18));
    expect(covariance).toEqual(matrix(18, 18));
    expect(createCrossMoments(spec).result().crossYX).toEqual(matrix(3, 18));
  });
});

describe("cross moments", () => {
  it("match a naive covariance for any geometry", async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.integer(), fc.boolean(), async (problem, seed, withGemm) => {
        const { spec, input, images } = problem;
        const { output } = patchGeometry(spec, input);
        const x = randomActivations([images, spec.inChannels, ...input], seed);
        const y = randomActivations([images, spec.outChannels, ...output], seed ^ 77);
        const patches = naivePatches(problem, x);
        const cross = createCrossMoments(spec, { gemm: withGemm ? portableGemm : null });
        await cross.add(y, x);
        const { count, covX, crossYX, meanY } = cross.result();
        expect(count).toBe(patches.length);
        if (count === 0) return;
        const positions = product(output);
        const outputs = patches.map((_, r) => {
          const n = Math.floor(r / positions);
          return Array.from(
            { length: spec.outChannels },
            (_, o) => y.numbers[(n * spec.outChannels + o) * positions + (r % positions)]!,
          );
        });
        const width = covX.cols;
        const perGroup = spec.outChannels / spec.group;
        const plain = createMoments(spec);
        await plain.add(x);
        expectClose(covX.data, plain.result().covariance.data);
        for (let g = 0; g < spec.group; g++) {
          const expected = naiveCovariance(
            columnsOf(outputs, g * perGroup, (g + 1) * perGroup),
            columnsOf(patches, g * width, (g + 1) * width),
          );
          expectClose(
            crossYX.data.subarray(g * perGroup * width, (g + 1) * perGroup * width),
            expected.flat(),
          );
        }
        expectClose(
          meanY,
          Array.from(meanY, (_, o) => outputs.reduce((sum, row) => sum + row[o]!, 0) / count),
        );
      }),
      { numRuns: 100 },
    );
  });

  it("recover the kernel that made the outputs", async () => {
    const spec: ConvSpec = {
      inChannels: 8,
      outChannels: 3,
      kernel: [3, 3],
      strides: [2, 1],
      dilations: [1, 1],
      pads: [1, 1, 0, 1],
      group: 1,
    };
    const x = randomActivations([4, 8, 9, 8], 6);
    const patches = naivePatches({ spec, input: [9, 8], images: 4 }, x);
    const random = seededRandom(8);
    const kernel = matrix(
      3,
      72,
      Float64Array.from({ length: 216 }, () => random.normal()),
    );
    const { output } = patchGeometry(spec, [9, 8]);
    const positions = product(output);
    const y = new Float64Array(4 * 3 * positions);
    patches.forEach((row, r) => {
      for (let o = 0; o < 3; o++) {
        const value = row.reduce((sum, v, j) => sum + v * kernel.data[o * 72 + j]!, 1);
        y[(Math.floor(r / positions) * 3 + o) * positions + (r % positions)] = value;
      }
    });
    const cross = createCrossMoments(spec);
    await cross.add({ dims: [4, 3, ...output], data: y }, x);
    const { covX, crossYX } = cross.result();
    const implied = crossYX.data.map((_, at) => {
      const o = Math.floor(at / 72);
      return kernel.data
        .subarray(o * 72, (o + 1) * 72)
        .reduce((sum, w, k) => sum + w * covX.data[k * 72 + (at % 72)]!, 0);
    });
    expectClose(crossYX.data, implied, 1e-9);
  });

  it("refuse outputs of another size", async () => {
    const spec: ConvSpec = {
      inChannels: 1,
      outChannels: 1,
      kernel: [3],
      strides: [1],
      dilations: [1],
      pads: [0, 0],
      group: 1,
    };
    const cross = createCrossMoments(spec);
    await expect(cross.add(randomActivations([1, 1, 5], 1), randomActivations([1, 1, 5], 1))).rejects.toThrow(
      /outputs/,
    );
    await expect(createMoments(spec).add(randomActivations([1, 2, 5], 1))).rejects.toThrow(/channels/);
  });
});
