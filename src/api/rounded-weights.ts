import { cloneModel, isFloat, Patch, Tensor, type Model, type Value } from "../ir/index.js";
import { seededRandom } from "../linalg/index.js";

/** Half a unit in the last place of a float32, relative: the largest error of one rounding. */
export const rounding = 2 ** -24;

/**
 * A copy whose float weights are all off by up to one rounding of a float32 (uniform, seeded), kept in float64: what a
 * tool does that folds a constant and writes the result. For the interpreter at precision "float64".
 */
export function withRoundedWeights(model: Model, seed = 0): Model {
  const copy = cloneModel(model);
  const random = seededRandom(seed).fork("rounded weights");
  for (const value of weightsOf(copy)) {
    const tensor = value.constant!;
    const values = Float64Array.from(tensor.numbers, (x) => x * (1 + rounding * (2 * random.uniform() - 1)));
    const patch = new Patch(copy.graph, value.uses[0]!.node);
    patch.replace(value, patch.constant("rounded", Tensor.of(tensor.dtype, tensor.dims, values)));
    patch.apply();
  }
  return copy;
}

/** Float constants of the main graph that nodes of it read, each once. */
function weightsOf(model: Model): readonly Value[] {
  const { graph } = model;
  const inputs = graph.nodes.flatMap((node) => node.inputs.filter((input) => input !== null));
  return [...new Set(inputs)].filter(
    (value) =>
      value.graph === graph &&
      value.constant !== null &&
      isFloat(value.constant.dtype) &&
      value.uses[0]?.node.graph === graph,
  );
}
