import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { matrix, multiply, multiplyHeld, type Matrix } from "../../src/linalg/index.js";
import { randomMatrix } from "./generators.js";

function expectSameBytes(one: Matrix, other: Matrix): void {
  expect([one.rows, one.cols]).toEqual([other.rows, other.cols]);
  expect(Buffer.from(one.data.buffer).equals(Buffer.from(other.data.buffer))).toBe(true);
}

describe("products with a held operand", () => {
  it("give the bytes of multiply, whatever was held before and multiplied between", () => {
    const size = fc.integer({ min: 0, max: 300 });
    const call = fc.record({ rows: size, b: fc.nat(2), between: fc.boolean() });
    fc.assert(
      fc.property(
        fc.tuple(size, size),
        fc.array(call, { minLength: 1, maxLength: 6 }),
        fc.nat(1000),
        ([depth, cols], calls, seed) => {
          const rights = [cols, cols, 7].map((width, i) => randomMatrix(depth, width, seed + i));
          for (const { rows, b, between } of calls) {
            const a = randomMatrix(rows, depth, seed + rows);
            if (between) multiply(rights[0]!, a, { transA: true, transB: true });
            expectSameBytes(multiplyHeld(a, rights[b]!), multiply(a, rights[b]!));
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it("of more than one block of rows and columns, and of what is too big to be held", () => {
    for (const [rows, depth, cols] of [
      [700, 600, 520],
      [3, 1100, 1000],
    ] as const) {
      const [a, b] = [randomMatrix(rows, depth, 1), randomMatrix(depth, cols, 2)];
      for (let call = 0; call < 2; call++) expectSameBytes(multiplyHeld(a, b), multiply(a, b));
    }
  });

  it("refuse sizes that don't fit", () => {
    expect(() => multiplyHeld(matrix(2, 3), matrix(4, 2))).toThrow(RangeError);
  });
});
