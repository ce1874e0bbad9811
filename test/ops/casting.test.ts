import { describe, expect, test } from "vitest";
import { Tensor, type DType } from "../../src/ir/index.js";
import { evaluateOne } from "./one-node.js";

function cast(x: Tensor, to: number, saturate = 1): Tensor {
  return evaluateOne({ op: "Cast", inputs: [x], attributes: { to, saturate }, opset: 24 }, "default")[0]!;
}

const f32 = (...values: number[]): Tensor => Tensor.f32([values.length], values);
const codes: Partial<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
};

describe("Cast", () => {
  test("floats to integers cut the fraction off", () => {
    expect([...cast(f32(1.9, -1.9, -0.5), codes.int32!).numbers]).toEqual([1, -1, 0]);
    expect([...(cast(f32(2 ** 40, -3.7), codes.int64!).data as BigInt64Array)]).toEqual([2n ** 40n, -3n]);
  });

  test("integers wrap around like C", () => {
    const wide = Tensor.of("int32", [3], Int32Array.of(300, -1, 128));
    expect([...cast(wide, codes.uint8!).numbers]).toEqual([44, 255, 128]);
    expect([...cast(wide, codes.int8!).numbers]).toEqual([44, -1, -128]);
    expect([...cast(Tensor.i64([2], [2n ** 33n + 5n, -1n]), codes.int32!).numbers]).toEqual([5, -1]);
    expect([...cast(Tensor.of("int32", [2], Int32Array.of(9, -9)), 22).numbers]).toEqual([-7, 7]);
    expect([...cast(Tensor.of("int32", [2], Int32Array.of(17, -1)), 21).numbers]).toEqual([1, 15]);
  });

  test("int64 keeps all its bits on the way to uint64 and back", () => {
    const big = Tensor.i64([2], [2n ** 62n + 1n, -1n]);
    const unsigned = cast(big, 13);
    expect([...(unsigned.data as BigUint64Array)]).toEqual([2n ** 62n + 1n, 2n ** 64n - 1n]);
    expect([...(cast(unsigned, codes.int64!).data as BigInt64Array)]).toEqual([2n ** 62n + 1n, -1n]);
  });

  test("anything but zero is true, NaN too", () => {
    expect([...cast(f32(0, -0, 0.1, NaN), codes.bool!).numbers]).toEqual([0, 0, 1, 1]);
    expect([...cast(Tensor.i64([2], [0n, -7n]), codes.bool!).numbers]).toEqual([0, 1]);
  });

  test("float16 and float8 round to nearest even and saturate only when told", () => {
    expect([...cast(f32(1 + 2 ** -11, 65520, 2 ** -25), 10).numbers]).toEqual([1, Infinity, 0]);
    expect([...cast(f32(1000, -1000, 0.3), 17).numbers]).toEqual([448, -448, 0.3125]);
    expect([...cast(f32(1000, -Infinity), 17, 0).numbers]).toEqual([NaN, NaN]);
    expect([...cast(f32(1e6), 19, 0).numbers]).toEqual([Infinity]);
    expect([...cast(f32(1e6), 19).numbers]).toEqual([57344]);
    expect([...cast(f32(5, -100, 0.25), 23).numbers]).toEqual([4, -6, 0]);
  });

  test("text is read and written as numpy does", () => {
    const texts = Tensor.of("string", [5], ["3.14", "-inf", "NaN", "1e-3", "+7"]);
    const numbers = [...cast(texts, codes.float32!).numbers];
    expect(numbers.map((x) => x.toPrecision(4))).toEqual(["3.140", "-Infinity", "NaN", "0.001000", "7.000"]);
    const written = cast(f32(0.1, 1, 1e-5, 1e20, -Infinity, 123456.789), codes.string!).data;
    expect(written).toEqual(["0.1", "1.0", "1e-05", "1e+20", "-INF", "123456.79"]);
    expect(() => cast(Tensor.of("string", [1], ["zehn"]), codes.int32!)).toThrow(/is not a number/);
  });

  test("the type by name of opset 1", () => {
    const [y] = evaluateOne(
      { op: "Cast", inputs: [f32(2.5)], attributes: { to: "INT32" }, opset: 1 },
      "default",
    );
    expect(y!.dtype).toBe("int32");
    expect(() => evaluateOne({ op: "Cast", inputs: [f32(1)], attributes: { to: 99 } })).toThrow(/99/);
  });
});

describe("quantization", () => {
  const bytes = (zero: number): Tensor => Tensor.of("uint8", [], Uint8Array.of(zero));

  test("QuantizeLinear rounds halves to even and saturates", () => {
    const x = f32(0.5, 1.5, 2.5, -1000, 1000);
    const [y] = evaluateOne({ op: "QuantizeLinear", inputs: [x, Tensor.f32([], [1]), bytes(10)] }, "default");
    expect([...y!.numbers]).toEqual([10, 12, 12, 0, 255]);
  });

  test("a scale per channel runs along the axis", () => {
    const x = Tensor.f32([2, 2], [1, 1, 1, 1]);
    const scale = Tensor.f32([2], [0.5, 0.25]);
    const along = (axis: number): number[] => [
      ...evaluateOne({ op: "QuantizeLinear", inputs: [x, scale], attributes: { axis } }, "default")[0]!
        .numbers,
    ];
    expect(along(0)).toEqual([2, 2, 4, 4]);
    expect(along(1)).toEqual([2, 4, 2, 4]);
    expect(() => evaluateOne({ op: "QuantizeLinear", inputs: [x, Tensor.f32([3], [1, 1, 1])] })).toThrow(
      /does not fit/,
    );
  });

  test("blocks of an axis have scales of their own", () => {
    const q = Tensor.of("int8", [1, 4], Int8Array.of(1, 2, 3, 4));
    const scale = Tensor.f32([1, 2], [10, 100]);
    const [y] = evaluateOne({
      op: "DequantizeLinear",
      inputs: [q, scale],
      attributes: { axis: 1, block_size: 2 },
    });
    expect([...y!.numbers]).toEqual([10, 20, 300, 400]);
  });

  test("DynamicQuantizeLinear covers the range and zero", () => {
    const [y, scale, zero] = evaluateOne(
      { op: "DynamicQuantizeLinear", inputs: [f32(0, 2, -3, -2.5, 1.34, 0.5)], outputs: 3 },
      "default",
    );
    expect(scale!.numbers[0]).toBeCloseTo(0.0196078438, 8);
    expect(zero!.numbers[0]).toBe(153);
    expect([...y!.numbers]).toEqual([153, 255, 0, 26, 221, 179]);
  });

  test("QLinearMatMul on the numbers of the operator's page", () => {
    const a = Tensor.of("uint8", [2, 4], Uint8Array.of(208, 236, 0, 238, 3, 214, 255, 29));
    const b = Tensor.of(
      "uint8",
      [4, 3],
      Uint8Array.of(152, 51, 244, 60, 26, 255, 0, 127, 246, 127, 254, 247),
    );
    const s = (value: number): Tensor => Tensor.f32([1], [value]);
    const z = (value: number): Tensor => Tensor.of("uint8", [1], Uint8Array.of(value));
    const inputs = [a, s(0.0066), z(113), b, s(0.00705), z(114), s(0.0107), z(118)];
    const [y] = evaluateOne({ op: "QLinearMatMul", inputs }, "default");
    expect([...y!.numbers]).toEqual([168, 115, 255, 1, 66, 151]);
  });
});
