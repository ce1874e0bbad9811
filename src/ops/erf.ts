/*
 * The error function to the last bit or two, by the rational approximations of W. J. Cody, «Rational Chebyshev
 * approximations for the error function» (1969), in the arrangement of Sun's fdlibm: one polynomial quotient for each of
 * |x| < 0.84375, < 1.25, < 1/0.35 and < 6.
 */

const scale = 1.28379167095512586316e-1; // 2/√π − 1
const erx = 8.45062911510467529297e-1;

const pp = [
  1.28379167095512558561e-1, -3.25042107247001499370e-1, -2.84817495755985104766e-2,
  -5.77027029648944159157e-3, -2.37630166566501626084e-5,
]; // prettier-ignore
const qq = [
  1, 3.97917223959155352819e-1, 6.50222499887672944485e-2, 5.08130628187576562776e-3,
  1.32494738004321644526e-4, -3.96022827877536812320e-6,
]; // prettier-ignore
const pa = [
  -2.36211856075265944077e-3, 4.14856118683748331666e-1, -3.72207876035701323847e-1,
  3.18346619901161753674e-1, -1.10894694282396677476e-1, 3.54783043256182359371e-2,
  -2.16637559486879084300e-3,
]; // prettier-ignore
const qa = [
  1, 1.06420880400844228286e-1, 5.40397917702171048937e-1, 7.18286544141962662868e-2,
  1.26171219808761642112e-1, 1.36370839120290507362e-2, 1.19844998467991074170e-2,
]; // prettier-ignore
const ra = [
  -9.86494403484714822705e-3, -6.93858572707181764372e-1, -1.05586262253232909814e1,
  -6.23753324503260060396e1, -1.62396669462573470355e2, -1.84605092906711035994e2,
  -8.12874355063065934246e1, -9.81432934416914548592,
]; // prettier-ignore
const sa = [
  1, 1.96512716674392571292e1, 1.37657754143519042600e2, 4.34565877475229228821e2,
  6.45387271733267880336e2, 4.29008140027567833386e2, 1.08635005541779435134e2,
  6.57024977031928170135, -6.04244152148580987438e-2,
]; // prettier-ignore
const rb = [
  -9.86494292470009928597e-3, -7.99283237680523006574e-1, -1.77579549177547519889e1,
  -1.60636384855821916062e2, -6.37566443368389627722e2, -1.02509513161107724954e3,
  -4.83519191608651397019e2,
]; // prettier-ignore
const sb = [
  1, 3.03380607434824582924e1, 3.25792512996573918826e2, 1.53672958608443695994e3,
  3.19985821950859553908e3, 2.55305040643316442583e3, 4.74528541206955367215e2,
  -2.24409524465858183362e1,
]; // prettier-ignore

function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) sum = sum * x + coefficients[i]!;
  return sum;
}

/** erf(x) = 2/√π ∫₀ˣ e^(−t²) dt. */
export function erf(x: number): number {
  const magnitude = Math.abs(x);
  if (Number.isNaN(x)) return NaN;
  if (magnitude < 0.84375) {
    if (magnitude < 2 ** -28) return x + scale * x;
    const square = x * x;
    return x + x * (polynomial(pp, square) / polynomial(qq, square));
  }
  if (magnitude < 1.25) {
    const s = magnitude - 1;
    const value = erx + polynomial(pa, s) / polynomial(qa, s);
    return x < 0 ? -value : value;
  }
  const value = magnitude >= 6 ? 1 : 1 - complement(magnitude);
  return x < 0 ? -value : value;
}

/** 1 − erf(x) for 1.25 ≤ x < 6. */
function complement(x: number): number {
  const s = 1 / (x * x);
  const quotient =
    x < 1 / 0.35 ? polynomial(ra, s) / polynomial(sa, s) : polynomial(rb, s) / polynomial(sb, s);
  // e^(−x²) as e^(−z²)·e^((z−x)(z+x)) with a z whose square is exact.
  const z = Math.fround(x);
  return (Math.exp(-z * z - 0.5625) * Math.exp((z - x) * (z + x) + quotient)) / x;
}
