import { ConvoptError, Patch, type Model, type Node, type Tensor, type Value } from "../ir/index.js";
import { nodeMacs } from "../measure/index.js";
import { decline } from "./decline.js";
import { costShapes, factView, type FactView } from "./facts.js";
import { ConstantFolder } from "./fold.js";
import type { Rewrite, RewriteContext } from "./pass.js";

/** The engine's side of what rewrites see. */
export interface EngineContext extends Omit<RewriteContext, "patch"> {
  /** The context as one pass sees it: its patches carry its name. */
  for(pass: Rewrite): RewriteContext;
  /** Infers a patch's new values. */
  plan(patch: Patch): void;
  adopt(patch: Patch): void;
  /** Whether MACs are those of the model's own shapes, not of made-up ones. */
  readonly exactCost: boolean;
  /** What the pass said about its patch, "" when nothing. */
  note(patch: Patch): string;
}

export function createContext(model: Model, shapes?: ReadonlyMap<string, readonly number[]>): EngineContext {
  const { graph } = model;
  // What is written may rest only on what holds for every input; bound shapes serve the cost alone.
  const facts = factView(model);
  const { cost, exact } = costView(model, shapes ?? new Map(), facts);
  const folder = new ConstantFolder(graph, facts.of);
  const notes = new Map<Patch, string>();
  const base = {
    graph,
    decline,
    fact: facts.of,
    constant: (value: Value | null): Tensor | null => folder.constant(value),
    soleReader: (value: Value): Node | null => soleReader(value),
    readers: (value: Value): readonly Node[] | null => readers(value),
    macs: (node: Node): number | null => nodeMacs(node, cost.table),
    note: (patch: Patch, text?: string): string => {
      if (text !== undefined) notes.set(patch, text);
      return notes.get(patch) ?? "";
    },
  };
  return {
    ...base,
    exactCost: exact,
    for: (pass) => ({ ...base, patch: (node) => new Patch(graph, node, pass.name) }),
    plan(patch) {
      facts.plan(patch);
      if (cost !== facts) cost.plan(patch);
    },
    adopt(patch) {
      facts.adopt(patch);
      if (cost !== facts) cost.adopt(patch);
    },
  };
}

/** Facts for counting: every dimension a number, made up where the model leaves it open and nobody said. */
function costView(
  model: Model,
  given: ReadonlyMap<string, readonly number[]>,
  facts: FactView,
): { cost: FactView; exact: boolean } {
  const { shapes, exact } = costShapes(model, given);
  if (shapes.size === 0) return { cost: facts, exact };
  try {
    return { cost: factView(model, shapes), exact };
  } catch (error) {
    // Made-up sizes need not suit the model; then nothing is known.
    if (exact || !(error instanceof ConvoptError)) throw error;
    return { cost: facts, exact: true };
  }
}

/** All nodes that read a value; null when it is a graph output or a subgraph reads it, so that it has to stay. */
function readers(value: Value): readonly Node[] | null {
  if (value.isGraphOutput) return null;
  const nodes = [...new Set(value.uses.map(({ node }) => node))];
  if (nodes.some((node) => node.graph !== value.graph)) return null;
  const { graph } = value;
  const named =
    graph !== null && graph.nodes.some((node) => node.subgraphs.some((each) => each.outputs.includes(value)));
  return named ? null : nodes;
}

function soleReader(value: Value): Node | null {
  const nodes = readers(value);
  return nodes?.length === 1 ? nodes[0]! : null;
}
