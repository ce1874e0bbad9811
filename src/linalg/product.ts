import {
  columnBlock,
  createPortableEngine,
  depthBlock,
  rowBlock,
  tile,
  wholeTiles,
  type PanelArray,
  type PanelEngine,
} from "./panels.js";
import { createWasmEngine } from "./wasm-panels.js";

/** Rows of C held at a time. */
const heldRows = 1024;

/** Packs `lines` lines of `steps` entries into interleaved panels; missing lines of the last panel are zeros. */
export type PackPanels = (
  into: PanelArray,
  firstLine: number,
  lines: number,
  firstStep: number,
  steps: number,
) => void;

/** Takes finished entries of C: `rows` rows of `cols` columns at (row, column), row stride `stride`. */
export type StoreBlock = (
  c: Float64Array,
  stride: number,
  row: number,
  rows: number,
  column: number,
  cols: number,
) => void;

export interface ProductOperands {
  /** C = A · B: A is rows × depth, B depth × cols. */
  readonly rows: number;
  readonly cols: number;
  readonly depth: number;
  readonly packA: PackPanels;
  readonly packB: PackPanels;
  readonly store: StoreBlock;
}

/** Arrays that operands are packed from. */
export type PackableArray =
  Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

let chosen: PanelEngine | null = null;

/** The engine that products run on, the fastest that the platform has; made on first use. */
export function panelEngine(): PanelEngine {
  return (chosen ??= createPanelEngine());
}

/** An engine of that kind with place for `bLength` entries of B, for one block without. */
export function createPanelEngine(bLength?: number): PanelEngine {
  return createWasmEngine(bLength) ?? createPortableEngine(bLength);
}

/**
 * C = A · B in float64 through packed blocks: whatever the operands' layout, the inner loop sees panels. Scratch is
 * bounded whatever the sizes. Every entry is summed over the depth in ascending order within a block and over the
 * blocks in ascending order.
 */
export function product(
  { rows, cols, depth, packA, packB, store }: ProductOperands,
  engine: PanelEngine = panelEngine(),
): void {
  if (rows === 0 || cols === 0) return;
  const { reserve, multiply } = engine;
  reserve(wholeTiles(Math.min(rows, heldRows)) * wholeTiles(Math.min(cols, columnBlock)));
  const { a, b, c } = engine;
  for (let r0 = 0; r0 < rows; r0 += heldRows) {
    const held = Math.min(heldRows, rows - r0);
    for (let j0 = 0; j0 < cols; j0 += columnBlock) {
      const width = Math.min(columnBlock, cols - j0);
      const stride = wholeTiles(width);
      c.fill(0, 0, wholeTiles(held) * stride);
      for (let k0 = 0; k0 < depth; k0 += depthBlock) {
        const steps = Math.min(depthBlock, depth - k0);
        packB(b, j0, width, k0, steps);
        for (let i0 = 0; i0 < held; i0 += rowBlock) {
          const height = Math.min(rowBlock, held - i0);
          packA(a, r0 + i0, height, k0, steps);
          multiply(wholeTiles(height), stride, steps, i0 * stride, 0);
        }
      }
      store(c, stride, r0, held, j0, width);
    }
  }
}

/** Packs lines whose entry (line, step) is `from[offset + line · lineStride + step · stepStride]`. */
export function packStrided(
  from: PackableArray,
  offset: number,
  lineStride: number,
  stepStride: number,
): PackPanels {
  return (into, firstLine, lines, firstStep, steps) => {
    let to = 0;
    for (let line = 0; line < lines; line += tile) {
      let p0 = offset + (firstLine + line) * lineStride + firstStep * stepStride;
      if (line + tile <= lines) {
        let p1 = p0 + lineStride;
        let p2 = p1 + lineStride;
        let p3 = p2 + lineStride;
        for (let step = 0; step < steps; step++) {
          into[to] = from[p0]!;
          into[to + 1] = from[p1]!;
          into[to + 2] = from[p2]!;
          into[to + 3] = from[p3]!;
          to += tile;
          p0 += stepStride;
          p1 += stepStride;
          p2 += stepStride;
          p3 += stepStride;
        }
        continue;
      }
      for (let step = 0; step < steps; step++, p0 += stepStride) {
        for (let r = 0; r < tile; r++, to++) into[to] = line + r < lines ? from[p0 + r * lineStride]! : 0;
      }
    }
  };
}

/** Packs lines whose entry (line, step) is `from[starts[line] + offsets[step]]`: convolution patches. */
export function packGathered(from: Float64Array, starts: Int32Array, offsets: Int32Array): PackPanels {
  return (into, firstLine, lines, firstStep, steps) => {
    gather(into, from, starts, firstLine, lines, offsets, firstStep, steps);
  };
}

function gather(
  into: PanelArray,
  from: Float64Array,
  starts: Int32Array,
  firstLine: number,
  lines: number,
  offsets: Int32Array,
  firstStep: number,
  steps: number,
): void {
  let to = 0;
  const lastStep = firstStep + steps;
  const last = firstLine + lines - 1;
  for (let line = firstLine; line <= last; line += tile) {
    // Missing lines repeat the last one: their columns of C are never read.
    const p0 = starts[line]!;
    const p1 = starts[Math.min(line + 1, last)]!;
    const p2 = starts[Math.min(line + 2, last)]!;
    const p3 = starts[Math.min(line + 3, last)]!;
    for (let step = firstStep; step < lastStep; step++) {
      const offset = offsets[step]!;
      into[to] = from[p0 + offset]!;
      into[to + 1] = from[p1 + offset]!;
      into[to + 2] = from[p2 + offset]!;
      into[to + 3] = from[p3 + offset]!;
      to += 4;
    }
  }
}
