import { RotationBatch, rotationEngine } from "./rotations.js";

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
 * applied to some rows of the basis at a time.
 */
export function implicitQl(
  diagonal: Float64Array,
  offDiagonal: Float64Array,
  basis: Float64Array,
  engine = rotationEngine(),
): void {
  const d = diagonal;
  const e = offDiagonal;
  const n = d.length;
  let size = 0;
  for (let i = 0; i < n; i++) size = Math.max(size, Math.abs(d[i]!) + Math.abs(e[i]!));
  const rotations = new RotationBatch(basis, n, engine);
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
