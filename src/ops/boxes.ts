import { Tensor, type Dim } from "../ir/index.js";
import { fact } from "./fact.js";
import { defineOp, type EvalCall, type InferCall } from "./op.js";
import {
  attributeError,
  factOf,
  formatShape,
  integersOf,
  operand,
  scalarOf,
  shapeError,
  type Site,
} from "./operand.js";

/* Operators on boxes and regions of images. */

/** A box by its corners. */
interface Box {
  readonly y1: number;
  readonly x1: number;
  readonly y2: number;
  readonly x2: number;
}

function boxAt(boxes: ArrayLike<number>, at: number, centered: boolean): Box {
  const [a, b, c, d] = [boxes[at]!, boxes[at + 1]!, boxes[at + 2]!, boxes[at + 3]!];
  if (centered) return { x1: a - c / 2, y1: b - d / 2, x2: a + c / 2, y2: b + d / 2 };
  return { y1: Math.min(a, c), x1: Math.min(b, d), y2: Math.max(a, c), x2: Math.max(b, d) };
}

function areaOf({ y1, x1, y2, x2 }: Box): number {
  return Math.max(0, y2 - y1) * Math.max(0, x2 - x1);
}

/** Intersection over union; 0 for boxes without area. */
function overlap(a: Box, b: Box): number {
  const height = Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1);
  const width = Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1);
  const common = Math.max(0, height) * Math.max(0, width);
  const union = areaOf(a) + areaOf(b) - common;
  return union > 0 ? common / union : 0;
}

function optionalScalar(call: EvalCall<unknown>, index: number, name: string): number | null {
  const tensor = call.inputs[index];
  return tensor && tensor.size > 0 ? scalarOf(call, tensor, name) : null;
}

/** Greedy suppression per batch and class; rows are [batch, class, box], best score first. */
export const nonMaxSuppression = defineOp("NonMaxSuppression", {
  infer: () => [fact("int64", [null, 3])],
  evaluate: (call) => {
    const [boxes, scores] = [operand(call, 0), operand(call, 1)];
    const [batches, count] = boxes.dims as [number, number];
    const classes = scores.dims[1]!;
    if (
      boxes.dims.length !== 3 ||
      scores.dims.length !== 3 ||
      boxes.dims[2] !== 4 ||
      scores.dims[2] !== count
    ) {
      throw shapeError(
        call,
        `boxes ${formatShape(boxes.dims)} and scores ${formatShape(scores.dims)} do not fit`,
      );
    }
    const most = optionalScalar(call, 2, "max_output_boxes_per_class") ?? 0;
    const limit = optionalScalar(call, 3, "iou_threshold") ?? 0;
    const least = optionalScalar(call, 4, "score_threshold");
    const centered = call.attributes.center_point_box === 1;
    const rows: number[] = [];
    for (let batch = 0; batch < batches; batch++) {
      const list = Array.from({ length: count }, (_, i) =>
        boxAt(boxes.numbers, (batch * count + i) * 4, centered),
      );
      for (let kind = 0; kind < classes; kind++) {
        const at = (batch * classes + kind) * count;
        const score = scores.numbers.subarray(at, at + count);
        for (const box of suppress(list, score, most, limit, least)) rows.push(batch, kind, box);
      }
    }
    return [Tensor.i64([rows.length / 3, 3], rows)];
  },
});

function suppress(
  boxes: readonly Box[],
  scores: ArrayLike<number>,
  most: number,
  limit: number,
  least: number | null,
): number[] {
  const order = boxes.map((_, i) => i).filter((i) => least === null || scores[i]! > least);
  order.sort((a, b) => scores[b]! - scores[a]! || a - b);
  const kept: number[] = [];
  for (const candidate of order) {
    if (kept.length >= most) break;
    if (kept.every((other) => overlap(boxes[other]!, boxes[candidate]!) <= limit)) kept.push(candidate);
  }
  return kept;
}

function inferRois(call: InferCall<unknown>, height: Dim, width: Dim) {
  const [x, rois] = [factOf(call, 0), factOf(call, 1)];
  if (x.shape && x.shape.length !== 4)
    throw shapeError(call, `the input must be [N, C, H, W], not ${formatShape(x.shape)}`);
  return fact(x.dtype, [rois.shape?.[0] ?? null, x.shape?.[1] ?? null, height, width]);
}

