import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { elementCount, isFloat, Tensor, type Model } from "../../src/ir/index.js";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "fixtures", "graphs");

export interface GraphFixture {
  readonly name: string;
  readonly file: string;
  readonly checker: boolean;
  /** ONNX Runtime runs it. */
  readonly runtime: boolean;
  readonly macs: number | null;
}

/** The hand-made graphs and what their index says of them. */
export const graphFixtures = JSON.parse(
  readFileSync(join(folder, "index.json"), "utf8"),
) as readonly GraphFixture[];

export function fixturePath(fixture: { readonly file: string }): string {
  return join(folder, fixture.file);
}

/** Numbers in [0, 1): Mulberry32. */
export function seededNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Seeded feeds for all required inputs; symbols get `sizes`, 1 by default. */
export function seededFeeds(
  model: Model,
  sizes: Readonly<Record<string, number>> = { N: 2, batch: 2, H: 7, W: 6 },
  seed = 1,
): Map<string, Tensor> {
  const random = seededNumbers(seed);
  const feeds = new Map<string, Tensor>();
  for (const input of model.graph.requiredInputs) {
    const { dtype, shape } = input.type!;
    const dims = (shape ?? []).map((dim) => (typeof dim === "number" ? dim : (sizes[dim ?? ""] ?? 1)));
    const numbers = Array.from({ length: elementCount(dims) }, () => 3 * (random() + random() - 1));
    feeds.set(input.name, tensorOf(dtype, dims, numbers));
  }
  return feeds;
}

function tensorOf(dtype: Tensor["dtype"], dims: readonly number[], numbers: readonly number[]): Tensor {
  if (isFloat(dtype)) return Tensor.floats(dtype, dims, numbers);
  const integers = numbers.map((x) => Math.abs(Math.round(x)));
  if (dtype === "int64") return Tensor.i64(dims, integers);
  if (dtype === "bool")
    return Tensor.of(
      dtype,
      dims,
      Uint8Array.from(integers, (x) => x % 2),
    );
  if (dtype === "int32") return Tensor.of(dtype, dims, Int32Array.from(integers));
  if (dtype === "uint8") return Tensor.of(dtype, dims, Uint8Array.from(integers));
  throw new Error(`no seeded ${dtype}`);
}
