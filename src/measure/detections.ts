import { ModelError, type Tensor } from "../ir/index.js";
import { comparableValues } from "./compare.js";

/** How four numbers are a box: two corners (x1, y1, x2, y2), or centre and size (cx, cy, w, h). */
export type BoxFormat = "corners" | "center";

/** Scores from here on count as a detection. */
export const scoreThreshold = 0.5;
/** Boxes that overlap so much (intersection over union) are one object. */
export const overlapThreshold = 0.5;
/** Boxes of one image that are looked at, the best first: suppression takes their square. */
const mostBoxes = 1000;

export interface DetectionSummary {
  /** Objects that each model finds, over all images. */
  readonly a: number;
  readonly b: number;
  /** Pairs of one class that overlap. */
  readonly matched: number;
  /** 2 · matched / (a + b); 1 when neither finds any. */
  readonly f1: number;
  /** Overlap of the pairs; null without any. */
  readonly meanOverlap: number | null;
  readonly leastOverlap: number | null;
  /** Largest difference of a pair's scores; null without any. */
  readonly maxScoreDifference: number | null;
}

export interface DetectionComparison {
  /** Adds one batch of both models. */
  add(boxesA: Tensor, scoresA: Tensor, boxesB: Tensor, scoresB: Tensor): void;
  summary(): DetectionSummary;
}

interface Detection {
  readonly label: number;
  readonly score: number;
  /** Two corners. */
  readonly box: readonly [number, number, number, number];
}

/**
 * Compares what two detectors find: boxes N×K×4 with scores N×K×C or N×K (a missing N is 1). Scores of 0.5 and more
 * count; boxes of a class that overlap a better one (intersection over union 0.5) are suppressed; then pairs of one
 * class are matched, the best overlap first. Where each box's scores sum to one, the first class is background.
 */
export function compareDetections(format: BoxFormat = "corners"): DetectionComparison {
  const counts = { a: 0, b: 0, matched: 0 };
  const overlaps: number[] = [];
  let maxScoreDifference: number | null = null;
  return {
    add(boxesA, scoresA, boxesB, scoresB) {
      const [first, second] = [detect(boxesA, scoresA, format), detect(boxesB, scoresB, format)];
      first.forEach((found, image) => {
        const others = second[image] ?? [];
        counts.a += found.length;
        counts.b += others.length;
        for (const [one, other, overlap] of match(found, others)) {
          counts.matched++;
          overlaps.push(overlap);
          maxScoreDifference = Math.max(maxScoreDifference ?? 0, Math.abs(one.score - other.score));
        }
      });
    },
    summary() {
      const { a, b, matched } = counts;
      return {
        ...counts,
        f1: a + b === 0 ? 1 : (2 * matched) / (a + b),
        meanOverlap: matched === 0 ? null : overlaps.reduce((sum, x) => sum + x, 0) / matched,
        leastOverlap: matched === 0 ? null : overlaps.reduce((least, x) => Math.min(least, x), 1),
        maxScoreDifference,
      };
    },
  };
}

/** The objects of each image of a batch. */
function detect(boxes: Tensor, scores: Tensor, format: BoxFormat): Detection[][] {
  const flat = boxes.dims.length === 2;
  const [images, count] = flat ? [1, boxes.dims[0]!] : [boxes.dims[0] ?? 0, boxes.dims[1] ?? 0];
  const classes = scores.size / (images * count);
  const shaped = boxes.dims.at(-1) === 4 && (flat || boxes.dims.length === 3);
  const prefix = flat ? [count] : [images, count];
  if (!shaped || !Number.isInteger(classes) || prefix.some((dim, axis) => scores.dims[axis] !== dim)) {
    if (!(shaped && images * count === 0)) {
      throw new ModelError(
        "E_DETECTIONS",
        `boxes [${boxes.dims.join(", ")}] and scores [${scores.dims.join(", ")}] are not N×K×4 with N×K×C`,
        { hint: "name the outputs with --boxes and --scores" },
      );
    }
  }
  const [b, s] = [comparableValues(boxes), comparableValues(scores)];
  const background = hasBackground(s, classes);
  return Array.from({ length: images }, (_, image) => {
    const found: Detection[] = [];
    for (let i = image * count; i < (image + 1) * count; i++) {
      for (let label = background ? 1 : 0; label < classes; label++) {
        const score = s[i * classes + label]!;
        if (score >= scoreThreshold) found.push({ label, score, box: cornersOf(b, 4 * i, format) });
      }
    }
    return suppress(found);
  });
}

function hasBackground(scores: ArrayLike<number>, classes: number): boolean {
  if (classes < 2) return false;
  for (let i = 0; i + classes <= scores.length; i += classes) {
    let sum = 0;
    for (let label = 0; label < classes; label++) sum += scores[i + label]!;
    if (!(Math.abs(sum - 1) < 1e-3)) return false;
  }
  return true;
}

function cornersOf(boxes: ArrayLike<number>, at: number, format: BoxFormat): Detection["box"] {
  const [p, q, r, s] = [boxes[at]!, boxes[at + 1]!, boxes[at + 2]!, boxes[at + 3]!];
  return format === "corners" ? [p, q, r, s] : [p - r / 2, q - s / 2, p + r / 2, q + s / 2];
}

/** Greedy non-maximum suppression within each class. */
function suppress(found: readonly Detection[]): Detection[] {
  const kept: Detection[] = [];
  for (const one of [...found].sort((x, y) => y.score - x.score).slice(0, mostBoxes)) {
    if (!kept.some((better) => better.label === one.label && overlap(better, one) >= overlapThreshold))
      kept.push(one);
  }
  return kept;
}

/** Pairs of one class that overlap, each object once, the best overlap first. */
function match(
  found: readonly Detection[],
  others: readonly Detection[],
): readonly (readonly [Detection, Detection, number])[] {
  const pairs = found.flatMap((one) =>
    others.flatMap((other) => {
      const share = one.label === other.label ? overlap(one, other) : 0;
      return share >= overlapThreshold ? [[one, other, share] as const] : [];
    }),
  );
  const taken = new Set<Detection>();
  return pairs
    .sort((x, y) => y[2] - x[2])
    .filter(([one, other]) => {
      if (taken.has(one) || taken.has(other)) return false;
      taken.add(one).add(other);
      return true;
    });
}

/** Intersection over union. */
function overlap({ box: p }: Detection, { box: q }: Detection): number {
  const area = (box: Detection["box"]): number => Math.max(0, box[2] - box[0]) * Math.max(0, box[3] - box[1]);
  const shared = area([
    Math.max(p[0], q[0]),
    Math.max(p[1], q[1]),
    Math.min(p[2], q[2]),
    Math.min(p[3], q[3]),
  ]);
  const union = area(p) + area(q) - shared;
  return union > 0 ? shared / union : 0;
}
