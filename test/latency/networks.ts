import { isLayer, isLayerOp, readLayer } from "../../src/forms/index.js";
import { attr, GraphBuilder, Model, Tensor, type Value } from "../../src/ir/index.js";
import { seededRandom } from "../../src/linalg/index.js";
import { inferFacts, modelCost, type FactTable } from "../../src/measure/index.js";
import {
  createLatencyModel,
  LayerWindows,
  MeasuredSource,
  ProfileRecorder,
  type LatencyProfile,
  type LatencySlot,
  type OpenTimed,
} from "../../src/latency/index.js";
import { noOverheads, type Overheads } from "../../src/latency/overheads.js";
import { isDecline } from "../../src/engine/index.js";
import { preset } from "../../passes/index.js";

export function noise(dims: readonly number[], seed = 1): Tensor {
  const random = seededRandom(seed);
  const length = dims.reduce((product, dim) => product * dim, 1);
  return Tensor.floats(
    "float32",
    dims,
    Float64Array.from({ length }, () => random.uniform(-0.3, 0.3)),
  );
}

export interface Network {
  readonly model: Model;
  readonly facts: FactTable;
  readonly slots: readonly LatencySlot[];
  readonly feeds: ReadonlyMap<string, Tensor>;
}

/** Stem, `blocks` residual blocks of two 3×3 convolutions each, pooling and a classifier. */
export function residualNetwork(blocks: number, channels = 8, size = 8): Network {
  const b = new GraphBuilder();
  b.graph.irVersion = 8;
  b.graph.opsets.set("", 13);
  const conv = (input: Value, name: string, inChannels = channels): Value =>
    b.op(
      "Conv",
      [
        input,
        b.initializer(`${name}.w`, noise([channels, inChannels, 3, 3])),
        b.initializer(`${name}.b`, noise([channels])),
      ],
      { kernel_shape: attr.ints([3, 3]), pads: attr.ints([1, 1, 1, 1]) },
      { name, outputs: [`${name}.y`] },
    );
  let value = b.op("Relu", [
    conv(b.input("x", { dtype: "float32", shape: ["N", 3, size, size] }), "stem", 3),
  ]);
  for (let block = 0; block < blocks; block++) {
    const inner = b.op("Relu", [conv(value, `block${block}.a`)]);
    value = b.op("Relu", [b.op("Add", [conv(inner, `block${block}.b`), value])]);
  }
  const flat = b.op("Flatten", [b.op("GlobalAveragePool", [value])]);
  const scores = b.op("Gemm", [flat, b.initializer("fc.w", noise([10, channels])), b.initializer("fc.b", noise([10]))], { transB: 1 }, { name: "fc" }); // prettier-ignore
  b.output(scores, { dtype: "float32", shape: ["N", 10] });
  const model = new Model(b.graph);
  const dims = [1, 3, size, size];
  const facts = inferFacts(model, { shapes: new Map([["x", dims]]) });
  const slots = model.graph.nodes.filter(isLayerOp).map((node) => {
    const layer = readLayer(node, facts);
    if (!isLayer(layer)) throw new Error(layer.declined);
    return { layer, output: node.output.name };
  });
  return { model, facts, slots, feeds: new Map([["x", noise(dims)]]) };
}

export interface KnownRuntimeOptions {
  readonly refuses?: (model: Model) => Error | null;
  /** The multiply–accumulates of every kernel take that share longer than those of the one before. */
  readonly drift?: number;
  /** Threads of sessions that ask for none: halves of the work each, and some microseconds by node. */
  readonly threads?: 1 | 2;
  /** Milliseconds of every run beside its kernels', and of the profiler within each kernel's. */
  readonly overheads?: Overheads;
}

/** Milliseconds of a model in that runtime. */
export function knownTime(model: Model, feeds: Network["feeds"], threads: 1 | 2 = 1): number {
  const facts = inferFacts(model, { shapes: new Map([...feeds].map(([name, { dims }]) => [name, dims])) });
  const { length } = model.graph.nodes;
  const onOne = length / 1e3 + modelCost(model, facts).macs! / 1e6;
  return threads === 1 ? onOne : onOne / 2 + 0.003 * length;
}

/** Opens models in that runtime; `opened` counts them. */
export function knownRuntime(options: KnownRuntimeOptions = {}): {
  readonly open: OpenTimed;
  readonly opened: Model[];
  alive(): number;
} {
  const opened: Model[] = [];
  let alive = 0;
  const open: OpenTimed = (model, feeds, special) => {
    const refusal = options.refuses?.(model) ?? null;
    if (refusal) return Promise.reject(refusal);
    opened.push(model);
    alive++;
    const bound = inferFacts(model, { shapes: new Map([...feeds].map(([name, { dims }]) => [name, dims])) });
    const threads = special?.threads === 1 ? 1 : (options.threads ?? 1);
    const { run, profiler } = options.overheads ?? noOverheads;
    const ms =
      knownTime(model, feeds, threads) + run + (special?.profile ? profiler * model.graph.nodes.length : 0);
    // With several threads its profiler is of no use.
    const noise = threads === 1 ? 0 : 0.05;
    const kernels = model.graph.nodes.map((node, index) => ({
      ...{ name: node.name, op: node.op, index },
      ms:
        profiler +
        (index % 3) * noise +
        1e-3 +
        ((1 + index * (options.drift ?? 0)) *
          (modelCost(model, bound).nodes.find((cost) => cost.node === node)?.macs ?? 0)) /
          1e6,
    }));
    let runs = 0;
    return Promise.resolve({
      engine: "known",
      run: () => {
        runs++;
        return Promise.resolve({ ms, cpu: ms, preempted: false });
      },
      kernels: () => Promise.resolve(Array.from({ length: runs }, () => kernels).flat()),
      dispose: () => {
        alive--;
        return Promise.resolve();
      },
    });
  };
  return { open, opened, alive: () => alive };
}

const machine = { cpu: "a phone", cores: 8, platform: "linux-arm64" };

/** A profile of all layers with the first forms of every family, as the known runtime has them. */
export async function profileOf(network: Network): Promise<LatencyProfile> {
  const { model, facts, slots, feeds } = network;
  const windows = new LayerWindows(model, facts, slots);
  const source = new MeasuredSource("known", {
    ...{ model, feeds, threads: 1, open: knownRuntime().open },
  });
  const recorder = new ProfileRecorder(source);
  const latency = createLatencyModel(windows, recorder);
  for (const slot of slots) {
    const plans = preset.families.flatMap((family) => {
      const proposed = family.propose(slot.layer);
      return isDecline(proposed) ? [] : proposed.slice(0, 3);
    });
    await latency.costs(slot, plans);
  }
  return recorder.profile(model, feeds, machine);
}
