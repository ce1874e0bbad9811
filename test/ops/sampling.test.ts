import { describe, expect, test } from "vitest";
import { Tensor, type AttributeInput } from "../../src/ir/index.js";
import { evaluateOne, inferOne, noise, runInOrt, type OneNode } from "./one-node.js";

const run = (one: OneNode): Tensor => evaluateOne(one, "default")[0]!;
const image = (...values: number[]): Tensor => Tensor.f32([1, 1, 1, values.length], values);

function resizeWidth(x: Tensor, factor: number, attributes: Record<string, AttributeInput>): number[] {
  const scales = Tensor.f32([4], [1, 1, 1, factor]);
  return [...run({ op: "Resize", inputs: [x, null, scales], attributes }).numbers];
}

describe("Resize", () => {
  test("nearest, by every rounding", () => {
    const x = image(1, 2, 3, 4);
    const at = (nearest_mode: string): number[] =>
      resizeWidth(x, 2, { coordinate_transformation_mode: "asymmetric", nearest_mode });
    expect(at("floor")).toEqual([1, 1, 2, 2, 3, 3, 4, 4]);
    expect(at("ceil")).toEqual([1, 2, 2, 3, 3, 4, 4, 4]);
    expect(at("round_prefer_floor")).toEqual([1, 1, 2, 2, 3, 3, 4, 4]);
    expect(at("round_prefer_ceil")).toEqual([1, 2, 2, 3, 3, 4, 4, 4]);
  });

  test("linear by hand", () => {
    const x = image(1, 2);
    expect(resizeWidth(x, 2, { mode: "linear" })).toEqual([1, 1.25, 1.75, 2]);
    expect(resizeWidth(x, 2, { mode: "linear", coordinate_transformation_mode: "asymmetric" })).toEqual([
      1, 1.5, 2, 2,
    ]);
    const aligned = resizeWidth(image(0, 3), 2, {
      mode: "linear",
      coordinate_transformation_mode: "align_corners",
    });
    expect(aligned).toEqual([0, 1, 2, 3]);
  });

  test("a constant image stays constant whatever the kernel", () => {
    const x = Tensor.f32([1, 1, 5, 7], new Float32Array(35).fill(2.5));
    for (const mode of ["nearest", "linear", "cubic"]) {
      for (const antialias of mode === "nearest" ? [0] : [0, 1]) {
        const inputs = [x, null, null, Tensor.i64([4], [1, 1, 3, 11])];
        const y = run({ op: "Resize", inputs, attributes: { mode, antialias } });
        expect([y.dims, [...y.numbers].every((v) => Math.abs(v - 2.5) < 1e-6)]).toEqual([
          [1, 1, 3, 11],
          true,
        ]);
      }
    }
  });

  test("sizes under an aspect-ratio policy", () => {
    const x = noise([1, 1, 2, 4]);
    const sizes = Tensor.i64([2], [7, 8]);
    const shape = (policy: string): readonly number[] =>
      run({
        op: "Resize",
        inputs: [x, null, null, sizes],
        attributes: { axes: [2, 3], keep_aspect_ratio_policy: policy },
      }).dims;
    expect(shape("not_larger")).toEqual([1, 1, 4, 8]);
    expect(shape("not_smaller")).toEqual([1, 1, 7, 14]);
  });

  test("what can't be resized is refused", () => {
    const x = noise([1, 1, 2, 2]);
    const scales = (...values: number[]): Tensor => Tensor.f32([values.length], values);
    expect(() => run({ op: "Resize", inputs: [x, null, scales(1, 2)] })).toThrow(
      /2 scales are given for 4 axes/,
    );
    expect(() => run({ op: "Resize", inputs: [x, null, scales(1, 1, 0, 1)] })).toThrow(
      /scale 0 is not positive/,
    );
    expect(() => run({ op: "Resize", inputs: [x] })).toThrow(/neither scales nor sizes/);
    expect(() =>
      run({ op: "Resize", inputs: [x, null, scales(1, 1, 2, 2)], attributes: { mode: "lanczos" } }),
    ).toThrow(/lanczos/);
  });

  test("an unknown height stays unknown, a known width doesn't", () => {
    const scales = {
      dtype: "float32",
      shape: [4],
      value: Tensor.f32([4], [1, 1, 2, 2]),
      dims: null,
    } as const;
    const one = { op: "Resize", inputs: [noise([1, 3, 4, 5]), null, noise([4])] };
    const x = { dtype: "float32", shape: ["N", 3, "H", 5], value: null, dims: null } as const;
    expect(inferOne(one, [x, null, scales])[0]!.shape).toEqual(["N", 3, null, 10]);
  });

  test("ONNX Runtime resizes alike", async () => {
    for (const mode of ["nearest", "linear", "cubic"]) {
      for (const coordinates of ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"]) {
        for (const sizes of [
          [7, 9],
          [3, 3],
          [5, 2],
        ]) {
          const one = {
            op: "Resize",
            inputs: [noise([1, 2, 5, 6]), null, null, Tensor.i64([4], [1, 2, ...sizes])],
            attributes: { mode, coordinate_transformation_mode: coordinates, nearest_mode: "floor" },
            opset: 19,
          };
          const [ours, theirs] = [run(one), (await runInOrt(one))[0]!];
          expect(ours.dims).toEqual(theirs.dims);
          const worst = Math.max(...theirs.data.map((value, i) => Math.abs(value - ours.numbers[i]!)));
          expect(worst, `${mode} ${coordinates} to ${sizes.join("×")}`).toBeLessThan(1e-5);
        }
      }
    }
  });
});

