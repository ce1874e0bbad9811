import type { FitEffort } from "./candidates.js";
import type { RecoveryOptions } from "./recovery.js";
import type { RefitOptions } from "./refit.js";

/** How much work the search puts in. */
export interface SearchEffort {
  readonly fit: FitEffort;
  /** Whether the families' speeds of convergence are measured first, so that forms are judged by what the refit makes of them. */
  readonly convergence: boolean;
  /** Images that are fitted, and images that sensitivities are measured on, at most. */
  readonly fittedImages: number;
  readonly selectedImages: number;
  /** Candidates per layer whose sensitivity is measured. */
  readonly measured: number;
  /** Rounds of measuring the choices of an allocation and allocating again. */
  readonly reallocations: number;
  readonly refit: RefitOptions;
  /** Label-free recovery after the refit; null for none. */
  readonly recovery: RecoveryOptions | null;
}

const refit: RefitOptions = { steps: 40, ridge: 1e-4, residualTargets: true, refitStandard: true };

const recovery: RecoveryOptions = {
  steps: 200,
  images: 128,
  rate: 2e-3,
  macs: 1.2e13,
  endToEnd: {
    dense: { steps: 800, images: 16, rate: 1.5e-2 },
    afterBlocks: { steps: 300, images: 64, rate: 3e-3 },
  },
  seed: 0,
};

export const efforts: Readonly<Record<"fast" | "normal" | "max", SearchEffort>> = {
  fast: {
    fit: { sizes: 6, rounds: [{ steps: 6, slack: 1.08 }] },
    convergence: true,
    fittedImages: 256,
    selectedImages: 128,
    measured: 3,
    reallocations: 1,
    refit: { ...refit, steps: 20 },
    recovery: null,
  },
  normal: {
    fit: {
      sizes: 12,
      rounds: [
        { steps: 4, slack: 1.25 },
        { steps: 16, slack: 1.06 },
      ],
    },
    convergence: true,
    fittedImages: 512,
    selectedImages: 256,
    measured: 4,
    reallocations: 3,
    refit: { ...refit, steps: 50 },
    recovery: null,
  },
  max: {
    fit: {
      sizes: 16,
      rounds: [
        { steps: 4, slack: 1.25 },
        { steps: 12, slack: 1.1 },
        { steps: 40, slack: 1.03 },
      ],
    },
    convergence: true,
    fittedImages: 1536,
    selectedImages: 256,
    measured: 6,
    reallocations: 5,
    refit: { ...refit, steps: 120 },
    recovery,
  },
};

/** Layers up to which every family tries all its sizes; of more layers each gets fewer. */
const layersInFull = 24;
const fewestSizes = 5;

/** Sizes tried per family in a model of so many layers. */
export function sizesFor(sizes: number, layers: number): number {
  return Math.min(sizes, Math.max(fewestSizes, Math.round((sizes * layersInFull) / layers)));
}
