import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { implicitQl } from "../../src/linalg/implicit-ql.js";
import { RotationBatch, rotationEngine } from "../../src/linalg/rotations.js";
import { multiply } from "../../src/linalg/index.js";
import { randomMatrix } from "./generators.js";

const engine = rotationEngine();

/** The columns of `z` after sweeps of rotations from given columns down to given columns, one rotation after the other. */
function rotated(z: Float64Array, n: number, sweeps: readonly (readonly [number, number])[]): Float64Array {
  const result = z.slice();
  let next = 0;
  for (const [top, last] of sweeps) {
    for (let upper = top; upper > last; upper--) {
      const [c, s] = rotation(next++);
      for (let row = 0; row < n; row++) {
        const at = row * n + upper;
        const [below, above] = [result[at - 1]!, result[at]!];
        result[at] = s * below + c * above;
        result[at - 1] = c * below - s * above;
      }
    }
  }
  return result;
}

function rotation(index: number): [number, number] {
  return [Math.cos(index), Math.sin(index)];
}

describe("rotations", () => {
  it("have an engine here", () => {
    expect(engine).not.toBeNull();
  });

  it("are applied sweep by sweep, in registers as in place, bit for bit", () => {
    const size = fc.integer({ min: 2, max: 45 });
    const ends = fc.array(fc.tuple(fc.nat(44), fc.nat(44)), { maxLength: 30 });
    fc.assert(
      fc.property(size, ends, (n, pairs) => {
        const z = randomMatrix(n, n, n).data;
        const sweeps = pairs.map(([a, b]) => [Math.max(a, b) % n, Math.min(a, b) % n] as const);
        const expected = rotated(z, n, sweeps);
        for (const one of [engine, null]) {
          const got = z.slice();
          const batch = new RotationBatch(got, n, one);
          let next = 0;
          for (const [top, last] of sweeps) {
            batch.begin(top);
            for (let upper = top; upper > last; upper--) batch.push(...rotation(next++));
            batch.end();
          }
          batch.flush();
          expect(got).toEqual(expected);
        }
      }),
    );
  });

  it("give the same eigenvectors with and without the engine, over several batches", () => {
    const n = 150;
    const run = (one: typeof engine): Float64Array => {
      const diagonal = Float64Array.from({ length: n }, (_, i) => Math.cos(i));
      const offDiagonal = Float64Array.from({ length: n }, (_, i) => (i < n - 1 ? Math.sin(1 + i * i) : 0));
      const basis = new Float64Array(n * n);
      for (let i = 0; i < n; i++) basis[i * n + i] = 1;
      implicitQl(diagonal, offDiagonal, basis, one);
      return basis;
    };
    const vectors = run(engine);
    expect(vectors).toEqual(run(null));
    const { data } = multiply(
      { rows: n, cols: n, data: vectors },
      { rows: n, cols: n, data: vectors },
      { transB: true },
    );
    for (let i = 0; i < n * n; i++) expect(data[i]).toBeCloseTo(i % (n + 1) === 0 ? 1 : 0, 12);
  });
});
