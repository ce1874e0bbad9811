import { elementCount, Tensor, type DType, type Dim } from "../ir/index.js";
import type { Fact } from "./fact.js";
import { integersOf } from "./operand.js";

/*
 * Shape arithmetic: integer tensors of rank 0 or 1 whose entries are dimensions. An entry is a number, a symbol or
 * unknown; a fact carries them in `dims`, or in `value` once all are numbers.
 */

/** Longer vectors are data, not shapes: nothing is tracked for them. */
const longest = 64;

/** Entries of a shape-like tensor, from its constant value or its tracked dimensions; null when it is neither. */
export function entriesOf(fact: Fact | null | undefined): readonly Dim[] | null {
  if (!fact) return null;
  const { value } = fact;
  if (value) {
    const integral = value.dtype === "int64" || value.dtype === "int32";
    return integral && value.dims.length <= 1 && value.size <= longest ? integersOf(value) : null;
  }
  return fact.dims;
}

/**
 * The fact of an integer tensor with these entries. A tensor whose entries are all numbers has a `value` as well;
 * null entries alone say nothing and leave `dims` null.
 */
export function entriesFact(
  dtype: DType | null,
  shape: readonly Dim[] | null,
  entries: readonly Dim[] | null,
): Fact {
  const plain: Fact = { dtype, shape, value: null, dims: null };
  if (!entries || entries.length > longest) return plain;
  const known = entries.every((entry) => typeof entry === "number");
  if (!known) return entries.every((entry) => entry === null) ? plain : { ...plain, dims: entries };
  const dims = shape?.every((dim) => typeof dim === "number") ? (shape as number[]) : null;
  if (!dims || dims.length > 1 || elementCount(dims) !== entries.length || dtype === null) {
    return { ...plain, dims: entries };
  }
  const value = integerTensor(dtype, dims, entries as readonly number[]);
  return { ...plain, value, dims: value ? null : entries };
}

function integerTensor(dtype: DType, dims: readonly number[], entries: readonly number[]): Tensor | null {
  if (!entries.every(Number.isSafeInteger)) return null;
  if (dtype === "int64") return Tensor.i64(dims, entries);
  return dtype === "int32" ? Tensor.of(dtype, dims, Int32Array.from(entries)) : null;
}

/** Product of dimensions; null when one is unknown. A symbol survives as long as everything else is 1. */
export function productOf(dims: readonly Dim[]): Dim {
  let product: Dim = 1;
  let symbol: Dim = 1;
  for (const dim of dims) {
    if (dim === 0) return 0;
    if (typeof dim === "number") product *= dim;
    else symbol = symbol === 1 ? dim : null;
  }
  if (symbol === 1) return product;
  return product === 1 ? symbol : null;
}

/** True when both dimensions are known to be the same. */
export function sameDim(a: Dim, b: Dim): boolean {
  return a !== null && a === b;
}

/** True when both are numbers and differ: the shapes can't go together. */
export function dimsConflict(a: Dim, b: Dim): boolean {
  return typeof a === "number" && typeof b === "number" && a !== b;
}

/** The more telling one of two dimensions that must be equal. */
export function mergeDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number") return a;
  if (typeof b === "number") return b;
  return a ?? b;
}
