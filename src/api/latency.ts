import { Ledger, runRewrites, type FormFamily } from "../engine/index.js";
import { isLayer, isLayerOp, readLayer } from "../forms/index.js";
import { cloneModel, ModelError, UnsupportedError, type Model } from "../ir/index.js";
import {
  createLatencyModel,
  EstimatedSource,
  LayerWindows,
  MeasuredSource,
  parseProfile,
  ProfileRecorder,
  type LatencyModel,
  type LatencyProfile,
  type LatencySlot,
  type OpenTimed,
} from "../latency/index.js";
import { inferFacts, type FactTable } from "../measure/index.js";
import { openTimed, ortAvailable, webEngine, type Feeds } from "../runtime/index.js";
import { channelBlock, proposalsFor } from "../search/index.js";
import { preset } from "../../passes/index.js";
import { timingFeeds } from "./bench.js";
import { readTextFile } from "./file-access.js";
import { defaultLatencyCache, openLatencyCache } from "./latency-cache.js";
import { inFile } from "./load.js";
import { thisMachine } from "./machine.js";
import type { RunControl, TimingOptions } from "./options.js";

export interface LatencyOptions extends RunControl, TimingOptions {
  /** Full shapes of inputs by name, the batch included; 1 where the model leaves it open. */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
  /** Times measured on the target; this machine is measured without one. */
  readonly profile?: LatencyProfile;
  /** File that keeps what was measured; null for none, a place of the user's by default. */
  readonly cache?: string | null;
}

/** A latency model that holds sessions of the runtime until it is disposed of. */
export interface OpenLatencyModel extends LatencyModel {
  dispose(): Promise<void>;
}

/**
 * Costs of a model's layers in milliseconds: from the given profile, else measured through ONNX Runtime on this
 * machine, else (where that isn't installed) estimated, which is said as a warning. `model` is the model that forms are
 * put into, exact rewrites done; `slots` are its layers that may change. Throws a UsageError for inputs whose size
 * isn't known and a ModelError when the runtime refuses the model.
 */
export async function openLatencyModel(
  model: Model,
  slots: readonly LatencySlot[],
  options: LatencyOptions = {},
): Promise<OpenLatencyModel> {
  const { feeds, facts } = timedModel(model, options);
  const windows = new LayerWindows(model, facts, slots);
  const source = await sourceFor(model, { feeds, facts }, options);
  const latency = createLatencyModel(windows, source);
  return withDispose(latency, source instanceof MeasuredSource ? () => source.dispose() : null);
}

function withDispose(latency: LatencyModel, dispose: (() => Promise<void>) | null): OpenLatencyModel {
  return {
    ...{ kind: latency.kind, engine: latency.engine, threads: latency.threads },
    total: () => latency.total(),
    layer: (slot) => latency.layer(slot),
    costs: (slot, plans, o) => latency.costs(slot, plans, o),
    dispose: () => dispose?.() ?? Promise.resolve(),
  };
}

interface Timed {
  readonly feeds: Feeds;
  readonly facts: FactTable;
}

/** Feeds for timing and what inference finds at their shapes. */
export function timedModel(model: Model, { shapes, seed = 0 }: LatencyOptions): Timed {
  const feeds = timingFeeds(model, { ...(shapes ? { shapes } : {}), seed });
  const dims = new Map([...feeds].map(([name, tensor]) => [name, tensor.dims] as const));
  return { feeds, facts: inferFacts(model, { shapes: dims }) };
}

async function sourceFor(
  model: Model,
  { feeds, facts }: Timed,
  options: LatencyOptions,
): Promise<MeasuredSource | EstimatedSource> {
  const { profile, threads = 0, engine = "auto" } = options;
  const name = profile || engine === "reference" ? null : await runtimeName(engine, options.browser);
  if (name === null) {
    if (!profile) {
      options.onWarning?.(
        "latencies are estimated, not measured: ONNX Runtime is not available here and no profile was given",
      );
    }
    return new EstimatedSource({ model, feeds, facts, threads, ...(profile ? { profile } : {}) });
  }
  const machine = await thisMachine();
  const scope = `${machine.cpu}; ${machine.cores} cores; ${machine.platform}; ${name}; ${threads} threads`;
  const path = options.cache === undefined ? await defaultLatencyCache() : options.cache;
  return new MeasuredSource(name, {
    ...{
      model,
      feeds,
      threads,
      cores: machine.cores,
      seed: options.seed ?? 0,
      signal: options.signal,
    },
    ...(engine === "web" ? { open: openInBrowser(options) } : {}),
    ...(path === null ? {} : { store: await openLatencyCache(path, scope, options.onWarning) }),
    onProgress: (step, done, total) => options.onProgress?.({ step, done, total }),
  });
}

