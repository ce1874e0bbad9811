import { z } from "zod";
import { ModelError, type Model } from "../ir/index.js";
import type { LoweredProgram } from "../forms/index.js";
import type { FactTable } from "../measure/index.js";
import type { Feeds } from "../runtime/index.js";
import { addFeatures, featureNames, programFeatures, type Features } from "./features.js";
import { batchOf, layerFeatures, modelFeatures, sumFeatures } from "./model-features.js";
import { estimate, fitConstants, usualConstants, type Constants, type Observation } from "./roofline.js";
import { modelKey, textHash } from "./signature.js";
import type { Baseline, LatencySource, Timing } from "./source.js";
import type { LayerWindow } from "./window.js";

/*
 * What was measured on one machine as a file that goes to another. Keys are hashes of structure and geometry, so that a
 * profile knows a layer again in another model; what it doesn't know is estimated with constants fitted to what it does.
 */

const key = z.string().regex(/^[0-9a-z]{1,24}$/);
const ms = z.number().positive().max(1e9);
const featureList = z.array(z.number().min(-1e18).max(1e18)).length(featureNames.length);

export const latencyProfileSchema = z.object({
  schema: z.literal("convopt.latency-profile/1"),
  /** What the times were measured through. */
  engine: z.string().max(200),
  threads: z.number().int().min(0).max(4096),
  machine: z.object({
    cpu: z.string().max(200),
    cores: z.number().int().nonnegative(),
    platform: z.string().max(200),
  }),
  /** Names of the features, in the order of the numbers. */
  features: z.array(z.enum(featureNames)).length(featureNames.length),
  /** Milliseconds per unit of each feature, fitted to the entries. */
  constants: z.array(z.number().nonnegative().max(1e6)).length(featureNames.length),
  /** Whole models: milliseconds, and those of single nodes by place in the graph. */
  models: z.record(
    key,
    z.object({
      ms,
      interval: z.tuple([ms, ms]),
      nodes: z.array(z.tuple([z.number().int().nonnegative(), z.number().nonnegative().max(1e9)])).max(1e6),
    }),
  ),
  /** Layers with their surroundings: milliseconds. */
  windows: z.record(key, ms),
  /** How much longer a window takes with a form in the layer's place, and what the form has more of. */
  entries: z
    .array(
      z.object({
        window: key,
        program: key,
        ms: z.number().min(-1e9).max(1e9),
        interval: z.tuple([z.number().min(-1e9).max(1e9), z.number().min(-1e9).max(1e9)]),
        features: featureList,
      }),
    )
    .max(1e6),
});
export type LatencyProfile = z.infer<typeof latencyProfileSchema>;

/** The published JSON Schema of the file. */
export function latencyProfileJsonSchema(): unknown {
  return z.toJSONSchema(latencyProfileSchema);
}

/** The profile in a text. Throws a ModelError `E_PROFILE` that says what is wrong with it. */
export function parseProfile(text: string): LatencyProfile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ModelError("E_PROFILE", "the latency profile is not JSON", { cause });
  }
  const parsed = latencyProfileSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = issue?.path.map(String).join(".") ?? "";
    throw new ModelError(
      "E_PROFILE",
      `the latency profile is malformed at ${place || "its top"}: ${issue?.message ?? ""}`,
      {
        hint: "make one with convopt bench --calibrate MODEL --profile-out FILE",
      },
    );
  }
  if (parsed.data.features.some((name, i) => name !== featureNames[i])) {
    throw new ModelError("E_PROFILE", "the latency profile's features are in another order", {
      hint: "make it again with this version",
    });
  }
  return parsed.data;
}

export interface EstimateOptions {
  readonly model: Model;
  readonly feeds: Feeds;
  /** Facts at the shapes of the feeds. */
  readonly facts: FactTable;
  readonly threads: number;
  /** Measurements from elsewhere; without them the estimate is that of a common desktop. */
  readonly profile?: LatencyProfile;
}

/** A profile's times where it has them, else the roofline estimate. */
export class EstimatedSource implements LatencySource {
  readonly feeds = null;
  readonly kind: "profile" | "estimated";
  readonly engine: string;
  readonly threads: number;
  readonly #constants: Constants;
  readonly #entries: ReadonlyMap<string, Timing>;

