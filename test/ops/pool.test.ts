import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ModelError, Tensor, type AttributeInput } from "../../src/ir/index.js";
import { fact } from "../../src/ops/index.js";
import { evaluateOne, inferOne, noise, runInOrt, type OneNode } from "./one-node.js";

interface PoolCase {
  readonly spatial: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly ceil: boolean;
  readonly include: boolean;
}

/** Geometries that ONNX Runtime accepts: pads smaller than the kernel. */
const cases: fc.Arbitrary<PoolCase> = fc
  .integer({ min: 1, max: 3 })
  .chain((rank) => {
    const list = (min: number, max: number, count = rank): fc.Arbitrary<number[]> =>
      fc.array(fc.integer({ min, max }), { minLength: count, maxLength: count });
    return fc.record({
      spatial: list(1, 9),
      kernel: list(1, 4),
      strides: list(1, 4),
      dilations: list(1, 3),
      pads: list(0, 2, 2 * rank),
      ceil: fc.boolean(),
      include: fc.boolean(),
    });
  })
  .map((c) => ({ ...c, pads: c.pads.map((pad, i) => Math.min(pad, c.kernel[i % c.kernel.length]! - 1)) }))
  .filter((c) =>
    c.spatial.every(
      (n, a) => n + c.pads[a]! + c.pads[a + c.kernel.length]! > (c.kernel[a]! - 1) * c.dilations[a]!,
    ),
  );

function attributesOf(c: PoolCase, dilated: boolean): Record<string, AttributeInput> {
  return {
    kernel_shape: c.kernel,
    strides: c.strides,
    pads: c.pads,
    ceil_mode: c.ceil ? 1 : 0,
    ...(dilated ? { dilations: c.dilations } : {}),
  };
}

/** Values in each window by the definition: every tap of every window, null outside of the input. */
function naiveWindows(c: PoolCase): { counts: number[]; windows: { taps: number[]; inPadded: number }[] } {
  const rank = c.kernel.length;
  const counts = c.spatial.map((n, a) => {
    const span = n + c.pads[a]! + c.pads[rank + a]! - (c.kernel[a]! - 1) * c.dilations[a]! - 1;
    const whole = Math.floor(span / c.strides[a]!) + 1;
    // A partial window counts when it starts inside the input or the begin pad.
    const partial = c.ceil && span % c.strides[a]! !== 0 && whole * c.strides[a]! < n + c.pads[a]!;
    return partial ? whole + 1 : whole;
  });
  const indices = (dims: readonly number[]): number[][] => {
    let all: number[][] = [[]];
    for (const dim of dims) all = all.flatMap((head) => Array.from({ length: dim }, (_, i) => [...head, i]));
    return all;
  };
  const windows = indices(counts).map((o) => {
    const taps: number[] = [];
    let inPadded = 0;
    for (const k of indices(c.kernel)) {
      const from = o.map((i, a) => i * c.strides[a]! - c.pads[a]! + k[a]! * c.dilations[a]!);
      if (from.every((i, a) => i < c.spatial[a]! + c.pads[rank + a]!)) inPadded++;
      if (from.every((i, a) => i >= 0 && i < c.spatial[a]!)) {
        taps.push(from.reduce((place, i, a) => place * c.spatial[a]! + i, 0));
      }
    }
    return { taps, inPadded };
  });
  return { counts, windows };
}

function poolInput(c: PoolCase): Tensor {
  return noise([2, 2, ...c.spatial], 11);
}

function close(got: Tensor, want: ArrayLike<number>, tolerance: number): void {
  expect(got.size).toBe(want.length);
  for (let i = 0; i < got.size; i++)
    expect(Math.abs(got.numbers[i]! - want[i]!)).toBeLessThanOrEqual(tolerance);
}

