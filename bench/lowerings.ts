/*
 * Every lowering of some forms of the layers in the table of lowerings, between two 3×3 convolutions with Relu as in a
 * network, and the one that the latency model picks:
 *
 *     npx tsx bench/lowerings.ts [part of a row's name] --threads 1 --rounds 15
 *
 * "ratio" is the layer's own time in that form relative to the dense layer's, timed in turn through ONNX Runtime. The one
 * picked and the one that looked best among all then meet again, in rounds of their own: the best of many is the luckiest.
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
import { candidateChains } from "../src/latency/candidate.js";
import { createLatencyModel, LayerWindows, MeasuredSource } from "../src/latency/index.js";
import { ortAvailable } from "../src/runtime/index.js";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: "string", default: "1" },
    rounds: { type: "string", default: "15" },
    /** Rounds in which the one picked and the best meet again. */
    rematch: { type: "string", default: "64" },
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
  const source = new MeasuredSource(engine, { model, feeds, windows: windows.all, threads });
  const latency = createLatencyModel(windows, source);
  const own = await latency.layer(slot);
  const window = windows.of(slot)!;
  const plan = make(layer.spec);
  const all = lowerings(candidateChains(plan, 1), { shortcut: window.shortcut });
  const changes = await source.changes(
    window,
    all.map((one) => [one]),
    Number(values.rounds),
  );
  const [chosen] = await latency.costs(slot, [plan], { rounds: Number(values.rounds) });
  console.log(`\n${title}: dense ${own.toFixed(4)} ms`);
  for (const { lowering, program, key } of all) {
    const change = changes.get(key);
    const ratio = change ? (own + change.ms) / own : NaN;
    const [low, high] = change?.interval.map((end) => (own + end) / own) ?? [NaN, NaN];
    const mark = loweringName(lowering) === loweringName(chosen!.lowering) ? "←" : "";
    console.log(
      `  ${loweringName(lowering).padEnd(22)} MACs ${(programCost(program, layer).macs / layer.macs).toFixed(3)}  ratio ${ratio.toFixed(3)} (${low!.toFixed(3)}–${high!.toFixed(3)}) ${mark}`,
    );
  }
  const timeIn = (times: typeof changes, key: string): number => own + (times.get(key)?.ms ?? Infinity);
  const best = all.reduce((a, b) => (timeIn(changes, b.key) < timeIn(changes, a.key) ? b : a));
  const picked = all.find(({ lowering }) => loweringName(lowering) === loweringName(chosen!.lowering))!;
  const rematch = await source.changes(window, [[picked], [best]], Number(values.rematch));
  const behind = timeIn(rematch, picked.key) / timeIn(rematch, best.key);
  standings.push(behind);
  console.log(
    `  picked ${loweringName(picked.lowering)}: ${behind.toFixed(3)} of the best, ${loweringName(best.lowering)}`,
  );
  await source.dispose();
}
console.log(
  `\nthe one picked takes ${Math.max(...standings).toFixed(3)} of the best at most, over ${standings.length} rows`,
);

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
