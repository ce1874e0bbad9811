import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BufferPool } from "../../src/measure/buffer-pool.js";
import { evaluateOne } from "./one-node.js";
import { sampleCalls } from "./sample-calls.js";

/** Hands out what is left of something else to whoever says that it writes the whole. */
class DirtyPool extends BufferPool {
  override take(
    kind: "Float32Array" | "Float64Array",
    count: number,
    content?: string,
  ): Float32Array | Float64Array {
    const array = kind === "Float32Array" ? new Float32Array(count) : new Float64Array(count);
    return content === "anything" ? array.fill(-12345.678) : array;
  }
}

describe("operators that take storage with anything in it write it whole", () => {
  for (const [op, calls] of Object.entries(sampleCalls)) {
    test(op, () => {
      for (const call of fc.sample(calls, { numRuns: 8, seed: 3 })) {
        for (const precision of ["default", "float64"] as const) {
          expect(evaluateOne(call, precision, new DirtyPool())).toEqual(evaluateOne(call, precision));
        }
      }
    });
  }
});
