import { describe, expect, it } from "vitest";
import { chainOf, type Form, type Link } from "../../src/forms/index.js";
import { GraphBuilder, Model, Tensor } from "../../src/ir/index.js";
import { inferFacts } from "../../src/measure/index.js";
import { openExecutor } from "../../src/runtime/index.js";
import { ownTargets, standardCandidate, type LayerCandidates } from "../../src/search/candidates.js";
import type { SearchContext } from "../../src/search/context.js";
import { workingModel } from "../../src/search/layers.js";
import { recoveryBlocks } from "../../src/search/recovery-blocks.js";
import { recover, recoverNetwork, type RecoveryOptions } from "../../src/search/recovery.js";
import type { FittedLayer } from "../../src/search/refit.js";
import { StagedNetwork } from "../../src/search/staged-network.js";
import { composedKernel, layerWeights } from "../../src/search/weights.js";

import { randomForm, values } from "./random-forms.js";

function residualNetwork(count: number, extra?: string): Model {
  const builder = new GraphBuilder("residual");
  builder.graph.irVersion = 8;
  builder.graph.opsets.set("", 17);
  const weight = (name: string, dims: readonly number[]): string => {
    const fan = dims.slice(1).reduce((p, d) => p * d, 1);
    builder.initializer(
      name,
      Tensor.f32(
        dims,
        values(fan * dims[0]!).map((v) => v * Math.sqrt(2 / fan)),
      ),
    );
    return name;
  };
  builder.input("input", { dtype: "float32", shape: ["N", 3, 8, 8] });
  const conv = (x: string, name: string, channels: number, output: string): string => {
    builder.op(
      "Conv",
      [x, weight(`${name}.w`, [8, channels, 3, 3]), weight(`${name}.b`, [8])],
      { pads: [1, 1, 1, 1] },
      { name, outputs: [output] },
    );
    return output;
  };
  const op = (name: string, inputs: readonly string[], output: string): string =>
    builder.op(name, inputs, {}, { outputs: [output] }).name;
  let x = op("Relu", [conv("input", "stem", 3, "stem.y")], "stem.out");
  for (let i = 0; i < count; i++) {
    let inner = op("Relu", [conv(x, `b${i}.c1`, 8, `b${i}.1`)], `b${i}.2`);
    if (extra) inner = op(extra, [inner], `b${i}.extra`);
    x = op("Relu", [op("Add", [conv(inner, `b${i}.c2`, 8, `b${i}.3`), x], `b${i}.4`)], `b${i}.out`);
  }
  const flat = op("Flatten", [op("GlobalAveragePool", [x], "pooled")], "flat");
  builder.op(
    "Gemm",
    [flat, weight("fc.w", [5, 8]), weight("fc.b", [5])],
    { transB: 1 },
    { name: "fc", outputs: ["scores"] },
  );
  builder.output("scores", { dtype: "float32", shape: ["N", 5] });
  return new Model(builder.graph);
}

interface Setting {
  readonly means: readonly null[];
  readonly cx: SearchContext;
  readonly layers: readonly LayerCandidates[];
  readonly fitted: readonly FittedLayer[];
  readonly reports: [string, number, number | null][];
}

