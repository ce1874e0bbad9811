import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { preset } from "../../passes/index.js";
import { isDecline } from "../../src/engine/index.js";
import {
  FitTarget,
  compose,
  describeForm,
  fitForm,
  formCost,
  isLayer,
  lowerForm,
  outputSize,
  readLayer,
  splitGroups,
  stackGroups,
  weightSize,
  type ConvLayer,
  type Form,
  type FormPlan,
} from "../../src/forms/index.js";
import {
  GraphBuilder,
  Model,
  Patch,
  Tensor,
  attr,
  cloneModel,
  verify,
  type DType,
} from "../../src/ir/index.js";
import { matrix, seededRandom, type Random } from "../../src/linalg/index.js";
import { inferFacts, interpret, modelCost, relativeL2 } from "../../src/measure/index.js";

/** Shape of a random convolution; `spatial` is the input's, big enough for one output position. */
interface ConvCase {
  readonly group: number;
  readonly perIn: number;
  readonly perOut: number;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly extra: readonly number[];
  readonly bias: boolean;
  readonly seed: number;
}

const axes = (rank: number, min: number, max: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min, max }), { minLength: rank, maxLength: rank });

const convCase: fc.Arbitrary<ConvCase> = fc.integer({ min: 1, max: 3 }).chain((rank) =>
  fc.record({
    group: fc.constantFrom(1, 1, 1, 2, 3),
    perIn: fc.integer({ min: 1, max: 5 }),
    perOut: fc.integer({ min: 1, max: 5 }),
    kernel: axes(rank, 1, rank === 3 ? 2 : 4),
    strides: axes(rank, 1, 3),
    dilations: axes(rank, 1, 2),
    pads: axes(2 * rank, 0, 2),
    extra: axes(rank, 0, 4),
    bias: fc.boolean(),
    seed: fc.nat(),
  }),
);

/** A model of one Conv with random weights, scales differing from channel to channel, and its layer. */
function convModel(
  c: ConvCase,
  dtype: DType,
): { model: Model; layer: ConvLayer; feeds: Map<string, Tensor> } {
  const random = seededRandom(c.seed);
  const [inChannels, outChannels] = [c.group * c.perIn, c.group * c.perOut];
  const spatial = c.kernel.map((k, axis) => {
    const covered = c.dilations[axis]! * (k - 1) + 1;
    return Math.max(1, covered - c.pads[axis]! - c.pads[c.kernel.length + axis]!) + c.extra[axis]!;
  });
  const normal = (dims: readonly number[]): Tensor => {
    const count = dims.reduce((product, dim) => product * dim, 1);
    return Tensor.floats(
      dtype,
      dims,
      Float64Array.from({ length: count }, () => random.normal()),
    );
  };
  const b = new GraphBuilder();
  b.graph.opsets.set("", 17);
  const dims = [2, inChannels, ...spatial];
  const inputs = [b.input("x", { dtype, shape: dims })];
  inputs.push(b.initializer("w", normal([outChannels, c.perIn, ...c.kernel])));
  if (c.bias) inputs.push(b.initializer("b", normal([outChannels])));
  const { kernel, strides, dilations, pads, group } = c;
  const geometry = {
    kernel_shape: attr.ints(kernel),
    strides: attr.ints(strides),
    dilations: attr.ints(dilations),
  };
  const y = b.op(
    "Conv",
    inputs,
    { ...geometry, pads: attr.ints(pads), group },
    { name: "conv", outputs: ["y"] },
  );
  b.output(y, null);
  const model = new Model(b.graph);
  const layer = readLayer(y.producer!, inferFacts(model));
  if (!isLayer(layer)) throw new Error(layer.declined);
  return { model, layer, feeds: new Map([["x", normal(dims)]]) };
}

/** The model with its conv lowered to a form, written in the layer's dtype. */
function lowered(model: Model, layer: ConvLayer, form: Form): Model {
  const copy = cloneModel(model);
  const node = copy.graph.node("conv")!;
  const patch = new Patch(copy.graph, node, "test");
  patch.replace(node.output, lowerForm(form, layer, layer.bias, node.input(0)!, patch));
  patch.apply();
  verify(copy.graph);
  return copy;
}

function run(model: Model, feeds: ReadonlyMap<string, Tensor>): Tensor {
  return interpret(model, feeds, { precision: "float64" }).get("y")!;
}

function targetOf(layer: ConvLayer): FitTarget {
  const { outChannels } = layer.spec;
  return new FitTarget(
    layer.spec,
    matrix(outChannels, layer.weight.length / outChannels, layer.weight),
    null,
  );
}

