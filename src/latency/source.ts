import type { LoweredProgram } from "../forms/index.js";
import type { Feeds } from "../runtime/index.js";
import type { LayerWindow } from "./window.js";

/** Milliseconds with their 95 % interval; the interval of an estimate is its value. */
export interface Timing {
  readonly ms: number;
  readonly interval: readonly [number, number];
}

/** The model as it is. */
export interface Baseline {
  readonly total: Timing;
  /** Milliseconds of the model's nodes by place in the graph; nodes fused into another are missing. */
  readonly nodes: ReadonlyMap<number, number>;
}

/** Where times come from. */
export interface LatencySource {
  readonly kind: "measured" | "profile" | "estimated";
  /** As reports name it, e.g. "onnxruntime 1.30.0" or "estimated (roofline)". */
  readonly engine: string;
  readonly threads: number;
  /** What the whole model is fed where forms may be timed in it; null where they are timed in windows only. */
  readonly feeds: Feeds | null;
  baseline(): Promise<Baseline>;
  /** Milliseconds of a window as it is; null where they aren't known. */
  windowMs(window: LayerWindow): Promise<number | null>;
  /**
   * How much longer the window takes with each program in the layer's place (negative when it is faster), by program
   * key. Programs of one group stand for one form: only the contenders among them need more than a first look. Programs
   * that can't be run are missing.
   */
  changes(
    window: LayerWindow,
    groups: readonly (readonly LoweredProgram[])[],
    rounds: number,
  ): Promise<ReadonlyMap<string, Timing>>;
}

/** Keeps what was measured from one run to the next; values are JSON. */
export interface LatencyStore {
  read(key: string): unknown;
  write(key: string, value: unknown): void;
}

/** A store that forgets. */
export function memoryStore(): LatencyStore {
  const values = new Map<string, unknown>();
  return {
    read: (key) => values.get(key),
    write: (key, value) => void values.set(key, value),
  };
}
