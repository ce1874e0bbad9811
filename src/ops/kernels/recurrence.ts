import type { NumberArray } from "../../ir/index.js";
import { multiplyMatrices } from "./matrix-product.js";
import type { CellFunction } from "./recurrence-functions.js";

/** Weights of one direction; `gates` blocks of `hidden` rows each. */
export interface CellWeights {
  readonly gates: number;
  readonly hidden: number;
  readonly inputs: number;
  readonly w: NumberArray;
  readonly wAt: number;
  readonly r: NumberArray;
  readonly rAt: number;
  /** Input biases of all gates, then recurrent ones; null for zeros. */
  readonly b: NumberArray | null;
  readonly bAt: number;
}

/**
 * One step of one sample: `x` and `r` hold, from `xAt` and `rAt` on, each gate's products with the input and with the
 * previous state, biases included. Updates the state h (and the cell state c) in place.
 */
export type CellStep = (
  x: Float64Array,
  xAt: number,
  r: Float64Array,
  rAt: number,
  h: Float64Array,
  c: Float64Array,
  at: number,
) => void;

/** Runs one direction over a sequence. `visit` gets the step's time, the sample and where its state is in h. */
export function runDirection(
  weights: CellWeights,
  x: NumberArray,
  place: (time: number, sample: number) => number,
  batch: number,
  lengths: readonly number[],
  reverse: boolean,
  h: Float64Array,
  c: Float64Array,
  step: CellStep,
  visit: (time: number, sample: number, at: number) => void,
): void {
  const { gates, hidden, inputs, b, bAt } = weights;
  const width = gates * hidden;
  const fromInput = new Float64Array(batch * width);
  const fromState = new Float64Array(batch * width);
  const rows = new Float64Array(batch * inputs);
  const steps = lengths.reduce((most, length) => Math.max(most, length), 0);
  const wT = { at: weights.wAt, row: 1, col: inputs };
  const rT = { at: weights.rAt, row: 1, col: hidden };
  for (let t = 0; t < steps; t++) {
    for (let n = 0; n < batch; n++) {
      const from = place(timeOf(t, lengths[n]!, reverse), n);
      for (let i = 0; i < inputs; i++) rows[n * inputs + i] = t < lengths[n]! ? x[from + i]! : 0;
    }
    const size = { rows: batch, cols: width };
    multiplyMatrices(
      { ...size, depth: inputs, a: { at: 0, row: inputs, col: 1 }, b: wT },
      rows,
      weights.w,
      (sum, n, g) => {
        fromInput[n * width + g] = sum + (b ? b[bAt + g]! : 0);
      },
    );
    multiplyMatrices(
      { ...size, depth: hidden, a: { at: 0, row: hidden, col: 1 }, b: rT },
      h,
      weights.r,
      (sum, n, g) => {
        fromState[n * width + g] = sum + (b ? b[bAt + width + g]! : 0);
      },
    );
    for (let n = 0; n < batch; n++) {
      if (t >= lengths[n]!) continue;
      step(fromInput, n * width, fromState, n * width, h, c, n * hidden);
      visit(timeOf(t, lengths[n]!, reverse), n, n * hidden);
    }
  }
}

/** A reversed sequence starts at its own last step. */
function timeOf(t: number, length: number, reverse: boolean): number {
  return reverse ? Math.max(0, length - 1 - t) : t;
}

/** The plain recurrent cell. */
export function rnnStep({ hidden }: CellWeights, [f]: readonly CellFunction[]): CellStep {
  return (x, xAt, r, rAt, h, _, at) => {
    for (let j = 0; j < hidden; j++) h[at + j] = f!(x[xAt + j]! + r[rAt + j]!);
  };
}

/** Gated recurrent unit (Cho et al. 2014): gates z, r, h. */
export function gruStep(
  weights: CellWeights,
  [f, g]: readonly CellFunction[],
  linearBeforeReset: boolean,
): CellStep {
  const { hidden, b, bAt } = weights;
  const reset = new Float64Array(hidden);
  const next = new Float64Array(hidden);
  return (x, xAt, r, rAt, h, _, at) => {
    for (let j = 0; j < hidden; j++) reset[j] = f!(x[xAt + hidden + j]! + r[rAt + hidden + j]!);
    for (let j = 0; j < hidden; j++) {
      const update = f!(x[xAt + j]! + r[rAt + j]!);
      const gate = 2 * hidden + j;
      let recurrent = reset[j]! * r[rAt + gate]!;
      if (!linearBeforeReset) {
        recurrent = b ? b[bAt + 3 * hidden + gate]! : 0;
        const row = weights.rAt + gate * hidden;
        for (let k = 0; k < hidden; k++) recurrent += reset[k]! * h[at + k]! * weights.r[row + k]!;
      }
      next[j] = (1 - update) * g!(x[xAt + gate]! + recurrent) + update * h[at + j]!;
    }
    h.set(next, at);
  };
}

/** Long short-term memory (Hochreiter and Schmidhuber 1997), with peepholes: gates i, o, f, c. */
export function lstmStep(
  { hidden }: CellWeights,
  [f, g, last]: readonly CellFunction[],
  peepholes: NumberArray | null,
  peepholesAt: number,
  coupled: boolean,
): CellStep {
  const peep = (gate: number, j: number): number =>
    peepholes ? peepholes[peepholesAt + gate * hidden + j]! : 0;
  return (x, xAt, r, rAt, h, c, at) => {
    for (let j = 0; j < hidden; j++) {
      const sum = (gate: number): number => x[xAt + gate * hidden + j]! + r[rAt + gate * hidden + j]!;
      const before = c[at + j]!;
      const input = f!(sum(0) + peep(0, j) * before);
      const forget = coupled ? 1 - input : f!(sum(2) + peep(2, j) * before);
      const cell = forget * before + input * g!(sum(3));
      const output = f!(sum(1) + peep(1, j) * cell);
      c[at + j] = cell;
      h[at + j] = output * last!(cell);
    }
  };
}
