import type { TensorType } from "./graph.js";

/** An input or output of a model, as far as samples go. */
interface Port {
  readonly name: string;
  readonly type: TensorType | null;
}

/** Where a model keeps samples apart. */
export interface SampleAxis {
  /** Samples that a run takes; null where the model leaves it open. */
  readonly size: number | null;
  /** Inputs whose first axis counts samples. The others are no batches: they are fed as they are declared. */
  readonly inputs: ReadonlySet<string>;
}

/**
 * Inputs with an open first axis hold samples, however many. Where none has, those do whose first dimension is the one
 * that all share, or that an output has too; else a run is one sample.
 */
export function sampleAxis(inputs: readonly Port[], outputs: readonly Port[] = []): SampleAxis {
  const firstOf = ({ type }: Port): unknown => (type?.shape ? type.shape[0] : null);
  const named = (holds: (first: unknown, port: Port) => boolean): ReadonlySet<string> =>
    new Set(inputs.filter((port) => holds(firstOf(port), port)).map(({ name }) => name));
  const rankOf = ({ type }: Port): number | null => type?.shape?.length ?? null;
  const open = named((first, port) => rankOf(port) !== 0 && typeof first !== "number");
  if (open.size > 0 || inputs.length === 0) return { size: null, inputs: open };
  const fixed = [...new Set(inputs.filter((port) => rankOf(port)! > 0).map(firstOf))];
  const shared =
    fixed.length === 1 ? fixed[0] : fixed.find((first) => outputs.some((o) => firstOf(o) === first));
  const size = typeof shared === "number" && shared > 0 ? shared : 1;
  return { size, inputs: named((first) => first === size) };
}
