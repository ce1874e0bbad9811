import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadData, loadPreprocess, splitImages, type DataInput } from "../../src/calib/index.js";
import { sharedFolder, sharedHere } from "./shared-models.js";

const data = (name: string): string => join(sharedFolder, "data", name);
const input = (shape: readonly (number | string)[]): DataInput => ({
  name: "input",
  type: { dtype: "float32", shape },
});

describe.skipIf(!sharedHere)("shared data", () => {
  it("CIFAR-10 with its preprocess", async () => {
    const preprocess = await loadPreprocess(data("cifar10.preprocess.json"));
    const calib = await loadData(data("cifar10-calib.npz"), [input(["N", 3, 32, 32])], { preprocess });
    expect([calib.count, calib.labels]).toEqual([2048, null]);
    const test = await loadData(data("cifar10-test.npz"), [input(["N", 3, 32, 32])], { preprocess });
    expect(test.count).toBe(5000);
    expect(new Set(test.labels)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    // numpy: ((x[4] * scale - mean) / std).astype("float32")
    const image = test.arrays.get("input")!.batch([4, 7]).numbers;
    expect(Array.from(image.subarray(0, 4))).toEqual(
      [2.1804092, 2.129035, 2.0091617, 2.1804092].map(Math.fround),
    );
    expect(Array.from(image.subarray(3072, 3076))).toEqual(
      [1.5981677, 1.2556726, 1.2042983, 1.0673003].map(Math.fround),
    );
  });

  it("CIFAR-10 without a preprocess is refused", async () => {
    await expect(loadData(data("cifar10-calib.npz"), [input(["N", 3, 32, 32])])).rejects.toThrow(
      /--preprocess/,
    );
  });

  it("denoising crops with what they should become", async () => {
    const calib = await loadData(data("denoise25-calib.npz"), [input(["N", 1, "H", "W"])]);
    expect([calib.count, calib.arrays.get("input")!.dims]).toEqual([96, [1, 64, 64]]);
    expect(splitImages(calib.count, 0).judged).toHaveLength(32);
    const test = await loadData(data("denoise25-test.npz"), [input(["N", 1, "H", "W"])]);
    expect(test.extra.get("clean")!.dims).toEqual([68, 1, 160, 160]);
  });
});
