import { describe, expect, it } from "vitest";
import { preset } from "../../passes/index.js";
import { isDecline } from "../../src/engine/index.js";
import {
  depthwiseSeparable,
  formCost,
  loweringName,
  plainLowering,
  programOf,
  replaceByProgram,
  spatiallySeparable,
  type FormPlan,
} from "../../src/forms/index.js";
import { cloneModel, InvariantError, Patch, UnsupportedError } from "../../src/ir/index.js";
import { candidateChains } from "../../src/latency/candidate.js";
import { noOverheads } from "../../src/latency/overheads.js";
import {
  createLatencyModel,
  LayerWindows,
  MeasuredSource,
  memoryStore,
  type LatencyModel,
  type LatencySlot,
} from "../../src/latency/index.js";
import { seededRandom } from "../../src/linalg/index.js";
import { knownRuntime, knownTime, residualNetwork, type Network } from "./networks.js";

interface Opened {
  readonly latency: LatencyModel;
  readonly windows: LayerWindows;
  readonly source: MeasuredSource;
}

function latencyOf(
  network: Network,
  runtime: ReturnType<typeof knownRuntime>,
  store = memoryStore(),
  threads = 1,
): Opened {
  const { model, facts, slots, feeds } = network;
  const windows = new LayerWindows(model, facts, slots);
  const source = new MeasuredSource("known", {
    ...{ model, feeds, threads, store, open: runtime.open },
  });
  return { latency: createLatencyModel(windows, source), windows, source };
}

function plansOf({ layer }: LatencySlot): FormPlan[] {
  return preset.families.flatMap((family) => {
    const plans = family.propose(layer);
    return isDecline(plans) ? [] : plans;
  });
}

