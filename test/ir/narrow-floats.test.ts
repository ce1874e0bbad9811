import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  InvariantError,
  dtypes,
  encodeNarrowFloat,
  isNarrowFloat,
  narrowFloatTable,
  roundHalfEven,
  type DType,
} from "../../src/ir/index.js";

const narrow = (Object.keys(dtypes) as DType[]).filter((dtype) => isNarrowFloat(dtype));
const signed = narrow.filter((dtype) => dtype !== "float8e8m0");

/** Finite values by code in rising order: the reference rounds by searching here. */
function finite(dtype: DType): { value: number; code: number }[] {
  return [...narrowFloatTable(dtype)]
    .map((value, code) => ({ value, code }))
    .filter(({ value }) => Number.isFinite(value) && !Object.is(value, -0))
    .sort((a, b) => a.value - b.value);
}

/** Nearest finite value by comparing distances, ties to the even code; for numbers within the finite range. */
function nearest(number: number, sorted: { value: number; code: number }[]): number {
  let [low, high] = [0, sorted.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle]!.value <= number) low = middle;
    else high = middle;
  }
  const [below, above] = [sorted[low]!, sorted[high]!];
  const [down, up] = [number - below.value, above.value - number];
  if (down !== up) return (down < up ? below : above).value;
  return (below.code % 2 === 0 ? below : above).value;
}

describe("tables", () => {
  it("hold hand-computed values", () => {
    const value = (dtype: DType, code: number): number => narrowFloatTable(dtype)[code]!;
    expect(
      [0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x7c00, 0xfc00].map((code) => value("float16", code)),
    ).toEqual([1, -2, 65504, 2 ** -24, 2 ** -14, Infinity, -Infinity]);
    expect([0x3f80, 0x4049, 0x7f7f, 0x0001].map((code) => value("bfloat16", code))).toEqual([
      1,
      3.140625,
      255 * 2 ** 120,
      2 ** -133,
    ]);
    expect([0x38, 0x7e, 0x01, 0x7f].map((code) => value("float8e4m3fn", code))).toEqual([
      1,
      448,
      2 ** -9,
      NaN,
    ]);
    expect([0x40, 0x7f, 0x01, 0x80].map((code) => value("float8e4m3fnuz", code))).toEqual([
      1,
      240,
      2 ** -10,
      NaN,
    ]);
    expect([0x3c, 0x7b, 0x01, 0x7c].map((code) => value("float8e5m2", code))).toEqual([
      1,
      57344,
      2 ** -16,
      Infinity,
    ]);
    expect([0x40, 0x7f, 0x01, 0x80].map((code) => value("float8e5m2fnuz", code))).toEqual([
      1,
      57344,
      2 ** -17,
      NaN,
    ]);
    expect([0, 127, 254, 255].map((code) => value("float8e8m0", code))).toEqual([
      2 ** -127,
      1,
      2 ** 127,
      NaN,
    ]);
    expect([...narrowFloatTable("float4e2m1")].slice(0, 8)).toEqual([0, 0.5, 1, 1.5, 2, 3, 4, 6]);
    expect([0x1f, 0x01, 0x3f].map((code) => value("float6e2m3", code))).toEqual([7.5, 0.125, -7.5]);
    expect([0x1f, 0x01, 0x3f].map((code) => value("float6e3m2", code))).toEqual([28, 0.0625, -28]);
  });

  it("belong to narrow floats only", () => {
    expect(() => narrowFloatTable("float32")).toThrow(InvariantError);
    expect(() => encodeNarrowFloat(1, "int8")).toThrow(InvariantError);
  });
});

