import { fewestImages, splitImages } from "../calib/index.js";
import { UsageError, type Model } from "../ir/index.js";
import type { Search, Solution } from "../search/index.js";
import type { RunData } from "./compress.js";
import { hasScores } from "./judge.js";
import type { Budget } from "./options.js";

/** Refuses quality budgets that could not be judged. */
export function checkQualityBudget(budget: Budget, model: Model, run: RunData): void {
  const quality =
    budget.maxError !== undefined
      ? "--max-error"
      : budget.minAgreement !== undefined
        ? "--min-agreement"
        : null;
  if (!quality) return;
  if (!run.given || run.data.count < fewestImages) {
    throw new UsageError(
      "E_FEW_IMAGES",
      `${quality} needs at least ${fewestImages} calibration images, ${run.given ? `there are ${run.data.count}` : "none are given"}`,
      { hint: "give more images with --calib" },
    );
  }
  if (budget.minAgreement !== undefined && !hasScores(model)) {
    throw new UsageError(
      "E_NO_CLASSES",
      "--min-agreement needs an output of shape N×C or N×C×1×1, and the model has none",
      {
        hint: "use --max-error",
      },
    );
  }
}

export function hasQuality({ maxError, minAgreement }: Budget): boolean {
  return maxError !== undefined || minAgreement !== undefined;
}

/** The quality budgets alone. */
export function qualityOf({ maxError, minAgreement }: Budget): Budget {
  return {
    ...(maxError === undefined ? {} : { maxError }),
    ...(minAgreement === undefined ? {} : { minAgreement }),
  };
}

/** Part of an error budget that the images may use up on which choices are made. */
const errorMargin = 0.9;
/** Normal quantile of the 95 % interval that reports give an agreement: so far off chance may put the judged images. */
const confidence = 1.96;
/** A margin never takes more than this part of the disagreement that the budget allows. */
const largestMargin = 0.5;

/**
 * Guards a run's quality budgets while the search chooses. The judged images are read once, at the very end, and nothing
 * is chosen by them; so that they keep the budget too, solutions have to keep it here with a margin, which for an
 * agreement is what chance can do between these images and those.
 */
export class QualityGuard {
  readonly #judged: number;

  constructor(
    private readonly search: Search,
    private readonly budget: Budget,
    images: number,
    seed: number,
  ) {
    this.#judged = splitImages(images, seed).judged.length;
  }

  /** Whether there is anything to guard. */
  get isNeeded(): boolean {
    return hasQuality(this.budget);
  }

  /** Why cheaper models were not taken. */
  get caution(): string {
    return `cheaper models were not trusted to keep the quality budget: it has to hold with a margin for chance on the ${this.search.guardImages} images that choices are made on; with more images the margin is smaller`;
  }

  /** Whether a solution keeps the quality budgets on images that nothing was fitted to. */
  async keeps(solution: Solution): Promise<boolean> {
    if (!this.isNeeded) return true;
    const { maxError = Infinity, minAgreement } = this.budget;
    const { distance, images } = await this.search.measureWidely(solution.fitted);
    if (distance.relativeError > maxError * errorMargin) return false;
    return (
      minAgreement === undefined ||
      agreementHolds(distance.agreement ?? 0, minAgreement, images, this.#judged)
    );
  }
}

/**
 * Whether an agreement measured on `images` lets expect one of at least `limit` on `judged` others: by the normal
 * approximation of the difference of two shares.
 */
export function agreementHolds(measured: number, limit: number, images: number, judged: number): boolean {
  const deviation = Math.sqrt(
    measured * (1 - measured) * (1 / Math.max(1, images) + 1 / Math.max(1, judged)),
  );
  const margin = Math.min(confidence * deviation, largestMargin * (1 - limit));
  // Shares are whole numbers of images, the limit is not.
  return measured - margin >= limit - 1e-9;
}
