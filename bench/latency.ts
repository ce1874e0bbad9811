/*
 * Predicted against measured latency of whole models, with random choices of forms:
 *
 *     npx tsx bench/latency.ts resnet20 --threads 1 --choices 5 --keep 0.7
 *
 * Every choice gives a share of the layers a random form of a random family in the lowering that the latency model picked;
 * the model is then timed in turn with the exactly rewritten original. Needs the shared models. `--store FILE` keeps
 * what was measured.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { preset } from "../passes/index.js";
import { timingFeeds, turnsFor } from "../src/api/bench.js";
import { Ledger, runRewrites } from "../src/engine/index.js";
import {
  describeForm,
  loweringName,
  replaceByProgram,
  programOf,
  type FormPlan,
} from "../src/forms/index.js";
import { cloneModel, Patch, verify, type Model } from "../src/ir/index.js";
import { seededRandom } from "../src/linalg/index.js";
import { inferFacts } from "../src/measure/index.js";
import {
  compiled,
  createLatencyModel,
  interleave,
  LayerWindows,
  MeasuredSource,
  memoryStore,
  ratioSpread,
  spreadOf,
  type Series,
  type PlanLatency,
} from "../src/latency/index.js";
import { candidateChains } from "../src/latency/candidate.js";
import { openTimed, ortAvailable, type Feeds, type TimedModel } from "../src/runtime/index.js";
import { proposalsFor } from "../src/search/candidates.js";
import { workingModel, type LayerSlot } from "../src/search/layers.js";
import { benchModel } from "./shared-model.js";

const sittings = 4;
/** The oldest that forms are written in. */
const leastOpset = 13;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: "string", default: "1" },
    choices: { type: "string", default: "5" },
    share: { type: "string", default: "0.8" },
    shape: { type: "string" },
    store: { type: "string" },
    /** In each of the sittings. */
    rounds: { type: "string", default: "60" },
    seed: { type: "string", default: "0" },
    verbose: { type: "boolean", default: false },
  },
});
const [name = "resnet20"] = positionals;
const threads = Number(values.threads);
const { model: exact } = await benchModel(name, leastOpset);
const shapes = new Map(
  values.shape ? [[values.shape.split("=")[0]!, values.shape.split("=")[1]!.split("x").map(Number)]] : [],
);
runRewrites(exact, preset.exact, { shapes, ledger: new Ledger() });
const feeds = timingFeeds(exact, { shapes });
const facts = inferFacts(exact, { shapes: new Map([...feeds].map(([input, { dims }]) => [input, dims])) });
const { slots } = workingModel(exact, facts);
const windows = new LayerWindows(exact, facts, slots);
const store = fileStore(values.store);
const started = performance.now();
const latency = createLatencyModel(
  windows,
  new MeasuredSource(`onnxruntime ${await ortAvailable()}`, {
    model: exact,
    feeds,

    threads,
    store,
  }),
);
const total = await latency.total();
console.log(
  `${name}: ${slots.length} layers, ${windows.all.length} windows, ${total.ms.toFixed(3)} ms, baseline in ${((performance.now() - started) / 1000).toFixed(1)} s`,
);

interface Choice {
  readonly slot: LayerSlot;
  readonly plan: FormPlan;
  readonly cost: PlanLatency;
}

