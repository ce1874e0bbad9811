import { dot } from "./matrix.js";

/** Value of a function and its gradient. */
export interface Evaluation {
  readonly value: number;
  readonly gradient: Float64Array;
}

const memory = 8;
const sufficientDecrease = 1e-4;

/**
 * Limited-memory BFGS (Liu and Nocedal 1989) with backtracking on an asynchronous objective, so that its matrix
 * products can run elsewhere. Never ends above where it started. Stops after `steps` steps, or when a step lowers the
 * value by less than `tolerance` of it.
 */
export async function minimize(
  objective: (x: Float64Array) => Promise<Evaluation>,
  start: Float64Array,
  options: { readonly steps: number; readonly tolerance?: number },
): Promise<{ x: Float64Array; value: number }> {
  const { steps, tolerance = 1e-5 } = options;
  let x = start;
  let { value, gradient } = await objective(x);
  const pairs: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  for (let step = 0; step < steps && value > 0; step++) {
    const direction = quasiNewtonDirection(gradient, pairs);
    let slope = dot(direction, gradient);
    if (!(slope < 0)) {
      pairs.length = 0;
      for (let i = 0; i < direction.length; i++) direction[i] = -gradient[i]!;
      slope = -dot(gradient, gradient);
      if (slope === 0) break;
    }
    let length = pairs.length > 0 ? 1 : Math.min(1, value / -slope);
    let next: Float64Array | null = null;
    let evaluation: Evaluation | null = null;
    for (let tries = 0; tries < 12; tries++) {
      next = advance(x, direction, length);
      evaluation = await objective(next);
      if (evaluation.value <= value + sufficientDecrease * length * slope) break;
      // Minimum of the parabola through both values and the slope, kept away from both ends.
      const curvature = evaluation.value - value - length * slope;
      const ideal = curvature > 0 ? (-slope * length * length) / (2 * curvature) : length / 2;
      length = Math.min(Math.max(ideal, 0.1 * length), 0.5 * length);
      evaluation = null;
    }
    if (!evaluation || !next) break;
    const s = difference(next, x);
    const y = difference(evaluation.gradient, gradient);
    const curvature = dot(s, y);
    if (curvature > 1e-14 * Math.sqrt(dot(s, s) * dot(y, y))) {
      pairs.push({ s, y, rho: 1 / curvature });
      if (pairs.length > memory) pairs.shift();
    }
    const gain = value - evaluation.value;
    x = next;
    ({ value, gradient } = evaluation);
    if (gain <= tolerance * value) break;
  }
  return { x, value };
}

function quasiNewtonDirection(
  gradient: Float64Array,
  pairs: readonly { s: Float64Array; y: Float64Array; rho: number }[],
): Float64Array {
  const q = new Float64Array(gradient.length);
  for (let i = 0; i < q.length; i++) q[i] = -gradient[i]!;
  const alphas: number[] = [];
  for (let k = pairs.length - 1; k >= 0; k--) {
    const { s, y, rho } = pairs[k]!;
    const alpha = rho * dot(s, q);
    alphas[k] = alpha;
    for (let i = 0; i < q.length; i++) q[i]! -= alpha * y[i]!;
  }
  const newest = pairs.at(-1);
  if (newest) {
    const scale = 1 / (newest.rho * dot(newest.y, newest.y));
    for (let i = 0; i < q.length; i++) q[i]! *= scale;
  }
  for (let k = 0; k < pairs.length; k++) {
    const { s, y, rho } = pairs[k]!;
    const shift = alphas[k]! - rho * dot(y, q);
    for (let i = 0; i < q.length; i++) q[i]! += shift * s[i]!;
  }
  return q;
}

function advance(x: Float64Array, direction: Float64Array, length: number): Float64Array {
  const result = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) result[i] = x[i]! + length * direction[i]!;
  return result;
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  const result = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = a[i]! - b[i]!;
  return result;
}
