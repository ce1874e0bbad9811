import { type Graph, type Model, type Node, type Value } from "../ir/index.js";
import type { RuntimeValue } from "../ops/index.js";
import { opsetOf } from "./fact-table.js";
import {
  bindAttributes,
  checkDepth,
  functionOf,
  inliningBudget,
  noBindings,
  resolveReferences,
  type Bindings,
  type InliningBudget,
} from "./function-call.js";
import { isRandom } from "./random-source.js";

/** One node in the order of evaluation. */
export interface Step {
  /** Attributes resolved. */
  readonly node: Node;
  readonly opset: number;
  /** The body, where the node calls a model-local function. */
  readonly call: GraphPlan | null;
  readonly subgraphs: ReadonlyMap<Graph, GraphPlan>;
  /** Depends on nothing that may change between runs: evaluated once. */
  readonly constant: boolean;
  /** Nothing reads the output but one Relu of this graph: both may be computed here. */
  readonly rectifiable: boolean;
  /** Values that nobody reads after this step. */
  readonly dead: readonly Value[];
}

/** How a graph is evaluated: which nodes, in which order, what is constant and what can be dropped when. */
export interface GraphPlan {
  readonly graph: Graph;
  readonly outputs: readonly Value[];
  readonly steps: readonly Step[];
  /** Plan of the graph around a subgraph. */
  readonly outer: GraphPlan | null;
  /** Values that constant steps make. */
  readonly constantValues: ReadonlySet<Value>;
  /** Results of constant steps, kept between runs. */
  readonly constants: Map<Value, RuntimeValue>;
  readonly deterministic: boolean;
}

export interface PlanOptions {
  /** Values to compute; the graph's outputs by default. */
  readonly outputs?: readonly Value[];
}

/** Plans a model's graph: only what the outputs need. Throws a ModelError for functions that call themselves. */
export function planModel(model: Model, o: PlanOptions = {}): GraphPlan {
  const context: PlanContext = {
    model,
    root: model.graph,
    bindings: noBindings,
    depth: 0,
    budget: inliningBudget(),
  };
  return planGraph(model.graph, o.outputs ?? model.graph.outputs, null, context);
}

interface PlanContext {
  readonly model: Model;
  /** The graph or body whose operator sets hold. */
  readonly root: Graph;
  readonly bindings: Bindings;
  /** How deep in function calls. */
  readonly depth: number;
  readonly budget: InliningBudget;
}

function planGraph(
  graph: Graph,
  outputs: readonly Value[],
  outer: GraphPlan | null,
  context: PlanContext,
): GraphPlan {
  const { model, root, bindings } = context;
  const nodes = neededNodes(graph, outputs);
  const rectified = onlyRectified(nodes, outputs);
  const lastReads = readsByLastNode(nodes, outputs, graph);
  const constantValues = new Set<Value>();
  const steps: Step[] = [];
  const constants = new Map<Value, RuntimeValue>();
  const plan = { graph, outputs, steps, outer, constantValues, constants, deterministic: true };
  for (const original of nodes) {
    const node = resolveReferences(original, bindings);
    if (context.depth > 0) context.budget.spend(node);
    const call = planCall(node, context);
    const subgraphs = new Map<Graph, GraphPlan>();
    for (const subgraph of node.subgraphs) {
      subgraphs.set(subgraph, planGraph(subgraph, subgraph.outputs, plan, context));
    }
    const inner = [...subgraphs.values(), ...(call ? [call] : [])];
    const deterministic = !isRandom(node) && inner.every((each) => each.deterministic);
    plan.deterministic &&= deterministic;
    const constant = deterministic && readsOf(node).every((value) => isConstantIn(plan, value));
    if (constant) for (const output of node.outputs) if (output) constantValues.add(output);
    const dead = (lastReads.get(original) ?? []).filter((value) => !constantValues.has(value));
    const rectifiable = !constant && node.outputs.every((output) => output && rectified.has(output));
    steps.push({
      node,
      opset: opsetOf(root, model, node.domain),
      call,
      subgraphs,
      constant,
      rectifiable,
      dead,
    });
  }
  return plan;
}

/** Plan of the function body that the node calls, null when it calls none. */
function planCall(node: Node, context: PlanContext): GraphPlan | null {
  const definition = functionOf(context.model, node);
  if (!definition) return null;
  checkDepth(definition, node, context.depth);
  const { body } = definition;
  return planGraph(body, body.outputs, null, {
    ...context,
    root: body,
    bindings: bindAttributes(definition, node),
    depth: context.depth + 1,
  });
}

function isConstantIn(plan: GraphPlan, value: Value): boolean {
  if (value.constant) return true;
  for (let at: GraphPlan | null = plan; at; at = at.outer) if (at.constantValues.has(value)) return true;
  return false;
}

/** Everything a node reads: its inputs and what its subgraphs capture. */
function readsOf(node: Node): readonly Value[] {
  const reads = node.inputs.filter((input) => input !== null);
  return node.subgraphs.length === 0 ? reads : [...reads, ...node.subgraphs.flatMap(capturesOf)];
}

/** Values of enclosing graphs that a subgraph reads. */
function capturesOf(graph: Graph): readonly Value[] {
  const reads = [...graph.outputs, ...graph.nodes.flatMap(readsOf)];
  return reads.filter((value) => value.graph !== graph);
}

function neededNodes(graph: Graph, outputs: readonly Value[]): readonly Node[] {
  const needed = new Set<Node>();
  const pending = outputs.flatMap((output) => (output.producer ? [output.producer] : []));
  for (let node = pending.pop(); node; node = pending.pop()) {
    if (needed.has(node) || node.graph !== graph) continue;
    needed.add(node);
    for (const value of readsOf(node)) if (value.producer) pending.push(value.producer);
  }
  return graph.nodes.filter((node) => needed.has(node));
}

/** For each node the values of this graph that it reads or makes last; outputs stay. */
function readsByLastNode(
  nodes: readonly Node[],
  outputs: readonly Value[],
  graph: Graph,
): ReadonlyMap<Node, readonly Value[]> {
  const last = new Map<Value, Node>();
  for (const node of nodes) {
    for (const output of node.outputs) if (output) last.set(output, node);
    for (const value of readsOf(node)) if (value.graph === graph) last.set(value, node);
  }
  for (const output of outputs) last.delete(output);
  const byNode = new Map<Node, Value[]>();
  for (const [value, node] of last) {
    const list = byNode.get(node);
    if (list) list.push(value);
    else byNode.set(node, [value]);
  }
  return byNode;
}

/** Values that one Relu reads and nothing else, nor the caller. */
function onlyRectified(nodes: readonly Node[], outputs: readonly Value[]): ReadonlySet<Value> {
  const reads = new Map<Value, number>();
  for (const value of [...outputs, ...nodes.flatMap(readsOf)]) reads.set(value, (reads.get(value) ?? 0) + 1);
  const rectified = nodes
    .filter((node) => node.op === "Relu" && node.domain === "")
    .flatMap(({ inputs: [input] }) => (input && reads.get(input) === 1 ? [input] : []));
  return new Set(rectified);
}
