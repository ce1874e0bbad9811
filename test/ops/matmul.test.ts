import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attr, Tensor, type Dim } from "../../src/ir/index.js";
import { fact } from "../../src/ops/index.js";
import { evaluateOne, inferOne, macsOfOne, noise, runInOrt, type OneNode } from "./one-node.js";

function naiveProduct(a: Tensor, b: Tensor): number[] {
  const [rows, depth] = a.dims as [number, number];
  const cols = b.dims[1]!;
  return Array.from({ length: rows * cols }, (_, at) => {
    const [i, j] = [Math.floor(at / cols), at % cols];
    let sum = 0;
    for (let k = 0; k < depth; k++) sum += a.numbers[i * depth + k]! * b.numbers[k * cols + j]!;
    return sum;
  });
}

function close(got: Tensor, want: ArrayLike<number>, tolerance = 1e-10): void {
  expect(got.size).toBe(want.length);
  let worst = 0;
  for (let i = 0; i < got.size; i++) worst = Math.max(worst, Math.abs(got.numbers[i]! - want[i]!));
  expect(worst).toBeLessThanOrEqual(tolerance);
}

const transposed = (t: Tensor): Tensor => {
  const [rows, cols] = t.dims as [number, number];
  return Tensor.f32(
    [cols, rows],
    Array.from({ length: t.size }, (_, i) => t.numbers[(i % rows) * cols + Math.floor(i / rows)]!),
  );
};

