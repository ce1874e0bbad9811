import { dtypes, type DType } from "../ir/index.js";

/** Integer types with a sign. */
export const signedIntegers: ReadonlySet<DType> = new Set<DType>([
  "int2", "int4", "int8", "int16", "int32", "int64",
]); // prettier-ignore

/** Least and largest value of an integer type, as numbers (int64's are the nearest doubles). */
export function integerRange(dtype: DType): readonly [least: number, largest: number] {
  const { bits } = dtypes[dtype];
  return signedIntegers.has(dtype) ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
}
