/** An activation of a recurrent cell. */
export type CellFunction = (x: number) => number;

interface Kind {
  /** Default of alpha and beta; undefined for a parameter that the function hasn't got. */
  readonly alpha?: number;
  readonly beta?: number;
  make(alpha: number, beta: number): CellFunction;
}

/** The functions that ONNX names for RNN, GRU and LSTM, by lower-case name. */
const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ["relu", { make: () => (x) => Math.max(0, x) }],
  ["tanh", { make: () => Math.tanh }],
  ["sigmoid", { make: () => (x) => 1 / (1 + Math.exp(-x)) }],
  ["softsign", { make: () => (x) => x / (1 + Math.abs(x)) }],
  ["softplus", { make: () => (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))) }],
  ["affine", { alpha: 1, beta: 0, make: (alpha, beta) => (x) => alpha * x + beta }],
  ["leakyrelu", { alpha: 0.01, make: (alpha) => (x) => (x >= 0 ? x : alpha * x) }],
  ["thresholdedrelu", { alpha: 1, make: (alpha) => (x) => (x > alpha ? x : 0) }],
  ["scaledtanh", { alpha: 1, beta: 1, make: (alpha, beta) => (x) => alpha * Math.tanh(beta * x) }],
  [
    "hardsigmoid",
    { alpha: 0.2, beta: 0.5, make: (alpha, beta) => (x) => Math.min(1, Math.max(0, alpha * x + beta)) },
  ],
  ["elu", { alpha: 1, make: (alpha) => (x) => (x >= 0 ? x : alpha * (Math.exp(x) - 1)) }],
]);

/**
 * Functions by name, in order; parameters are consumed in order by those functions that have them. Inputs are cut to
 * [−clip, clip] first where there is a clip. Null for a name that ONNX doesn't know.
 */
export function cellFunctions(
  names: readonly string[],
  alphas: readonly number[],
  betas: readonly number[],
  clips: readonly (number | null)[],
): CellFunction[] | null {
  let [a, b] = [0, 0];
  const made: CellFunction[] = [];
  for (const [i, name] of names.entries()) {
    const kind = kinds.get(name.toLowerCase());
    if (!kind) return null;
    const alpha = kind.alpha === undefined ? 0 : (alphas[a++] ?? kind.alpha);
    const beta = kind.beta === undefined ? 0 : (betas[b++] ?? kind.beta);
    const f = kind.make(alpha, beta);
    const clip = clips[i] ?? null;
    made.push(clip === null ? f : (x) => f(Math.min(clip, Math.max(-clip, x))));
  }
  return made;
}