/** A family's full-rank form of a layer, group by group; null where the family does not apply. */
async function fullForm(layer: ConvLayer, full: (layer: ConvLayer) => FormPlan | null): Promise<Form | null> {
  const forms: Form[] = [];
  for (const part of splitGroups(layer)) {
    const plan = full(part);
    if (!plan) return null;
    forms.push((await fitForm(plan, targetOf(part), 0)).form);
  }
  return stackGroups(forms);
}

function shuffled(count: number, random: Random): Int32Array {
  return random.shuffle(Int32Array.from({ length: count }, (_, i) => i));
}

/** A form of the plan's geometry with random weights and, for some, random channel orders. */
function randomForm(plan: FormPlan, layer: ConvLayer, seed: number): Form {
  const random = seededRandom(seed);
  const { name, size, terms } = plan;
  const branches = plan.branches.map((chain) =>
    chain.map((stage) => ({
      ...stage,
      weight: Float64Array.from({ length: weightSize(stage.spec) }, () => random.normal()),
    })),
  );
  const orders = {
    ...(seed % 3 === 0 ? { inputOrder: shuffled(layer.spec.inChannels, random) } : {}),
    ...(seed % 4 === 0 ? { outputOrder: shuffled(layer.spec.outChannels, random) } : {}),
  };
  return { name, size, terms, branches, ...orders };
}

const limits = { float64: 1e-10, float32: 1e-5, float16: 4e-3 } as const;

describe("every family of forms at full rank", () => {
  it.each(preset.families.map((family) => [family.name, family] as const))(
    "%s reproduces the layer",
    async (_, family) => {
      let applied = 0;
      await fc.assert(
        fc.asyncProperty(convCase, fc.constantFrom("float64", "float32", "float16"), async (c, dtype) => {
          const { model, layer, feeds } = convModel(c, dtype);
          const form = await fullForm(layer, (part) => family.full(part));
          if (!form) return;
          applied++;
          const [expected, got] = [run(model, feeds), run(lowered(model, layer, form), feeds)];
          expect(got.dims).toEqual(expected.dims);
          expect(relativeL2(got, expected), describeForm(form)).toBeLessThanOrEqual(limits[dtype]);
        }),
        { numRuns: 40 },
      );
      expect(applied).toBeGreaterThan(0);
    },
  );
});

describe("every form that a family proposes", () => {
  it.each(preset.families.map((family) => [family.name, family] as const))(
    "%s: the composed kernel answers as the lowered nodes do, and costs what they cost",
    async (_, family) => {
      let forms = 0;
      await fc.assert(
        fc.asyncProperty(convCase, fc.nat(), async (c, choice) => {
          const { model, layer, feeds } = convModel(
            { ...c, perIn: c.perIn + 3, perOut: c.perOut + 3 },
            "float64",
          );
          const parts = splitGroups(layer);
          const proposed = family.propose(parts[0]!);
          const full = family.full(parts[0]!);
          const plans = [...(isDecline(proposed) ? [] : proposed), ...(full ? [full] : [])];
          if (plans.length === 0) return;
          forms++;
          const plan = plans[choice % plans.length]!;
          const perPart = parts.map((part, g) =>
            randomForm(plan, part, choice - (choice % 12) + 12 * g + (choice % 12)),
          );
          const chains = lowered(model, layer, stackGroups(perPart));
          const weight = new Float64Array(layer.weight.length);
          perPart.forEach((form, g) => {
            const kernel = compose(form, parts[g]!.spec).data;
            weight.set(kernel, g * kernel.length);
          });
          const dense = lowered(model, layer, {
            ...{ name: "standard", size: {}, terms: [] },
            branches: [[{ spec: layer.spec, taps: layer.spec.kernel.map((__, axis) => axis), weight }]],
          });
          expect(relativeL2(run(chains, feeds), run(dense, feeds)), describeForm(plan)).toBeLessThanOrEqual(
            1e-11,
          );
          const cost = formCost(plan.branches, layer.inputShape, layer.spec.group);
          const counted = modelCost(chains, inferFacts(chains));
          expect(counted.macs).toBe(cost.macs);
          expect(counted.params - cost.params).toBe(layer.bias.some((x) => x !== 0) ? layer.bias.length : 0);
        }),
        { numRuns: 40 },
      );
      expect(forms).toBeGreaterThan(0);
    },
  );

  it("keeps the layer's output size axis by axis", () => {
    fc.assert(
      fc.property(convCase, (c) => {
        const { layer } = convModel(c, "float64");
        expect(layer.inputShape.map((size, axis) => outputSize(layer.spec, axis, size))).toEqual(
          layer.outputShape,
        );
      }),
      { numRuns: 60 },
    );
  });
});
