import type { Model, Patch, Value } from "../ir/index.js";
import { inferFacts, inferNode, type FactTable } from "../measure/index.js";
import type { Fact } from "../ops/fact.js";

/** Facts of a graph that changes by patches: a patch keeps the facts of what it replaces. */
export interface FactView {
  readonly table: FactTable;
  of(value: Value | null): Fact;
  /** Infers the planned values of a patch; throws a ModelError when the planned nodes don't fit together. */
  plan(patch: Patch): void;
  /** Gives what replaces a value the knowledge of what it replaces, before the patch is applied. */
  adopt(patch: Patch): void;
}

/** Infers the whole model once, then new nodes only. */
export function factView(model: Model, shapes?: ReadonlyMap<string, readonly number[]>): FactView {
  const table = inferFacts(model, shapes ? { shapes } : {});
  const own = new Map<Value, Fact>();
  const opset = model.graph.opset() ?? 1;
  const of = (value: Value | null): Fact => (value && own.get(value)) ?? table.of(value);
  return {
    table: overlay(table, of),
    of,
    plan(patch) {
      for (const { value, tensor } of patch.constants) {
        own.set(value, { dtype: tensor.dtype, shape: tensor.dims, value: tensor, dims: null });
      }
      for (const { op, domain, inputs, attributes, output } of patch.planned) {
        const known = inputs.map((input) => (input ? of(input) : null));
        const fact = inferNode({ op, domain, inputs: known, attributes }, opset)[0];
        if (fact) own.set(output, fact);
      }
    },
    adopt(patch) {
      for (const { old, by } of patch.replacements) {
        const [before, after] = [of(old), of(by)];
        const shape = after.shape?.map((dim, axis) =>
          typeof dim === "number" ? dim : (before.shape?.[axis] ?? dim),
        );
        own.set(by, { ...after, dtype: after.dtype ?? before.dtype, shape: shape ?? before.shape });
      }
    },
  };
}

/** The table with its answers for values overlaid. */
function overlay(table: FactTable, of: FactTable["of"]): FactTable {
  return {
    model: table.model,
    graph: table.graph,
    caller: table.caller,
    warnings: table.warnings,
    of,
    constant: (value) => table.constant(value),
    resolve: (node) => table.resolve(node),
    inside: (node) => table.inside(node),
  };
}

/**
 * Shapes under which costs are compared: those given, a batch of 1 where the batch is open, and `size` for every
 * other open dimension. `exact` tells whether nothing had to be made up.
 */
export function costShapes(
  model: Model,
  given: ReadonlyMap<string, readonly number[]>,
  size = 64,
): { readonly shapes: ReadonlyMap<string, readonly number[]>; readonly exact: boolean } {
  const shapes = new Map(given);
  let exact = true;
  for (const input of model.graph.requiredInputs) {
    const shape = input.type?.shape;
    if (shapes.has(input.name) || !shape || shape.every((dim) => typeof dim === "number")) continue;
    const open = shape.filter((dim, axis) => typeof dim !== "number" && !(axis === 0 && shape.length >= 2));
    if (open.length > 0) exact = false;
    shapes.set(
      input.name,
      shape.map((dim, axis) => (typeof dim === "number" ? dim : axis === 0 && shape.length >= 2 ? 1 : size)),
    );
  }
  return { shapes, exact };
}
