/*
 * Products of packed panels, blocked after Goto and van de Geijn, «Anatomy of high-performance matrix multiplication»
 * (2008). A block of A lies in panels of 4 rows, a block of B in panels of 4 columns, both interleaved step by step;
 * a 4 × 4 tile of C is summed in registers.
 */

/** Rows and columns of a panel tile. */
export const tile = 4;

/** Steps per packed block, rows of a block of A, columns of a block of B. */
export const depthBlock = 256;
export const rowBlock = 96;
export const columnBlock = 256;

/** Where panels are packed. */
export type PanelArray = Float64Array | number[];

/** Scratch arrays and the inner loop of a product; all lengths are in float64 elements. */
export interface PanelEngine {
  readonly name: string;
  /** Place for one block of A, and for one block of B or as much as the engine was made for. */
  readonly a: PanelArray;
  readonly b: PanelArray;
  readonly c: Float64Array;
  /** Grows C; what was in A and C may be lost, B stays. */
  reserve(c: number): void;
  /**
   * C[at …] += A · B for `rows` × `cols` entries, both multiples of the tile; C has row stride `cols`.
   * A holds rows / 4 panels, B from its entry `bAt` on cols / 4 panels of `steps` steps each.
   */
  multiply(rows: number, cols: number, steps: number, at: number, bAt: number): void;
}

/** Length of a block of B. */
export const rightBlock = columnBlock * depthBlock;

/** Rounds up to whole tiles. */
export function wholeTiles(count: number): number {
  return Math.ceil(count / tile) * tile;
}

/** The engine in plain JavaScript numbers, with place for `bLength` entries of B. */
export function createPortableEngine(bLength = rightBlock): PanelEngine {
  // Constants around the inner loop cost less to reach than parameters. Plain arrays of numbers (which entries other than
  // small integers make of them) cost less than typed ones, whose memory may have been detached: once any has been in a
  // process, every access looks whether its own was.
  const unpacked = (length: number): number[] => Array.from({ length }, () => NaN);
  const a = unpacked(rowBlock * depthBlock);
  const b = unpacked(bLength);
  let c = new Float64Array(0);

  /**
   * c += Σ a·b over one panel of A and two columns of one of B: as many sums as stay in registers. Two steps at a time cost
   * less than one each; every sum is still over one step after the other.
   */
  function addHalfTile(steps: number, aFrom: number, bFrom: number, cFrom: number, ldc: number): void {
    // Indices are below 2³⁰; that they are said to be spares checks for overflow.
    const indexMask = 0x3fffffff;
    let p = aFrom & indexMask;
    let q = bFrom & indexMask;
    const end = aFrom + steps * 4;
    let c00 = 0;
    let c01 = 0;
    let c10 = 0;
    let c11 = 0;
    let c20 = 0;
    let c21 = 0;
    let c30 = 0;
    let c31 = 0;
    const endOfPairs = end - 4;
    while (p < endOfPairs) {
      const a0 = a[p]!;
      const a1 = a[p + 1]!;
      const a2 = a[p + 2]!;
      const a3 = a[p + 3]!;
      const b0 = b[q]!;
      c00 += a0 * b0;
      c10 += a1 * b0;
      c20 += a2 * b0;
      c30 += a3 * b0;
      const b1 = b[q + 1]!;
      c01 += a0 * b1;
      c11 += a1 * b1;
      c21 += a2 * b1;
      c31 += a3 * b1;
      const nextA0 = a[p + 4]!;
      const nextA1 = a[p + 5]!;
      const nextA2 = a[p + 6]!;
      const nextA3 = a[p + 7]!;
      const nextB0 = b[q + 4]!;
      c00 += nextA0 * nextB0;
      c10 += nextA1 * nextB0;
      c20 += nextA2 * nextB0;
      c30 += nextA3 * nextB0;
      const nextB1 = b[q + 5]!;
      c01 += nextA0 * nextB1;
      c11 += nextA1 * nextB1;
      c21 += nextA2 * nextB1;
      c31 += nextA3 * nextB1;
      p = (p + 8) & indexMask;
      q = (q + 8) & indexMask;
    }
    if (p < end) {
      const a0 = a[p]!;
      const a1 = a[p + 1]!;
      const a2 = a[p + 2]!;
      const a3 = a[p + 3]!;
      const b0 = b[q]!;
      c00 += a0 * b0;
      c10 += a1 * b0;
      c20 += a2 * b0;
      c30 += a3 * b0;
      const b1 = b[q + 1]!;
      c01 += a0 * b1;
      c11 += a1 * b1;
      c21 += a2 * b1;
      c31 += a3 * b1;
    }
    let cp = cFrom;
    c[cp] = c[cp]! + c00;
    c[cp + 1] = c[cp + 1]! + c01;
    cp += ldc;
    c[cp] = c[cp]! + c10;
    c[cp + 1] = c[cp + 1]! + c11;
    cp += ldc;
    c[cp] = c[cp]! + c20;
    c[cp + 1] = c[cp + 1]! + c21;
    cp += ldc;
    c[cp] = c[cp]! + c30;
    c[cp + 1] = c[cp + 1]! + c31;
  }

  return {
    name: "portable",
    a,
    b,
    get c() {
      return c;
    },
    reserve(length) {
      if (c.length < length) c = new Float64Array(length);
    },
    multiply(rows, cols, steps, at, bAt) {
      for (let j = 0; j < cols; j += tile) {
        for (let i = 0; i < rows; i += tile) {
          const to = at + i * cols + j;
          addHalfTile(steps, i * steps, bAt + j * steps, to, cols);
          addHalfTile(steps, i * steps, bAt + j * steps + 2, to + 2, cols);
        }
      }
    },
  };
}
