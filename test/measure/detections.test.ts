import { describe, expect, it } from "vitest";
import { ModelError, Tensor } from "../../src/ir/index.js";
import { compareDetections, type BoxFormat } from "../../src/measure/index.js";

/** Boxes and per-class scores of one image, [x1, y1, x2, y2, ...scores] each. */
function detector(...rows: readonly (readonly number[])[]): [Tensor, Tensor] {
  const classes = rows[0]!.length - 4;
  return [
    Tensor.f32(
      [1, rows.length, 4],
      rows.flatMap((row) => row.slice(0, 4)),
    ),
    Tensor.f32(
      [1, rows.length, classes],
      rows.flatMap((row) => row.slice(4)),
    ),
  ];
}

function compared(a: [Tensor, Tensor], b: [Tensor, Tensor], format?: BoxFormat) {
  const found = compareDetections(format);
  found.add(...a, ...b);
  return found.summary();
}

describe("compareDetections", () => {
  const two = detector([0, 0, 10, 10, 0.9, 0.2], [20, 20, 30, 30, 0.1, 0.7]);

  it("matches a detector with itself", () => {
    expect(compared(two, two)).toEqual({
      a: 2,
      b: 2,
      matched: 2,
      f1: 1,
      meanOverlap: 1,
      leastOverlap: 1,
      maxScoreDifference: 0,
    });
  });

  it("counts objects that only one finds", () => {
    const one = detector([0, 0, 10, 10, 0.8, 0.2], [20, 20, 30, 30, 0.1, 0.4]);
    const found = compared(two, one);
    expect(found).toMatchObject({ a: 2, b: 1, matched: 1, f1: 2 / 3 });
    expect(found.maxScoreDifference).toBeCloseTo(0.1, 6);
  });

  it("wants half of the union to overlap", () => {
    // Shifted by s: overlap (10 − s)/(10 + s); a half is reached at 10/3.
    const shifted = (s: number): [Tensor, Tensor] =>
      detector([s, 0, 10 + s, 10, 0.9, 0.2], [20, 20, 30, 30, 0.1, 0.7]);
    expect(compared(two, shifted(3.3)).matched).toBe(2);
    expect(compared(two, shifted(3.3)).leastOverlap).toBeCloseTo(6.7 / 13.3, 5);
    expect(compared(two, shifted(3.4)).matched).toBe(1);
  });

  it("keeps classes apart and suppresses weaker boxes of one object", () => {
    const swapped = detector([0, 0, 10, 10, 0.2, 0.9], [20, 20, 30, 30, 0.7, 0.1]);
    expect(compared(two, swapped).matched).toBe(0);
    const crowd = detector([0, 0, 10, 10, 0.9, 0.2], [1, 0, 11, 10, 0.8, 0.2], [20, 20, 30, 30, 0.1, 0.7]);
    expect(compared(crowd, two)).toMatchObject({ a: 2, b: 2, matched: 2 });
  });

  it("takes the first class for background where the scores sum to one", () => {
    const faces = detector([0, 0, 10, 10, 0.1, 0.9], [20, 20, 30, 30, 0.8, 0.2]);
    expect(compared(faces, faces).a).toBe(1);
  });

  it("reads centres and sizes, scores N×K, and inputs without a batch", () => {
    const corners: [Tensor, Tensor] = [Tensor.f32([1, 4], [0, 0, 10, 20]), Tensor.f32([1], [0.9])];
    expect(compared(corners, corners)).toMatchObject({ a: 1, matched: 1 });
    const centers: [Tensor, Tensor] = [Tensor.f32([1, 1, 4], [5, 10, 10, 20]), Tensor.f32([1, 1], [0.9])];
    expect(compared(centers, centers, "center")).toMatchObject({ a: 1, matched: 1, meanOverlap: 1 });
  });

  it("has nothing to say of empty images and NaN", () => {
    const none: [Tensor, Tensor] = [Tensor.f32([1, 0, 4], []), Tensor.f32([1, 0, 2], [])];
    expect(compared(none, none)).toMatchObject({ a: 0, b: 0, f1: 1, meanOverlap: null });
    const odd = detector([NaN, 0, 10, 10, 0.9, 0.3], [0, 0, 1, 1, NaN, NaN]);
    expect(compared(odd, two)).toMatchObject({ a: 1, b: 2, matched: 0, f1: 0 });
  });

  it("refuses other shapes", () => {
    const five = Tensor.f32([1, 2, 5], new Float32Array(10));
    expect(() => compared([five, two[1]], two)).toThrow(ModelError);
    expect(() => compared([two[0], Tensor.f32([2, 2], [1, 1, 1, 1])], two)).toThrow(/N×K×4/);
  });
});
