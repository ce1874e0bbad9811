import { chainOf, type Link } from "./chain.js";
import type { ConvSpec, Form, FormName, FormPlan, FormSize } from "./form.js";
import type { FitTarget } from "./target.js";

/** Weights of a form by branch and stage, with the channel orders that they assume. */
export interface StartWeights {
  readonly branches: readonly (readonly Float64Array[])[];
  readonly inputOrder?: Int32Array;
  readonly outputOrder?: Int32Array;
}

/** A plan from its chains and the function that gives its starting weights. */
export function formPlan(
  layer: ConvSpec,
  name: FormName,
  size: FormSize,
  chains: readonly (readonly Link[])[],
  startWeights: (target: FitTarget) => StartWeights,
): FormPlan {
  const branches = chains.map((links) => chainOf(layer, links));
  const terms = [{ form: name, size }];
  return {
    name,
    size,
    terms,
    branches,
    start(target) {
      const { branches: weights, ...orders } = startWeights(target);
      return {
        name,
        size,
        terms,
        branches: branches.map((stages, b) =>
          stages.map((stage, s) => ({ ...stage, weight: weights[b]![s]! })),
        ),
        ...orders,
      };
    },
  };
}

/** What a plan's sizes are called in reports: `depthwise-separable M=2`. */
export function describeForm({ terms }: Pick<Form, "terms">): string {
  return terms
    .map(({ form, size }) =>
      [form, ...Object.entries(size).map(([key, value]) => `${key}=${value}`)].join(" "),
    )
    .join(" + ");
}
