import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { multiplyMatrices } from "../../src/ops/kernels/matrix-product.js";
import { createPortableEngine, type PanelEngine } from "../../src/linalg/panels.js";
import { packGathered, packStrided, panelEngine, product } from "../../src/linalg/product.js";
import { createWasmEngine } from "../../src/linalg/wasm-panels.js";
import { noise } from "./one-node.js";

function multiply(engine: PanelEngine, rows: number, depth: number, cols: number): Float64Array {
  const [a, b] = [noise([rows, depth], 1).numbers, noise([depth, cols], 2).numbers];
  const out = new Float64Array(rows * cols).fill(NaN);
  product(
    {
      rows,
      cols,
      depth,
      packA: packStrided(a, 0, depth, 1),
      packB: packStrided(b, 0, 1, cols),
      store: (c, stride, row, height, column, width) => {
        for (let i = 0; i < height; i++) {
          out.set(c.subarray(i * stride, i * stride + width), (row + i) * cols + column);
        }
      },
    },
    engine,
  );
  return out;
}

const wasmEngine = createWasmEngine();

describe("the product engines", () => {
  const size = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 90, max: 300 }));

  it("runs on 128-bit registers here", () => {
    expect(wasmEngine?.name).toBe("WebAssembly SIMD");
    expect(panelEngine().name).toBe("WebAssembly SIMD");
  });

  it("are equal bit for bit", () => {
    const portable = createPortableEngine();
    fc.assert(
      fc.property(size, size, size, (rows, depth, cols) => {
        expect(multiply(wasmEngine!, rows, depth, cols)).toEqual(multiply(portable, rows, depth, cols));
      }),
      { numRuns: 60 },
    );
  });

  it("sum in ascending order within blocks of the depth", () => {
    const [a, b] = [noise([1, 200], 1).numbers, noise([200, 1], 2).numbers];
    let sum = 0;
    for (let k = 0; k < 200; k++) sum += a[k]! * b[k]!;
    expect(multiply(createPortableEngine(), 1, 200, 1)[0]).toBe(sum);
  });

  it("give zeros for an empty depth and nothing for an empty side", () => {
    for (const engine of [createPortableEngine(), wasmEngine!]) {
      expect(Array.from(multiply(engine, 2, 0, 3))).toEqual([0, 0, 0, 0, 0, 0]);
      expect(multiply(engine, 0, 3, 3)).toHaveLength(0);
    }
  });

  it("keep infinities and NaN where they belong", () => {
    const a = Float64Array.of(1, Infinity, 1, 1);
    const b = Float64Array.of(1, 2, 3, NaN);
    const layout = { rows: 4, cols: 4, depth: 1, a: { at: 0, row: 1, col: 1 }, b: { at: 0, row: 1, col: 1 } };
    const out = new Float64Array(16);
    multiplyMatrices(layout, a, b, (sum, row, col) => (out[row * 4 + col] = sum));
    expect(Array.from(out)).toEqual([
      1,
      2,
      3,
      NaN,
      Infinity,
      Infinity,
      Infinity,
      NaN,
      1,
      2,
      3,
      NaN,
      1,
      2,
      3,
      NaN,
    ]);
  });

  afterEach(() => vi.unstubAllGlobals());

  it("fall back where WebAssembly is missing or forbidden", () => {
    vi.stubGlobal("WebAssembly", undefined);
    expect(createWasmEngine()).toBeNull();
    const forbidden = function (): void {
      throw new Error("blocked by the content security policy");
    };
    vi.stubGlobal("WebAssembly", { Memory: forbidden, Module: forbidden, Instance: forbidden });
    expect(createWasmEngine()).toBeNull();
  });
});

describe("packing", () => {
  it("interleaves four lines and fills the last panel", () => {
    const from = Float64Array.from({ length: 15 }, (_, i) => i);
    const into = new Float64Array(24).fill(NaN);
    packStrided(from, 0, 3, 1)(into, 0, 5, 1, 2);
    expect(Array.from(into.slice(0, 16))).toEqual([1, 4, 7, 10, 2, 5, 8, 11, 13, 0, 0, 0, 14, 0, 0, 0]);
  });

  it("gathers by starts and offsets", () => {
    const from = Float64Array.from({ length: 20 }, (_, i) => i);
    const into = new Float64Array(16).fill(NaN);
    packGathered(from, Int32Array.of(0, 1, 5, 6, 9), Int32Array.of(0, 3, 10))(into, 0, 5, 1, 2);
    expect(Array.from(into)).toEqual([3, 4, 8, 9, 10, 11, 15, 16, 12, 12, 12, 12, 19, 19, 19, 19]);
  });
});
