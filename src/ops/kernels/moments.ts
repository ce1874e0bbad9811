import type { NumberArray } from "../../ir/index.js";

/** Mean and population variance of `count` contiguous values, in two passes. */
export function momentsOf(x: NumberArray, from: number, count: number): { mean: number; variance: number } {
  let sum = 0;
  for (let i = from; i < from + count; i++) sum += x[i]!;
  const mean = sum / count;
  let squares = 0;
  for (let i = from; i < from + count; i++) {
    const d = x[i]! - mean;
    squares += d * d;
  }
  return { mean, variance: squares / count };
}
