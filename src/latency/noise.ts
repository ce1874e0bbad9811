import { seededRandom } from "../linalg/index.js";

/*
 * Values don't matter for time as long as they are ordinary numbers, neither zeros nor too small for normal arithmetic:
 * weights and activations are tiled from one random block.
 */

/** Odd, so that the tiles don't fall in step with channels. */
const length = 2 ** 16 - 15;
let block: Float64Array | null = null;

/** `count` numbers, uniform in ± `scale`. */
export function tiledNoise(count: number, scale: number): Float64Array {
  if (!block) {
    const random = seededRandom(1);
    block = Float64Array.from({ length }, () => random.uniform(-1, 1));
  }
  const values = new Float64Array(count);
  for (let at = 0; at < count; at += length) values.set(block.subarray(0, Math.min(length, count - at)), at);
  for (let i = 0; i < count; i++) values[i]! *= scale;
  return values;
}
