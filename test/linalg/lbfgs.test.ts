import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lbfgs, type Objective } from "../../src/linalg/index.js";
import { randomMatrix } from "./generators.js";

const rosenbrock: Objective = (x, grad) => {
  let f = 0;
  for (let i = 0; i < x.length; i += 2) {
    const a = 1 - x[i]!;
    const b = x[i + 1]! - x[i]! * x[i]!;
    f += a * a + 100 * b * b;
    grad[i] = -2 * a - 400 * x[i]! * b;
    grad[i + 1] = 200 * b;
  }
  return f;
};

describe("lbfgs", () => {
  it("finds the bottom of Rosenbrock's valley, at any size", () => {
    for (const n of [2, 10, 20000]) {
      const x0 = Float64Array.from({ length: n }, (_, i) => (i % 2 === 0 ? -1.2 : 1));
      const { x, value, steps } = lbfgs(rosenbrock, x0, { steps: 200 });
      expect(value).toBeLessThan(1e-10);
      expect(steps).toBeLessThan(80);
      expect(Math.max(...x.subarray(0, 10).map((v) => Math.abs(v - 1)))).toBeLessThan(1e-4);
      expect(x0[0]).toBe(-1.2);
    }
  });

  it("never rises, and its result is the value at its x", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer(),
        fc.constantFrom(1, 1e3, 1e6),
        (n, seed, condition) => {
          const a = randomMatrix(n, n, seed);
          const objective: Objective = (x, grad) => {
            let f = 0;
            grad.fill(0);
            for (let i = 0; i < n; i++) {
              let r = -1;
              for (let j = 0; j < n; j++) r += a.data[i * n + j]! * x[j]!;
              const weight = i % 2 === 0 ? 1 : condition;
              // Quartic: not convex-quadratic, so that the line search has work to do.
              f += weight * (r * r + 0.1 * r * r * r * r);
              const slope = weight * (2 * r + 0.4 * r * r * r);
              for (let j = 0; j < n; j++) grad[j]! += slope * a.data[i * n + j]!;
            }
            return f;
          };
          const values: number[] = [];
          const x0 = new Float64Array(n).fill(2);
          const { x, value } = lbfgs(objective, x0, {
            steps: 100,
            onStep: (_, v) => {
              values.push(v);
              return true;
            },
          });
          const grad = new Float64Array(n);
          expect(objective(x, grad)).toBe(value);
          let previous = objective(x0, grad);
          for (const v of values) {
            expect(v).toBeLessThanOrEqual(previous);
            previous = v;
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("steps back from values that are not finite", () => {
    // −log x + x, whose domain ends at 0.
    const barrier: Objective = (x, grad) => {
      if (!(x[0]! > 0)) return NaN;
      grad[0] = -1 / x[0]! + 1;
      return x[0]! - Math.log(x[0]!);
    };
    const { x } = lbfgs(barrier, Float64Array.of(1e-3), { steps: 100 });
    expect(x[0]).toBeCloseTo(1, 5);
    const { x: down } = lbfgs(barrier, Float64Array.of(50), { steps: 100 });
    expect(down[0]).toBeCloseTo(1, 5);
  });

  it("ends on an unbounded function, a wrong gradient, a flat spot and at zero steps", () => {
    const linear: Objective = (x, grad) => {
      grad[0] = 1;
      return x[0]!;
    };
    expect(lbfgs(linear, Float64Array.of(0), { steps: 50 }).value).toBeLessThan(0);
    const wrong: Objective = (x, grad) => {
      grad[0] = -1;
      return x[0]!;
    };
    expect(lbfgs(wrong, Float64Array.of(3), { steps: 50 })).toMatchObject({ value: 3, steps: 0 });
    const flat: Objective = (_, grad) => {
      grad.fill(0);
      return 7;
    };
    expect(lbfgs(flat, new Float64Array(3), { steps: 5 })).toMatchObject({ value: 7, steps: 0 });
    expect(lbfgs(rosenbrock, Float64Array.of(0, 0), { steps: 0 })).toMatchObject({
      value: 1,
      steps: 0,
      evaluations: 1,
    });
    expect(lbfgs(flat, new Float64Array(0), { steps: 5 }).steps).toBe(0);
  });

  it("refuses a start that is not finite", () => {
    expect(() => lbfgs(() => NaN, Float64Array.of(1), { steps: 1 })).toThrow(RangeError);
    expect(() => lbfgs(rosenbrock, Float64Array.of(1, 1), { steps: 1, memory: 0 })).toThrow(RangeError);
  });

  it("gives the same bytes again", () => {
    const run = () => lbfgs(rosenbrock, Float64Array.of(-1.2, 1, 3, -4), { steps: 17 });
    expect(run()).toEqual(run());
  });
});
