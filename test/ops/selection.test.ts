import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Tensor } from "../../src/ir/index.js";
import { evaluateOne, type OneNode } from "./one-node.js";

const run = (one: OneNode): Tensor => evaluateOne(one, "default")[0]!;
const f32 = (dims: number[], ...values: number[]): Tensor => Tensor.f32(dims, values);
const i64 = (dims: number[], ...values: number[]): Tensor => Tensor.i64(dims, values);
const list = (tensor: Tensor): (number | string)[] =>
  Array.from(tensor.data as ArrayLike<number | bigint | string>, (x) =>
    typeof x === "bigint" ? Number(x) : x,
  );

describe("gathering and scattering", () => {
  const m = f32([3, 2], 1, 2, 3, 4, 5, 6);

  test("Gather takes slices, from the back too", () => {
    expect(list(run({ op: "Gather", inputs: [m, i64([2], 2, -3)] }))).toEqual([5, 6, 1, 2]);
    const columns = run({ op: "Gather", inputs: [m, i64([1, 2], 1, 0)], attributes: { axis: 1 } });
    expect([columns.dims, list(columns)]).toEqual([
      [3, 1, 2],
      [2, 1, 4, 3, 6, 5],
    ]);
    expect(() => run({ op: "Gather", inputs: [m, i64([1], 3)] })).toThrow(/index 3 is outside \[-3, 2\]/);
    expect(run({ op: "Gather", inputs: [m, i64([0])] }).dims).toEqual([0, 2]);
  });

  test("Gather of strings and int64", () => {
    expect(
      list(run({ op: "Gather", inputs: [Tensor.of("string", [2], ["a", "b"]), i64([3], 1, 0, 1)] })),
    ).toEqual(["b", "a", "b"]);
    const big = Tensor.i64([2], [2n ** 60n, 1n]);
    expect((run({ op: "Gather", inputs: [big, i64([], 0)] }).data as BigInt64Array)[0]).toBe(2n ** 60n);
  });

  test("GatherND with a batch dimension", () => {
    const data = f32([2, 2, 2], 0, 1, 2, 3, 4, 5, 6, 7);
    const y = run({ op: "GatherND", inputs: [data, i64([2, 1], 1, 0)], attributes: { batch_dims: 1 } });
    expect([y.dims, list(y)]).toEqual([
      [2, 2],
      [2, 3, 4, 5],
    ]);
  });

  test("ScatterElements adds duplicates up in float64", () => {
    const inputs = [f32([1, 3], 1, 1, 1), i64([1, 2], 1, 1), f32([1, 2], 2 ** -25, 1)];
    const y = run({ op: "ScatterElements", inputs, attributes: { axis: 1, reduction: "add" } });
    expect(list(y)).toEqual([1, 2, 1]);
    expect(() =>
      run({ op: "ScatterElements", inputs, attributes: { axis: 1, reduction: "median" } }),
    ).toThrow(/reduction/);
  });

  test("ScatterND leaves its input alone", () => {
    const data = f32([3], 1, 2, 3);
    expect(list(run({ op: "ScatterND", inputs: [data, i64([1, 1], -1), f32([1], 9)] }))).toEqual([1, 2, 9]);
    expect(list(data)).toEqual([1, 2, 3]);
  });

  test("what Gather takes apart, ScatterElements puts together", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }), (order) => {
        const x = f32([5], 10, 11, 12, 13, 14);
        const taken = run({ op: "Gather", inputs: [x, i64([5], ...order)] });
        const back = run({
          op: "ScatterElements",
          inputs: [f32([5], 0, 0, 0, 0, 0), i64([5], ...order), taken],
        });
        expect(list(back)).toEqual(list(x));
      }),
    );
  });

  test("a circular TensorScatter wraps around", () => {
    const inputs = [f32([1, 3, 1], 1, 2, 3), f32([1, 2, 1], 8, 9), i64([1], 2)];
    expect(list(run({ op: "TensorScatter", inputs, attributes: { mode: "circular" }, opset: 24 }))).toEqual([
      9, 2, 8,
    ]);
    expect(() => run({ op: "TensorScatter", inputs, opset: 24 })).toThrow(/index 3/);
  });
});

