/*
 * Sums of 3×3 windows over one channel, for convolutions with few output channels (depthwise ones most of all): the taps
 * stay in registers and each element of a row is read once per output row.
 */

/** Where the windows of a padded channel lie. */
export interface Windows {
  /** Elements from one output row's windows to the next one's, and from one output column's to the next one's. */
  readonly down: number;
  readonly across: number;
  /** Elements between two rows of a window. */
  readonly rowStride: number;
  readonly width: number;
}

/** sums[r · width + j] += Σ taps · window, in the order of the taps; `taps` holds nine from `tap` on. */
export function addWindows(
  band: Float64Array,
  base: number,
  { down, across, rowStride, width }: Windows,
  rows: number,
  taps: Float64Array,
  tap: number,
  sums: Float64Array,
): void {
  for (let row = 0; row < rows; row++) {
    const at = base + row * down;
    if (across === 1) addRow(band, at, rowStride, taps, tap, sums, row * width, width);
    else addSteppedRow(band, at, rowStride, across, taps, tap, sums, row * width, width);
  }
}

function addRow(
  band: Float64Array,
  at: number,
  rowStride: number,
  taps: Float64Array,
  tap: number,
  sums: Float64Array,
  to: number,
  width: number,
): void {
  const [w0, w1, w2] = [taps[tap]!, taps[tap + 1]!, taps[tap + 2]!];
  const [w3, w4, w5] = [taps[tap + 3]!, taps[tap + 4]!, taps[tap + 5]!];
  const [w6, w7, w8] = [taps[tap + 6]!, taps[tap + 7]!, taps[tap + 8]!];
  let p = at + 2;
  let q = p + rowStride;
  let r = q + rowStride;
  let a0 = band[p - 2]!;
  let a1 = band[p - 1]!;
  let b0 = band[q - 2]!;
  let b1 = band[q - 1]!;
  let c0 = band[r - 2]!;
  let c1 = band[r - 1]!;
  const end = to + width;
  for (let i = to; i < end; i++, p++, q++, r++) {
    const a2 = band[p]!;
    const b2 = band[q]!;
    const c2 = band[r]!;
    const top = sums[i]! + w0 * a0 + w1 * a1 + w2 * a2;
    const middle = top + w3 * b0 + w4 * b1 + w5 * b2;
    sums[i] = middle + w6 * c0 + w7 * c1 + w8 * c2;
    a0 = a1;
    a1 = a2;
    b0 = b1;
    b1 = b2;
    c0 = c1;
    c1 = c2;
  }
}

function addSteppedRow(
  band: Float64Array,
  at: number,
  rowStride: number,
  step: number,
  taps: Float64Array,
  tap: number,
  sums: Float64Array,
  to: number,
  width: number,
): void {
  const [w0, w1, w2] = [taps[tap]!, taps[tap + 1]!, taps[tap + 2]!];
  const [w3, w4, w5] = [taps[tap + 3]!, taps[tap + 4]!, taps[tap + 5]!];
  const [w6, w7, w8] = [taps[tap + 6]!, taps[tap + 7]!, taps[tap + 8]!];
  let p = at;
  const end = to + width;
  for (let i = to; i < end; i++, p += step) {
    const q = p + rowStride;
    const r = q + rowStride;
    const top = sums[i]! + w0 * band[p]! + w1 * band[p + 1]! + w2 * band[p + 2]!;
    const middle = top + w3 * band[q]! + w4 * band[q + 1]! + w5 * band[q + 2]!;
    sums[i] = middle + w6 * band[r]! + w7 * band[r + 1]! + w8 * band[r + 2]!;
  }
}
