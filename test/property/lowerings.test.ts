import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { preset } from "../../passes/index.js";
import { isDecline } from "../../src/engine/index.js";
import {
  chainsOf,
  compose,
  isLayer,
  loweringName,
  loweringOf,
  lowerings,
  plainLowering,
  plannedChains,
  programCost,
  programKey,
  programOf,
  readLayer,
  replaceLayer,
  splitGroups,
  stackGroups,
  weightSize,
  type ConvLayer,
  type Form,
  type FormPlan,
} from "../../src/forms/index.js";
import {
  attr,
  cloneModel,
  GraphBuilder,
  Model,
  Patch,
  Tensor,
  UsageError,
  verify,
} from "../../src/ir/index.js";
import { seededRandom } from "../../src/linalg/index.js";
import { inferFacts, interpret, modelCost, relativeL2 } from "../../src/measure/index.js";

interface Case {
  readonly group: number;
  readonly perIn: number;
  readonly perOut: number;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly extra: readonly number[];
  readonly bias: boolean;
  readonly shortcut: boolean;
  readonly opset: number;
  readonly seed: number;
}

const axes = (rank: number, min: number, max: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min, max }), { minLength: rank, maxLength: rank });

const cases: fc.Arbitrary<Case> = fc.integer({ min: 1, max: 3 }).chain((rank) =>
  fc.record({
    group: fc.constantFrom(1, 1, 1, 2, 3),
    perIn: fc.constantFrom(2, 3, 4, 6, 8),
    perOut: fc.constantFrom(2, 3, 4, 6, 8),
    kernel: axes(rank, 1, rank === 3 ? 2 : 4),
    strides: axes(rank, 1, 3),
    dilations: axes(rank, 1, 2),
    pads: axes(2 * rank, 0, 2),
    extra: axes(rank, 0, 4),
    bias: fc.boolean(),
    shortcut: fc.boolean(),
    opset: fc.constantFrom(9, 17),
    seed: fc.nat(),
  }),
);

/** Input x, one Conv and, with a shortcut, s + conv(x); the other operand first, as exporters don't agree. */
function caseModel(c: Case): { model: Model; layer: ConvLayer; feeds: Map<string, Tensor> } {
  const random = seededRandom(c.seed);
  const [inChannels, outChannels] = [c.group * c.perIn, c.group * c.perOut];
  const spatial = c.kernel.map((k, axis) => {
    const covered = c.dilations[axis]! * (k - 1) + 1;
    return Math.max(1, covered - c.pads[axis]! - c.pads[c.kernel.length + axis]!) + c.extra[axis]!;
  });
  const normal = (dims: readonly number[]): Tensor => {
    const length = dims.reduce((product, dim) => product * dim, 1);
    return Tensor.floats(
      "float32",
      dims,
      Float64Array.from({ length }, () => random.normal()),
    );
  };
  const b = new GraphBuilder();
  b.graph.opsets.set("", c.opset);
  const dims = [2, inChannels, ...spatial];
  const inputs = [b.input("x", { dtype: "float32", shape: dims })];
  inputs.push(b.initializer("w", normal([outChannels, c.perIn, ...c.kernel])));
  if (c.bias) inputs.push(b.initializer("b", normal([outChannels])));
  const geometry = {
    kernel_shape: attr.ints(c.kernel),
    strides: attr.ints(c.strides),
    dilations: attr.ints(c.dilations),
    pads: attr.ints(c.pads),
    group: c.group,
  };
  const y = b.op("Conv", inputs, geometry, { name: "conv", outputs: ["y"] });
  const model = new Model(b.graph);
  const layer = readLayer(y.producer!, inferFacts(model));
  if (!isLayer(layer)) throw new Error(layer.declined);
  const feeds = new Map([["x", normal(dims)]]);
  if (c.shortcut) {
    const outDims = [2, outChannels, ...layer.outputShape];
    feeds.set("s", normal(outDims));
    const shortcut = b.input("s", { dtype: "float32", shape: outDims });
    b.output(b.op("Add", [shortcut, y], {}, { name: "add", outputs: ["z"] }));
  } else b.output(y, null);
  return { model, layer, feeds };
}

function randomForm(plan: FormPlan, layer: ConvLayer, seed: number): Form {
  const random = seededRandom(seed);
  const { name, size, terms } = plan;
  const order = (count: number): Int32Array =>
    random.shuffle(Int32Array.from({ length: count }, (_, i) => i));
  const branches = plan.branches.map((chain) =>
    chain.map((stage) => ({
      ...stage,
      weight: Float64Array.from({ length: weightSize(stage.spec) }, () => random.normal()),
    })),
  );
  const orders = plan.ordered
    ? { inputOrder: order(layer.spec.inChannels), outputOrder: order(layer.spec.outChannels) }
    : {};
  return { name, size, terms, branches, ...orders };
}

function run(model: Model, feeds: ReadonlyMap<string, Tensor>): Tensor {
  const [output] = [...interpret(model, feeds, { precision: "float64" }).values()];
  return output!;
}

/** The model with its layer as the dense kernel that the forms of its groups compose to. */
function dense(model: Model, layer: ConvLayer, forms: readonly Form[]): Model {
  const weight = new Float64Array(layer.weight.length);
  splitGroups(layer).forEach((part, g) => {
    const kernel = compose(forms[g]!, part.spec).data;
    weight.set(kernel, g * kernel.length);
  });
  const taps = layer.spec.kernel.map((_, axis) => axis);
  return withForm(model, layer, {
    name: "standard",
    size: {},
    terms: [],
    branches: [[{ spec: layer.spec, taps, weight }]],
  });
}

