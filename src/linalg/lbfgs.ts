import { findStep, type LinePoint } from "./line-search.js";
import { maxAbs } from "./matrix.js";

/** f(x); writes the gradient at x into `grad`. May return NaN or infinity outside its domain. */
export type Objective = (x: Float64Array, grad: Float64Array) => number;

export interface LbfgsOptions {
  /** Steps at most. */
  readonly steps: number;
  /** Pairs of steps and gradient changes kept; 10 by default. */
  readonly memory?: number;
  /**
   * Ends when the largest entry of the gradient is at most this times max(1, |f|), or when 3 steps in a row lower f
   * by less than this relative to |f|; 1e-10 by default.
   */
  readonly tolerance?: number;
  /** Called after every step; false ends the search. */
  readonly onStep?: (step: number, value: number) => boolean | undefined;
}

export interface LbfgsResult {
  readonly x: Float64Array;
  readonly value: number;
  /** Steps taken. */
  readonly steps: number;
  /** Calls of the objective. */
  readonly evaluations: number;
}

/**
 * Minimises a smooth function by L-BFGS (Nocedal and Wright 2006, algorithm 7.5) with a line search for the strong
 * Wolfe conditions. f never rises from one step to the next; a step whose curvature is not positive leaves no pair; a
 * failed search falls back to steepest descent once and then ends. `x0` is kept. Throws RangeError when f or its
 * gradient is not finite at x0, or an option is out of range.
 */
export function lbfgs(f: Objective, x0: Float64Array, o: LbfgsOptions): LbfgsResult {
  const memory = o.memory ?? 10;
  const tolerance = o.tolerance ?? 1e-10;
  if (!Number.isInteger(memory) || memory < 1) throw new RangeError(`lbfgs: memory = ${memory}`);
  if (!(o.steps >= 0)) throw new RangeError(`lbfgs: steps = ${o.steps}`);
  const n = x0.length;
  let evaluations = 0;
  const evaluate = (point: LinePoint): void => {
    evaluations++;
    point.value = f(point.x, point.grad);
  };
  let current: LinePoint = { x: x0.slice(), grad: new Float64Array(n), value: 0 };
  let trial: LinePoint = { x: new Float64Array(n), grad: new Float64Array(n), value: 0 };
  let spare: LinePoint = { x: new Float64Array(n), grad: new Float64Array(n), value: 0 };
  evaluate(current);
  if (!Number.isFinite(current.value) || !(maxAbs(current.grad) < Infinity)) {
    throw new RangeError(`lbfgs: f(x0) = ${current.value}, or its gradient is not finite`);
  }
  const pairs = new CurvaturePairs(memory, n);
  const direction = new Float64Array(n);
  let stalled = 0;
  let step = 0;
  while (step < o.steps) {
    const slope = maxAbs(current.grad);
    if (slope <= tolerance * Math.max(1, Math.abs(current.value))) break;
    pairs.descend(current.grad, direction);
    let found = findStep(
      evaluate,
      current,
      direction,
      pairs.count > 0 ? 1 : firstStep(current, slope),
      trial,
      spare,
    );
    if (!found && pairs.count > 0) {
      pairs.clear();
      pairs.descend(current.grad, direction);
      found = findStep(evaluate, current, direction, firstStep(current, slope), trial, spare);
    }
    if (!found) break;
    step++;
    pairs.push(current, found);
    const gain = current.value - found.value;
    stalled = gain <= tolerance * Math.abs(current.value) ? stalled + 1 : 0;
    const old = current;
    current = found;
    if (found === trial) trial = old;
    else spare = old;
    if (o.onStep?.(step, current.value) === false || stalled >= 3) break;
  }
  return { x: current.x, value: current.value, steps: step, evaluations };
}

/** A first step along −∇f that changes no entry by more than a hundredth of the largest one (or than 1). */
function firstStep(point: LinePoint, slope: number): number {
  const size = maxAbs(point.x);
  return (size > 0 ? 0.01 * size : 1) / slope;
}

/** The last steps s = x₊ − x and gradient changes y = g₊ − g, in a ring. */
class CurvaturePairs {
  readonly #steps: Float64Array[] = [];
  readonly #changes: Float64Array[] = [];
  readonly #curvatures: number[] = [];
  readonly #weights: Float64Array;

  constructor(
    private readonly memory: number,
    private readonly n: number,
  ) {
    this.#weights = new Float64Array(memory);
  }

  get count(): number {
    return this.#steps.length;
  }

  clear(): void {
    this.#steps.length = 0;
    this.#changes.length = 0;
    this.#curvatures.length = 0;
  }

  /** Files the step from one point to the next unless its curvature is too small to trust. */
  push(from: LinePoint, to: LinePoint): void {
    const recycled = this.#steps.length === this.memory;
    const s = (recycled ? this.#steps.shift() : undefined) ?? new Float64Array(this.n);
    const y = (recycled ? this.#changes.shift() : undefined) ?? new Float64Array(this.n);
    if (recycled) this.#curvatures.shift();
    let sy = 0;
    let yy = 0;
    let ss = 0;
    for (let i = 0; i < this.n; i++) {
      const si = to.x[i]! - from.x[i]!;
      const yi = to.grad[i]! - from.grad[i]!;
      s[i] = si;
      y[i] = yi;
      sy += si * yi;
      yy += yi * yi;
      ss += si * si;
    }
    if (!(sy > 1e-12 * Math.sqrt(ss) * Math.sqrt(yy))) return;
    this.#steps.push(s);
    this.#changes.push(y);
    this.#curvatures.push(sy);
  }

  /** Writes −H·grad into `direction`, H being the inverse Hessian that the pairs stand for (two-loop recursion). */
  descend(grad: Float64Array, direction: Float64Array): void {
    const n = this.n;
    for (let i = 0; i < n; i++) direction[i] = -grad[i]!;
    for (let j = this.count - 1; j >= 0; j--) {
      const weight = dot(this.#steps[j]!, direction) / this.#curvatures[j]!;
      this.#weights[j] = weight;
      addScaled(direction, -weight, this.#changes[j]!);
    }
    if (this.count > 0) {
      const last = this.count - 1;
      const y = this.#changes[last]!;
      const scale = this.#curvatures[last]! / dot(y, y);
      for (let i = 0; i < n; i++) direction[i] = direction[i]! * scale;
    }
    for (let j = 0; j < this.count; j++) {
      const back = dot(this.#changes[j]!, direction) / this.#curvatures[j]!;
      addScaled(direction, this.#weights[j]! - back, this.#steps[j]!);
    }
  }
}

function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
  return sum;
}

function addScaled(x: Float64Array, factor: number, y: Float64Array): void {
  for (let i = 0; i < x.length; i++) x[i] = x[i]! + factor * y[i]!;
}
