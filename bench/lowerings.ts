/*
 * Every lowering of some forms of the layers in the table of lowerings, between two 3×3 convolutions with Relu as in a
 * network, and the one that the latency model picks:
 *
 *     npx tsx bench/lowerings.ts [part of a row's name] --threads 1 --rounds 400
 *
 * The latency model goes by the layers' kernels; the judge by the wall times of the whole networks, in turn. "ratio" is what
 * the layer takes in that lowering relative to the dense layer. One half of the rounds tells which lowering is the best, the
 * other how far the one picked is behind it: the best of many is the luckiest.
 */
import { parseArgs } from "node:util";
import {
  bottleneck,
  contiguousGroups,
  depthwiseSeparable,
  isLayer,
  loweringName,
  lowerings,
  pointwiseDepthwise,
  readLayer,
  spatiallySeparable,
  programCost,
  type ConvSpec,
  type FormPlan,
} from "../src/forms/index.js";
import { attr, GraphBuilder, Model, Tensor, type Value } from "../src/ir/index.js";
import { seededRandom } from "../src/linalg/index.js";
import { inferFacts } from "../src/measure/index.js";
import { turnsFor } from "../src/api/bench.js";
import { candidateChains, candidateModel } from "../src/latency/candidate.js";
import {
  createLatencyModel,
  differenceSpread,
  interleave,
  LayerWindows,
  MeasuredSource,
} from "../src/latency/index.js";
import { openTimed, ortAvailable, type Feeds, type TimedModel } from "../src/runtime/index.js";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: "string", default: "1" },
    rounds: { type: "string", default: "400" },
  },
});

type Make = (spec: ConvSpec) => FormPlan;
const rows: readonly (readonly [channels: number, size: number, name: string, make: Make])[] = [
  [64, 64, "depthwise-separable M=1", (spec) => depthwiseSeparable(spec, 1)],
  [64, 64, "depthwise-separable M=2", (spec) => depthwiseSeparable(spec, 2)],
  [64, 64, "depthwise-separable M=3", (spec) => depthwiseSeparable(spec, 3)],
  [16, 32, "depthwise-separable M=2", (spec) => depthwiseSeparable(spec, 2)],
  [256, 14, "depthwise-separable M=2", (spec) => depthwiseSeparable(spec, 2)],
  [64, 64, "pointwise-depthwise M=2", (spec) => pointwiseDepthwise(spec, 2)],
  [64, 64, "spatial r=32", (spec) => spatiallySeparable(spec, 32, 0)],
  [64, 64, "spatial r=32, other axis first", (spec) => spatiallySeparable(spec, 32, 1)],
  [64, 64, "bottleneck r=32", (spec) => bottleneck(spec, 32, 32)],
  [64, 64, "grouped G=2", (spec) => contiguousGroups(spec, 2)],
  [64, 64, "grouped G=4", (spec) => contiguousGroups(spec, 4)],
  [64, 64, "grouped G=8", (spec) => contiguousGroups(spec, 8)],
  [512, 7, "grouped G=8", (spec) => contiguousGroups(spec, 8)],
  [16, 32, "spatial r=12", (spec) => spatiallySeparable(spec, 12, 0)],
  [16, 32, "spatial r=14", (spec) => spatiallySeparable(spec, 14, 0)],
  [16, 32, "spatial r=16", (spec) => spatiallySeparable(spec, 16, 0)],
];
const threads = Number(values.threads);
const standings: number[] = [];
const engine = `onnxruntime ${await ortAvailable()}`;