describe("the latency model", () => {
  it.each([
    [1, noOverheads],
    [2, noOverheads],
    [1, { run: 0.01, profiler: 0.0017 }],
    [1, { run: 0.5, profiler: 0 }],
    [2, { run: 0.01, profiler: 0.0017 }],
  ] as const)(
    "predicts whole models exactly where time is a sum over nodes, on %i threads with overheads of %j",
    async (threads, overheads) => {
      const network = residualNetwork(3);
      const runtime = knownRuntime({ threads, overheads });
      const { latency, windows } = latencyOf(network, runtime, memoryStore(), threads);
      const total = await latency.total();
      expect(total.ms).toBeCloseTo(knownTime(network.model, network.feeds, threads) + overheads.run, 9);
      const random = seededRandom(2);
      for (let choice = 0; choice < 8; choice++) {
        const model = cloneModel(network.model);
        let predicted = total.ms;
        for (const slot of network.slots) {
          const plans = plansOf(slot);
          if (plans.length === 0 || random.uniform() < 0.3) continue;
          const plan = plans[random.integer(plans.length)]!;
          const [cost] = await latency.costs(slot, [plan]);
          predicted += cost!.ms - (await latency.layer(slot));
          const node = model.graph.value(slot.output)!.producer!;
          const patch = new Patch(model.graph, node);
          const program = programOf(candidateChains(plan, 1), cost!.lowering, windows.of(slot)!.shortcut);
          const { inChannels, outChannels } = slot.layer.spec;
          const order = (count: number): Int32Array =>
            Int32Array.from({ length: count }, (_, i) => count - 1 - i);
          replaceByProgram(patch, node, program, slot.layer, {
            ...{
              bias: new Float64Array(outChannels).fill(1),
              orders: { in: order(inChannels), out: order(outChannels) },
            },
          });
          patch.apply();
        }
        expect(knownTime(model, network.feeds, threads) + overheads.run).toBeCloseTo(predicted, 6);
      }
    },
  );

  it("picks the lowering of fewest nodes where nodes are what counts", async () => {
    const network = residualNetwork(1);
    const { latency } = latencyOf(network, knownRuntime());
    const slot = network.slots.find(({ layer }) => layer.name === "block0.a")!;
    const [cost] = await latency.costs(slot, [depthwiseSeparable(slot.layer.spec, 3)]);
    expect(loweringName(cost!.lowering)).toBe("chain");
    const behind = network.slots.find(({ layer }) => layer.name === "block0.b")!;
    const plan = spatiallySeparable(behind.layer.spec, 4, 0);
    const [spatial] = await latency.costs(behind, [plan]);
    expect(spatial!.lowering).toEqual(plainLowering);
    expect(spatial!.cost).toEqual(formCost(plan.branches, behind.layer.inputShape));
  });

  it("times equal windows once", async () => {
    const network = residualNetwork(5);
    const { windows } = latencyOf(network, knownRuntime());
    const [first, second] = ["block2.a", "block3.a"].map((name) =>
      windows.of(network.slots.find(({ layer }) => layer.name === name)!)!,
    );
    expect(first!.key).toBe(second!.key);
    expect(windows.all.length).toBeLessThan(network.slots.length);
    const runtime = knownRuntime();
    const { latency } = latencyOf(network, runtime);
    const slotOf = (name: string): LatencySlot => network.slots.find(({ layer }) => layer.name === name)!;
    const plan = spatiallySeparable(slotOf("block2.a").layer.spec, 3, 0);
    await latency.costs(slotOf("block2.a"), [plan]);
    const { length } = runtime.opened;
    await latency.costs(slotOf("block3.a"), [plan]);
    expect(runtime.opened.length).toBe(length);
  });

  it("gives layers with equal windows equal times, which add up to the same", async () => {
    const network = residualNetwork(5);
    const { latency, windows } = latencyOf(network, knownRuntime({ drift: 0.01 }));
    const exact = latencyOf(network, knownRuntime()).latency;
    const [second, third, last] = ["block2.a", "block3.a", "block4.b"].map((name) =>
      network.slots.find(({ layer }) => layer.name === name)!,
    );
    expect(windows.of(second!)!.key).toBe(windows.of(third!)!.key);
    expect(await latency.layer(second!)).toBe(await latency.layer(third!));
    expect(await latency.layer(last!)).not.toBe(await latency.layer(second!));
    let [sum, plain] = [0, 0];
    for (const slot of network.slots) {
      sum += await latency.layer(slot);
      plain += await exact.layer(slot);
    }
    const share = (ms: number, total: number): number => ms / total;
    const totals = [(await latency.total()).ms, (await exact.total()).ms] as const;
    expect(share(sum, totals[0])).toBeCloseTo(share(plain, totals[1]), 2);
  });

  it("measures nothing again that the store holds", async () => {
    const network = residualNetwork(2);
    const store = memoryStore();
    const [slot] = network.slots.slice(1);
    const first = latencyOf(network, knownRuntime(), store);
    const costs = await first.latency.costs(slot!, plansOf(slot!));
    const again = knownRuntime();
    const second = latencyOf(network, again, store);
    expect(await second.latency.costs(slot!, plansOf(slot!))).toEqual(costs);
    expect(await second.latency.total()).toEqual(await first.latency.total());
    expect(again.opened).toEqual([]);
  });

  it("measures again what a store holds in a form of another time", async () => {
    const network = residualNetwork(1);
    const runtime = knownRuntime();
    const store = { read: () => ({ ratio: "fast", windows: 3 }), write: () => undefined };
    const { latency } = latencyOf(network, runtime, store);
    expect((await latency.total()).ms).toBeGreaterThan(0);
    expect(runtime.opened.length).toBeGreaterThan(0);
  });

  it("closes what it opens", async () => {
    const network = residualNetwork(2);
    const runtime = knownRuntime();
    const { latency, source } = latencyOf(network, runtime);
    for (const slot of network.slots) await latency.costs(slot, plansOf(slot).slice(0, 3));
    await source.dispose();
    expect(runtime.alive()).toBe(0);
  });

  it("gives no time to forms that the runtime refuses, and passes other failures on", async () => {
    const network = residualNetwork(1);
    const refusing = knownRuntime({
      refuses: (model) =>
        model.graph.nodes.some((node) => node.input(1)?.constant?.dims[3] === 1)
          ? new UnsupportedError("E_RUNTIME_UNSUPPORTED", "no")
          : null,
    });
    const [, slot] = network.slots;
    const { latency } = latencyOf(network, refusing);
    const [spatial, plain] = await latency.costs(slot!, [spatiallySeparable(slot!.layer.spec, 2, 0), ...plansOf(slot!).filter(({ name }) => name === "grouped").slice(0, 1)]); // prettier-ignore
    expect(spatial!.ms).toBe(Infinity);
    expect(plain!.ms).toBeLessThan(Infinity);
    const broken = knownRuntime({
      refuses: (model) => (model.graph.nodes.length === 11 ? new InvariantError("bug") : null),
    });
    const other = latencyOf(network, broken);
    await expect(other.latency.costs(slot!, plansOf(slot!))).rejects.toThrow(InvariantError);
    await other.source.dispose();
    expect(broken.alive()).toBe(0);
  });

  it("stays below the form's MACs where it is told to", async () => {
    const network = residualNetwork(1, 16);
    const { latency } = latencyOf(network, knownRuntime());
    const [, slot] = network.slots;
    const plans = plansOf(slot!);
    const costs = await latency.costs(slot!, plans, { sameCost: true });
    for (const [i, plan] of plans.entries())
      expect(costs[i]!.cost).toEqual(formCost(plan.branches, slot!.layer.inputShape));
  });
});