/** The network with every 3×3 layer of `compressed` replaced by a badly fitted separable form. */
function setting(model: Model, compressed: (name: string) => boolean): Setting {
  const shapes = new Map([["input", [1, 3, 8, 8]]]);
  const working = workingModel(model, inferFacts(model, { shapes }));
  const open: SearchContext["open"] = (part) => openExecutor(part, { engine: "auto", threads: 1 });
  const network = new StagedNetwork(
    working.model,
    inferFacts(working.model, { shapes }),
    working.slots,
    open,
  );
  const batches = (count: number): ReadonlyMap<string, Tensor>[] =>
    Array.from({ length: count }, () => new Map([["input", Tensor.f32([16, 3, 8, 8], values(16 * 192))]]));
  const reports: Setting["reports"] = [];
  const cx: SearchContext = {
    network,
    slots: working.slots,
    model: working.model,
    open,
    productsFor: () => null,
    fitted: batches(4),
    selected: batches(2),
    report: (...entry) => reports.push(entry),
    pause: () => Promise.resolve(),
    journal: null,
  };
  const layers = working.slots.map((slot): LayerCandidates => {
    const targets = ownTargets(slot.layer, null, () => null);
    return {
      layer: slot.layer,
      targets,
      standard: standardCandidate(slot.layer, targets),
      front: [],
      tried: [],
      declined: [],
    };
  });
  const fitted = working.slots.map((slot): FittedLayer => {
    const { standard, targets } = layers[slot.index]!;
    const { spec: own, weight, bias } = slot.layer;
    if (!compressed(slot.layer.name))
      return { slot, candidate: standard, bias, weights: layerWeights(slot, weight, bias) };
    const links: Link[] = [
      { out: own.inChannels, group: own.inChannels, taps: "all" },
      { out: own.outChannels, taps: "none" },
    ];
    const stages = chainOf(own, links);
    const form: Form = {
      ...randomForm(own, []),
      branches: [
        stages.map((stage) => ({
          ...stage,
          weight: values(
            stage.spec.outChannels *
              (stage.spec.inChannels / stage.spec.group) *
              stage.spec.kernel.reduce((p, k) => p * k, 1),
          ).map((v) => v * 0.3),
        })),
      ],
    };
    const plan = { name: form.name, size: {}, terms: [], branches: [stages], start: () => form };
    const kernel = composedKernel([form], targets);
    return {
      slot,
      candidate: { ...standard, family: "test", plan, forms: [form] },
      bias,
      weights: layerWeights(slot, kernel, bias),
    };
  });
  return { cx, layers, fitted, reports, means: layers.map(() => null) };
}

const options: RecoveryOptions = { steps: 60, images: 32, rate: 2e-2, macs: 1e12, seed: 0, endToEnd: null };

describe("blocks", () => {
  it("end behind residual blocks and hold at least two layers", () => {
    const { cx } = setting(residualNetwork(3), () => false);
    const blocks = recoveryBlocks(cx.network.steps, ["input"]);
    expect(blocks.map(({ slots }) => slots.map(({ layer }) => layer.name))).toEqual([
      ["stem", "b0.c1", "b0.c2"],
      ["b1.c1", "b1.c2"],
      ["b2.c1", "b2.c2"],
      ["fc"],
    ]);
    expect(blocks.map(({ inputs, outputs }) => [...inputs, "→", ...outputs].join(" "))).toEqual([
      "input → b0.out",
      "b0.out → b1.out",
      "b1.out → b2.out",
      "b2.out → scores",
    ]);
    expect(blocks.flatMap(({ steps }) => steps)).toEqual(cx.network.steps);
  });
});

