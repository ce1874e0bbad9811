import { describe, expect, it } from "vitest";
import type { LayerMeans } from "../../src/calib/index.js";
import { type ConvSpec, type FitTarget, type Form, type Link } from "../../src/forms/index.js";
import { Adam } from "../../src/search/adam.js";
import { ownTargets, standardCandidate, type Candidate } from "../../src/search/candidates.js";
import { type LayerSlot } from "../../src/search/layers.js";
import type { FittedLayer } from "../../src/search/refit.js";
import { TrainableLayer } from "../../src/search/trainable-layer.js";
import { composedKernel, layerWeights, meanResponse } from "../../src/search/weights.js";

import { randomForm, values } from "./random-forms.js";

const spec: ConvSpec = {
  inChannels: 4,
  outChannels: 6,
  kernel: [3, 3],
  strides: [1, 1],
  dilations: [1, 1],
  pads: [1, 1, 1, 1],
  group: 1,
};

function slotOf(group: number): LayerSlot {
  const [inChannels, outChannels] = [spec.inChannels * group, spec.outChannels * group];
  const layer = {
    name: "conv",
    op: "Conv" as const,
    spec: { ...spec, inChannels, outChannels, group },
    weight: values(outChannels * spec.inChannels * 9),
    bias: new Float64Array(outChannels),
    dtype: "float32" as const,
    inputShape: [8, 8],
    outputShape: [8, 8],
    macs: outChannels * spec.inChannels * 9 * 64,
  };
  return {
    index: 0,
    layer,
    input: "x",
    output: "y",
    weight: "w",
    bias: "b",
    weightDims: [outChannels, spec.inChannels, 3, 3],
    shortcut: null,
  };
}

function fittedOf(
  slot: LayerSlot,
  forms: readonly Form[],
): { readonly fitted: FittedLayer; readonly targets: readonly FitTarget[] } {
  const targets = ownTargets(slot.layer, null, () => null);
  const candidate: Candidate = { ...standardCandidate(slot.layer, targets), family: "test", forms };
  const kernel = composedKernel(forms, targets);
  const bias = values(slot.layer.spec.outChannels);
  return { fitted: { slot, candidate, bias, weights: layerWeights(slot, kernel, bias) }, targets };
}

/** Random means of a layer of so many groups. */
function meansOf(groups: number): LayerMeans {
  const { inChannels, outChannels } = spec;
  return {
    groups: Array.from({ length: groups }, () => ({
      meanIn: values(inChannels * 9),
      meanOut: values(outChannels),
    })),
  };
}

const separable: readonly Link[] = [
  { out: 4, group: 4, taps: "all" },
  { out: 6, taps: "none" },
];
const spatial: readonly Link[] = [
  { out: 3, taps: [0] },
  { out: 6, taps: [1] },
];
const grouped: readonly Link[] = [{ out: 6, group: 2, taps: "all" }];