for (const [channels, size, name, make] of rows) {
  const title = `${channels}→${channels} @${size}² ${name}`;
  if (!title.includes(positionals[0] ?? "")) continue;
  const { model, output } = network(channels, size);
  const facts = inferFacts(model);
  const node = model.graph.value(output)!.producer!;
  const layer = readLayer(node, facts);
  if (!isLayer(layer)) throw new Error(layer.declined);
  const slot = { layer, output };
  const windows = new LayerWindows(model, facts, [slot]);
  const feeds = new Map([["x", noise([1, channels, size, size])]]);
  const source = new MeasuredSource(engine, { model, feeds, threads });
  const latency = createLatencyModel(windows, source);
  const own = await latency.layer(slot);
  const window = windows.of(slot)!;
  const plan = make(layer.spec);
  const all = lowerings(candidateChains(plan, 1), { shortcut: window.shortcut });
  const [chosen] = await latency.costs(slot, [plan], { rounds: 30 });
  await source.dispose();
  const models = [model, ...all.map(({ program }) => candidateModel({ ...window, model }, program))];
  const [dense, ...series] = await wallTimes(models, feeds);
  const timeIn = (one: number, parity: number): number => {
    const rounds = (values: readonly number[]): number[] => values.filter((_, round) => round % 2 === parity);
    return own + differenceSpread(rounds(series[one]!), rounds(dense!)).median;
  };
  const picked = all.findIndex(({ lowering }) => loweringName(lowering) === loweringName(chosen!.lowering));
  console.log(
    `\n${title}: dense ${own.toFixed(4)} ms, ${(chosen!.ms / own).toFixed(3)} of it expected of the one picked`,
  );
  for (const [i, { lowering, program }] of all.entries()) {
    const ratios = [0, 1].map((parity) => (timeIn(i, parity) / own).toFixed(3));
    console.log(
      `  ${loweringName(lowering).padEnd(22)} MACs ${(programCost(program, layer).macs / layer.macs).toFixed(3)}  ratio ${ratios.join(" and ")} ${i === picked ? "←" : ""}`,
    );
  }
  const best = all.map((_, i) => i).reduce((a, b) => (timeIn(b, 0) < timeIn(a, 0) ? b : a));
  const behind = timeIn(picked, 1) / timeIn(best, 1);
  standings.push(behind);
  console.log(
    `  picked ${loweringName(all[picked]!.lowering)}: ${behind.toFixed(3)} of the best, ${loweringName(all[best]!.lowering)}`,
  );
}
console.log(
  `\nthe one picked takes ${Math.max(...standings).toFixed(3)} of the best at most, over ${standings.length} rows`,
);

/** Round by round, of single runs in turn on one thread. */
async function wallTimes(models: readonly Model[], feeds: Feeds): Promise<(readonly number[])[]> {
  const opened: TimedModel[] = [];
  for (const each of models) opened.push(await openTimed(each, feeds, { engine: "ort", threads }));
  const series = await interleave(opened, {
    rounds: Number(values.rounds),
    oneThread: threads === 1,
    ...turnsFor(threads),
  });
  for (const each of opened) await each.dispose();
  return series.map(({ rounds }) => rounds);
}

/** conv + Relu, the layer + Relu, conv. */
function network(channels: number, size: number): { model: Model; output: string } {
  const b = new GraphBuilder();
  const conv = (input: Value, name: string): Value =>
    b.op(
      "Conv",
      [
        input,
        b.initializer(`${name}.w`, noise([channels, channels, 3, 3], (channels * 9) ** -0.5)),
        b.initializer(`${name}.b`, noise([channels])),
      ],
      { kernel_shape: attr.ints([3, 3]), pads: attr.ints([1, 1, 1, 1]) },
      { name },
    );
  const x = b.input("x", { dtype: "float32", shape: [1, channels, size, size] });
  const before = b.op("Relu", [conv(x, "before")]);
  const layer = conv(before, "layer");
  const y = conv(b.op("Relu", [layer]), "behind");
  b.output(y, { dtype: "float32", shape: [1, channels, size, size] });
  b.graph.irVersion = 8;
  b.graph.opsets.set("", 13);
  return { model: new Model(b.graph), output: layer.name };
}

function noise(dims: readonly number[], scale = 1): Tensor {
  const random = seededRandom(dims.length);
  const length = dims.reduce((product, dim) => product * dim, 1);
  return Tensor.floats(
    "float32",
    dims,
    Float64Array.from({ length }, () => scale * random.normal()),
  );
}
