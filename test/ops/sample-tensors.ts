import { Tensor } from "../../src/ir/index.js";

/* Small tensors with values that repeat in no obvious pattern. */

export const size = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** Values that make most functions finite: quarter steps in [−4, 4]. */
export function floats(dims: readonly number[], seed = 1): Tensor {
  return Tensor.f32(
    dims,
    Float32Array.from({ length: size(dims) }, (_, i) => (((i * 7919 + seed * 104729) % 33) - 16) / 4),
  );
}

export function bools(dims: readonly number[], seed = 1): Tensor {
  return Tensor.of(
    "bool",
    dims,
    Uint8Array.from({ length: size(dims) }, (_, i) => (i * 31 + seed) % 2),
  );
}

export function ints(...values: number[]): Tensor {
  return Tensor.i64([values.length], values);
}

export function int32s(dims: readonly number[], seed = 1): Tensor {
  return Tensor.of(
    "int32",
    dims,
    Int32Array.from({ length: size(dims) }, (_, i) => ((i * 13 + seed * 5) % 11) - 5),
  );
}

export function texts(dims: readonly number[]): Tensor {
  return Tensor.of(
    "string",
    dims,
    Array.from({ length: size(dims) }, (_, i) => `a ${i % 3}`),
  );
}

export const scalar = (value: number): Tensor => Tensor.f32([], [value]);