  constructor(private readonly o: EstimateOptions) {
    const { profile } = o;
    this.kind = profile ? "profile" : "estimated";
    this.engine = profile ? `${profile.engine} on ${profile.machine.cpu} (profile)` : "estimated (roofline)";
    this.threads = profile?.threads ?? o.threads;
    this.#constants = profile?.constants ?? usualConstants(o.threads);
    this.#entries = new Map(
      (profile?.entries ?? []).map(({ window, program, ms: time, interval }) => [
        `${window} ${program}`,
        { ms: time, interval },
      ]),
    );
  }

  baseline(): Promise<Baseline> {
    const { model, feeds, facts, profile } = this.o;
    const known = profile?.models[modelKey(model, feeds)];
    const nodes = modelFeatures(model.graph.nodes, facts, batchOf(feeds));
    const total = estimate(sumFeatures(nodes), this.#constants);
    return Promise.resolve({
      total: known ? { ms: known.ms, interval: known.interval } : { ms: total, interval: [total, total] },
      nodes: new Map(
        known?.nodes ?? nodes.map((node, place) => [place, estimate(node, this.#constants)] as const),
      ),
    });
  }

  windowMs({ key }: LayerWindow): Promise<number | null> {
    return Promise.resolve(this.o.profile?.windows[key] ?? null);
  }

  changes(
    window: LayerWindow,
    groups: readonly (readonly LoweredProgram[])[],
  ): Promise<ReadonlyMap<string, Timing>> {
    const times = groups.flat().map((program): readonly [string, Timing] => {
      const known = this.#entries.get(`${window.key} ${textHash(program.key)}`);
      if (known) return [program.key, known];
      const time = estimate(changeFeatures(window, program), this.#constants);
      return [program.key, { ms: time, interval: [time, time] }];
    });
    return Promise.resolve(new Map(times));
  }
}

/** What a program has more of than the layer. */
function changeFeatures(window: LayerWindow, { program }: LoweredProgram): Features {
  const batch = batchOf(window.feeds);
  const layer = layerFeatures(window.layer, window.shortcut, batch);
  return addFeatures(programFeatures(program, window.layer, batch), layer, -1);
}

/** Passes another source's times on and keeps them for a profile. */
export class ProfileRecorder implements LatencySource {
  readonly #entries = new Map<string, LatencyProfile["entries"][number]>();
  readonly #windows = new Map<string, number>();

  constructor(private readonly source: LatencySource) {}

  get kind(): LatencySource["kind"] {
    return this.source.kind;
  }

  get engine(): string {
    return this.source.engine;
  }

  get threads(): number {
    return this.source.threads;
  }

  /** Profiles hold windows, which other models have too. */
  readonly feeds = null;

  baseline(): Promise<Baseline> {
    return this.source.baseline();
  }

  async windowMs(window: LayerWindow): Promise<number | null> {
    const ms = await this.source.windowMs(window);
    if (ms !== null) this.#windows.set(window.key, ms);
    return ms;
  }

  async changes(
    window: LayerWindow,
    groups: readonly (readonly LoweredProgram[])[],
    rounds: number,
  ): Promise<ReadonlyMap<string, Timing>> {
    const changes = await this.source.changes(window, groups, rounds);
    for (const program of groups.flat()) {
      const change = changes.get(program.key);
      if (!change) continue;
      const hash = textHash(program.key);
      this.#entries.set(`${window.key} ${hash}`, {
        ...{ window: window.key, program: hash, ms: change.ms, interval: [...change.interval] },
        features: [...changeFeatures(window, program)],
      });
    }
    return changes;
  }

  /** The profile of all that was asked for. */
  async profile(model: Model, feeds: Feeds, machine: LatencyProfile["machine"]): Promise<LatencyProfile> {
    const { total, nodes } = await this.baseline();
    const entries = [...this.#entries.values()];
    const observations = entries.map((entry): Observation => {
      const scale = Math.abs(entry.ms) + 0.05 * (this.#windows.get(entry.window) ?? total.ms);
      return { features: entry.features, ms: entry.ms, weight: 1 / scale ** 2 };
    });
    return {
      ...{ schema: "convopt.latency-profile/1", engine: this.engine, threads: this.threads, machine },
      features: [...featureNames],
      constants: [...fitConstants(observations, usualConstants(this.threads))],
      models: {
        [modelKey(model, feeds)]: { ms: total.ms, interval: [...total.interval], nodes: [...nodes] },
      },
      windows: Object.fromEntries(this.#windows),
      entries,
    };
  }
}
