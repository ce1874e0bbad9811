import type { Tensor, TensorType } from "../ir/index.js";

/** A model input as data meet it; a graph's `Value` is one. */
export interface DataInput {
  readonly name: string;
  readonly type: TensorType | null;
  /** Inputs that are initializers as well need no data. */
  readonly initializer?: Tensor | null;
}

/** The samples of one model input. */
export interface SampleArray {
  /** Shape of one sample, without the batch axis. */
  readonly dims: readonly number[];
  /** The input is no batch: `dims` is its full shape, and `batch` gives it as it stands whatever the samples. */
  readonly whole?: boolean;
  /** The samples at `indices`, as the model takes them: indices.length × dims, or a whole input. RangeError for an index that isn't there. */
  batch(indices: ArrayLike<number>): Tensor;
}

/** Samples for every input of a model, kept as they were read and converted batch by batch. */
export interface DataSet {
  readonly count: number;
  /** By input name. */
  readonly arrays: ReadonlyMap<string, SampleArray>;
  /** Class of each sample, where the data have a `label`, `labels` or `y`. */
  readonly labels: Int32Array | null;
  /** What else the file holds, such as `clean`. */
  readonly extra: ReadonlyMap<string, Tensor>;
}

/** Inputs that a caller must feed. */
export function fedInputs(inputs: readonly DataInput[]): DataInput[] {
  return inputs.filter((input) => !input.initializer);
}