function withForm(model: Model, layer: ConvLayer, form: Form, lowering = plainLowering): Model {
  const copy = cloneModel(model);
  const node = copy.graph.node("conv")!;
  const patch = new Patch(copy.graph, node, "test");
  replaceLayer(patch, node, form, layer, layer.bias, lowering);
  patch.apply();
  verify(copy.graph);
  return copy;
}

describe("every lowering of every form", () => {
  const seen = new Map<string, number>();

  it.each(preset.families.map((family) => [family.name, family] as const))(
    "%s answers as the dense kernel does, to 1e-5, and costs what its program says",
    (_, family) => {
      fc.assert(
        fc.property(cases, fc.nat(), (c, choice) => {
          const { model, layer, feeds } = caseModel(c);
          const parts = splitGroups(layer);
          const proposed = family.propose(parts[0]!);
          const full = family.full(parts[0]!);
          const plans = [...(isDecline(proposed) ? [] : proposed), ...(full ? [full] : [])];
          if (plans.length === 0) return;
          const plan = plans[choice % plans.length]!;
          const forms = parts.map((part, g) => randomForm(plan, part, choice + g));
          const form = stackGroups(forms);
          const expected = run(dense(model, layer, forms), feeds);
          const chains = chainsOf(
            form,
            layer.bias.some((x) => x !== 0),
          );
          const all = lowerings(chains, { shortcut: c.shortcut });
          expect(new Set(all.map(({ key }) => key)).size).toBe(all.length);
          for (const { lowering, program } of sample(all, 3, choice)) {
            const name = loweringName(lowering);
            seen.set(name, (seen.get(name) ?? 0) + 1);
            const made = withForm(model, layer, form, lowering);
            expect(relativeL2(run(made, feeds), expected), name).toBeLessThanOrEqual(1e-5);
            const { macs } = modelCost(made, inferFacts(made));
            expect(macs, name).toBe(programCost(program, layer).macs);
            expect(nodesOf(made, "Conv"), name).toBe(program.steps.filter(({ op }) => op === "conv").length);
            expect(nodesOf(made, "Add"), name).toBe(program.steps.filter(({ op }) => op === "add").length);
          }
        }),
        { numRuns: 20 },
      );
    },
  );

  it("has covered every kind of join, alignment and split", () => {
    const names = [...seen.keys()].join(" ");
    for (const word of [
      "chain",
      "copies",
      "tails",
      "heads",
      "align4",
      "align8",
      "align16",
      "split",
      "shortcut-first",
    ])
      expect(names).toContain(word);
  });
});

/** `count` of the items, spread over all of them. */
function sample<T>(items: readonly T[], count: number, start: number): T[] {
  const step = Math.max(1, Math.floor(items.length / count));
  return items.filter((_, i) => (i + start) % step === 0).slice(0, count);
}

function nodesOf(model: Model, op: string): number {
  return model.graph.nodes.filter((node) => node.is(op)).length;
}

describe("plans", () => {
  it("have the programs of their forms", () => {
    fc.assert(
      fc.property(cases, fc.nat(), (c, choice) => {
        const { layer } = caseModel({ ...c, bias: true });
        const parts = splitGroups(layer);
        const family = preset.families[choice % preset.families.length]!;
        const plans = family.propose(parts[0]!);
        if (isDecline(plans) || plans.length === 0) return;
        const plan = plans[choice % plans.length]!;
        const form = stackGroups(parts.map((part, g) => randomForm(plan, part, choice + g)));
        const never = (): never => {
          throw new Error("weights are not needed");
        };
        const planned = plannedChains(plan, layer.spec.group, never);
        expect(lowerings(planned, c).map(({ key }) => key)).toEqual(
          lowerings(chainsOf(form, true), c).map(({ key }) => key),
        );
      }),
      { numRuns: 25 },
    );
  });

  it("of the same cost are what is left when no MACs may be added", () => {
    fc.assert(
      fc.property(cases, fc.nat(), (c, choice) => {
        const { layer } = caseModel(c);
        const part = splitGroups(layer)[0]!;
        const plans = preset.families[choice % preset.families.length]!.propose(part);
        if (isDecline(plans) || plans.length === 0) return;
        const chains = plannedChains(
          plans[choice % plans.length]!,
          layer.spec.group,
          () => new Float64Array(0),
        );
        const plain = programCost(programOf(chains, plainLowering), layer);
        for (const { program, lowering } of lowerings(chains, { shortcut: c.shortcut, sameCost: true })) {
          expect(programCost(program, layer), loweringName(lowering)).toEqual(plain);
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe("names", () => {
  it("go there and back", () => {
    const chains = plannedChains({ branches: [] }, 1, () => new Float64Array(0));
    expect(programKey(programOf({ ...chains, branches: [[], []].map(() => []) }, plainLowering))).toBe(
      "add(i,i)",
    );
    for (const name of ["branches", "chain+align16", "branches+split+shortcut-first", "heads+align4"])
      expect(loweringName(loweringOf(name))).toBe(name);
    for (const name of ["", "align16", "branches+align5", "branches+", "chain+split+align4", "branches+x"])
      expect(() => loweringOf(name), name).toThrow(UsageError);
  });
});