/** The runtime that times are measured on, with its version; null when it can't be used. */
async function runtimeName(
  engine: "auto" | "ort" | "web",
  browser: string | undefined,
): Promise<string | null> {
  if (engine === "web") return webEngine(browser);
  const version = await ortAvailable();
  return version === null ? null : `onnxruntime ${version}`;
}

function openInBrowser({ threads, browser }: LatencyOptions): OpenTimed {
  return (model, feeds) => openTimed(model, feeds, { engine: "web", threads, browser });
}

/** A profile's file may not be bigger. */
const mostProfileBytes = 2 ** 27;

/** Reads a latency profile. Throws an IoError when it can't be read, a ModelError `E_PROFILE` when it is none. */
export async function loadLatencyProfile(path: string): Promise<LatencyProfile> {
  const { stat } = await import("node:fs/promises");
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  if (size > mostProfileBytes) {
    throw new ModelError("E_PROFILE", `a latency profile has at most ${mostProfileBytes} bytes`, {
      where: { file: path },
    });
  }
  const text = await readTextFile(path);
  try {
    return parseProfile(text);
  } catch (error) {
    throw error instanceof ModelError ? error.at({ file: path }) : error;
  }
}

export interface CalibrateOptions extends Omit<LatencyOptions, "profile"> {
  /** Families whose forms are measured; all by default. */
  readonly families?: readonly FormFamily[];
  /** Sizes per family and layer at most, two or more; 8 by default. */
  readonly sizes?: number;
}

/**
 * Measures all layers of a model, exactly rewritten first, in all forms that families propose, as a profile that other
 * machines can use. Throws an UnsupportedError when ONNX Runtime is not installed.
 */
export async function calibrateLatency(
  original: Model,
  options: CalibrateOptions = {},
): Promise<LatencyProfile> {
  return inFile(original, async () => {
    const model = cloneModel(original);
    const { shapes, signal } = options;
    const limits = { ...(shapes ? { shapes } : {}), ...(signal ? { signal } : {}) };
    runRewrites(model, preset.exact, { ledger: new Ledger(), ...limits });
    const { feeds, facts } = timedModel(model, options);
    const slots = slotsOf(model, facts);
    const windows = new LayerWindows(model, facts, slots);
    const source = await sourceFor(model, { feeds, facts }, options);
    if (!(source instanceof MeasuredSource)) {
      throw new UnsupportedError("E_ENGINE_MISSING", "a profile needs ONNX Runtime to measure with", {
        hint: "install it with npm install onnxruntime-node",
      });
    }
    try {
      const recorder = new ProfileRecorder(source);
      const latency = createLatencyModel(windows, recorder);
      const seen = new Set<string>();
      for (const [i, slot] of slots.entries()) {
        options.onProgress?.({ step: "layers measured", done: i, total: slots.length });
        const window = windows.of(slot);
        if (!window || seen.has(window.key)) continue;
        seen.add(window.key);
        const { plans } = proposalsFor(slot.layer, options.families ?? preset.families, {
          sizes: Math.max(2, options.sizes ?? 8),
          block: channelBlock,
        });
        await latency.costs(
          slot,
          plans.map(({ plan }) => plan),
        );
      }
      return await recorder.profile(model, feeds, await thisMachine());
    } finally {
      await source.dispose();
    }
  });
}

/** Layers that forms apply to. */
export function slotsOf(model: Model, facts: FactTable): LatencySlot[] {
  return model.graph.nodes.filter(isLayerOp).flatMap((node) => {
    const layer = readLayer(node, facts);
    return isLayer(layer) ? [{ layer, output: node.output.name }] : [];
  });
}

export { latencyProfileJsonSchema } from "../latency/index.js";
export type { LatencyProfile };
