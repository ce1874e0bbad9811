import { cloneModel, type Graph, type Model } from "../ir/index.js";
import { renameValue } from "../ir/edit.js";
import { inferFacts } from "../measure/index.js";

/** Names that the binding's plain objects can't hold. */
const impossible: ReadonlySet<string> = new Set(["__proto__"]);

export interface OrtInterface {
  /** The model itself, or a copy with inner values among its outputs and impossible names replaced. */
  readonly model: Model;
  /** What an input or output is called there. */
  nameOf(name: string): string;
}

/** A model whose named values can all be fetched from ONNX Runtime. */
export function ortInterface(model: Model, outputs: readonly string[]): OrtInterface {
  const present = new Set(model.graph.outputs.map((output) => output.name));
  const missing = [...new Set(outputs)].filter((name) => !present.has(name));
  const bad = interfaceNames(model.graph, outputs).filter((name) => impossible.has(name));
  if (missing.length + bad.length === 0) return { model, nameOf: (name) => name };
  const copy = cloneModel(model);
  copy.file = null;
  if (missing.length > 0) addOutputs(model, copy, missing);
  const renamed = new Map<string, string>();
  for (const name of bad) {
    const fresh = copy.graph.freshName("renamed");
    renameValue(copy.graph.value(name)!, fresh);
    renamed.set(name, fresh);
  }
  return { model: copy, nameOf: (name) => renamed.get(name) ?? name };
}

function interfaceNames(graph: Graph, outputs: readonly string[]): string[] {
  return [...new Set([...graph.inputs, ...graph.outputs].map((value) => value.name).concat(outputs))];
}

function addOutputs(model: Model, copy: Model, names: readonly string[]): void {
  const facts = inferFacts(model);
  for (const name of names) {
    const value = copy.graph.value(name)!;
    const { dtype, shape } = facts.of(model.graph.value(name)!);
    if (!value.type && dtype) value.type = { dtype, shape };
    copy.graph.outputs_.push(value);
  }
}
