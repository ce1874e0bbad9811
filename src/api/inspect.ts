import { preset } from "../../passes/index.js";
import type { DataSet } from "../calib/index.js";
import { isDecline, Ledger, runRewrites, type FormFamily } from "../engine/index.js";
import { formCost, isLayer, isLayerOp, readLayer, splitGroups, type ConvLayer } from "../forms/index.js";
import { allNodes, cloneModel, type Model, type Node } from "../ir/index.js";
import { inferFacts, modelCost, type FactTable } from "../measure/index.js";
import type { InspectedLayer, Inspection, RewriteOpinion } from "../report/index.js";
import { shapesOfData } from "./data.js";
import { bytesOf, fileOf, inFile } from "./load.js";
import type { RunControl } from "./options.js";
import { probeShapes } from "./shape-probe.js";

export interface InspectOptions extends Omit<RunControl, "onWarning"> {
  /** Full shapes of inputs by name: they win over the data's. */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
  /** Data whose dimensions the costs are counted at. */
  readonly data?: DataSet | null;
  /** Who is asked what it would do to each layer: exact rewrites and form families (default), families only, none. */
  readonly ask?: "all" | "families" | "none";
}

type Shapes = ReadonlyMap<string, readonly number[]>;

/** Spatial size at which the MACs per input pixel are counted: large, so that borders weigh little. */
const probeSize = 256;

/**
 * Layers, shapes, MACs, parameters and operator sets of a model, and what each rewrite would say of each layer.
 * Costs are counted at `shapes`, else at the data's dimensions, else at batch 1; where spatial dimensions stay symbolic,
 * per input pixel. Nothing is changed and nothing is run. Throws a ModelError when the nodes' inputs can't go together.
 */
export function inspect(model: Model, options: InspectOptions = {}): Promise<Inspection> {
  return inFile(model, () => inspectModel(model, options));
}

function inspectModel(model: Model, options: InspectOptions): Inspection {
  const shapes: Shapes = new Map([
    ...(options.data ? shapesOfData(options.data, model) : []),
    ...(options.shapes ?? []),
  ]);
  const warnings = [...model.warnings];
  const facts = inferFacts(model, { shapes });
  const cost = modelCost(model, facts);
  const probe = cost.macs === null ? probeShapes(model, shapes, { sizes: [probeSize], named: true }) : null;
  const probeCost = probe && modelCost(model, probe.facts);
  const perPixel = (macs: number | null | undefined): number | null =>
    probe && macs !== null && macs !== undefined ? macs / probe.size ** probe.axes : null;

  const opinions =
    (options.ask ?? "all") === "all"
      ? askRewrites(model, shapes, options)
      : new Map<string, RewriteOpinion[]>();
  const probeMacs = new Map(probeCost?.nodes.map(({ node, macs }) => [node, macs]));
  const layers: InspectedLayer[] = [];
  for (const { node, macs, params } of cost.nodes) {
    if (params <= 1 && macs === 0 && !layerOperators.has(node.op)) continue;
    const families = options.ask === "none" ? [] : askFamilies(node, probe?.facts ?? facts);
    layers.push({
      ...describeLayer(node, facts),
      macs,
      macsPerPixel: macs === null ? perPixel(probeMacs.get(node)) : null,
      params,
      rewrites: [...(opinions.get(node.label) ?? []), ...families],
    });
  }
  if (probe) {
    warnings.push(
      `spatial dimensions are symbolic: MACs are counted per input pixel (at ${probe.text}); give --shape or data for totals`,
    );
  }
  return {
    schema: "convopt.inspect/1",
    input: fileOf(model),
    irVersion: model.irVersion,
    opsets: [...model.opsets].map(([domain, version]) => ({
      domain: domain === "" ? "ai.onnx" : domain,
      version,
    })),
    inputs: model.graph.requiredInputs.map((value) => describeValue(value.name, value, facts)),
    outputs: model.graph.outputs.map((value) => describeValue(value.name, value, facts)),
    macs: cost.macs,
    macsPerPixel: perPixel(probeCost?.macs),
    params: cost.params,
    bytes: bytesOf(model),
    nodes: allNodes(model.graph).length,
    functions: model.functions.length,
    operators: countOperators(model),
    countedAt: countedAt(model, options, probe !== null),
    layers,
    warnings: [...new Set(warnings)],
  };
}

/** Operators whose weights are what a model costs. */
export const layerOperators: ReadonlySet<string> = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul"]);

function countedAt(model: Model, options: InspectOptions, probed: boolean): string {
  if (probed) return "per input pixel";
  if (options.shapes && options.shapes.size > 0) return "option";
  if (options.data) return "data";
  const symbolic = model.graph.requiredInputs.some((input) =>
    input.type?.shape?.some((dim) => typeof dim !== "number"),
  );
  return symbolic ? "batch 1" : "file";
}

