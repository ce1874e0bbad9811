/**
 * Wilson score interval for `k` successes in `n` trials: 95 % at z = 1.96. [0, 1] for no trials.
 * Source: E. B. Wilson, «Probable inference, the law of succession, and statistical inference», 1927.
 */
export function wilsonInterval(k: number, n: number, z = 1.96): [number, number] {
  if (n === 0) return [0, 1];
  const p = k / n;
  const z2 = z * z;
  const centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = (z / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
  return [k === 0 ? 0 : Math.max(0, centre - half), k === n ? 1 : Math.min(1, centre + half)];
}

export interface McNemar {
  /** Samples that only the first, and only the second, model gets right. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  /** Two-sided p-value of the exact test: how likely a difference at least as large is if both models are equally good. */
  readonly pValue: number;
}

/** McNemar's exact test on paired hits and misses (one entry per sample, truthy = right). */
export function mcnemar(first: ArrayLike<number | boolean>, second: ArrayLike<number | boolean>): McNemar {
  let [onlyFirst, onlySecond] = [0, 0];
  for (let i = 0; i < first.length; i++) {
    if (first[i] && !second[i]) onlyFirst++;
    if (!first[i] && second[i]) onlySecond++;
  }
  return {
    onlyFirst,
    onlySecond,
    pValue: binomialTwoSided(Math.min(onlyFirst, onlySecond), onlyFirst + onlySecond),
  };
}

/** 2 · P(X ≤ k) for X ~ Binomial(n, ½), at most 1; summed from the largest term down to stay exact for large n. */
function binomialTwoSided(k: number, n: number): number {
  let log = -n * Math.LN2;
  for (let i = 1; i <= k; i++) log += Math.log((n - i + 1) / i);
  let term = 1;
  let sum = 1;
  for (let i = k; i > 0; i--) {
    term *= i / (n - i + 1);
    sum += term;
  }
  return Math.min(1, 2 * Math.exp(log) * sum);
}
