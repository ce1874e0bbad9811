import type { Dim } from "../ir/index.js";
import type { Fact } from "../ops/index.js";
import type { FactTable } from "./fact-table.js";
import { inferFacts } from "./infer.js";

/*
 * «One sample»: the first axis of an input of rank 2 or more is taken for the batch. A batch of unknown size is bound
 * to 1, a fixed one that inputs and outputs share is divided out of the counts.
 */

const samples = new WeakMap<FactTable, FactTable>();
const batches = new WeakMap<FactTable, number>();

/** The same facts with a batch of 1 where the batch is symbolic or unknown; the table itself when it is fixed. */
export function perSample(facts: FactTable): FactTable {
  const known = samples.get(facts);
  if (known) return known;
  const { caller } = facts;
  const table = caller ? (perSample(caller.facts).inside(caller.node) ?? facts) : bindBatch(facts);
  samples.set(facts, table);
  samples.set(table, table);
  return table;
}

function bindBatch(facts: FactTable): FactTable {
  let open = false;
  const shapes = new Map<string, readonly Dim[]>();
  for (const input of facts.graph.requiredInputs) {
    const { shape } = facts.of(input);
    if (!shape) continue;
    const batched = shape.length >= 2 && typeof shape[0] !== "number";
    open ||= batched;
    // Numbers that the table's own shapes gave are given again.
    shapes.set(input.name, batched ? [1, ...shape.slice(1)] : shape);
  }
  return open ? inferFacts(facts.model, { shapes }) : facts;
}

/** The fact with the symbols of the inputs' first axes set to 1. */
export function oneSample(fact: Fact, facts: FactTable): Fact {
  const { shape } = fact;
  if (!shape || shape.every((dim) => typeof dim === "number")) return fact;
  const symbols = batchSymbols(rootOf(facts));
  return { ...fact, shape: shape.map((dim) => (typeof dim === "string" && symbols.has(dim) ? 1 : dim)) };
}

const batchNames = new WeakMap<FactTable, ReadonlySet<string>>();

function batchSymbols(root: FactTable): ReadonlySet<string> {
  let symbols = batchNames.get(root);
  if (!symbols) {
    const firsts = root.graph.requiredInputs.map((input) => {
      const { shape } = root.of(input);
      return shape && shape.length >= 2 ? shape[0] : null;
    });
    symbols = new Set(firsts.filter((dim) => typeof dim === "string"));
    batchNames.set(root, symbols);
  }
  return symbols;
}

function rootOf(facts: FactTable): FactTable {
  let root = facts;
  while (root.caller) root = root.caller.facts;
  return root;
}

/** Size of a fixed batch that every input of rank 2 or more and every output share; 1 when there is none. */
export function fixedBatch(facts: FactTable): number {
  const root = rootOf(facts);
  let batch = batches.get(root);
  if (batch === undefined) batches.set(root, (batch = sharedBatch(root)));
  return batch;
}

function sharedBatch(facts: FactTable): number {
  const inputs = facts.graph.requiredInputs
    .map((input) => facts.of(input).shape)
    .filter((shape) => (shape?.length ?? 0) >= 2);
  const outputs = facts.graph.outputs.map((output) => facts.of(output).shape);
  const first = inputs[0]?.[0];
  if (typeof first !== "number" || first <= 1) return 1;
  return [...inputs, ...outputs].every((shape) => shape?.[0] === first) ? first : 1;
}
