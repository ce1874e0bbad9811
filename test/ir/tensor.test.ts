import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  InvariantError,
  ModelError,
  Tensor,
  allocateValues,
  decodeValues,
  dtypeOfCode,
  dtypes,
  isComplex,
  isFloat,
  isInteger,
  isNarrowFloat,
  narrowFloatTable,
  rawByteLength,
  type DType,
  type Values,
} from "../../src/ir/index.js";

const all = Object.keys(dtypes) as DType[];
const raw = all.filter((dtype) => dtype !== "string");

/** Reads element `index` of little-endian, low-bits-first raw data bit by bit. */
function bitsOf(bytes: Uint8Array, index: number, width: number): bigint {
  let value = 0n;
  for (let bit = width - 1; bit >= 0; bit--) {
    const at = index * width + bit;
    value = (value << 1n) | BigInt((bytes[at >> 3]! >> (at & 7)) & 1);
  }
  return value;
}

describe("dtypes", () => {
  it("have the codes of TensorProto.DataType, 1 to 28, each once", () => {
    expect(all.map((dtype) => dtypes[dtype].code).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 28 }, (_, i) => i + 1),
    );
    for (const dtype of all) expect(dtypeOfCode(dtypes[dtype].code)).toBe(dtype);
    expect([dtypeOfCode(0), dtypeOfCode(29), dtypeOfCode(-1)]).toEqual([undefined, undefined, undefined]);
  });

  it("are each of exactly one kind", () => {
    for (const dtype of all) {
      const kinds = [
        isFloat(dtype),
        isComplex(dtype),
        isInteger(dtype),
        dtype === "string",
        dtype === "bool",
      ];
      expect(kinds.filter(Boolean), dtype).toHaveLength(1);
      expect(isNarrowFloat(dtype)).toBe(isFloat(dtype) && dtypes[dtype].bits < 32);
    }
  });
});

describe("raw data", () => {
  it.each(raw)("%s: decode then encode gives the bytes, except for bits that mean nothing", (dtype) => {
    const { bits } = dtypes[dtype];
    fc.assert(
      fc.property(fc.nat(17), fc.integer(), (count, seed) => {
        const length = rawByteLength(dtype, count);
        const bytes = Uint8Array.from({ length }, (_, i) => Math.imul(seed + i, 0x9e3779b1) >>> 24);
        const used = count * bits;
        if (used % 8 !== 0) bytes[length - 1]! &= (1 << (used % 8)) - 1;
        const values = decodeValues(dtype, bytes, count);
        const written = Tensor.of(dtype, [count], values).bytes();
        expect(written).toHaveLength(length);
        if (!isNarrowFloat(dtype)) {
          expect(Buffer.compare(written, bytes)).toBe(0);
          return;
        }
        const codes = Array.from({ length: count }, (_, i) => Number(bitsOf(bytes, i, bits)));
        const expected = codes.map((code) => narrowFloatTable(dtype)[code]!);
        expect([...(values as Float32Array)]).toEqual(expected);
        const back = codes.map((_, i) => Number(bitsOf(written, i, bits)));
        expect(back.filter((_, i) => !Number.isNaN(expected[i]))).toEqual(
          codes.filter((_, i) => !Number.isNaN(expected[i])),
        );
      }),
      { numRuns: 40 },
    );
  });

  it.each(["int4", "uint4", "int2", "uint2", "int8", "uint16", "int64", "uint64"] as const)(
    "%s: element i is bits i·width … of the data, signed where the type is",
    (dtype) => {
      const { bits } = dtypes[dtype];
      const bytes = Uint8Array.from({ length: 48 }, (_, i) => (i * 37 + 11) & 255);
      const count = Math.floor((48 * 8) / bits);
      const values = decodeValues(dtype, bytes, count) as ArrayLike<number | bigint>;
      for (let i = 0; i < count; i++) {
        const code = bitsOf(bytes, i, bits);
        const expected = dtype.startsWith("u") ? code : BigInt.asIntN(bits, code);
        expect(BigInt(values[i]!)).toBe(expected);
      }
    },
  );

  it("views aligned bytes and copies others, also of a Node Buffer", () => {
    const bytes = new Uint8Array(64).map((_, i) => i);
    expect(decodeValues("float32", bytes.subarray(8, 24), 4).length).toBe(4);
    expect((decodeValues("float32", bytes.subarray(8, 24), 4) as Float32Array).buffer).toBe(bytes.buffer);
    for (const source of [bytes, Buffer.from(bytes)]) {
      for (const dtype of raw) {
        const odd = source.subarray(3, 3 + 32);
        const even = Uint8Array.from(odd);
        const count = Math.floor((32 * 8) / dtypes[dtype].bits);
        const [a, b] = [decodeValues(dtype, odd, count), decodeValues(dtype, even, count)];
        expect(a, dtype).toEqual(b);
        expect(a.constructor.name, dtype).toBe(dtypes[dtype].values);
      }
    }
  });

  it("refuses too few bytes instead of reading what lies behind them", () => {
    const bytes = new Uint8Array(64);
    for (const dtype of raw) {
      const needed = rawByteLength(dtype, 3);
      expect(() => decodeValues(dtype, bytes.subarray(0, needed - 1), 3), dtype).toThrow(ModelError);
      expect(decodeValues(dtype, bytes.subarray(0, needed), 3).length).toBe(isComplex(dtype) ? 6 : 3);
      expect(decodeValues(dtype, bytes, 0).length).toBe(0);
    }
    expect(() => decodeValues("string", bytes, 1)).toThrow(InvariantError);
    expect(() => Tensor.of("string", [1], ["a"]).bytes()).toThrow(InvariantError);
  });
});