describe("encodeNarrowFloat", () => {
  it.each(narrow)("%s: every value that is not NaN comes back as its own code", (dtype) => {
    const table = narrowFloatTable(dtype);
    const wrong: number[] = [];
    table.forEach((value, code) => {
      const again = encodeNarrowFloat(value, dtype);
      if (Number.isNaN(value) ? !sameNan(dtype, again) : again !== code) wrong.push(code);
    });
    expect(wrong).toEqual([]);
  });

  function sameNan(dtype: DType, code: number): boolean {
    return Number.isNaN(narrowFloatTable(dtype)[code]!);
  }

  it.each(signed)("%s: rounds midpoints to even and neighbours of midpoints to the nearest", (dtype) => {
    const sorted = finite(dtype);
    const table = narrowFloatTable(dtype);
    const wrong: number[] = [];
    for (let i = 0; i + 1 < sorted.length; i++) {
      const middle = (sorted[i]!.value + sorted[i + 1]!.value) / 2;
      const step = Math.max(Math.abs(middle) * 2 ** -50, 2 ** -1000);
      for (const number of [middle, middle - step, middle + step, sorted[i]!.value]) {
        const got = table[encodeNarrowFloat(number, dtype)]!;
        if (got !== nearest(number, sorted)) wrong.push(number);
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each(signed)("%s: rounds random doubles like the reference and keeps the sign", (dtype) => {
    const sorted = finite(dtype);
    const table = narrowFloatTable(dtype);
    const largest = sorted.at(-1)!.value;
    fc.assert(
      fc.property(
        fc.double({ min: -1, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 40 }),
        (unit, shift) => {
          const number = unit * largest * 2 ** -shift;
          const got = table[encodeNarrowFloat(number, dtype)]!;
          expect(got === nearest(number, sorted)).toBe(true);
          if (got !== 0) expect(Math.sign(got)).toBe(Math.sign(number));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("overflows as each format can: infinity, NaN or the largest value", () => {
    const decoded = (value: number, dtype: DType, saturate = false): number =>
      narrowFloatTable(dtype)[encodeNarrowFloat(value, dtype, { saturate })]!;
    expect([65519.99, 65520, 1e300, Infinity].map((x) => decoded(x, "float16"))).toEqual([
      65504,
      Infinity,
      Infinity,
      Infinity,
    ]);
    expect([464, 464.0001, -Infinity].map((x) => decoded(x, "float8e4m3fn"))).toEqual([448, NaN, NaN]);
    expect([464.0001, 1e9, Infinity, -Infinity].map((x) => decoded(x, "float8e4m3fn", true))).toEqual([
      448, 448, 448, -448,
    ]);
    expect([248, 247.9].map((x) => decoded(x, "float8e4m3fnuz"))).toEqual([NaN, 240]);
    expect([61440, 61439, -Infinity].map((x) => decoded(x, "float8e5m2"))).toEqual([
      Infinity,
      57344,
      -Infinity,
    ]);
    expect([1e9, Infinity].map((x) => decoded(x, "float8e5m2", true))).toEqual([57344, 57344]);
    expect([7, 1e9, -Infinity].map((x) => decoded(x, "float4e2m1"))).toEqual([6, 6, -6]);
    for (const dtype of [
      "float16",
      "bfloat16",
      "float8e4m3fn",
      "float8e4m3fnuz",
      "float8e5m2",
      "float8e5m2fnuz",
    ] as const) {
      for (const saturate of [true, false]) expect(decoded(NaN, dtype, saturate)).toBeNaN();
    }
  });

  it("keeps the sign of zero where the format has one", () => {
    for (const dtype of signed) {
      const back = narrowFloatTable(dtype)[encodeNarrowFloat(-0, dtype)]!;
      expect(Object.is(back, dtype.endsWith("fnuz") ? 0 : -0), dtype).toBe(true);
      const tiny = narrowFloatTable(dtype)[encodeNarrowFloat(-1e-300, dtype)]!;
      expect(tiny === 0).toBe(true);
    }
  });

  it("rounds e8m0 to the nearer power of two", () => {
    const exponent = (value: number): number => encodeNarrowFloat(value, "float8e8m0") - 127;
    expect([1, 1.49, 1.5, 1.99, 2, 0.74, 0.75].map(exponent)).toEqual([0, 0, 1, 1, 1, -1, 0]);
    expect([0, 1e-300, 1e300, Infinity, NaN, -1].map(exponent)).toEqual([-127, -127, 127, 127, 128, 128]);
  });

  it("roundHalfEven", () => {
    expect([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4999999, 3].map(roundHalfEven).map((x) => x + 0)).toEqual([
      -2, -2, 0, 0, 2, 2, 2, 3,
    ]);
  });
});