describe("reductions", () => {
  const m = f32([2, 3], 1, 2, 3, 4, 5, 6);

  test("axes by attribute and by input, negative and none", () => {
    expect(
      list(run({ op: "ReduceSum", inputs: [m], attributes: { axes: [0], keepdims: 0 }, opset: 11 })),
    ).toEqual([5, 7, 9]);
    expect(list(run({ op: "ReduceSum", inputs: [m, i64([1], -1)] }))).toEqual([6, 15]);
    expect(run({ op: "ReduceSum", inputs: [m, i64([0])] }).dims).toEqual([1, 1]);
    const noop = run({
      op: "ReduceSum",
      inputs: [m, i64([0])],
      attributes: { noop_with_empty_axes: 1, keepdims: 0 },
    });
    expect([noop.dims, list(noop)]).toEqual([[2, 3], list(m)]);
    expect(() => run({ op: "ReduceSum", inputs: [m, i64([2], 0, -2)] })).toThrow(/twice/);
  });

  test("int64 stays exact, sums of floats don't drift", () => {
    const big = Tensor.i64([3], [2n ** 62n, 2n ** 62n - 1n, 1n]);
    expect((run({ op: "ReduceMax", inputs: [big] }).data as BigInt64Array)[0]).toBe(2n ** 62n);
    expect(
      (run({ op: "ReduceSum", inputs: [Tensor.i64([2], [2n ** 62n, 1n])] }).data as BigInt64Array)[0],
    ).toBe(2n ** 62n + 1n);
    const tenths = Tensor.f32([100000], new Float32Array(100000).fill(0.1));
    expect(run({ op: "ReduceSum", inputs: [tenths] }).numbers[0]).toBe(
      Math.fround(100000 * Math.fround(0.1)),
    );
  });

  test("nothing to reduce gives the neutral element", () => {
    const none = Tensor.f32([2, 0], []);
    const of = (op: string): number[] =>
      list(run({ op, inputs: [none, i64([1], 1)], attributes: { keepdims: 0 } })) as number[];
    expect(of("ReduceSum")).toEqual([0, 0]);
    expect(of("ReduceProd")).toEqual([1, 1]);
    expect(of("ReduceMax")).toEqual([-Infinity, -Infinity]);
    expect(of("ReduceMin")).toEqual([Infinity, Infinity]);
    expect(of("ReduceLogSumExp")).toEqual([-Infinity, -Infinity]);
    expect(of("ReduceMean")).toEqual([NaN, NaN]);
  });

  test("ReduceLogSumExp doesn't overflow", () => {
    const y = run({ op: "ReduceLogSumExp", inputs: [f32([2], 1000, 1000)] });
    expect(y.numbers[0]).toBeCloseTo(1000 + Math.LN2, 3);
    expect(run({ op: "ReduceLogSumExp", inputs: [f32([1], -Infinity)] }).numbers[0]).toBe(-Infinity);
    expect(run({ op: "ReduceLogSumExp", inputs: [f32([2], Infinity, 1)] }).numbers[0]).toBe(Infinity);
  });

  test("ArgMax: first of equals, last on request, NaN wins", () => {
    const x = f32([4], 3, 7, 7, 1);
    expect(list(run({ op: "ArgMax", inputs: [x] }))).toEqual([1]);
    expect(list(run({ op: "ArgMax", inputs: [x], attributes: { select_last_index: 1 } }))).toEqual([2]);
    expect(list(run({ op: "ArgMax", inputs: [f32([3], 1, NaN, 5)] }))).toEqual([1]);
  });

  test("TopK: ties by index, k of another length", () => {
    const [values, places] = evaluateOne(
      { op: "TopK", inputs: [f32([5], 2, 9, 2, 9, 1), i64([1], 3)], outputs: 2 },
      "default",
    );
    expect([list(values!), list(places!)]).toEqual([
      [9, 9, 2],
      [1, 3, 0],
    ]);
    expect(() => run({ op: "TopK", inputs: [f32([2], 1, 2), i64([1], 3)] })).toThrow(/k is 3/);
  });

  test("Unique: sorted and in order of appearance", () => {
    const x = f32([6], 2, 1, 1, 3, 4, 3);
    const [y, first, inverse, counts] = evaluateOne({
      op: "Unique",
      inputs: [x],
      attributes: { sorted: 0 },
      outputs: 4,
    });
    expect([y, first, inverse, counts].map((tensor) => list(tensor!))).toEqual([
      [2, 1, 3, 4],
      [0, 1, 3, 4],
      [0, 1, 1, 2, 3, 2],
      [1, 2, 2, 1],
    ]);
    const rows = run({ op: "Unique", inputs: [f32([3, 2], 1, 0, 1, 0, 0, 5)], attributes: { axis: 0 } });
    expect([rows.dims, list(rows)]).toEqual([
      [2, 2],
      [0, 5, 1, 0],
    ]);
  });
});