describe("MaxPool", () => {
  it("agrees with its definition, values and indices", () => {
    fc.assert(
      fc.property(cases, (c) => {
        const x = poolInput(c);
        const { counts, windows } = naiveWindows(c);
        fc.pre(windows.every(({ taps }) => taps.length > 0));
        const size = x.size / 4;
        const best = [0, 1, 2, 3].flatMap((plane) =>
          windows.map(({ taps }) => {
            const places = taps.map((tap) => plane * size + tap);
            return places.reduce((a, b) => (x.numbers[b]! > x.numbers[a]! ? b : a));
          }),
        );
        const one: OneNode = { op: "MaxPool", inputs: [x], attributes: attributesOf(c, true) };
        const plain = evaluateOne(one)[0]!;
        const [y, at] = evaluateOne({ ...one, outputs: 2 }) as [Tensor, Tensor];
        expect(plain.dims).toEqual([2, 2, ...counts]);
        expect(Array.from(plain.numbers)).toEqual(best.map((i) => x.numbers[i]!));
        expect(Array.from(y.numbers)).toEqual(Array.from(plain.numbers));
        expect(at.toNumbers()).toEqual(best);
        expect(inferOne(one, [fact("float32", x.dims)])[0]!.shape).toEqual(plain.dims);
      }),
      { numRuns: 200 },
    );
  });

  it("agrees with ONNX Runtime", async () => {
    for (const c of fc.sample(cases, { seed: 3, numRuns: 40 })) {
      if (naiveWindows(c).windows.some(({ taps }) => taps.length === 0)) continue;
      for (const storage_order of [0, 1]) {
        const one: OneNode = {
          op: "MaxPool", inputs: [poolInput(c)], outputs: 2, opset: 12,
          attributes: { ...attributesOf(c, true), storage_order },
        }; // prettier-ignore
        const [y, at] = evaluateOne(one) as [Tensor, Tensor];
        const [ortY, ortAt] = await runInOrt(one);
        expect(y.dims).toEqual(ortY!.dims);
        close(y, ortY!.data, 0);
        expect(at.toNumbers()).toEqual(ortAt!.data);
      }
    }
  });

  it.each(["SAME_UPPER", "SAME_LOWER", "VALID"])("agrees with ONNX Runtime under %s", async (auto_pad) => {
    for (const ceil_mode of [0, 1]) {
      const attributes = { auto_pad, kernel_shape: [3, 2], strides: [2, 3], ceil_mode };
      const one: OneNode = { op: "MaxPool", inputs: [noise([1, 2, 8, 10])], attributes, opset: 12 };
      const [want] = await runInOrt(one);
      expect(evaluateOne(one)[0]!.dims).toEqual(want!.dims);
      close(evaluateOne(one)[0]!, want!.data, 0);
    }
  });

  it("keeps 8-bit integers and the first of equal maxima", () => {
    const x = Tensor.of("int8", [1, 1, 4], Int8Array.from([-5, -3, -3, -9]));
    const [y, at] = evaluateOne({
      op: "MaxPool",
      inputs: [x],
      attributes: { kernel_shape: [4] },
      outputs: 2,
    }) as [Tensor, Tensor];
    expect(y.dtype).toBe("int8");
    expect([...y.numbers, ...at.toNumbers()]).toEqual([-3, 1]);
  });

  const bad: readonly [string, readonly number[], Record<string, AttributeInput>, RegExp][] = [
    ["a kernel beyond the padded input", [1, 1, 2, 2], { kernel_shape: [3, 3] }, /kernel spans 3.* only 2/],
    ["a zero stride", [1, 1, 4, 4], { kernel_shape: [2, 2], strides: [0, 1] }, /strides \[0, 1\]/],
    [
      "a kernel of another rank",
      [1, 1, 4, 4],
      { kernel_shape: [2] },
      /kernel_shape \[2\] has 1 entries, 2 are needed/,
    ],
    ["no spatial axis", [1, 4], { kernel_shape: [2] }, /no spatial axis/],
    [
      "a giant output",
      [1, 1, 4, 4],
      { kernel_shape: [1, 1], pads: [0, 2 ** 40, 0, 0] },
      /elements, the limit/,
    ],
  ];
  it.each(bad)("refuses %s", (_, dims, attributes, message) => {
    const one: OneNode = { op: "MaxPool", inputs: [Tensor.zeros("float32", dims)], attributes };
    expect(() => evaluateOne(one)).toThrow(message);
    expect(() => inferOne(one, [fact("float32", dims)])).toThrow(ModelError);
  });
});