describe("sampling by coordinates", () => {
  test("GridSample at the corners of a picture and outside", () => {
    const x = Tensor.f32([1, 1, 2, 2], [1, 2, 3, 4]);
    const grid = Tensor.f32([1, 1, 3, 2], [-1, -1, 1, 1, 5, 5]);
    const at = (padding_mode: string): number[] => [
      ...run({ op: "GridSample", inputs: [x, grid], attributes: { align_corners: 1, padding_mode } }).numbers,
    ];
    expect(at("zeros")).toEqual([1, 4, 0]);
    expect(at("border")).toEqual([1, 4, 4]);
    expect(at("reflection")).toEqual([1, 4, 4]);
  });

  test("an identity AffineGrid reads a picture back", () => {
    const x = noise([2, 1, 3, 4]);
    const theta = Tensor.f32([2, 2, 3], [1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0]);
    for (const align_corners of [0, 1]) {
      const grid = run({
        op: "AffineGrid",
        inputs: [theta, Tensor.i64([4], [2, 1, 3, 4])],
        attributes: { align_corners },
      });
      const y = run({ op: "GridSample", inputs: [x, grid], attributes: { align_corners } });
      const worst = Math.max(...y.numbers.map((value, i) => Math.abs(value - x.numbers[i]!)));
      expect(worst).toBeLessThan(1e-6);
    }
  });

  test("NonMaxSuppression drops what overlaps too much", () => {
    const boxes = Tensor.f32([1, 3, 4], [0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, 10, 1, 11]);
    const scores = Tensor.f32([1, 1, 3], [0.9, 0.95, 0.5]);
    const k = Tensor.i64([1], [3]);
    const pick = (threshold: number): number[] => {
      const inputs = [boxes, scores, k, Tensor.f32([1], [threshold]), Tensor.f32([1], [0])];
      return run({ op: "NonMaxSuppression", inputs }).toNumbers();
    };
    expect(pick(0.5)).toEqual([0, 0, 1, 0, 0, 2]);
    expect(pick(0.9)).toEqual([0, 0, 1, 0, 0, 0, 0, 0, 2]);
    expect(run({ op: "NonMaxSuppression", inputs: [boxes, scores] }).dims).toEqual([0, 3]);
  });

  test("MaxRoiPool over four bins", () => {
    const x = Tensor.f32(
      [1, 1, 4, 4],
      Float32Array.from({ length: 16 }, (_, i) => i),
    );
    const rois = Tensor.f32([1, 5], [0, 0, 0, 3, 3]);
    const y = run({ op: "MaxRoiPool", inputs: [x, rois], attributes: { pooled_shape: [2, 2] } });
    expect([...y.numbers]).toEqual([5, 7, 13, 15]);
  });

  test("the retired Crop and ImageScaler", () => {
    const x = Tensor.f32([1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const cropped = run({ op: "Crop", inputs: [x], attributes: { border: [1, 0, 0, 1] }, opset: 8 });
    expect([cropped.dims, [...cropped.numbers]]).toEqual([
      [1, 1, 2, 2],
      [2, 3, 5, 6],
    ]);
    const window = run({
      op: "Crop",
      inputs: [x],
      attributes: { border: [1, 1, 0, 0], scale: [1, 2] },
      opset: 8,
    });
    expect([window.dims, [...window.numbers]]).toEqual([
      [1, 1, 1, 2],
      [5, 6],
    ]);
    expect(() => run({ op: "Crop", inputs: [x], attributes: { border: [2, 2, 2, 2] }, opset: 8 })).toThrow(
      /nothing is left/,
    );
  });
});
