/*
 * What the ingredients of the search are worth: quality at one budget with one of them left out at a time:
 *
 *     npx tsx bench/ablation.ts resnet20 0.5 [--effort normal] [--seeds 0,1] [--recovery] [--threads 1]
 *
 * Variants share candidates and sensitivities where they don't differ in them. `--recovery` adds the stages of the label-free
 * recovery of effort max behind the same refit. Needs the shared material and CONVOPT_PYTHON with numpy, onnx and
 * onnxruntime; the test images are used for the figure only. Prints one JSON line per variant and the means.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { batchFor } from "../src/api/batches.js";
import { costShapes, runData } from "../src/api/compress.js";
import { loadData, loadPreprocess } from "../src/calib/index.js";
import { load, save } from "../src/api/load.js";
import { prepareRun } from "../src/api/prepared-run.js";
import type { FormFamily } from "../src/engine/index.js";
import { cloneModel } from "../src/ir/index.js";
import { inferFacts } from "../src/measure/index.js";
import { openExecutor } from "../src/runtime/index.js";
import { applyLayers, efforts, Search, type Journal, type JournalValue } from "../src/search/index.js";
import type { FittedLayer, SearchEffort } from "../src/search/index.js";
import { printMeans, qualityOf, subjectNamed } from "./subjects.js";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    effort: { type: "string", default: "normal" },
    seeds: { type: "string", default: "0" },
    recovery: { type: "boolean", default: false },
    /** Of the runtime: 1 where something else runs beside it. */
    threads: { type: "string", default: "0" },
  },
});
const [name = "resnet20", kept = "0.5"] = positionals;
const subject = subjectNamed(name);
const base = efforts[values.effort as keyof typeof efforts];
const { endToEnd, ...blockwise } = efforts.max.recovery!;

interface Variant {
  readonly name: string;
  readonly effort?: Partial<SearchEffort>;
  readonly families?: (family: FormFamily) => boolean;
  readonly noise?: boolean;
  readonly uniform?: boolean;
  readonly refit?: boolean;
}

const none: SearchEffort = { ...base, recovery: null };
const variants: readonly Variant[] = [
  { name: "everything but recovery" },
  { name: "noise in place of images", noise: true },
  { name: "one sensitivity for all layers", uniform: true, effort: { reallocations: 0 } },
  { name: "choices not measured", effort: { reallocations: 0 } },
  { name: "forms judged by their errors so far", effort: { convergence: false } },
  { name: "no refit", refit: false },
  {
    name: "refit without the shortcuts' errors",
    effort: { refit: { ...base.refit, residualTargets: false } },
  },
  { name: "standard layers not refitted", effort: { refit: { ...base.refit, refitStandard: false } } },
  { name: "no sums of forms", families: (family) => !family.name.includes("-plus-") },
  { name: "no groups", families: (family) => !family.name.includes("grouped") },
  {
    name: "spatially separable and depthwise only",
    families: ({ name: own }) => ["spatially-separable", "depthwise-separable"].includes(own),
  },
  ...(values.recovery
    ? [
        { name: "and block-wise recovery", effort: { recovery: { ...blockwise, endToEnd: null } } },
        { name: "and all recovery", effort: { recovery: { ...blockwise, endToEnd } } },
      ]
    : []),
];

const scratch = mkdtempSync(join(tmpdir(), "convopt-ablation-"));
const table = new Map<string, number[]>();
for (const seed of values.seeds.split(",").map(Number)) {
  const model = await load(subject.model);
  const preprocess = subject.preprocess === null ? null : await loadPreprocess(subject.preprocess);
  const calibration = await loadData(subject.calib, model.graph.requiredInputs, { preprocess });
  const prepared = await prepareRun(model, { calibration, seed });
  const journals = new Map<string, Journal>();
  for (const variant of variants) {
    const start = performance.now();
    const { exact, run, before, exactCost } = prepared;
    const { data } = variant.noise ? runData(exact, null, { seed }) : run;
    const shapes = costShapes(exact, data, {});
    // What candidates are made of: variants that share it share them.
    const basis = `${variant.noise ?? false} ${variant.effort?.convergence ?? true}`;
    const journal = journals.get(basis) ?? memoryJournal();
    journals.set(basis, journal);
    const search = await Search.prepare(exact, inferFacts(exact, { shapes }), data, {
      ...{ seed, shapes, scope: {}, batch: batchFor(exact, data) },
      families: prepared.families.filter(variant.families ?? (() => true)),
      effort: { ...none, ...variant.effort },
      open: (part) => openExecutor(part, { engine: "auto", threads: Number(values.threads) }),
      report: () => undefined,
      journal: variant.uniform ? withUniformSensitivity(journal) : journal,
    });
    const layerMacs = search.layers.reduce((sum, { layer }) => sum + layer.macs, 0);
    const limits = { macs: Number(kept) * before.macs! - (exactCost.macs! - layerMacs) };
    let fitted: readonly FittedLayer[] | undefined;
    if (variant.refit === false) fitted = (await search.draft(limits))?.fitted;
    else {
      const solution = await search.solve(limits);
      fitted = solution ? (await search.recover(solution)).fitted : undefined;
    }
    await search.dispose();
    if (!fitted) {
      console.log(JSON.stringify({ variant: variant.name, seed, reason: "no form is that cheap" }));
      continue;
    }
    const changed = cloneModel(exact);
    applyLayers(changed, fitted);
    const path = join(scratch, "model.onnx");
    await save(changed, path);
    const quality = qualityOf(path, subject);
    const seconds = Math.round((performance.now() - start) / 1000);
    console.log(JSON.stringify({ variant: variant.name, seed, ...quality, seconds }));
    table.set(variant.name, [...(table.get(variant.name) ?? []), quality.top1 ?? quality.psnr ?? NaN]);
  }
}
printMeans(table);

function memoryJournal(): Journal {
  const units = new Map<string, JournalValue>();
  // Solutions depend on more than their unit's name says here.
  const isShared = (unit: string): boolean => / (candidates|sensitivity) \d+$/.test(unit);
  return {
    read: (unit) => (isShared(unit) ? units.get(unit) : undefined),
    write: (unit, value) => void units.set(unit, value),
  };
}

/** Every layer's loss is its squared relative error. */
function withUniformSensitivity(journal: Journal): Journal {
  const curve = { errors: Float64Array.of(1), losses: Float64Array.of(1) };
  return {
    read: (unit) => (/ sensitivity \d+$/.test(unit) ? curve : journal.read(unit)),
    write: () => undefined,
  };
}