describe("running totals and triangles", () => {
  test("CumSum exclusive and backwards", () => {
    const x = f32([3], 1, 2, 3);
    const sums = (attributes: Record<string, number>): (number | string)[] =>
      list(run({ op: "CumSum", inputs: [x, i64([], 0)], attributes }));
    expect(sums({})).toEqual([1, 3, 6]);
    expect(sums({ exclusive: 1 })).toEqual([0, 1, 3]);
    expect(sums({ reverse: 1 })).toEqual([6, 5, 3]);
    expect(sums({ reverse: 1, exclusive: 1 })).toEqual([5, 3, 0]);
  });

  test("Trilu keeps either side of a diagonal far away", () => {
    const m = f32([2, 2], 1, 2, 3, 4);
    const part = (upper: number, k: number): (number | string)[] =>
      list(run({ op: "Trilu", inputs: [m, i64([], k)], attributes: { upper } }));
    expect([part(1, 0), part(0, 0), part(1, 5), part(0, 5)]).toEqual([
      [1, 2, 0, 4],
      [1, 0, 3, 4],
      [0, 0, 0, 0],
      [1, 2, 3, 4],
    ]);
  });

  test("Det by hand, singular too", () => {
    expect(list(run({ op: "Det", inputs: [f32([2, 2], 1, 2, 3, 4)] }))[0]).toBeCloseTo(-2, 6);
    expect(list(run({ op: "Det", inputs: [f32([2, 2], 1, 2, 2, 4)] }))).toEqual([0]);
    expect(list(run({ op: "Det", inputs: [f32([2, 2], 0, 1, 1, 0)] }))).toEqual([-1]);
  });

  test("Einsum: trace, outer product, implicit output", () => {
    const m = f32([2, 2], 1, 2, 3, 4);
    const of = (equation: string, ...inputs: Tensor[]): Tensor =>
      run({ op: "Einsum", inputs, attributes: { equation } });
    expect(list(of("ii->", m))).toEqual([5]);
    expect(list(of("ii->i", m))).toEqual([1, 4]);
    expect(list(of("ji", m))).toEqual([1, 3, 2, 4]);
    expect(list(of("i,j->ij", f32([2], 1, 2), f32([2], 3, 4)))).toEqual([3, 4, 6, 8]);
    expect(list(of("ij,jk", m, m))).toEqual([7, 10, 15, 22]);
    expect(() => of("ij,jk->ik", m)).toThrow(/does not fit/);
    expect(() => of("ij->k", m)).toThrow(/no input/);
  });
});
