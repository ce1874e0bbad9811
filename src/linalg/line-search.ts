/** A point with the objective's value and gradient. */
export interface LinePoint {
  readonly x: Float64Array;
  readonly grad: Float64Array;
  value: number;
}

const sufficientDecrease = 1e-4;
const curvature = 0.9;
const maxEvaluations = 25;

/** One end of the bracket: step length, value and slope along the direction. */
interface End {
  step: number;
  value: number;
  slope: number;
}

/**
 * A step along `direction` that meets the strong Wolfe conditions (Nocedal and Wright 2006, algorithms 3.5 and 3.6,
 * with cubic interpolation), or the lowest point met that meets the first of them. Values that are not finite count as
 * too far. The result is one of the two buffers `a` and `b`; null when `direction` does not descend or nothing lower
 * was found.
 */
export function findStep(
  evaluate: (point: LinePoint) => void,
  from: LinePoint,
  direction: Float64Array,
  firstStep: number,
  a: LinePoint,
  b: LinePoint,
): LinePoint | null {
  const slope0 = along(from.grad, direction);
  if (!(slope0 < 0 && slope0 > -Infinity)) return null;
  let best: LinePoint | null = null;
  let low: End = { step: 0, value: from.value, slope: slope0 };
  let high: End | null = null;
  let step = firstStep;
  for (let evaluation = 0; evaluation < maxEvaluations; evaluation++) {
    const point: LinePoint = best === a ? b : a;
    for (let i = 0; i < direction.length; i++) point.x[i] = from.x[i]! + step * direction[i]!;
    evaluate(point);
    const slope = along(point.grad, direction);
    const finite = Number.isFinite(point.value) && Number.isFinite(slope);
    const trial: End = { step, value: point.value, slope };
    const decreased = finite && point.value <= from.value + sufficientDecrease * step * slope0;
    if (decreased && point.value < from.value && (!best || point.value < best.value)) best = point;
    if (!decreased || point.value >= low.value) {
      high = finite ? trial : { step, value: Infinity, slope: NaN };
    } else {
      if (Math.abs(slope) <= -curvature * slope0) return point.value < from.value ? point : null;
      if (slope * (high ? high.step - low.step : 1) >= 0) high = low;
      low = trial;
    }
    if (high) {
      const next = interpolate(low, high);
      if (next === low.step || next === high.step) break;
      step = next;
    } else {
      step *= 4;
      if (!(step < 1e100)) break;
    }
  }
  return best;
}

/** The minimum of the cubic through both ends, kept off them; the middle when there is no such minimum. */
function interpolate(low: End, high: End): number {
  const width = high.step - low.step;
  const middle = low.step + 0.5 * width;
  if (high.value === Infinity) return low.step + 0.1 * width;
  const d1 = low.slope + high.slope - (3 * (low.value - high.value)) / (low.step - high.step);
  const square = d1 * d1 - low.slope * high.slope;
  if (!(square >= 0)) return middle;
  const d2 = width < 0 ? -Math.sqrt(square) : Math.sqrt(square);
  const minimum = high.step - width * ((high.slope + d2 - d1) / (high.slope - low.slope + 2 * d2));
  const inner = (minimum - low.step) / width;
  if (!(inner > 0.05 && inner < 0.95)) return inner <= 0.05 ? low.step + 0.05 * width : middle;
  return minimum;
}

function along(grad: Float64Array, direction: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < grad.length; i++) sum += grad[i]! * direction[i]!;
  return sum;
}
