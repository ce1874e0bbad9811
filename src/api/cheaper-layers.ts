import { preset } from "../../passes/index.js";
import type { Model } from "../ir/index.js";
import { outOfScope } from "../search/index.js";
import { inspect, layerOperators } from "./inspect.js";
import type { OptimizeOptions } from "./options.js";

/**
 * How many layers a model has, and how many of them have a cheaper form within the scope and the families of the
 * options: what a budget would have to choose from. Nothing is run.
 */
export async function cheaperLayers(
  model: Model,
  options: OptimizeOptions,
): Promise<{ readonly layers: number; readonly cheaper: number }> {
  const { shapes, signal, passes = preset.conv, families } = options;
  const inspection = await inspect(model, {
    ask: "families",
    ...(shapes ? { shapes } : {}),
    ...(signal ? { signal } : {}),
  });
  const allowed = new Set(passes.map(({ name }) => name).filter((name) => families?.includes(name) ?? true));
  const layers = inspection.layers.filter(({ op }) => layerOperators.has(op));
  const cheaper = layers.filter(
    ({ name, rewrites }) =>
      outOfScope(name, options) === null &&
      rewrites.some(({ pass, candidates }) => allowed.has(pass) && candidates?.macs),
  );
  return { layers: layers.length, cheaper: cheaper.length };
}
