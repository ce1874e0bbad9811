import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { preset } from "../../passes/index.js";
import { isDecline } from "../../src/engine/index.js";
import {
  chainsOf,
  compose,
  loweringName,
  loweringOf,
  lowerings,
  plainLowering,
  plannedChains,
  programCost,
  programKey,
  programOf,
  replaceLayer,
  splitGroups,
  stackGroups,
  type ConvLayer,
  type Form,
  type FormPlan,
} from "../../src/forms/index.js";
import type { Model, Tensor } from "../../src/ir/index.js";
import { cloneModel, Patch, UsageError, verify } from "../../src/ir/index.js";
import { inferFacts, interpret, modelCost, relativeL2 } from "../../src/measure/index.js";
import { convCases, convModel, randomForm, type ConvCase } from "./random-convolutions.js";

interface Case extends ConvCase {
  readonly shortcut: boolean;
  readonly opset: number;
}

const cases: fc.Arbitrary<Case> = fc
  .record({
    conv: convCases(fc.constantFrom(2, 3, 4, 6, 8)),
    shortcut: fc.boolean(),
    opset: fc.constantFrom(9, 17),
  })
  .map(({ conv, ...more }) => ({ ...conv, ...more }));

function caseModel({ opset, shortcut, ...conv }: Case) {
  return convModel(conv, { dtype: "float32", opset, shortcut });
}

function orderedForm(plan: FormPlan, layer: ConvLayer, seed: number): Form {
  const ordered = plan.ordered === true;
  return randomForm(plan, layer, seed, { inputs: ordered, outputs: ordered });
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
          const forms = parts.map((part, g) => orderedForm(plan, part, choice + g));
          const form = stackGroups(forms);
          const expected = run(dense(model, layer, forms), feeds);
          const chains = chainsOf(
            form,
            layer.bias.some((x) => x !== 0),
          );
          const all = lowerings(chains, { shortcut: c.shortcut });
          expect(new Set(all.map(({ key }) => key)).size).toBe(all.length);
          // Rare ones are not left to luck: what has not been seen yet is taken whenever it is there.
          const unseen = all.filter(({ lowering }) => !seen.has(loweringName(lowering)));
          for (const { lowering, program } of new Set([...sample(all, 3, choice), ...unseen])) {
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
        const form = stackGroups(parts.map((part, g) => orderedForm(plan, part, choice + g)));
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
