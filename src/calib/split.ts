import { seededRandom } from "../linalg/index.js";

/** The three parts of the calibration images, as indices in shuffled order. */
export interface ImageSplit {
  /** Moments and recovery. */
  readonly fitted: Int32Array;
  /** Choices between candidates, swaps, guards: about an eighth. */
  readonly selected: Int32Array;
  /** Read once, for the reported quality and the hard budgets: about an eighth, 32 to 512. */
  readonly judged: Int32Array;
  /** What is unusual about the split, to be shown as a warning; null when nothing is. */
  readonly note: string | null;
}

const fewestJudged = 32;
const mostJudged = 512;
/** Below this many images a quality budget is refused. */
export const fewestImages = 64;

/**
 * Splits `count` images by a seeded shuffle. Fewer than 64 are split as well (a quarter judged), with a note; fewer
 * than 3 take part in everything.
 */
export function splitImages(count: number, seed: number): ImageSplit {
  if (!Number.isSafeInteger(count) || count < 0) throw new RangeError(`splitImages: ${count} images`);
  const order = seededRandom(seed)
    .fork("split")
    .shuffle(Int32Array.from({ length: count }, (_, i) => i));
  if (count < 3) {
    const note =
      count === 0
        ? "there are no images"
        : `with ${count} of them, all images are fitted, selected and judged`;
    return { fitted: order, selected: order, judged: order, note };
  }
  const eighth = Math.max(1, Math.round(count / 8));
  const judged =
    count < fewestImages
      ? Math.max(1, Math.round(count / 4))
      : Math.min(mostJudged, Math.max(fewestJudged, eighth));
  return {
    judged: order.slice(0, judged),
    selected: order.slice(judged, judged + eighth),
    fitted: order.slice(judged + eighth),
    note:
      count < fewestImages
        ? `${count} images are too few to judge quality: ${judged} are judged, at least ${fewestJudged} are wanted`
        : null,
  };
}
