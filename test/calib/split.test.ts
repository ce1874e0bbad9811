import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededInput, splitImages, type DataInput } from "../../src/calib/index.js";
import { UsageError, type DType, type Dim } from "../../src/ir/index.js";

describe("splitImages", () => {
  it("gives every image to exactly one part, of the promised sizes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 9000 }), fc.integer(), (count, seed) => {
        const { fitted, selected, judged, note } = splitImages(count, seed);
        const all = Int32Array.from([...fitted, ...selected, ...judged]).sort();
        expect(all).toEqual(Int32Array.from({ length: count }, (_, i) => i));
        for (const part of [fitted, selected, judged]) expect(part.length).toBeGreaterThan(0);
        expect(Math.abs(selected.length - count / 8)).toBeLessThanOrEqual(1);
        if (count >= 64) {
          expect(judged.length).toBe(Math.min(512, Math.max(32, Math.round(count / 8))));
          expect(note).toBeNull();
        } else {
          expect(note).toMatch(/too few/);
        }
        expect(splitImages(count, seed)).toEqual({ fitted, selected, judged, note });
      }),
      { numRuns: 100 },
    );
  });

  it("depends on the seed, not on the order of the file", () => {
    expect(splitImages(500, 1).judged).not.toEqual(splitImages(500, 2).judged);
    const spread = splitImages(5000, 0).judged;
    expect(spread.reduce((sum, i) => sum + i, 0) / spread.length).toBeCloseTo(2500, -3);
  });

  it("uses one or two images for everything and says so", () => {
    for (const count of [0, 1, 2]) {
      const { fitted, judged, note } = splitImages(count, 0);
      expect([fitted.length, judged.length]).toEqual([count, count]);
      expect(note).not.toBeNull();
    }
    expect(() => splitImages(-1, 0)).toThrow(RangeError);
    expect(() => splitImages(1.5, 0)).toThrow(RangeError);
  });
});

describe("seededInput", () => {
  const input = (dtype: DType, shape: readonly Dim[], name = "x"): DataInput => ({
    name,
    type: { dtype, shape },
  });

  it("makes the same sample whatever batch it is in", () => {
    const set = seededInput([input("float32", ["N", 3, 4])], 5, 7);
    const samples = set.arrays.get("x")!;
    const batch = samples.batch([3, 1]);
    expect(batch.dims).toEqual([2, 3, 4]);
    expect(batch.numbers.subarray(0, 12)).toEqual(samples.batch([3]).numbers);
    expect(samples.batch([1]).numbers).not.toEqual(samples.batch([3]).numbers);
    const other = seededInput([input("float32", ["N", 3, 4])], 5, 8).arrays.get("x")!;
    expect(other.batch([3, 1]).numbers).not.toEqual(batch.numbers);
    expect(() => samples.batch([5])).toThrow(RangeError);
  });

  it("is standard normal within 3 deviations; integers are small", () => {
    const shape = [1, 10000];
    const values = seededInput([input("float32", shape)], 1, 0)
      .arrays.get("x")!
      .batch([0]).numbers;
    expect(Math.max(...values)).toBeLessThanOrEqual(3);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-3);
    const square = Array.from(values).reduce((sum, v) => sum + v * v, 0) / values.length;
    expect(square).toBeCloseTo(0.97, 1);
    for (const dtype of ["int64", "int32", "bool", "int8"] as const) {
      const data = seededInput([input(dtype, shape)], 1, 0)
        .arrays.get("x")!
        .batch([0])
        .toNumbers();
      expect(new Set(data)).toEqual(new Set([0, 1]));
    }
    const bytes = seededInput([input("uint8", shape)], 1, 0)
      .arrays.get("x")!
      .batch([0])
      .toNumbers();
    expect(new Set(bytes).size).toBe(256);
    expect(
      seededInput([input("float16", shape)], 1, 0)
        .arrays.get("x")!
        .batch([0]).dtype,
    ).toBe("float16");
  });

  it("takes settled shapes and refuses open ones", () => {
    const open = [input("float32", ["N", 3, "H"])];
    expect(() => seededInput(open, 1, 0)).toThrow(UsageError);
    expect(() => seededInput(open, 1, 0)).toThrow(/open dimension H.*--shape/);
    expect(seededInput(open, 1, 0, () => [1, 3, 8]).arrays.get("x")!.dims).toEqual([3, 8]);
    expect(
      seededInput([input("float32", [])], 1, 0)
        .arrays.get("x")!
        .batch([0]).dims,
    ).toEqual([]);
    expect(() => seededInput([input("string", ["N"])], 1, 0).arrays).toThrow(UsageError);
  });
});
