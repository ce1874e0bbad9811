import { load } from "../src/api/load.js";
import type { Model } from "../src/ir/index.js";
import { upgradeOpset } from "../src/upgrade/index.js";
import { withRandomWeights } from "../test/shared/random-weights.js";
import { sharedModel } from "../test/shared/shared-models.js";

/** The oldest operator set that ONNX Runtime loads. */
export const leastLoaded = 7;

/**
 * A shared model (or the model in a file) as benches take it: upgraded to an operator set of at least `leastOpset`, light models with
 * seeded random weights. `asItIs` tells whether it is what the file holds.
 */
export async function benchModel(
  name: string,
  leastOpset = leastLoaded,
): Promise<{ readonly model: Model; readonly file: string; readonly asItIs: boolean }> {
  const file = name.endsWith(".onnx") ? name : sharedModel(name);
  const loaded = await load(file);
  const old = loaded.graph.opsets.get("")! < leastOpset;
  const light = name.startsWith("light-");
  const known = old ? upgradeOpset(loaded, leastOpset) : loaded;
  return { model: light ? withRandomWeights(known) : known, file, asItIs: !old && !light };
}
