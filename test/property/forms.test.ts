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
  lowerForm,
  outputSize,
  splitGroups,
  stackGroups,
  WholeCovariance,
  type ConvLayer,
  type Form,
  type FormPlan,
} from "../../src/forms/index.js";
import type { Model, Tensor } from "../../src/ir/index.js";
import { Patch, cloneModel, verify } from "../../src/ir/index.js";
import { matrix, multiply, seededRandom } from "../../src/linalg/index.js";
import { inferFacts, interpret, modelCost, relativeL2 } from "../../src/measure/index.js";
import { convCases, convModel, randomForm } from "./random-convolutions.js";

const convCase = convCases(fc.integer({ min: 1, max: 5 }));

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

/** A random form of the plan's geometry; some have channel orders. */
function sometimesOrdered(plan: FormPlan, layer: ConvLayer, seed: number): Form {
  return randomForm(plan, layer, seed, { inputs: seed % 3 === 0, outputs: seed % 4 === 0 });
}

const limits = { float64: 1e-10, float32: 1e-5, float16: 4e-3 } as const;

describe("every family of forms at full rank", () => {
  it.each(preset.families.map((family) => [family.name, family] as const))(
    "%s reproduces the layer",
    async (_, family) => {
      let applied = 0;
      await fc.assert(
        fc.asyncProperty(convCase, fc.constantFrom("float64", "float32", "float16"), async (c, dtype) => {
          const { model, layer, feeds } = convModel(c, { dtype });
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
            { dtype: "float64" },
          );
          const parts = splitGroups(layer);
          const proposed = family.propose(parts[0]!);
          const full = family.full(parts[0]!);
          const plans = [...(isDecline(proposed) ? [] : proposed), ...(full ? [full] : [])];
          if (plans.length === 0) return;
          forms++;
          const plan = plans[choice % plans.length]!;
          const perPart = parts.map((part, g) =>
            sometimesOrdered(plan, part, choice - (choice % 12) + 12 * g + (choice % 12)),
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
        const { layer } = convModel(c, { dtype: "float64" });
        expect(layer.inputShape.map((size, axis) => outputSize(layer.spec, axis, size))).toEqual(
          layer.outputShape,
        );
      }),
      { numRuns: 60 },
    );
  });
});

describe("inputs that are constant", () => {
  it.each(preset.families.map((family) => [family.name, family] as const))(
    "are no obstacle to %s",
    async (_, family) => {
      await fc.assert(
        fc.asyncProperty(convCase, fc.integer(), async (c, seed) => {
          const { layer } = convModel(
            { ...c, perIn: c.perIn + 4, perOut: c.perOut + 3 },
            { dtype: "float64" },
          );
          const [part] = splitGroups(layer);
          const proposed = family.propose(part!);
          if (isDecline(proposed) || proposed.length === 0) return;
          const width = part!.weight.length / part!.spec.outChannels;
          const random = seededRandom(seed);
          const factor = matrix(width, 2 * width);
          for (let i = 0; i < factor.data.length; i++) factor.data[i] = random.normal();
          const covariance = multiply(factor, factor, { transB: true });
          // The first half of the channels never varies.
          const channels = part!.spec.inChannels;
          const constant = (q: number): boolean => q < Math.ceil(channels / 2) * (width / channels);
          for (let p = 0; p < width; p++)
            for (let q = 0; q <= p; q++) {
              if (!constant(p) && !constant(q)) continue;
              covariance.data[p * width + q] = covariance.data[q * width + p] = 0;
            }
          const kernel = matrix(part!.spec.outChannels, width, part!.weight);
          for (const plan of [proposed[0]!, proposed.at(-1)!]) {
            const { error } = await fitForm(
              plan,
              new FitTarget(part!.spec, kernel, new WholeCovariance(covariance)),
              2,
            );
            expect(Number.isFinite(error)).toBe(true);
          }
        }),
        { numRuns: 15 },
      );
    },
  );
});