describe("Tensor", () => {
  it("holds each dtype in its own array and no other", () => {
    const arrays: Values[] = [
      ...[Float32Array, Float64Array, Uint8Array, Int8Array, Uint16Array, Int16Array].map((A) => new A(2)),
      ...[Int32Array, Uint32Array, BigInt64Array, BigUint64Array].map((A) => new A(2)),
      ["", ""],
    ];
    for (const dtype of all) {
      const dims = isComplex(dtype) ? [1] : [2];
      for (const array of arrays) {
        const fits =
          array.constructor.name === dtypes[dtype].values ||
          (isFloat(dtype) && array instanceof Float64Array);
        if (fits) expect(Tensor.of(dtype, dims, array).data).toBe(array);
        else
          expect(() => Tensor.of(dtype, dims, array), `${dtype} in ${array.constructor.name}`).toThrow(
            /cannot be held/,
          );
      }
      expect(Tensor.zeros(dtype, [2, 3]).data).toEqual(allocateValues(dtype, 6));
      expect(Tensor.zeros(dtype, [0, 3]).size).toBe(0);
    }
  });

  it("refuses dims that are no sizes and values that don't fit them", () => {
    for (const dims of [[-1], [-2, -2], [1.5], [NaN], [Infinity], [2 ** 60]])
      expect(() => Tensor.f32(dims, [1, 2, 3, 4])).toThrow(InvariantError);
    expect(() => Tensor.f32([3], [1, 2])).toThrow(/float32\[3\] needs 3 values, got 2/);
    expect(Tensor.f32([], [7]).size).toBe(1);
  });

  it("decodes lazily, once, and checks what it gets", () => {
    let loads = 0;
    const lazy = Tensor.lazy("float32", [2, 2], () => (loads++, new Float32Array([1, 2, 3, 4])), "message");
    const flat = lazy.reshape([4]);
    expect([loads, lazy.size, lazy.source, flat.source]).toEqual([0, 4, "message", null]);
    expect(flat.data).toBe(lazy.data);
    expect([...lazy.numbers, loads]).toEqual([1, 2, 3, 4, 1]);
    const wrong = Tensor.lazy("float32", [2], () => new Float32Array(3), null);
    expect(() => wrong.data).toThrow(/needs 2 values, got 3/);
    expect(() => lazy.reshape([5])).toThrow(/cannot reshape \[2,2\] to \[5\]/);
    expect(() => lazy.reshape([-2, -2])).toThrow(InvariantError);
  });

  it("lets the values of large tensors go that were not used for longest, but for two", () => {
    const size = 2 ** 25;
    let loads = 0;
    const [a, b, c, d, e] = Array.from({ length: 5 }, (_, i) =>
      Tensor.lazy("uint8", [size], () => (loads++, new Uint8Array(size).fill(i)), null),
    ) as [Tensor, Tensor, Tensor, Tensor, Tensor];
    const used = (...tensors: Tensor[]): number[] => tensors.map(({ numbers }) => numbers[7]!);
    expect([used(a, b, c, d), loads]).toEqual([[0, 1, 2, 3], 4]);
    expect([used(a, b, c, d), loads]).toEqual([[0, 1, 2, 3], 4]);
    expect([used(e, c, d, b), loads]).toEqual([[4, 2, 3, 1], 5]);
    expect([used(a), loads]).toEqual([[0], 6]);
    const huge = [0, 1].map((i) =>
      Tensor.lazy("int8", [2 ** 27], () => (loads++, new Int8Array(2 ** 27).fill(i)), null),
    ) as [Tensor, Tensor];
    for (let turn = 0; turn < 3; turn++) expect(used(...huge)).toEqual([0, 1]);
    expect(loads).toBe(8);
    const view = Tensor.lazy("uint8", [size], () => (loads++, new Uint8Array(2 * size).subarray(size)), null);
    expect([used(view, a, b, c, d, e, view).length, loads]).toEqual([7, 14]);
  });

  it("gives plain numbers where there are some", () => {
    expect(() => Tensor.i64([1], [1]).numbers).toThrow(/not plain numbers/);
    expect(() => Tensor.of("string", [1], [""]).numbers).toThrow(/not plain numbers/);
    expect(() => Tensor.zeros("complex64", [1]).numbers).toThrow(/not plain numbers/);
    expect(() => Tensor.of("string", [1], [""]).toNumbers()).toThrow(InvariantError);
    expect(Tensor.i64([2], [-(2 ** 53) + 1, 5n]).toNumbers()).toEqual([-(2 ** 53) + 1, 5]);
    for (const beyond of [2n ** 53n, -(2n ** 53n), 2n ** 62n])
      expect(() => Tensor.i64([1], [beyond]).toNumbers()).toThrow(/beyond ±2\^53/);
  });

  it("rounds floats once, from the numbers given", () => {
    // Through float32 first, 1 + 2^-11 + 2^-40 would become a tie and round to even, 1.
    const above = 1 + 2 ** -11 + 2 ** -40;
    expect(Tensor.floats("float16", [1], [above]).data).toEqual(new Float32Array([1 + 2 ** -10]));
    expect(Tensor.of("float16", [1], Float64Array.of(above)).bytes()).toEqual(Uint8Array.of(0x01, 0x3c));
    expect(Tensor.floats("float64", [1], [above]).data).toEqual(Float64Array.of(above));
    expect(Tensor.floats("float32", [1], [above]).data).toEqual(Float32Array.of(above));
    expect(Tensor.of("float32", [1], Float64Array.of(0.1)).bytes()).toEqual(Tensor.f32([1], [0.1]).bytes());
  });
});
