import type { Values } from "./dtype.js";

/** Numbers that were decoded and can be decoded again; strings are kept by their tensors. */
export type DecodedNumbers = Exclude<Values, readonly unknown[]>;

/** Bytes of decoded values that are kept, beyond the last few. */
const mostBytes = 2 ** 27;
/** As many are kept whatever they take: a loop over two tensors must not decode them in turns. */
const leastKept = 2;
/** Values that take less stay with their tensors. */
export const largeBytes = 2 ** 20;

/** By a key of their tensor, the least recently used first. A tensor itself would keep the bytes of its whole file. */
const kept = new Map<object, DecodedNumbers>();
let bytes = 0;

/**
 * Decoded values of the large tensors of all models in this process, so that passes which look at every weight of a
 * model of some gigabytes don't need its size in memory: the least recently used go and are decoded again when needed.
 */
export function keptValues(key: object): DecodedNumbers | undefined {
  const values = kept.get(key);
  if (!values) return undefined;
  kept.delete(key);
  kept.set(key, values);
  return values;
}

export function keepValues(key: object, values: DecodedNumbers): void {
  kept.set(key, values);
  bytes += values.byteLength;
  for (const [oldest, { byteLength }] of kept) {
    if (bytes <= mostBytes || kept.size <= leastKept) return;
    kept.delete(oldest);
    bytes -= byteLength;
  }
}

/** False for values that are a view of the file's bytes, which take no memory of their own. */
export function isOwned(values: Values): values is DecodedNumbers {
  return !Array.isArray(values) && values.byteLength === values.buffer.byteLength;
}
