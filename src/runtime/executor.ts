import type { Tensor } from "../ir/index.js";

export type Feeds = ReadonlyMap<string, Tensor>;

/** A loaded model that can be run many times. */
export interface Executor {
  /** As reports name it: "onnxruntime 1.30.0" or "reference". */
  readonly engine: string;
  /** Why it isn't the engine that was preferred, one clause; null when it is. */
  readonly notice: string | null;
  /** Samples per run that the model is fixed to; null when the batch is free. */
  readonly fixedBatch: number | null;
  /**
   * Runs once; the result holds every requested output by name. `into` has tensors of outputs' types and shapes whose
   * memory the engine may write them to: a runtime's own buffers are given back late, and leave holes. Throws a
   * ConvoptError that names the node where known.
   */
  run(feeds: Feeds, into?: Feeds): Promise<ReadonlyMap<string, Tensor>>;
  dispose(): Promise<void>;
}

export interface ExecutorOptions {
  /** Names of values to return; graph outputs by default. Inner values are allowed. */
  readonly outputs?: readonly string[];
  /** Intra-op threads; 0 lets the runtime decide. */
  readonly threads?: number;
  /** Graph optimizations of the runtime; "none" for noise floors. */
  readonly optimization?: "all" | "none";
}
