import { createWasmRotations, lanes, type RotationEngine } from "./wasm-rotations.js";

/** Rotations kept before they are applied, at least; and for each column, as packing a panel has to be worth it. */
const batch = 8192;
const batchPerColumn = 16;
/** Matrices of fewer columns aren't worth packing. */
const fewestColumns = 16;

let compiled: RotationEngine | null | undefined;

/** The engine of this process; null where there is none but plain JavaScript. */
export function rotationEngine(): RotationEngine | null {
  if (compiled === undefined) compiled = createWasmRotations();
  return compiled;
}

/** Sweeps of rotations, waiting to be applied to the columns of a matrix. Both ways of doing so give the same bits. */
export class RotationBatch {
  readonly #engine: RotationEngine | null;
  /** Cosines and sines in turn. */
  readonly #rotations: Float64Array;
  /** Per sweep: the upper column of its first rotation, and where its rotations end. */
  readonly #tops: number[] = [];
  readonly #ends: number[] = [];
  readonly #most: number;
  #count = 0;

  /** `target` is n × n, row-major. */
  constructor(
    private readonly target: Float64Array,
    private readonly n: number,
    engine: RotationEngine | null,
  ) {
    this.#engine = n < fewestColumns ? null : engine;
    this.#most = Math.max(batch, this.#engine ? batchPerColumn * n : 0);
    this.#rotations = new Float64Array(2 * (this.#most + n));
  }

  /** Starts a sweep whose first rotation mixes the columns top − 1 and top, the next top − 2 and top − 1, … */
  begin(top: number): void {
    this.#tops.push(top);
  }

  push(c: number, s: number): void {
    const at = 2 * this.#count++;
    this.#rotations[at] = c;
    this.#rotations[at + 1] = s;
  }

  end(): void {
    this.#ends.push(this.#count);
    if (this.#count >= this.#most) this.flush();
  }

  flush(): void {
    if (this.#engine) this.#flushOn(this.#engine);
    else this.#flushInPlace();
    this.#tops.length = 0;
    this.#ends.length = 0;
    this.#count = 0;
  }

  #flushOn(engine: RotationEngine): void {
    const { n, target } = this;
    engine.reserve(n, this.#count);
    const { panel } = engine;
    engine.rotations.set(this.#rotations.subarray(0, 2 * this.#count));
    for (let row = 0; row < n; row += lanes) {
      const rows = Math.min(lanes, n - row);
      for (let r = 0; r < rows; r++)
        for (let j = 0, at = (row + r) * n, to = r; j < n; j++, to += lanes) panel[to] = target[at + j]!;
      let from = 0;
      for (const [sweep, top] of this.#tops.entries()) {
        const end = this.#ends[sweep]!;
        if (end > from) engine.sweep(top, from, end);
        from = end;
      }
      for (let r = 0; r < rows; r++)
        for (let j = 0, at = (row + r) * n, to = r; j < n; j++, to += lanes) target[at + j] = panel[to]!;
    }
  }

  #flushInPlace(): void {
    const { n, target } = this;
    let row = 0;
    for (; row + 4 <= n; row += 4) this.#rotate(target, row * n);
    if (row < n) {
      // The last rows go through a block of four, the rest of which idles.
      const block = new Float64Array(4 * n);
      block.set(target.subarray(row * n));
      this.#rotate(block, 0);
      target.set(block.subarray(0, (n - row) * n), row * n);
    }
  }

  /** Applies all sweeps to four rows of `z` from `at` on, carrying the upper column along each sweep. */
  #rotate(z: Float64Array, at: number): void {
    const { n } = this;
    const [rotations, tops, ends] = [this.#rotations, this.#tops, this.#ends];
    let next = 0;
    for (let sweep = 0; sweep < tops.length; sweep++) {
      const end = ends[sweep]!;
      let p0 = at + tops[sweep]!;
      let p1 = p0 + n;
      let p2 = p1 + n;
      let p3 = p2 + n;
      let f0 = z[p0]!;
      let f1 = z[p1]!;
      let f2 = z[p2]!;
      let f3 = z[p3]!;
      for (; next < end; next++) {
        const c = rotations[2 * next]!;
        const s = rotations[2 * next + 1]!;
        const z0 = z[p0 - 1]!;
        z[p0] = s * z0 + c * f0;
        f0 = c * z0 - s * f0;
        p0--;
        const z1 = z[p1 - 1]!;
        z[p1] = s * z1 + c * f1;
        f1 = c * z1 - s * f1;
        p1--;
        const z2 = z[p2 - 1]!;
        z[p2] = s * z2 + c * f2;
        f2 = c * z2 - s * f2;
        p2--;
        const z3 = z[p3 - 1]!;
        z[p3] = s * z3 + c * f3;
        f3 = c * z3 - s * f3;
        p3--;
      }
      z[p0] = f0;
      z[p1] = f1;
      z[p2] = f2;
      z[p3] = f3;
    }
  }
}