/** Regions [x1, y1, x2, y2] of feature maps, bilinearly sampled into bins and averaged (or their largest part). */
export const roiAlign = defineOp("RoiAlign", {
  infer: (call) => [inferRois(call, call.attributes.output_height, call.attributes.output_width)],
  evaluate: (call) => {
    const [x, rois] = [operand(call, 0), operand(call, 1)];
    const batch = integersOf(operand(call, 2));
    const {
      mode,
      output_height: rows,
      output_width: columns,
      sampling_ratio: ratio,
      spatial_scale: scale,
    } = call.attributes;
    if (mode !== "avg" && mode !== "max")
      throw attributeError(call, `mode must be avg or max, not "${mode}"`);
    const halfPixel =
      (call.attributes.coordinate_transformation_mode ?? "output_half_pixel") === "half_pixel";
    const [, channels, height, width] = x.dims as [number, number, number, number];
    const count = rois.dims[0]!;
    const out = call.allocate(x.dtype, count * channels * rows * columns) as Float64Array;
    const data = x.numbers;
    let at = 0;
    for (let r = 0; r < count; r++) {
      const edge = Array.from(
        { length: 4 },
        (_, i) => rois.numbers[r * 4 + i]! * scale - (halfPixel ? 0.5 : 0),
      );
      const [x1, y1] = edge as [number, number];
      const atLeast = (length: number): number => (halfPixel ? length : Math.max(length, 1));
      const [binY, binX] = [atLeast(edge[3]! - y1) / rows, atLeast(edge[2]! - x1) / columns];
      const samplesY = ratio > 0 ? ratio : Math.ceil(binY);
      const samplesX = ratio > 0 ? ratio : Math.ceil(binX);
      for (let c = 0; c < channels; c++) {
        const plane = (batch[r]! * channels + c) * height * width;
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < columns; j++) {
            let [sum, largest] = [0, -Infinity];
            for (let v = 0; v < samplesY; v++) {
              const y = y1 + i * binY + ((v + 0.5) * binY) / samplesY;
              for (let u = 0; u < samplesX; u++) {
                const parts = bilinearParts(
                  data,
                  plane,
                  height,
                  width,
                  y,
                  x1 + j * binX + ((u + 0.5) * binX) / samplesX,
                );
                for (const part of parts) sum += part;
                largest = Math.max(largest, ...parts);
              }
            }
            const samples = Math.max(samplesX * samplesY, 1);
            out[at++] = mode === "avg" ? sum / samples : Number.isFinite(largest) ? largest : 0;
          }
        }
      }
    }
    return [Tensor.of(x.dtype, [count, channels, rows, columns], out)];
  },
});

/** The four weighted neighbours of a point; zeros beyond one pixel outside. */
function bilinearParts(
  data: ArrayLike<number>,
  plane: number,
  height: number,
  width: number,
  y: number,
  x: number,
): number[] {
  if (y < -1 || y > height || x < -1 || x > width) return [0, 0, 0, 0];
  const clampedY = Math.min(Math.max(y, 0), height - 1);
  const clampedX = Math.min(Math.max(x, 0), width - 1);
  const [top, left] = [Math.floor(clampedY), Math.floor(clampedX)];
  const [bottom, right] = [Math.min(top + 1, height - 1), Math.min(left + 1, width - 1)];
  const [dy, dx] = [clampedY - top, clampedX - left];
  const at = (row: number, column: number): number => data[plane + row * width + column]!;
  return [
    (1 - dy) * (1 - dx) * at(top, left),
    (1 - dy) * dx * at(top, right),
    dy * (1 - dx) * at(bottom, left),
    dy * dx * at(bottom, right),
  ];
}

/** Largest value in each bin of regions [batch, x1, y1, x2, y2] (inclusive, rounded to pixels). */
export const maxRoiPool = defineOp("MaxRoiPool", {
  infer: (call) => {
    const [rows, columns] = pooledShape(call, call.attributes.pooled_shape);
    return [inferRois(call, rows, columns)];
  },
  evaluate: (call) => {
    const [x, rois] = [operand(call, 0), operand(call, 1)];
    const [rows, columns] = pooledShape(call, call.attributes.pooled_shape);
    const scale = call.attributes.spatial_scale;
    const [, channels, height, width] = x.dims as [number, number, number, number];
    const count = rois.dims[0]!;
    const out = call.allocate(x.dtype, count * channels * rows * columns) as Float64Array;
    const data = x.numbers;
    let at = 0;
    for (let r = 0; r < count; r++) {
      const [batch, x1, y1, x2, y2] = Array.from({ length: 5 }, (_, i) =>
        i === 0 ? rois.numbers[r * 5]! : Math.round(rois.numbers[r * 5 + i]! * scale),
      ) as [number, number, number, number, number];
      const [binY, binX] = [Math.max(y2 - y1 + 1, 1) / rows, Math.max(x2 - x1 + 1, 1) / columns];
      const inside = (place: number, length: number): number => Math.min(Math.max(place, 0), length);
      for (let c = 0; c < channels; c++) {
        const plane = (batch * channels + c) * height * width;
        for (let i = 0; i < rows; i++) {
          const [top, bottom] = [
            inside(Math.floor(i * binY) + y1, height),
            inside(Math.ceil((i + 1) * binY) + y1, height),
          ];
          for (let j = 0; j < columns; j++) {
            const [left, right] = [
              inside(Math.floor(j * binX) + x1, width),
              inside(Math.ceil((j + 1) * binX) + x1, width),
            ];
            let largest = bottom <= top || right <= left ? 0 : -Infinity;
            for (let y = top; y < bottom; y++) {
              for (let z = left; z < right; z++) largest = Math.max(largest, data[plane + y * width + z]!);
            }
            out[at++] = largest;
          }
        }
      }
    }
    return [Tensor.of(x.dtype, [count, channels, rows, columns], out)];
  },
});

function pooledShape(site: Site, shape: readonly number[]): [number, number] {
  if (shape.length !== 2)
    throw attributeError(site, `pooled_shape must have two entries, not ${shape.length}`);
  return [shape[0]!, shape[1]!];
}
