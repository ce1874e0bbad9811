import type { DType, Dim, Tensor, TensorType } from "../ir/index.js";

/** What is known of a value before running: as much as inference could find out, null for the rest. */
export interface Fact {
  readonly dtype: DType | null;
  readonly shape: readonly Dim[] | null;
  /** The value itself when it is a (small enough) compile-time constant. */
  readonly value: Tensor | null;
  /** Elements of an integer tensor of rank ≤ 1 whose entries are dimensions, e.g. the output of Shape: [N, 3, 32]. */
  readonly dims: readonly Dim[] | null;
}

export const unknownFact: Fact = { dtype: null, shape: null, value: null, dims: null };

export function factOfTensor(tensor: Tensor): Fact {
  return { dtype: tensor.dtype, shape: tensor.dims, value: tensor, dims: null };
}

export function factOfType(type: TensorType | null): Fact {
  return type ? { dtype: type.dtype, shape: type.shape, value: null, dims: null } : unknownFact;
}

export function fact(dtype: DType | null, shape: readonly Dim[] | null): Fact {
  return { dtype, shape, value: null, dims: null };
}
