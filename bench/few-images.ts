/*
 * What shrinking the covariances of few patches is worth:
 *
 *     npx tsx bench/few-images.ts resnet20 /layer3/layer3.1/conv1/Conv --images 1,4,16
 *
 * Forms of the middle size of some families are fitted to one layer from few images, with the covariance as it is and
 * shrunk; the error that is printed is that on 400 other images, beside that of a fit to these. Needs the shared models.
 */
import { parseArgs } from "node:util";
import { preset } from "../passes/index.js";
import { load } from "../src/api/load.js";
import { loadData, loadPreprocess, PatchRows, PatchSums, type GroupMoments } from "../src/calib/index.js";
import { isDecline } from "../src/engine/index.js";
import { fitForm, formError, FitTarget, isLayer, readLayer, WholeCovariance } from "../src/forms/index.js";
import { identity, matrix } from "../src/linalg/index.js";
import { inferFacts } from "../src/measure/index.js";
import { openExecutor } from "../src/runtime/index.js";
import { batchesOf } from "../src/search/index.js";
import { subjectNamed } from "./subjects.js";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { images: { type: "string", default: "1,4,16" }, steps: { type: "string", default: "20" } },
});
const [name = "resnet20", label = "/layer3/layer3.1/conv1/Conv"] = positionals;
const families = ["reduce-out", "spatially-separable", "bottleneck", "depthwise-separable", "grouped"];
const others = 400;

const subject = subjectNamed(name);
const model = await load(subject.model);
const preprocess = subject.preprocess === null ? null : await loadPreprocess(subject.preprocess);
const data = await loadData(subject.calib, model.graph.requiredInputs, { preprocess });
const node = model.graph.nodes.find((each) => each.label === label)!;
const shapes = new Map([...data.arrays].map(([input, { dims }]) => [input, [1, ...dims]]));
const layer = readLayer(node, inferFacts(model, { shapes }));
if (!isLayer(layer)) throw new Error(`${label}: ${layer.declined}`);
const { spec } = layer;
const [x, y] = [node.input(0)!.name, node.output.name];
const executor = await openExecutor(model, { engine: "ort", outputs: [x, y] });
const source = {
  ...{ spec, dtype: "float32" as const },
  open: (small: typeof model) => openExecutor(small, { engine: "ort" }),
};

async function momentsOf(stream: PatchRows | PatchSums, from: number, count: number): Promise<GroupMoments> {
  for (const feeds of batchesOf(
    data,
    Int32Array.from({ length: count }, (_, i) => from + i),
    20,
  )) {
    const outputs = await executor.run(feeds);
    await stream.add(outputs.get(x)!, outputs.get(y)!);
  }
  const moments = stream.result().groups[0]!;
  await stream.dispose();
  return moments;
}

const kernel = matrix(spec.outChannels, layer.weight.length / spec.outChannels, layer.weight);
const counts = values.images.split(",").map(Number);
const most = Math.max(...counts);
const truth = new FitTarget(spec, kernel, (await momentsOf(new PatchSums(source), most, others)).covariance);
for (const count of counts) {
  const { covariance } = await momentsOf(new PatchRows(source), 0, count);
  const rows = covariance.timesObserved(identity(covariance.size));
  for (const family of preset.families.filter((each) => families.includes(each.name))) {
    const plans = family.propose(layer);
    if (isDecline(plans)) continue;
    const plan = plans[Math.floor(plans.length / 2)]!;
    const errorOf = async (metric: typeof covariance): Promise<number> => {
      const { form } = await fitForm(plan, new FitTarget(spec, kernel, metric), Number(values.steps));
      return formError(form, truth);
    };
    const [asItIs, shrunk] = [await errorOf(new WholeCovariance(rows)), await errorOf(covariance)];
    const best = (await fitForm(plan, truth, Number(values.steps))).error;
    const { intensity } = covariance;
    console.log(JSON.stringify({ images: count, intensity, family: family.name, asItIs, shrunk, best }));
  }
}
await executor.dispose();
