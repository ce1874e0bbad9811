import { describe, expect, it } from "vitest";
import { seededRandom } from "../../src/linalg/index.js";

describe("seededRandom", () => {
  it("repeats itself, and differs by seed and fork", () => {
    const draw = (seed: number, label?: string) => {
      const random = label === undefined ? seededRandom(seed) : seededRandom(seed).fork(label);
      return Array.from({ length: 8 }, () => random.uniform());
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(draw(1, "a")).toEqual(draw(1, "a"));
    expect(draw(1, "a")).not.toEqual(draw(1, "b"));
    expect(draw(0)).toEqual(draw(-0));
    expect(() => seededRandom(NaN)).toThrow(RangeError);
  });

  it("has the moments of its distributions", () => {
    const random = seededRandom(5);
    const n = 40000;
    let mean = 0;
    let square = 0;
    let fourth = 0;
    let uniform = 0;
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < n; i++) {
      const x = random.normal();
      mean += x / n;
      square += (x * x) / n;
      fourth += (x * x * x * x) / n;
      uniform += random.uniform() / n;
      counts[random.integer(7)]!++;
    }
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(square - 1)).toBeLessThan(0.03);
    expect(Math.abs(fourth - 3)).toBeLessThan(0.2);
    expect(Math.abs(uniform - 0.5)).toBeLessThan(0.01);
    for (const count of counts) expect(Math.abs(count - n / 7)).toBeLessThan(300);
  });

  it("shuffles without loss", () => {
    const items = Int32Array.from({ length: 100 }, (_, i) => i);
    const shuffled = seededRandom(3).shuffle(items.slice());
    expect(shuffled).not.toEqual(items);
    expect(shuffled.slice().sort()).toEqual(items);
  });
});