/** What the exact rewrites would do: they are run on a copy. By label of the layer. */
function askRewrites(model: Model, shapes: Shapes, options: InspectOptions): Map<string, RewriteOpinion[]> {
  options.onProgress?.({ step: "asking the exact rewrites", done: 0, total: null });
  const ledger = new Ledger();
  const copy = cloneModel(model);
  runRewrites(copy, preset.exact, {
    ledger,
    shapes,
    ...(options.signal ? { signal: options.signal } : {}),
  });
  const byLabel = new Map<string, RewriteOpinion[]>();
  for (const entry of ledger.entries) {
    const list = byLabel.get(entry.node) ?? [];
    list.push({
      pass: entry.pass,
      verdict: entry.verdict === "applied" ? "applies" : "declines",
      reason: entry.reason,
      candidates: null,
    });
    byLabel.set(entry.node, list);
  }
  return byLabel;
}

function askFamilies(node: Node, facts: FactTable): RewriteOpinion[] {
  if (!isLayerOp(node)) return [];
  const layer = readLayer(node, facts);
  if (!isLayer(layer)) {
    return [{ pass: "families", verdict: "declines", reason: layer.declined, candidates: null }];
  }
  return preset.families.map((family) => askFamily(family, layer));
}

/** Families see one group; what they propose is made for every group. */
function askFamily(family: FormFamily, layer: ConvLayer): RewriteOpinion {
  const { group } = layer.spec;
  const plans = family.propose(splitGroups(layer)[0]!);
  if (isDecline(plans)) {
    return { pass: family.name, verdict: "declines", reason: plans.declined, candidates: null };
  }
  const costs = plans
    .map((plan) => formCost(plan.branches, layer.inputShape, group).macs)
    .filter((macs) => macs < layer.macs);
  if (costs.length === 0) {
    const reason = `none of its ${plans.length} forms costs less than the layer`;
    return {
      pass: family.name,
      verdict: "declines",
      reason,
      candidates: { count: plans.length, macs: null },
    };
  }
  const [low, high] = [Math.min(...costs), Math.max(...costs)];
  const percent = (macs: number): string => `${((100 * macs) / layer.macs).toFixed(0)} %`;
  const span = low === high ? percent(low) : `${percent(low)} to ${percent(high)}`;
  return {
    pass: family.name,
    verdict: "candidates",
    reason: `${costs.length} cheaper form${costs.length === 1 ? "" : "s"}, ${span} of its MACs; needs a budget`,
    candidates: { count: costs.length, macs: [low, high] },
  };
}

function describeLayer(
  node: Node,
  facts: FactTable,
): Omit<InspectedLayer, "macs" | "macsPerPixel" | "params" | "rewrites"> {
  const weights = [1, 0].map((slot) => facts.constant(node.input(slot))).find((tensor) => tensor !== null);
  const fact = facts.of(node.input(1));
  const shape = weights?.dims ?? (fact.value ? fact.value.dims : null);
  const conv = node.op === "Conv" || node.op === "ConvTranspose" ? convAttributes(node) : null;
  return {
    name: node.label,
    op: node.op,
    shape: shape ? shape.join("x") : null,
    dtype: weights?.dtype ?? fact.dtype,
    group: conv?.group ?? null,
    strides: conv?.strides ?? null,
    dilations: conv?.dilations ?? null,
    pads: conv?.pads ?? null,
    inputShape: facts.of(node.input(0)).shape?.slice() ?? null,
    outputShape: facts.of(node.outputs[0] ?? null).shape?.slice() ?? null,
  };
}

interface ConvAttributes {
  readonly group: number;
  readonly strides: number[] | null;
  readonly dilations: number[] | null;
  readonly pads: number[] | null;
}

/** Attributes as the file gives them; null where it leaves the default. */
function convAttributes(node: Node): ConvAttributes {
  const ints = (name: string): number[] | null => {
    const attribute = node.attributes.get(name);
    return attribute?.kind === "ints" ? attribute.value.map(Number) : null;
  };
  const group = node.attributes.get("group");
  return {
    group: group?.kind === "int" ? Number(group.value) : 1,
    strides: ints("strides"),
    dilations: ints("dilations"),
    pads: ints("pads"),
  };
}

function describeValue(
  name: string,
  value: Parameters<FactTable["of"]>[0],
  facts: FactTable,
): Inspection["inputs"][number] {
  const { dtype, shape } = facts.of(value);
  return { name, dtype, shape: shape?.slice() ?? null };
}

function countOperators(model: Model): Inspection["operators"] {
  const counts = new Map<string, number>();
  for (const node of allNodes(model.graph)) {
    const op = node.domain === "" ? node.op : `${node.domain}.${node.op}`;
    counts.set(op, (counts.get(op) ?? 0) + 1);
  }
  return [...counts]
    .map(([op, count]) => ({ op, count }))
    .sort((a, b) => b.count - a.count || (a.op < b.op ? -1 : 1));
}
