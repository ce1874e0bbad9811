import type { InferenceSession, OnnxValue } from "onnxruntime-common";
import type { Model } from "../ir/index.js";
import { checkFeeds } from "../measure/index.js";
import type { Feeds } from "./executor.js";
import { openExecutor, type OpenOptions } from "./open.js";
import { loadOrt, type LoadedOrt } from "./ort-module.js";
import { loadSession, type OrtSession } from "./ort.js";
import { ortError } from "./ort-errors.js";
import { toOrtTensor } from "./ort-tensor.js";
import { profileFolder, type KernelTime } from "./profile.js";
import { openTimedWeb } from "./web/timed-web.js";

/** Microseconds that worker threads of quiet models wait for more work awake. */
const quietSpin = 300;

/** One run on the clock. */
export interface TimedRun {
  /** Wall time in milliseconds. */
  readonly ms: number;
  /** The system gave a processor to somebody else meanwhile; always false where it doesn't tell. */
  readonly preempted: boolean;
  /** Processor time in milliseconds: of a run on one thread the wall time on a machine of its own. */
  readonly cpu: number;
}

/** Runs something on the clock. */
async function onClock(run: () => Promise<unknown>): Promise<TimedRun> {
  const before = process.resourceUsage().involuntaryContextSwitches;
  const cpu = process.cpuUsage();
  const start = performance.now();
  await run();
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const preempted = process.resourceUsage().involuntaryContextSwitches > before;
  return { ms, preempted, cpu: (user + system) / 1000 };
}

/** A loaded model that is run for its time only, always on the same feeds. */
export interface TimedModel {
  /** As reports name it: "onnxruntime 1.30.0" or "reference". */
  readonly engine: string;
  /** Runs once, without the conversion of tensors. */
  run(): Promise<TimedRun>;
  /**
   * Ends the runtime's profiling and gives what every kernel took in every run since opening, in order. Empty unless
   * the model was opened with `profile`, and for engines without a profiler.
   */
  kernels(): Promise<readonly KernelTime[]>;
  dispose(): Promise<void>;
}

export interface TimedOptions extends Pick<OpenOptions, "threads" | "signal" | "probe"> {
  /** "web" is ONNX Runtime's WebAssembly build in a headless browser. */
  readonly engine: OpenOptions["engine"] | "web";
  /** Program of that browser; one in the usual places by default. */
  readonly browser?: string | undefined;
  /** Let the runtime note the time of every kernel. */
  readonly profile?: boolean;
  /**
   * Let worker threads spin for {@link quietSpin} µs after work instead of some 40 ms, which would disturb other models that
   * are timed in turn. Within a run, and from one run to the next of the same model, they stay awake either way.
   */
  readonly quiet?: boolean;
}

/**
 * Opens a model as its users run it: all graph optimizations, the runtime's own memory arena, `threads` intra-op
 * threads and one kernel at a time. Feeds and results are tensors of the runtime that are made once. Errors are those
 * of {@link openExecutor}.
 */
export async function openTimed(model: Model, feeds: Feeds, o: TimedOptions): Promise<TimedModel> {
  checkFeeds(model.graph, feeds);
  const { engine } = o;
  if (engine === "web") return openTimedWeb(model, feeds, o);
  const loaded = engine === "reference" ? null : await loadOrt();
  if (!loaded || !("ort" in loaded)) return timeExecutor(model, feeds, { ...o, engine });
  const folder = o.profile ? await profileFolder() : null;
  try {
    const session = await loadSession(model, loaded, {
      ...o,
      memory: "arena",
      ...(o.quiet ? { settings: { session: { intra_op: { spin_duration_us: String(quietSpin) } } } } : {}),
      ...(folder ? { profilePrefix: folder.prefix } : {}),
    });
    return timeSession(session, loaded, feeds, folder);
  } catch (error) {
    await folder?.dispose();
    throw error;
  }
}

function timeSession(
  { session, outputs, nameOf }: OrtSession,
  { ort, version }: LoadedOrt,
  feeds: Feeds,
  folder: Awaited<ReturnType<typeof profileFolder>> | null,
): TimedModel {
  const tensors = Object.fromEntries(
    [...feeds].map(([name, tensor]) => [nameOf(name), toOrtTensor(tensor, ort.Tensor, name)]),
  );
  const names = outputs.map(nameOf);
  let fetches: InferenceSession.FetchesType = names;
  const run = async (): Promise<InferenceSession.ReturnType> => {
    try {
      return await session.run(tensors, fetches);
    } catch (error) {
      throw ortError(error);
    }
  };
  let kernels: readonly KernelTime[] | null = folder ? null : [];
  return {
    engine: `onnxruntime ${version}`,
    async run() {
      let results: InferenceSession.ReturnType = {};
      const timed = await onClock(async () => (results = await run()));
      // The next runs write into these tensors, so that no memory is allocated on the way.
      if (fetches === names) fetches = reusable(results, names) ?? fetches;
      return timed;
    },
    async kernels() {
      if (!kernels) {
        session.endProfiling();
        kernels = await folder!.read();
      }
      return kernels;
    },
    async dispose() {
      await session.release();
      await folder?.dispose();
    },
  };
}

/** The results as buffers for further runs; null when one of them can't be written to. */
function reusable(
  results: InferenceSession.ReturnType,
  names: readonly string[],
): Record<string, OnnxValue> | null {
  const fixed = names.every((name) => {
    const value = results[name];
    return value !== undefined && "type" in value && value.type !== "string" && value.size > 0;
  });
  return fixed ? Object.fromEntries(names.map((name) => [name, results[name]!])) : null;
}

async function timeExecutor(model: Model, feeds: Feeds, o: OpenOptions): Promise<TimedModel> {
  const executor = await openExecutor(model, o);
  return {
    engine: executor.engine,
    run: () => onClock(() => executor.run(feeds)),
    kernels: () => Promise.resolve([]),
    dispose: () => executor.dispose(),
  };
}
