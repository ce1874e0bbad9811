import { Model, UnsupportedError, type FunctionDefinition } from "../ir/index.js";
import { newestOpset } from "../ops/index.js";
import { upgradeGraph } from "./upgrade-graph.js";

/** Oldest IR version that may import each version of the default operator set (ONNX's release table). */
const irOfOpset: readonly (readonly [opset: number, ir: number])[] = [
  [28, 14], [25, 13], [24, 12], [23, 11], [21, 10], [19, 9], [15, 8], [12, 7], [11, 6], [10, 5], [9, 4], [1, 3],
]; // prettier-ignore

/**
 * The model as one of a newer default operator set (17 suits every current runtime) that computes the same: old
 * broadcasting, attributes that became inputs, retired operators. The given model stays as it is. Experimental
 * operators without a successor stay too. Throws an UnsupportedError `E_UPGRADE` that names the first node that can't
 * be carried over.
 */
export function upgradeOpset(model: Model, opset = 17): Model {
  const from = model.opsets.get("") ?? opset;
  if (opset > newestOpset) {
    throw new UnsupportedError("E_UPGRADE", `opset ${opset} is unknown; the newest is ${newestOpset}`);
  }
  if (from > opset) {
    throw new UnsupportedError(
      "E_UPGRADE",
      `the model has opset ${from} already and cannot go back to ${opset}`,
    );
  }
  const irVersion = Math.max(model.irVersion, irOfOpset.find(([first]) => first <= opset)![1]);
  const shared = { target: opset, irVersion, retype: model.irVersion < 2 };
  const upgraded = new Model(upgradeGraph(model.graph, { ...shared, from, constantsAsNodes: false }));
  upgraded.warnings.push(...model.warnings);
  for (const [key, value] of model.metadata) upgraded.metadata.set(key, value);
  upgraded.source = model.source;
  upgraded.file = model.file;
  upgraded.functions = model.functions.map((definition): FunctionDefinition => {
    const own = definition.body.opset("") ?? opset;
    if (own >= opset) return definition;
    return {
      ...definition,
      body: upgradeGraph(definition.body, { ...shared, from: own, constantsAsNodes: true }),
    };
  });
  return upgraded;
}
