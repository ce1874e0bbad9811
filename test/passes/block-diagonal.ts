import { Tensor } from "../../src/ir/index.js";
import { seededRandom } from "../../src/linalg/index.js";
import { numbers } from "./rewrite-harness.js";

/** Blocks by their input and output channels. */
export type Blocks = readonly (readonly [inputs: number, outputs: number])[];

/** A dense O × I × kernel weight that is zero outside of blocks, behind random permutations of both channel axes. */
export function blockDiagonal(seed: number, blocks: Blocks, kernel: readonly number[]): Tensor {
  const random = seededRandom(seed);
  const inputs = blocks.reduce((sum, [i]) => sum + i, 0);
  const outputs = blocks.reduce((sum, [, o]) => sum + o, 0);
  const rows = random.shuffle(Int32Array.from({ length: outputs }, (_, o) => o));
  const cols = random.shuffle(Int32Array.from({ length: inputs }, (_, i) => i));
  const taps = kernel.reduce((product, k) => product * k, 1);
  const values = numbers(seed, outputs * inputs * taps);
  const out = new Float64Array(values.length);
  let [firstIn, firstOut] = [0, 0];
  for (const [i, o] of blocks) {
    for (let p = 0; p < o; p++) {
      for (let q = 0; q < i; q++) {
        const at = (rows[firstOut + p]! * inputs + cols[firstIn + q]!) * taps;
        out.set(values.subarray(at, at + taps), at);
      }
    }
    firstIn += i;
    firstOut += o;
  }
  return Tensor.floats("float64", [outputs, inputs, ...kernel], out);
}
