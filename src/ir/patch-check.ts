import { InvariantError, type ErrorPlace } from "./errors.js";
import { isWithin, outerReads, type Graph, type Value } from "./graph.js";
import { holderIn, positionsIn, readersIn, readsOf } from "./order.js";
import type { Patch, PlannedNode } from "./patch.js";

/** Checks everything that could go wrong while a patch is applied, before the first change. */
export function checkPatch(patch: Patch, applied: boolean): void {
  const { graph, anchor, replacements } = patch;
  const refuse = (what: string, where: ErrorPlace = {}): never => {
    throw new InvariantError(what, { where: { node: anchor.label, ...where } });
  };
  if (applied) refuse("the patch was applied before");
  if (anchor.graph !== graph) refuse("the patch's anchor is no longer in the graph");
  const planned = new Map(patch.planned.map((node) => [node.output, node]));
  const isPlanned = (value: Value): boolean => planned.has(value) || patch.plannedConstant(value) !== null;
  for (const node of patch.planned) {
    for (const read of plannedReads(node)) {
      if (read && !isPlanned(read) && !isVisible(read, graph))
        refuse("a planned node reads a value that is not in the graph", { tensor: read.name });
    }
  }
  const replaced = new Set<Value>();
  for (const { old, by } of replacements) {
    const where = { tensor: old.name };
    if (old.graph !== graph || (!isPlanned(by) && !isVisible(by, graph)))
      refuse("a replacement names a value that is not in the graph", where);
    if (old === by) refuse("a value is replaced by itself", where);
    if (replaced.has(old)) refuse("a value is replaced twice", where);
    replaced.add(old);
    if (old.isGraphInput && old.isGraphOutput)
      refuse("a value that is both input and output of the graph cannot be replaced", where);
    if (!isPlanned(by) && shadows(old, by))
      refuse("a subgraph has another value of the replacement's name", where);
  }
  checkAcyclic(patch, planned);
}

function plannedReads(node: PlannedNode): readonly (Value | null)[] {
  const graphs = [...node.attributes.values()].flatMap((attribute) =>
    attribute.kind === "graph" ? [attribute.value] : attribute.kind === "graphs" ? attribute.value : [],
  );
  return [...node.inputs, ...graphs.flatMap(outerReads)];
}

/** A node of `graph` can read the values of the graph itself and, of the graphs around it, those made before it. */
function isVisible(value: Value, graph: Graph): boolean {
  if (value.graph === graph) return true;
  if (value.graph === null || !isWithin(graph, value.graph)) return false;
  const holder = holderIn(value.graph, graph);
  const nodes = value.graph.nodes_;
  return (
    value.producer === null || (holder !== null && nodes.indexOf(value.producer) < nodes.indexOf(holder))
  );
}

/** True when a subgraph that reads `old` knows something else by the name of `by`. */
function shadows(old: Value, by: Value): boolean {
  return [...old.consumers_].some(
    (reader) => reader.graph !== null && reader.graph !== by.graph && reader.graph.value(by.name) !== by,
  );
}

/**
 * Refuses a change after which a value would depend on itself. A cycle can only close through an old reader of a
 * replaced value, so the search stops at nodes in front of the first such reader.
 */
function checkAcyclic(
  { graph, anchor, replacements }: Patch,
  planned: ReadonlyMap<Value, PlannedNode>,
): void {
  const position = positionsIn(graph);
  const first = Math.min(...replacements.flatMap(({ old }) => readersIn(graph, old).map(position)));
  const replacementOf = (value: Value): Value =>
    replacements.reduce((current, { old, by }) => (current === old ? by : current), value);
  const dependencies = (value: Value): readonly Value[] => {
    const plannedNode = planned.get(value);
    // A planned node goes on reading what the patch replaces; everyone else reads the replacement.
    if (plannedNode) return plannedReads(plannedNode).filter((read) => read !== null);
    const { producer } = value;
    if (!producer || position(producer) < first) return [];
    return readsOf(producer)
      .filter((read) => read !== null)
      .map(replacementOf);
  };
  const state = new Map<Value, "open" | "done">();
  const stack = replacements.map(({ by }) => ({ value: by, entered: false }));
  for (let top = stack.pop(); top; top = stack.pop()) {
    const { value, entered } = top;
    if (entered) state.set(value, "done");
    else if (!state.has(value)) {
      state.set(value, "open");
      stack.push({ value, entered: true });
      for (const read of dependencies(value)) {
        if (state.get(read) === "open") {
          throw new InvariantError("a value would come to depend on itself", {
            where: { node: anchor.label, tensor: read.name },
          });
        }
        stack.push({ value: read, entered: false });
      }
    }
  }
}
