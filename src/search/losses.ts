import type { Candidate } from "./candidates.js";
import { lossAt, type MeasuredLoss, type Sensitivity } from "./sensitivity.js";

/** Loss per squared error that decides between equals only: far below what any budget can notice. */
const tieBreak = 1e-10;

/**
 * What is known of candidates' losses once they are refitted: measured where they were measured, else the layer's curve,
 * corrected by how far the measured candidates of the same family lie off it. Errors of one size hurt more or less by the
 * form that makes them. From the error at hand to the expected one it goes along the curve. Where the answers don't tell
 * candidates apart, the smaller error wins.
 */
export class Losses {
  readonly #measured = new Map<Candidate, number>();
  /** By layer and family: logarithms of measured over curve. */
  readonly #offsets = new Map<string, number[]>();

  constructor(private readonly curves: readonly Sensitivity[]) {}

  readonly of = (candidate: Candidate, l: number): number =>
    this.#lossOf(candidate, l) + tieBreak * candidate.expected ** 2;

  #lossOf(candidate: Candidate, l: number): number {
    const curve = lossAt(this.curves[l]!, candidate.expected);
    const measured = this.#measured.get(candidate);
    if (measured !== undefined) {
      const now = lossAt(this.curves[l]!, candidate.error);
      return now > 0 ? (measured * curve) / now : measured;
    }
    const offsets = this.#offsets.get(`${l} ${candidate.family}`);
    if (!offsets) return curve;
    return curve * Math.exp(offsets.reduce((sum, offset) => sum + offset, 0) / offsets.length);
  }

  isMeasured(candidate: Candidate): boolean {
    return candidate.plan === null || this.#measured.has(candidate);
  }

  add({ candidate, loss }: MeasuredLoss, l: number): void {
    const curve = lossAt(this.curves[l]!, candidate.error);
    this.#measured.set(candidate, loss);
    if (!(curve > 0) || !(loss > 0)) return;
    const key = `${l} ${candidate.family}`;
    const offsets = this.#offsets.get(key) ?? [];
    offsets.push(Math.log(loss / curve));
    this.#offsets.set(key, offsets);
  }
}
