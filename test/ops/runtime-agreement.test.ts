import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/ir/index.js";
import { evaluateOne, runInOrt, type OneNode } from "./one-node.js";
import { sampleCalls } from "./sample-calls.js";

/** Not in ONNX Runtime at these opsets, or results that its binding hands out in another form. */
const absent = new Set([
  "Scale",
  "ScaledTanh",
  "ParametricSoftplus",
  "SwiGLU",
  "BitCast",
  "OneHot",
  "CumProd",
  "Cast",
]);

/** ONNX Runtime takes the mean of nothing for 0 where the specification leaves it open; numpy says NaN. */
function meanOfNothing({ op, inputs }: OneNode): boolean {
  return op === "ReduceMean" && inputs[0]?.size === 0;
}

const installed = await import("onnxruntime-node").then(
  () => true,
  () => false,
);

describe.skipIf(!installed)("ONNX Runtime computes the same", () => {
  for (const [op, calls] of Object.entries(sampleCalls)) {
    if (absent.has(op)) continue;
    test(op, async () => {
      for (const call of fc.sample(calls, { numRuns: 1, seed: 11 })) {
        if (call.inputs.some((tensor) => tensor?.dtype === "string") || meanOfNothing(call)) continue;
        const one = { ...call, opset: Math.min(call.opset ?? 21, 24) };
        const theirs = await runInOrt(one);
        evaluateOne(one, "default").forEach((tensor, i) => {
          const other = theirs[i];
          if (!other) return;
          expect(other.dims, `${op} ${JSON.stringify(one.attributes)}`).toEqual(tensor.dims);
          numbersOf(tensor).forEach((value, k) => {
            const reference = other.data[k]!;
            const close = Math.abs(value - reference) <= 1e-4 * Math.max(1, Math.abs(reference));
            expect(
              close || Object.is(value, reference) || value === reference,
              `${op}: ${value} instead of ${reference}`,
            ).toBe(true);
          });
        });
      }
    });
  }
});

function numbersOf(tensor: Tensor): number[] {
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}
