import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  dataSetOf,
  loadData,
  loadLabels,
  parsePreprocess,
  writeNpy,
  writeNpz,
  type DataInput,
} from "../../src/calib/index.js";
import { IoError, ModelError, Tensor, type DType, type Dim } from "../../src/ir/index.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "convopt-data-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const image = (shape: readonly Dim[] | null = ["N", 2, 2, 3], dtype: DType = "float32"): DataInput => ({
  name: "input",
  type: { dtype, shape },
});

function counting(dtype: DType, dims: readonly number[]): Tensor {
  const tensor = Tensor.zeros(dtype, dims);
  tensor.numbers.forEach((_, i) => (tensor.numbers[i] = i));
  return tensor;
}

const one = (tensor: Tensor, name = "input"): Map<string, Tensor> => new Map([[name, tensor]]);

describe("data sets", () => {
  it("gather batches in any order, repeats included", () => {
    const set = dataSetOf(one(counting("float32", [3, 2, 2, 3])), [image()]);
    expect(set.count).toBe(3);
    const { dims, batch } = set.arrays.get("input")!;
    expect(dims).toEqual([2, 2, 3]);
    const got = batch([2, 0, 2]);
    expect([got.dtype, got.dims]).toEqual(["float32", [3, 2, 2, 3]]);
    expect([got.numbers[0], got.numbers[12], got.numbers[24]]).toEqual([24, 0, 24]);
    expect(batch([]).dims).toEqual([0, 2, 2, 3]);
    for (const index of [-1, 3, 0.5, NaN]) expect(() => batch([index])).toThrow(RangeError);
    expect(batch(Int32Array.of(1)).numbers[0]).toBe(12);
  });

  it("preprocess as (x·scale − mean) / std per channel, in either layout and channel order", () => {
    fc.assert(
      fc.property(
        fc.record({
          area: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
          mean: fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 3, maxLength: 3 }),
          std: fc.constantFrom([0.5], [0.1, 0.2, 4]),
          scale: fc.constantFrom(1, 1 / 255),
          bgr: fc.boolean(),
          lastIn: fc.boolean(),
          lastOut: fc.boolean(),
          dtype: fc.constantFrom<DType>("uint8", "float32", "int16"),
        }),
        ({ area: [h, w], mean, std, scale, bgr, lastIn, lastOut, dtype }) => {
          fc.pre(h !== 3 || w !== 3 || !lastOut);
          fc.pre(!lastOut || h !== 3);
          const raw = counting(dtype, lastIn ? [2, h, w, 3] : [2, 3, h, w]);
          const preprocess = parsePreprocess({
            mean,
            std,
            scale,
            channels: bgr ? "bgr" : "rgb",
            layout: lastIn ? "nhwc" : "nchw",
          });
          const shape = lastOut ? ["N", h, w, 3] : ["N", 3, h, w];
          const set = dataSetOf(one(raw), [image(shape)], { preprocess });
          const got = set.arrays.get("input")!.batch([1, 0]);
          expect(got.dims).toEqual([2, ...shape.slice(1)]);
          for (let n = 0; n < 2; n++) {
            for (let c = 0; c < 3; c++) {
              for (let y = 0; y < h; y++) {
                for (let x = 0; x < w; x++) {
                  const at = (last: boolean, image: number, channel: number): number =>
                    last ? ((image * h + y) * w + x) * 3 + channel : ((image * 3 + channel) * h + y) * w + x;
                  const pixel = raw.numbers[at(lastIn, 1 - n, bgr ? 2 - c : c)]!;
                  const expected = Math.fround(
                    (pixel * scale - mean[c]!) / (std.length === 1 ? std[0]! : std[c]!),
                  );
                  expect(got.numbers[at(lastOut, n, c)]).toBe(expected);
                }
              }
            }
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it("prefer channels first where the model's shape is open", () => {
    const preprocess = parsePreprocess({ layout: "nhwc" });
    const set = dataSetOf(one(counting("uint8", [1, 4, 5, 3])), [image(["N", "C", "H", "W"])], {
      preprocess,
    });
    expect(set.arrays.get("input")!.dims).toEqual([3, 4, 5]);
  });

  it("refuse uint8 for a float input without a preprocess, and say so", () => {
    const load = () => dataSetOf(one(counting("uint8", [1, 2, 2, 3])), [image()], { file: "a.npz" });
    expect(load).toThrow(ModelError);
    expect(load).toThrow(/uint8 .*"input".*a\.npz.*--preprocess/);
    expect(load).toThrow(expect.objectContaining({ code: "E_DATA_PREPROCESS", exitCode: 3 }));
  });

  it("pass bytes through to a model that takes bytes", () => {
    const raw = counting("uint8", [2, 2, 2, 3]);
    const set = dataSetOf(one(raw), [image(["N", 2, 2, 3], "uint8")], {
      preprocess: parsePreprocess({ scale: 2 }),
    });
    expect(set.arrays.get("input")!.batch([0, 1])).toMatchObject({ dtype: "uint8", data: raw.data });
  });

  it.each<[string, readonly number[], readonly Dim[], RegExp]>([
    ["rank", [3, 2, 2], ["N", 2, 2, 3], /3×2×2 does not fit .*N×2×2×3.*first axis .* counts the samples/],
    ["channels", [3, 5, 2, 3], ["N", 2, 2, 3], /3×5×2×3 does not fit .*N×2×2×3/],
    ["size", [3, 2, 2, 4], ["N", 2, 2, 3], /3×2×2×4/],
    ["axis order", [3, 8, 8, 3], ["N", 3, 8, 8], /nhwc/],
    ["a size of the first axis, for the lack of it", [], ["N", 2, 2, 3], /no sample axis/],
  ])("refuse the wrong %s, naming both shapes", (_, dims, shape, message) => {
    const load = () => dataSetOf(one(counting("float32", dims)), [image(shape)], { file: "a.npz" });
    expect(load).toThrow(ModelError);
    expect(load).toThrow(message);
  });

  it("convert between floats and integers that hold the values", () => {
    const floats = dataSetOf(one(counting("float64", [2, 3])), [image(["N", 3])]);
    expect(floats.arrays.get("input")!.batch([1])).toMatchObject({
      dtype: "float32",
      data: Float32Array.of(3, 4, 5),
    });
    const halves = dataSetOf(one(Tensor.f32([1, 1], [0.1])), [image(["N", 1], "float16")]);
    expect(halves.arrays.get("input")!.batch([0]).numbers[0]).toBe(0.0999755859375);
    const ids = dataSetOf(one(counting("int32", [2, 3])), [image(["N", 3], "int64")]);
    expect(ids.arrays.get("input")!.batch([1]).data).toEqual(BigInt64Array.of(3n, 4n, 5n));
    const narrow = dataSetOf(one(Tensor.i64([1, 2], [7, 255])), [image(["N", 2], "uint8")]);
    expect(narrow.arrays.get("input")!.batch([0]).data).toEqual(Uint8Array.of(7, 255));
    expect(() => dataSetOf(one(Tensor.i64([1, 1], [256])), [image(["N", 1], "uint8")])).toThrow(/256/);
    expect(() => dataSetOf(one(Tensor.f32([1, 1], [1])), [image(["N", 1], "int64")])).toThrow(/float32/);
    expect(() => dataSetOf(one(Tensor.zeros("complex64", [1, 1])), [image(["N", 1])])).toThrow(ModelError);
    expect(() => dataSetOf(one(Tensor.zeros("bool", [1, 1])), [image(["N", 1])])).toThrow(ModelError);
  });

  it("report values that are not finite", () => {
    const bad = Tensor.f32([2, 3], [1, 2, 3, NaN, 5, -Infinity]);
    expect(() => dataSetOf(one(bad), [image(["N", 3])])).toThrow(
      /2 values that are not finite, the first at index 3/,
    );
    expect(dataSetOf(one(bad), [image(["N", 3])], { limit: 1 }).count).toBe(1);
  });

  it("match arrays to inputs by name, a single one to a single input", () => {
    const x = counting("float32", [2, 3]);
    const label = Tensor.i64([2], [4, 5]);
    const set = dataSetOf(
      new Map([
        ["anything", x],
        ["label", label],
      ]),
      [image(["N", 3])],
    );
    expect(set.labels).toEqual(Int32Array.of(4, 5));
    const named = dataSetOf(
      new Map([
        ["clean", x],
        ["y", label],
        ["input", x],
      ]),
      [image(["N", 3])],
    );
    expect([...named.extra.keys()]).toEqual(["clean"]);
    expect(named.labels).toEqual(Int32Array.of(4, 5));
    const typo = () =>
      dataSetOf(
        new Map([
          ["inptu", x],
          ["clean", x],
        ]),
        [image(["N", 3])],
      );
    expect(typo).toThrow(/"inptu", "clean".*did you mean "inptu"/);
    const two = [image(["N", 3]), { ...image(["N", 3]), name: "other" }];
    expect(() => dataSetOf(one(x), two)).toThrow(/"other"/);
    const both = dataSetOf(
      new Map([
        ["other", x],
        ["input", x],
      ]),
      two,
    );
    expect([...both.arrays.keys()]).toEqual(["input", "other"]);
    const uneven = new Map([
      ["other", counting("float32", [3, 3])],
      ["input", x],
    ]);
    expect(() => dataSetOf(uneven, two)).toThrow(/3 samples, another one 2/);
    const withWeight = [image(["N", 3]), { name: "w", type: null, initializer: x }];
    expect([...dataSetOf(one(x), withWeight).arrays.keys()]).toEqual(["input"]);
  });

  it("use an input that is named y as an input", () => {
    const set = dataSetOf(one(counting("float32", [2, 3]), "y"), [{ ...image(["N", 3]), name: "y" }]);
    expect(set.labels).toBeNull();
  });

  it("refuse labels that don't fit", () => {
    const load = (label: Tensor) =>
      dataSetOf(
        new Map([
          ["input", counting("float32", [2, 3])],
          ["label", label],
        ]),
        [image(["N", 3])],
      );
    expect(load(Tensor.f32([2, 1], [1, 0])).labels).toEqual(Int32Array.of(1, 0));
    expect(() => load(Tensor.i64([3], [1, 2, 3]))).toThrow(/3 do not fit 2 samples/);
    expect(() => load(Tensor.f32([2], [0.5, 1]))).toThrow(/0\.5/);
    expect(() => load(Tensor.f32([2, 4], new Float32Array(8)))).toThrow(ModelError);
    expect(() => load(Tensor.i64([2], [1n, 2n ** 40n]))).toThrow(ModelError);
  });

  it("refuse no samples", () => {
    expect(() => dataSetOf(one(counting("float32", [0, 3])), [image(["N", 3])])).toThrow(/no samples/);
  });

  it("keep raw bytes as bytes until a batch is asked for", () => {
    const raw = Tensor.zeros("uint8", [4, 3, 2, 2]);
    const set = dataSetOf(one(raw), [image(["N", 3, 2, 2])], { preprocess: parsePreprocess({}) });
    raw.numbers[12] = 9;
    expect(set.arrays.get("input")!.batch([1]).numbers[0]).toBe(9);
  });
});

describe("loadData", () => {
  it("reads .npz and .npy by content", async () => {
    const x = counting("float32", [2, 3]);
    await writeFile(join(folder, "a.npz"), writeNpz(one(x)));
    await writeFile(join(folder, "b.npy"), writeNpy(x));
    for (const name of ["a.npz", "b.npy"]) {
      const set = await loadData(join(folder, name), [image(["N", 3])], { limit: 1 });
      expect(set.count).toBe(1);
      expect(set.arrays.get("input")!.batch([0]).numbers).toEqual(Float32Array.of(0, 1, 2));
    }
    const two = [image(["N", 3]), { ...image(["N", 3]), name: "other" }];
    await expect(loadData(join(folder, "b.npy"), two)).rejects.toThrow(/single input/);
  });

  it("tells a missing file from a bad one", async () => {
    await expect(loadData(join(folder, "none.npz"), [image()])).rejects.toThrow(IoError);
    await writeFile(join(folder, "c.npz"), "hello");
    await expect(loadData(join(folder, "c.npz"), [image()])).rejects.toThrow(
      expect.objectContaining({ code: "E_DATA_FORMAT", exitCode: 3 }),
    );
    await writeFile(join(folder, "d.npz"), writeNpz(one(counting("float32", [2, 3]))).subarray(0, 90));
    await expect(loadData(join(folder, "d.npz"), [image()])).rejects.toThrow(/d\.npz/);
  });

  it("reads labels from a file of their own", async () => {
    await writeFile(join(folder, "l.txt"), "3\n1\r\n2\n");
    expect(await loadLabels(join(folder, "l.txt"), 3)).toEqual(Int32Array.of(3, 1, 2));
    await expect(loadLabels(join(folder, "l.txt"), 4)).rejects.toThrow(/3 labels do not fit 4/);
    await writeFile(join(folder, "l.txt"), "3\nx\n");
    await expect(loadLabels(join(folder, "l.txt"), 2)).rejects.toThrow(/line 2/);
    await writeFile(join(folder, "l.npz"), writeNpz(new Map([["labels", Tensor.i64([2], [8, 9])]])));
    expect(await loadLabels(join(folder, "l.npz"), 2)).toEqual(Int32Array.of(8, 9));
  });
});