describe("recovery", () => {
  it("brings the blocks' outputs nearer to the original's, on images it never saw", async () => {
    const ground = setting(residualNetwork(2), (name) => name === "b1.c1");
    const { layers, fitted, reports } = ground;
    const { fitted: recovered, blocks } = await recover(ground, fitted, options);
    // Nothing in front of the first compressed layer's block is touched.
    expect(blocks.map((block) => block.layers)).toEqual([["b1.c1", "b1.c2"], ["fc"]]);
    expect(blocks[0]!.kept).toBe(true);
    expect(blocks[0]!.after!).toBeLessThan(0.7 * blocks[0]!.before);
    expect(recovered.slice(0, 3)).toEqual(fitted.slice(0, 3));
    expect(recovered[3]!.candidate.forms[0]!.branches).not.toEqual(fitted[3]!.candidate.forms[0]!.branches);
    // The dense kernel that runs is the one that the form composes to.
    const kernel = composedKernel(recovered[3]!.candidate.forms, layers[3]!.targets);
    expect(recovered[3]!.weights.weight.numbers).toEqual(Float32Array.from(kernel));
    expect(reports.every(([step, done, total]) => step === "recovery" && done <= total!)).toBe(true);
    expect(reports.at(-1)![1]).toBe(reports.at(-1)![2]);
  });

  it("gives the same result for the same seed", async () => {
    const ground = setting(residualNetwork(1), (name) => name === "b0.c2");
    const { fitted } = ground;
    const runs = [await recover(ground, fitted, options), await recover(ground, fitted, options)];
    expect(runs[0]!.fitted.map(({ weights }) => weights.weight.numbers)).toEqual(
      runs[1]!.fitted.map(({ weights }) => weights.weight.numbers),
    );
  });

  it("leaves a block whose result is worse on the selected images", async () => {
    const ground = setting(residualNetwork(1), (name) => name === "b0.c2");
    const { fitted } = ground;
    const { fitted: recovered, blocks } = await recover(ground, fitted, {
      ...options,
      steps: 1,
      rate: 1e3,
    });
    expect(blocks.every(({ kept }) => !kept)).toBe(true);
    expect(blocks[0]!.reason).toMatch(/selected images/);
    expect(recovered).toEqual(fitted);
  });

  it("goes back to the start with a smaller rate when the first steps were too large", async () => {
    const ground = setting(residualNetwork(1), (name) => name === "b0.c2");
    const { fitted } = ground;
    const { blocks } = await recover(ground, fitted, { ...options, rate: 20 });
    expect(blocks[0]!.kept).toBe(true);
    expect(blocks[0]!.after!).toBeLessThan(0.9 * blocks[0]!.before);
  });

  it("leaves a block that can't be differentiated, with the reason", async () => {
    const ground = setting(residualNetwork(1, "Ceil"), (name) => name === "b0.c2");
    const { fitted } = ground;
    const { blocks } = await recover(ground, fitted, options);
    expect(blocks[0]!.kept).toBe(false);
    expect(blocks[0]!.reason).toMatch(/no gradient rule/);
  });

  it("does nothing when the work is too much", async () => {
    const ground = setting(residualNetwork(1), () => true);
    const { fitted } = ground;
    const { fitted: recovered, blocks } = await recover(ground, fitted, { ...options, macs: 1e4 });
    expect(blocks).toEqual([]);
    expect(recovered).toEqual(fitted);
  });

  it("stops where it is asked to", async () => {
    const ground = setting(residualNetwork(1), () => true);
    const { cx, fitted } = ground;
    let checks = 0;
    const aborting = {
      ...cx,
      pause: async () => {
        if (++checks > 40) throw new Error("stopped");
      },
    };
    await expect(recover({ ...ground, cx: aborting }, fitted, options)).rejects.toThrow("stopped");
  });

  it("keeps only what the whole network's answers gain by", async () => {
    const ground = setting(residualNetwork(1), (name) => name === "b0.c2");
    const { fitted } = ground;
    const measured = (divergences: readonly number[]) => {
      let at = 0;
      return () => Promise.resolve({ divergence: divergences[at++]!, relativeError: 0, agreement: null });
    };
    const last = { steps: 5, images: 16, rate: 1e-3 };
    const blocks = { ...options, steps: 40 };
    const both = { ...blocks, endToEnd: { dense: last, afterBlocks: last } };
    expect(await recoverNetwork(ground, fitted, blocks, measured([1, 1.05]))).toBe(fitted);
    expect(await recoverNetwork(ground, fitted, both, measured([1, 1.05, 1.01]))).toBe(fitted);
    const kept = {
      blocks: await recoverNetwork(ground, fitted, blocks, measured([1, 0.5])),
      first: await recoverNetwork(ground, fitted, both, measured([1, 0.5, 0.6])),
      last: await recoverNetwork(ground, fitted, both, measured([1, 1.5, 0.9])),
      both: await recoverNetwork(ground, fitted, both, measured([1, 0.5, 0.4])),
    };
    const weightsOf = (layers: readonly FittedLayer[]): unknown =>
      layers.map(({ weights }) => weights.weight.numbers);
    expect(weightsOf(kept.first)).toEqual(weightsOf(kept.blocks));
    const different = [fitted, kept.first, kept.last, kept.both].map((layers) =>
      JSON.stringify(weightsOf(layers)),
    );
    expect(new Set(different).size).toBe(4);
  });
});