describe("Gemm", () => {
  const size = fc.integer({ min: 1, max: 23 });

  it("agrees with its definition, transposed or not, with any C", () => {
    fc.assert(
      fc.property(
        size,
        size,
        size,
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 0, max: 5 }),
        (m, k, n, ta, tb, kind) => {
          const [a, b] = [noise([m, k], 1), noise([k, n], 2)];
          const cDims = [null, [], [1], [n], [m, 1], [m, n]][kind]!;
          const c = cDims && noise(cDims, 3);
          const inputs = [ta ? transposed(a) : a, tb ? transposed(b) : b, ...(c ? [c] : [])];
          const attributes = {
            transA: ta ? 1 : 0,
            transB: tb ? 1 : 0,
            alpha: attr.float(0.5),
            beta: attr.float(-2),
          };
          const at = (i: number, j: number): number =>
            c
              ? c.numbers[
                  (c.dims.length < 2 || c.dims[0] === 1 ? 0 : i * c.dims[1]!) + (c.dims.at(-1) === n ? j : 0)
                ]!
              : 0;
          const want = naiveProduct(a, b).map((sum, i) => 0.5 * sum - 2 * at(Math.floor(i / n), i % n));
          close(evaluateOne({ op: "Gemm", inputs, attributes })[0]!, want);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("agrees with its definition where blocks end", () => {
    for (const [m, k, n] of [
      [97, 257, 259],
      [1030, 5, 6],
      [5, 700, 300],
      [2, 513, 1030],
      [1030, 300, 2],
    ] as const) {
      const [a, b] = [noise([m, k], 1), noise([k, n], 2)];
      close(evaluateOne({ op: "Gemm", inputs: [a, b] })[0]!, naiveProduct(a, b), 1e-9);
    }
  });

  it("agrees with ONNX Runtime", async () => {
    const inputs = [noise([5, 7], 1), noise([6, 5], 2), noise([6], 3)];
    const one: OneNode = {
      op: "Gemm",
      inputs,
      attributes: { transA: 1, transB: 1, alpha: attr.float(2), beta: attr.float(0.5) },
    };
    close(
      evaluateOne(one)[0]!,
      (await runInOrt({ ...one, inputs: [inputs[0]!, noise([6, 5], 2), noise([6], 3)] }))[0]!.data,
      1e-5,
    );
  });

  it("multiplies integers exactly, wrapping around", () => {
    const a = Tensor.of("int32", [1, 2], Int32Array.from([2 ** 30, 3]));
    const b = Tensor.of("int32", [2, 1], Int32Array.from([5, 7]));
    expect([...evaluateOne({ op: "Gemm", inputs: [a, b] })[0]!.numbers]).toEqual([(5 * 2 ** 30 + 21) | 0]);
    const big = Tensor.i64([1, 1], [2n ** 60n + 1n]);
    expect(evaluateOne({ op: "MatMul", inputs: [big, Tensor.i64([1, 1], [3n])] })[0]!.data[0]).toBe(
      3n * 2n ** 60n + 3n,
    );
  });

  it("counts a symbolic batch once", () => {
    const facts = (rows: Dim): ReturnType<typeof fact>[] => [
      fact("float32", [rows, 64]),
      fact("float32", [10, 64]),
    ];
    const one: OneNode = { op: "Gemm", inputs: [], attributes: { transB: 1 } };
    expect(macsOfOne(one, facts("N"))).toBe(640);
    expect(macsOfOne(one, facts(3))).toBe(1920);
    expect(macsOfOne(one, [fact("float32", ["N", null]), fact("float32", [10, null])])).toBeNull();
    expect(inferOne(one, facts("N"))[0]!.shape).toEqual(["N", 10]);
  });

  it("refuses sizes that differ, naming both sides", () => {
    expect(() => evaluateOne({ op: "Gemm", inputs: [noise([2, 3]), noise([4, 5])] })).toThrow(
      /A \[2, 3\] and B \[4, 5\].*3 and 4/,
    );
    expect(() => evaluateOne({ op: "Gemm", inputs: [noise([2, 3]), noise([3, 5]), noise([4])] })).toThrow(
      /C \[4\] does not broadcast to \[2, 5\]/,
    );
    expect(() => evaluateOne({ op: "Gemm", inputs: [noise([3]), noise([3, 5])] })).toThrow(
      /must both be matrices/,
    );
  });
});

describe("MatMul", () => {
  it.each([
    [[4], [4]],
    [[4], [4, 3]],
    [[2, 4], [4]],
    [
      [5, 2, 4],
      [4, 3],
    ],
    [
      [4, 3],
      [5, 3, 2],
    ],
    [
      [2, 1, 3, 4],
      [5, 4, 2],
    ],
    [
      [2, 1, 3, 4],
      [1, 5, 4, 2],
    ],
    [[3], [2, 3, 4]],
    [[2, 3, 4], [4]],
    [
      [2, 7, 5],
      [2, 5, 9],
    ],
    [
      [1, 5, 64],
      [64, 33],
    ],
  ])("of %j and %j agrees with ONNX Runtime", async (a, b) => {
    const one: OneNode = { op: "MatMul", inputs: [noise(a, 1), noise(b, 2)] };
    const [want] = await runInOrt(one);
    const y = evaluateOne(one)[0]!;
    expect(y.dims).toEqual(want!.dims);
    close(y, want!.data, 1e-5);
    expect(inferOne(one, [fact("float32", a), fact("float32", b)])[0]!.shape).toEqual(y.dims);
  });

  it("refuses scalars, inner sizes and batches that don't fit", () => {
    const product = (a: readonly number[], b: readonly number[]): unknown =>
      evaluateOne({ op: "MatMul", inputs: [noise(a), noise(b)] });
    expect(() => product([], [2])).toThrow(/scalars/);
    expect(() => product([2, 3], [2, 3])).toThrow(/inner sizes 3 and 2 differ/);
    expect(() => product([2, 2, 3], [3, 3, 2])).toThrow(/do not broadcast/);
  });

  it("takes empty operands", () => {
    expect(
      evaluateOne({ op: "MatMul", inputs: [Tensor.zeros("float32", [0, 3]), noise([3, 2])] })[0]!.dims,
    ).toEqual([0, 2]);
    const y = evaluateOne({
      op: "MatMul",
      inputs: [Tensor.zeros("float32", [2, 0]), Tensor.zeros("float32", [0, 2])],
    })[0]!;
    expect([...y.numbers]).toEqual([0, 0, 0, 0]);
  });

  it("counts every matrix of a stack", () => {
    const facts = [fact("float32", ["B", 12, 7, 64]), fact("float32", ["B", 12, 64, 5])];
    expect(macsOfOne({ op: "MatMul", inputs: [] }, facts)).toBe(12 * 7 * 64 * 5);
  });
});

describe("quantized products", () => {
  const bytes = (dims: readonly number[], seed: number, signed: boolean): Tensor => {
    const values = Array.from(noise(dims, seed).numbers, (value) =>
      Math.round(value * 100 + (signed ? 0 : 120)),
    );
    return signed
      ? Tensor.of("int8", dims, Int8Array.from(values))
      : Tensor.of("uint8", dims, Uint8Array.from(values));
  };
  const u8 = (value: number): Tensor => Tensor.of("uint8", [], Uint8Array.of(value));
  const real = (value: number): Tensor => Tensor.f32([], [value]);

  it("ConvInteger and MatMulInteger agree with ONNX Runtime", async () => {
    const conv: OneNode = {
      op: "ConvInteger", opset: 13,
      inputs: [bytes([1, 2, 5, 4], 1, false), bytes([3, 2, 3, 2], 2, false), u8(120), u8(118)],
      attributes: { pads: [1, 0, 0, 1], strides: [2, 1] },
    }; // prettier-ignore
    close(evaluateOne(conv)[0]!, (await runInOrt(conv))[0]!.data, 0);
    const matmul: OneNode = {
      op: "MatMulInteger",
      opset: 13,
      inputs: [bytes([2, 5, 6], 1, false), bytes([6, 4], 2, true), u8(100)],
    };
    close(evaluateOne(matmul)[0]!, (await runInOrt(matmul))[0]!.data, 0);
  });

  it("QLinearConv and QLinearMatMul agree with ONNX Runtime up to a rounding", async () => {
    const w = bytes([3, 2, 3, 3], 2, true);
    const zeros = Tensor.of("int8", [3], new Int8Array(3));
    const scales = Tensor.f32([3], [0.01, 0.02, 0.03]);
    const bias = Tensor.of("int32", [3], Int32Array.from([1000, -2000, 0]));
    const conv: OneNode = {
      op: "QLinearConv", opset: 13,
      inputs: [bytes([2, 2, 5, 4], 1, false), real(0.02), u8(120), w, scales, zeros, real(0.05), u8(100), bias],
      attributes: { pads: [1, 1, 1, 1] },
    }; // prettier-ignore
    close(evaluateOne(conv)[0]!, (await runInOrt(conv))[0]!.data, 1);
    const matmul: OneNode = {
      op: "QLinearMatMul", opset: 13,
      inputs: [bytes([5, 6], 1, false), real(0.02), u8(120), bytes([6, 4], 2, false), real(0.01), u8(118), real(0.003), u8(99)],
    }; // prettier-ignore
    close(evaluateOne(matmul)[0]!, (await runInOrt(matmul))[0]!.data, 1);
  });
});