describe("AveragePool", () => {
  it("agrees with its definition, ceil_mode and padding counts as from opset 19 on", () => {
    fc.assert(
      fc.property(cases, (c) => {
        const x = poolInput(c);
        const { counts, windows } = naiveWindows(c);
        const size = x.size / 4;
        const want = [0, 1, 2, 3].flatMap((plane) =>
          windows.map(({ taps, inPadded }) => {
            const sum = taps.reduce((total, tap) => total + x.numbers[plane * size + tap]!, 0);
            const count = c.include ? inPadded : taps.length;
            return count === 0 ? 0 : sum / count;
          }),
        );
        const attributes = { ...attributesOf(c, true), count_include_pad: c.include ? 1 : 0 };
        const y = evaluateOne({ op: "AveragePool", inputs: [x], attributes })[0]!;
        expect(y.dims).toEqual([2, 2, ...counts]);
        close(y, want, 1e-12);
      }),
      { numRuns: 200 },
    );
  });

  it.each([7, 10, 11, 19])("agrees with ONNX Runtime at opset %i", async (opset) => {
    for (const c of fc.sample(cases, { seed: opset, numRuns: 40 })) {
      const ceil = opset >= 10 && c.ceil;
      const dilated = opset >= 19;
      const plain = { ...c, ceil, dilations: dilated ? c.dilations : c.dilations.map(() => 1) };
      if (naiveWindows(plain).windows.some(({ taps }) => taps.length === 0)) continue;
      const { ceil_mode, ...rest } = attributesOf(plain, dilated);
      const attributes = {
        ...rest,
        count_include_pad: c.include ? 1 : 0,
        ...(opset >= 10 ? { ceil_mode: ceil_mode! } : {}),
      };
      const one: OneNode = { op: "AveragePool", inputs: [poolInput(c)], attributes, opset };
      const [want] = await runInOrt(one);
      const y = evaluateOne(one)[0]!;
      expect(y.dims).toEqual(want!.dims);
      close(y, want!.data, 1e-5);
    }
  });
});

describe("LpPool and the global pools", () => {
  it.each([1, 2, 3])("LpPool with p = %i agrees with ONNX Runtime", async (p) => {
    const attributes = { kernel_shape: [2, 3], strides: [2, 1], pads: [0, 1, 1, 0], p };
    const one: OneNode = { op: "LpPool", inputs: [noise([2, 3, 5, 6])], attributes, opset: 18 };
    close(evaluateOne(one)[0]!, (await runInOrt(one))[0]!.data, 1e-5);
  });

  it.each(["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"])(
    "%s agrees with ONNX Runtime",
    async (op) => {
      for (const dims of [
        [2, 3, 5],
        [2, 3, 5, 4],
        [1, 2, 3, 4, 2],
      ]) {
        const one: OneNode = { op, inputs: [noise(dims)], opset: 13 };
        const [want] = await runInOrt(one);
        expect(evaluateOne(one)[0]!.dims).toEqual(want!.dims);
        close(evaluateOne(one)[0]!, want!.data, 1e-5);
      }
    },
  );

  it("refuses p below 1", () => {
    const one: OneNode = { op: "GlobalLpPool", inputs: [noise([1, 1, 2])], attributes: { p: 0 } };
    expect(() => evaluateOne(one)).toThrow(/p 0 must be at least 1/);
  });
});

describe("MaxUnpool", () => {
  it("puts maxima back where they were", () => {
    const x = noise([2, 3, 6, 6], 5);
    const attributes = { kernel_shape: [2, 2], strides: [2, 2] };
    const pooled = evaluateOne({ op: "MaxPool", inputs: [x], attributes, outputs: 2 });
    const back = evaluateOne({ op: "MaxUnpool", inputs: [pooled[0]!, pooled[1]!], attributes })[0]!;
    expect(back.dims).toEqual(x.dims);
    const kept = new Set(pooled[1]!.toNumbers());
    expect(Array.from(back.numbers)).toEqual(Array.from(x.numbers, (value, i) => (kept.has(i) ? value : 0)));
  });

  it("keeps places when an output_shape leaves room", () => {
    const x = Tensor.f32([1, 1, 2, 2], [1, 2, 3, 4]);
    const at = Tensor.i64([1, 1, 2, 2], [5, 7, 13, 15]);
    const shape = Tensor.i64([4], [1, 1, 5, 5]);
    const attributes = { kernel_shape: [2, 2], strides: [2, 2] };
    const y = evaluateOne({ op: "MaxUnpool", inputs: [x, at, shape], attributes })[0]!;
    const want = [0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0, 0, 0];
    expect([...y.numbers]).toEqual(want);
  });

  it("refuses an index outside", () => {
    const inputs = [Tensor.f32([1, 1, 1], [1]), Tensor.i64([1, 1, 1], [9])];
    expect(() => evaluateOne({ op: "MaxUnpool", inputs, attributes: { kernel_shape: [2] } })).toThrow(
      /index 9/,
    );
  });
});
