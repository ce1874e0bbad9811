import type { LatencyProfile } from "../latency/index.js";
import type { Model } from "../ir/index.js";
import type { DataSet } from "../calib/index.js";
import type { Pass } from "../engine/pass.js";

/** Hard limits of a run, combinable. Without any, only exact rewrites are applied. */
export interface Budget {
  /** Fraction of the original MACs that may remain, in (0, 1]. */
  readonly keepMacs?: number;
  /** Fraction of the original parameters that may remain, in (0, 1]. */
  readonly keepParams?: number;
  /** Fraction of the original wall time that may remain, in (0, 1]. */
  readonly keepLatency?: number;
  /** Largest relative L2 error of the worst output on the judged images. */
  readonly maxError?: number;
  /** Least top-1 agreement with the original on the judged images, in [0, 1]. */
  readonly minAgreement?: number;
  /** Exact rewrites only; with a cost budget that they cannot reach it is an error. */
  readonly lossless?: boolean;
}

/** One step of a long run; `total` is null when it is not known beforehand. */
export interface ProgressEvent {
  readonly step: string;
  readonly done: number;
  readonly total: number | null;
}

/** What runs models: "auto" is ONNX Runtime where it is installed, else the reference interpreter. */
export type EngineChoice = "auto" | "ort" | "reference";

/** Options that every command which runs for a while shares. */
export interface RunControl {
  readonly onProgress?: (event: ProgressEvent) => void;
  /** Called once per thing worth telling; the text is one line without markup. */
  readonly onWarning?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** Options that choose how a model is run. */
export interface EngineOptions {
  readonly engine?: EngineChoice;
  /** Intra-op threads of the runtime; 0 (default) lets it decide. */
  readonly threads?: number;
  /** Seed of every shuffle and sample; 0 by default. */
  readonly seed?: number;
}

/** Options that choose where models are timed. */
export interface TimingOptions extends Omit<EngineOptions, "engine"> {
  /** "web" is ONNX Runtime's WebAssembly build in a headless Chromium, which takes two more packages. */
  readonly engine?: EngineChoice | "web";
  /** Program of that Chromium; one in the usual places by default. */
  readonly browser?: string;
}

/** Calibration data, or how to get it once the model, and with it the inputs, is known. */
export type Calibration = DataSet | ((model: Model) => Promise<DataSet>) | null;

export interface OptimizeOptions extends RunControl, EngineOptions {
  readonly budget?: Budget;
  readonly calibration?: Calibration;
  /** Where the calibration data came from, for the report. */
  readonly calibrationPath?: string;
  /** The passes to run, in order; `preset.conv` by default. */
  readonly passes?: readonly Pass[];
  /** Full shapes of inputs by name, for costs; never written to the file. */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
  /** Names of the form families that may be used; all by default. */
  readonly families?: readonly string[];
  /** Globs over layer names: only these layers are touched. */
  readonly only?: readonly string[];
  /** Globs over layer names: these layers are left alone. */
  readonly skip?: readonly string[];
  /** Layers that stay as they are whatever the search would choose. */
  readonly revert?: readonly string[];
  /** Times of another machine for `keepLatency`; this one is measured without. */
  readonly latencyProfile?: LatencyProfile;
  readonly effort?: "fast" | "normal" | "max";
  /**
   * Where candidates are fitted: in this thread, or in one thread per core (per `threads` where that is given). "auto"
   * takes threads where the model is large enough for them. The result is the same.
   */
  readonly executor?: "auto" | "inline" | "threads";
  /** Same bytes on every machine: no native linear algebra, one thread. */
  readonly deterministic?: boolean;
  /**
   * Folder of the journal from which an interrupted run goes on; null for none. On files it lies beside the output by
   * default; in memory there is none by default.
   */
  readonly journal?: string | null;
  /** Keep the journal when the run is done, so that other budgets start from it too. */
  readonly keepJournal?: boolean;
  /** Take up what the journal holds instead of starting anew. */
  readonly resume?: boolean;
  /** Do everything but write. */
  readonly dryRun?: boolean;
  /** Stop after this many applied rewrites. */
  readonly stopAfter?: number;
  /** Name of a pass, or "changed" for every pass that changed something: the graph is printed after it. */
  readonly printAfter?: string;
  readonly onPrint?: (text: string) => void;
  /** Bring the model to this operator-set version first. */
  readonly upgradeOpset?: number;
  /** Folders outside the model's own from which external data may be read. */
  readonly allowExternal?: readonly string[];
  /** The command line, for the report. */
  readonly command?: string;
}
