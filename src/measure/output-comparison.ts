import type { Tensor } from "../ir/index.js";
import { hasClassScores, klSums, top1Agreement, topKAgreement } from "./classification.js";
import { addErrors, cosineOf, noErrors, psnrOf, relativeErrorOf } from "./compare.js";
import { wilsonInterval } from "./statistics.js";

/** Agreement with its Wilson 95 % interval. */
export interface AgreementSummary {
  readonly agreed: number;
  readonly total: number;
  readonly rate: number;
  readonly interval: readonly [number, number];
}

/** What reports say of one output over all images. */
export interface OutputSummary {
  readonly name: string;
  readonly elements: number;
  /** ‖ŷ − y‖₂ / ‖y‖₂ over everything. */
  readonly relativeError: number;
  readonly maxAbs: { readonly value: number; readonly index: number };
  readonly cosine: number;
  /** In dB, for the peak that was asked for. */
  readonly psnr: number;
  /** Null for outputs that aren't class scores (N×C or N×C×1×1). */
  readonly top1: AgreementSummary | null;
  readonly top5: AgreementSummary | null;
  /** Mean KL(reference ‖ output) in nats; null for outputs that aren't class scores. */
  readonly klDivergence: number | null;
}

export interface OutputComparisonOptions {
  /** The output is probabilities already: no softmax before the divergence. */
  readonly probabilities?: boolean;
  /** Largest value of the signal, for PSNR; 1 by default. */
  readonly peak?: number;
}

export interface OutputComparison {
  /** Adds one batch. Throws a ModelError when the shapes differ. */
  add(output: Tensor, reference: Tensor): void;
  summary(): OutputSummary;
}

/** Compares one output with its reference batch by batch. */
export function compareOutput(name: string, o: OutputComparisonOptions = {}): OutputComparison {
  let errors = noErrors;
  let classes = true;
  const top1 = { agreed: 0, total: 0 };
  const top5 = { agreed: 0, total: 0 };
  const divergence = { sum: 0, positions: 0 };
  return {
    add: (output, reference) => {
      errors = addErrors(errors, output, reference);
      classes &&= hasClassScores(reference.dims);
      if (!classes) return;
      accumulate(top1, top1Agreement(output, reference));
      accumulate(top5, topKAgreement(output, reference));
      const { sum, positions } = klSums(reference, output, o);
      divergence.sum += sum;
      divergence.positions += positions;
    },
    summary: () => {
      const counted = classes && top1.total > 0;
      return {
        name,
        elements: errors.elements,
        relativeError: relativeErrorOf(errors),
        maxAbs: errors.maxAbs,
        cosine: cosineOf(errors),
        psnr: psnrOf(errors, o.peak ?? 1),
        top1: counted ? summarize(top1) : null,
        top5: counted ? summarize(top5) : null,
        klDivergence: counted ? divergence.sum / divergence.positions : null,
      };
    },
  };
}

interface Counts {
  agreed: number;
  total: number;
}

function accumulate(into: Counts, { agreed, total }: Readonly<Counts>): void {
  into.agreed += agreed;
  into.total += total;
}

function summarize({ agreed, total }: Counts): AgreementSummary {
  return { agreed, total, rate: agreed / total, interval: wilsonInterval(agreed, total) };
}