const random = seededRandom(Number(values.seed));
const models: Model[] = [];
const predicted: number[] = [];
for (let n = 0; n < Number(values.choices); n++) {
  const choices: Choice[] = [];
  let ms = total.ms;
  for (const slot of slots) {
    if (random.uniform() > Number(values.share)) continue;
    const { plans } = proposalsFor(slot.layer, preset.families, { sizes: 6 });
    if (plans.length === 0) continue;
    const { plan } = plans[random.integer(plans.length)]!;
    const [cost] = await latency.costs(slot, [plan]);
    const own = await latency.layer(slot);
    if (values.verbose)
      console.log(
        `  ${slot.layer.name.padEnd(30)} ${describeForm(plan).padEnd(50)} ${loweringName(cost!.lowering).padEnd(30)} ${own.toFixed(4)} → ${cost!.ms.toFixed(4)}`,
      );
    choices.push({ slot, plan, cost: cost! });
    ms += cost!.ms - own;
  }
  models.push(withChoices(choices));
  predicted.push(ms);
}
console.log(`costs in ${((performance.now() - started) / 1000).toFixed(1)} s`);
console.log(" original ms  predicted ms  measured ms  predicted ratio        measured ratio    error");
const errors: number[] = [];
// In several sittings: a neighbour on the machine may disturb one of them.
const sat = models.map(() => ({ before: [] as number[], after: [] as number[] }));
for (let sitting = 0; sitting < sittings; sitting++) {
  for (const [i, model] of models.entries()) {
    const [before, after] = await inTurn([exact, model]);
    sat[i]!.before.push(...before!.rounds);
    sat[i]!.after.push(...after!.rounds);
  }
}
for (const [i, { before, after }] of sat.entries()) {
  const ratio = ratioSpread(after, before);
  const error = predicted[i]! / total.ms / ratio.median - 1;
  errors.push(Math.abs(error));
  const [was, is] = [before, after].map((rounds) => spreadOf(rounds).median);
  console.log(
    [
      was!.toFixed(3).padStart(12),
      predicted[i]!.toFixed(3).padStart(13),
      is!.toFixed(3).padStart(12),
      (predicted[i]! / total.ms).toFixed(3).padStart(16),
      `${ratio.median.toFixed(3)} (${ratio.interval.map((end) => end.toFixed(3)).join("–")})`.padStart(21),
      `${(100 * error).toFixed(1)} %`.padStart(8),
    ].join(" "),
  );
}
errors.sort((a, b) => a - b);
console.log(
  `median absolute error ${(100 * errors[Math.floor(errors.length / 2)]!).toFixed(1)} %, worst ${(100 * errors.at(-1)!).toFixed(1)} %`,
);

/** As `convopt bench` times two models. */
async function inTurn(pair: readonly Model[]): Promise<readonly Series[]> {
  const opened: TimedModel[] = [];
  for (const each of pair) opened.push(await openTimed(each, feeds as Feeds, { engine: "ort", threads }));
  const series = await interleave(opened, {
    ...{ rounds: Number(values.rounds), budget: 60_000, oneThread: threads === 1, warmUpMs: compiled },
    ...turnsFor(threads),
  });
  for (const each of opened) await each.dispose();
  return series;
}

function withChoices(choices: readonly Choice[]): Model {
  const model = cloneModel(exact);
  for (const { slot, plan, cost } of choices) {
    const node = model.graph.value(slot.output)!.producer!;
    const patch = new Patch(model.graph, node);
    const { spec } = slot.layer;
    const identity = (count: number): Int32Array =>
      random.shuffle(Int32Array.from({ length: count }, (_, i) => i));
    const window = windows.of(slot)!;
    const program = programOf(candidateChains(plan, spec.group), cost.lowering, window.shortcut);
    replaceByProgram(patch, node, program, slot.layer, {
      bias: new Float64Array(spec.outChannels).fill(0.1),
      orders: { in: identity(spec.inChannels), out: identity(spec.outChannels) },
    });
    patch.apply();
  }
  verify(model.graph);
  return model;
}

function fileStore(path: string | undefined): ReturnType<typeof memoryStore> {
  if (path === undefined) return memoryStore();
  const entries: Record<string, unknown> = (() => {
    try {
      return JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    } catch {
      return {};
    }
  })();
  const scoped = (key: string): string => `${threads} ${key}`;
  process.on("exit", () => writeFileSync(path, JSON.stringify(entries)));
  return { read: (key) => entries[scoped(key)], write: (key, value) => void (entries[scoped(key)] = value) };
}
