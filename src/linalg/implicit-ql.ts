/** Rotations kept before they are applied to the vectors. */
const batch = 8192;
const maxIterations = 60;
/** Beside the relative test, entries this small against the whole matrix count as zero. */
const negligible = 2 ** -60;
/**
 * Steps for one eigenvalue after which entries of the size of rounding count as zero too, as in EISPACK: in the long tail of
 * noise that a matrix of low rank ends in, the shift may find nothing else to go by.
 */
const patience = 15;

/**
 * Eigenvalues of a symmetric tridiagonal matrix by implicit QL with Wilkinson's shift (EISPACK imtql2). On return
 * `diagonal` holds the eigenvalues in no order and `basis` (n × n, row-major) is multiplied by the eigenvectors from
 * the right; `offDiagonal` is destroyed. Entries must be of magnitude ≤ 1 or so. Rotations are collected and then
 * applied to four rows of the basis at a time, each row being one contiguous sweep.
 */
export function implicitQl(diagonal: Float64Array, offDiagonal: Float64Array, basis: Float64Array): void {
  const d = diagonal;
  const e = offDiagonal;
  const n = d.length;
  let size = 0;
  for (let i = 0; i < n; i++) size = Math.max(size, Math.abs(d[i]!) + Math.abs(e[i]!));
  const rotations = new RotationBatch(basis, n);
  for (let l = 0; l < n; l++) {
    for (let iteration = 0; ; iteration++) {
      const floor = (iteration < patience ? negligible : Number.EPSILON) * size;
      let m = l;
      for (; m < n - 1; m++) {
        const link = Math.abs(e[m]!);
        if (link <= floor || link <= Number.EPSILON * (Math.abs(d[m]!) + Math.abs(d[m + 1]!))) break;
      }
      if (m === l) break;
      if (iteration === maxIterations) {
        throw new Error(`implicit QL: eigenvalue ${l} of ${n} did not converge in ${maxIterations} steps`);
      }
      rotations.begin(m);
      const ratio = (d[l + 1]! - d[l]!) / (2 * e[l]!);
      const root = Math.sqrt(ratio * ratio + 1);
      let g = d[m]! - d[l]! + e[l]! / (ratio + (ratio < 0 ? -root : root));
      let s = 1;
      let c = 1;
      let p = 0;
      let i = m - 1;
      for (; i >= l; i--) {
        const f = s * e[i]!;
        const b = c * e[i]!;
        const r = hypotenuse(f, g);
        e[i + 1] = r;
        if (r === 0) {
          // Underflow has split the matrix: start again on the two parts.
          d[i + 1] = d[i + 1]! - p;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        const shifted = d[i + 1]! - p;
        const q = (d[i]! - shifted) * s + 2 * c * b;
        p = s * q;
        d[i + 1] = shifted + p;
        g = c * q - b;
        rotations.push(c, s);
      }
      rotations.end();
      if (i >= l) continue;
      d[l] = d[l]! - p;
      e[l] = g;
      e[m] = 0;
    }
  }
  rotations.flush();
}

function hypotenuse(x: number, y: number): number {
  const squares = x * x + y * y;
  if (squares > 1e-280) return Math.sqrt(squares);
  const larger = Math.max(Math.abs(x), Math.abs(y));
  if (larger === 0) return 0;
  const smaller = Math.min(Math.abs(x), Math.abs(y)) / larger;
  return larger * Math.sqrt(1 + smaller * smaller);
}

/** Sweeps of rotations, waiting to be applied to the columns of a matrix. */
class RotationBatch {
  private readonly cosines: Float64Array;
  private readonly sines: Float64Array;
  /** Per sweep: the upper column of its first rotation, and where its rotations end. */
  private readonly tops: number[] = [];
  private readonly ends: number[] = [];
  private count = 0;

  constructor(
    private readonly target: Float64Array,
    private readonly n: number,
  ) {
    this.cosines = new Float64Array(batch + n);
    this.sines = new Float64Array(batch + n);
  }

  /** Starts a sweep whose first rotation mixes the columns top − 1 and top, the next top − 2 and top − 1, … */
  begin(top: number): void {
    this.tops.push(top);
  }

  push(c: number, s: number): void {
    this.cosines[this.count] = c;
    this.sines[this.count++] = s;
  }

  end(): void {
    this.ends.push(this.count);
    if (this.count >= batch) this.flush();
  }

  flush(): void {
    const { n, target } = this;
    let row = 0;
    for (; row + 4 <= n; row += 4) this.rotate(target, row * n);
    if (row < n) {
      // The last rows go through a block of four, the rest of which idles.
      const block = new Float64Array(4 * n);
      block.set(target.subarray(row * n));
      this.rotate(block, 0);
      target.set(block.subarray(0, (n - row) * n), row * n);
    }
    this.tops.length = 0;
    this.ends.length = 0;
    this.count = 0;
  }

  /** Applies all sweeps to four rows of `z` from `at` on, carrying the upper column along each sweep. */
  private rotate(z: Float64Array, at: number): void {
    const { n, cosines, sines, tops, ends } = this;
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
        const c = cosines[next]!;
        const s = sines[next]!;
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