describe("a layer as parameters", () => {
  const forms: [string, () => readonly Form[]][] = [
    ["a chain", () => [randomForm(spec, [separable])]],
    ["a sum", () => [randomForm(spec, [separable, spatial])]],
    [
      "channel orders",
      () => [
        randomForm(spec, [grouped], {
          inputOrder: Int32Array.of(2, 0, 3, 1),
          outputOrder: Int32Array.of(5, 3, 0, 1, 4, 2),
        }),
      ],
    ],
    ["one form per group", () => [randomForm(spec, [separable]), randomForm(spec, [separable])]],
  ];

  const cases = forms.flatMap(([name, make]) => [[name, false, make] as const, [name, true, make] as const]);
  it.each(cases)(
    "carries the dense kernel's gradient back to the factors of %s, centred: %s",
    (_, centred, make) => {
      const made = make();
      const { fitted, targets } = fittedOf(slotOf(made.length), made);
      const layer = new TrainableLayer(fitted, targets, centred ? meansOf(made.length) : null);
      const outer = values(layer.weights().weight.size);
      const outerBias = values(fitted.bias.length);
      const loss = (): number => {
        const kernel = composedKernel(layer.result().candidate.forms, targets);
        const bias = layer.result().bias;
        return (
          kernel.reduce((sum, v, i) => sum + v * outer[i]!, 0) +
          bias.reduce((sum, v, i) => sum + v * outerBias[i]!, 0)
        );
      };
      layer.weights();
      const gradients = layer.gradients(outer.slice(), outerBias);
      expect(gradients).toHaveLength(layer.parameters.length);
      layer.parameters.forEach(({ values: own }, p) => {
        for (let i = 0; i < own.length; i++) {
          const kept = own[i]!;
          own[i] = kept + 1e-4;
          const above = loss();
          own[i] = kept - 1e-4;
          const below = loss();
          own[i] = kept;
          expect(gradients[p]![i]!).toBeCloseTo((above - below) / 2e-4, 6);
        }
      });
    },
  );

  it.each([false, true])("starts as the fitted layer and leaves it alone, centred: %s", (centred) => {
    const { fitted, targets } = fittedOf(slotOf(1), [randomForm(spec, [separable, spatial])]);
    const before = fitted.candidate.forms[0]!.branches[0]![0]!.weight.slice();
    const layer = new TrainableLayer(fitted, targets, centred ? meansOf(1) : null);
    const { weight, bias } = layer.weights();
    expect(weight.numbers).toEqual(fitted.weights.weight.numbers);
    fitted.weights.bias.numbers.forEach((value, o) => expect(bias.numbers[o]).toBeCloseTo(value, 5));
    for (const { values: own } of layer.parameters) own.fill(7);
    expect(fitted.candidate.forms[0]!.branches[0]![0]!.weight).toEqual(before);
    if (!centred) expect(layer.result().bias.every((v) => v === 7)).toBe(true);
  });

  it("with a mean, leaves the output for the mean input where it is when weights change", () => {
    const { fitted, targets } = fittedOf(slotOf(2), [
      randomForm(spec, [separable]),
      randomForm(spec, [spatial]),
    ]);
    const means = meansOf(2);
    const layer = new TrainableLayer(fitted, targets, means);
    const answer = (): number[] => {
      const { weight, bias } = layer.weights();
      const response = meanResponse(Float64Array.from(weight.numbers), means);
      return Array.from(bias.numbers, (value, o) => value + response[o]!);
    };
    const before = answer();
    for (const { values: own } of layer.parameters.slice(0, -1))
      own.forEach((value, i) => (own[i] = value * 1.5 + 0.1));
    answer().forEach((value, o) => expect(value).toBeCloseTo(before[o]!, 4));
  });
});

describe("the scale of a parameter", () => {
  it("is smaller where branches nearly cancel", () => {
    const form = randomForm(spec, [spatial]);
    const [chain] = form.branches;
    const turned = chain!.map((stage, s) => ({
      ...stage,
      weight: stage.weight.map((w) => (s === 0 ? -0.99 * w : w)),
    }));
    const alone = fittedOf(slotOf(1), [form]);
    const cancelling = fittedOf(slotOf(1), [{ ...form, branches: [chain!, turned] }]);
    const scaleOf = ({ fitted, targets }: ReturnType<typeof fittedOf>): number =>
      new TrainableLayer(fitted, targets, null).parameters[0]!.scale;
    expect(scaleOf(cancelling) / scaleOf(alone)).toBeCloseTo(0.01, 9);
  });
});

describe("Adam", () => {
  it("takes the published first steps, scaled by the parameter", () => {
    const parameter = { values: Float64Array.of(1, 2), scale: 10 };
    const adam = new Adam([parameter]);
    adam.step([Float64Array.of(0.5, 0)], 0.01);
    // The first step is rate · scale · sign(g); no gradient, no step.
    expect(parameter.values[0]).toBeCloseTo(0.9, 12);
    expect(parameter.values[1]).toBe(2);
    adam.step([Float64Array.of(-1, 0)], 0.01);
    const first = (0.9 * 0.05 - 0.1) / (1 - 0.81);
    const second = (0.999 * 0.00025 + 0.001) / (1 - 0.999 ** 2);
    expect(parameter.values[0]).toBeCloseTo(0.9 - (0.1 * first) / Math.sqrt(second), 9);
  });

  it("finds the minimum of an ill-scaled parabola", () => {
    const parameter = { values: Float64Array.of(5, -3), scale: 1 };
    const adam = new Adam([parameter]);
    for (let i = 0; i < 800; i++) {
      const [a, b] = parameter.values as unknown as [number, number];
      adam.step([Float64Array.of(200 * (a - 1), 0.02 * (b + 1))], 0.05 * (1 - i / 800));
    }
    expect(parameter.values[0]).toBeCloseTo(1, 3);
    expect(parameter.values[1]).toBeCloseTo(-1, 3);
  });
});

/** Stem, `count` residual blocks of two convs, global pooling and a fully connected layer. */
