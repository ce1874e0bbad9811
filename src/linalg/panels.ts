/*
 * Products of packed panels, blocked after Goto and van de Geijn, «Anatomy of high-performance matrix multiplication»
 * (2008). A block of A lies in panels of 4 rows, a block of B in panels of 4 columns, both interleaved step by step;
 * a 4 × 4 tile of C is summed in registers.
 */

/** Rows and columns of the register tile. */
export const tile = 4;

/** Scratch arrays and the inner loop of a product; all lengths are in float64 elements. */
export interface PanelEngine {
  readonly name: string;
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly c: Float64Array;
  /** Grows the scratch arrays; what was in them may be lost. */
  reserve(a: number, b: number, c: number): void;
  /**
   * C[at …] += A · B for `rows` × `cols` entries, both multiples of the tile; C has row stride `cols`.
   * A holds rows / 4 panels, B cols / 4 panels of `steps` steps each.
   */
  multiply(rows: number, cols: number, steps: number, at: number): void;
}

/** The engine in plain JavaScript numbers. */
export function createPortableEngine(): PanelEngine {
  let a = new Float64Array(0);
  let b = new Float64Array(0);
  let c = new Float64Array(0);
  const grown = (array: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> =>
    array.length >= length ? array : new Float64Array(length);
  return {
    name: "portable",
    get a() {
      return a;
    },
    get b() {
      return b;
    },
    get c() {
      return c;
    },
    reserve(aLength, bLength, cLength) {
      a = grown(a, aLength);
      b = grown(b, bLength);
      c = grown(c, cLength);
    },
    multiply(rows, cols, steps, at) {
      for (let j = 0; j < cols; j += tile) {
        for (let i = 0; i < rows; i += tile)
          addTile(steps, a, i * steps, b, j * steps, c, at + i * cols + j, cols);
      }
    },
  };
}

/** Rounds up to whole tiles. */
export function wholeTiles(count: number): number {
  return Math.ceil(count / tile) * tile;
}

/** c += Σ a·b over one panel of each; a and b hold 4 entries per step. */
function addTile(
  steps: number,
  a: Float64Array,
  aFrom: number,
  b: Float64Array,
  bFrom: number,
  c: Float64Array,
  cFrom: number,
  ldc: number,
): void {
  let ap = aFrom;
  let bp = bFrom;
  const end = aFrom + steps * 4;
  let c00 = 0;
  let c01 = 0;
  let c02 = 0;
  let c03 = 0;
  let c10 = 0;
  let c11 = 0;
  let c12 = 0;
  let c13 = 0;
  let c20 = 0;
  let c21 = 0;
  let c22 = 0;
  let c23 = 0;
  let c30 = 0;
  let c31 = 0;
  let c32 = 0;
  let c33 = 0;
  while (ap < end) {
    const b0 = b[bp]!;
    const b1 = b[bp + 1]!;
    const b2 = b[bp + 2]!;
    const b3 = b[bp + 3]!;
    const a0 = a[ap]!;
    c00 += a0 * b0;
    c01 += a0 * b1;
    c02 += a0 * b2;
    c03 += a0 * b3;
    const a1 = a[ap + 1]!;
    c10 += a1 * b0;
    c11 += a1 * b1;
    c12 += a1 * b2;
    c13 += a1 * b3;
    const a2 = a[ap + 2]!;
    c20 += a2 * b0;
    c21 += a2 * b1;
    c22 += a2 * b2;
    c23 += a2 * b3;
    const a3 = a[ap + 3]!;
    c30 += a3 * b0;
    c31 += a3 * b1;
    c32 += a3 * b2;
    c33 += a3 * b3;
    ap += 4;
    bp += 4;
  }
  let cp = cFrom;
  c[cp] = c[cp]! + c00;
  c[cp + 1] = c[cp + 1]! + c01;
  c[cp + 2] = c[cp + 2]! + c02;
  c[cp + 3] = c[cp + 3]! + c03;
  cp += ldc;
  c[cp] = c[cp]! + c10;
  c[cp + 1] = c[cp + 1]! + c11;
  c[cp + 2] = c[cp + 2]! + c12;
  c[cp + 3] = c[cp + 3]! + c13;
  cp += ldc;
  c[cp] = c[cp]! + c20;
  c[cp + 1] = c[cp + 1]! + c21;
  c[cp + 2] = c[cp + 2]! + c22;
  c[cp + 3] = c[cp + 3]! + c23;
  cp += ldc;
  c[cp] = c[cp]! + c30;
  c[cp + 1] = c[cp + 1]! + c31;
  c[cp + 2] = c[cp + 2]! + c32;
  c[cp + 3] = c[cp + 3]! + c33;
}
